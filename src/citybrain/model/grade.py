"""Grades of data: how much harm its disclosure does."""

from __future__ import annotations

from enum import StrEnum


class Grade(StrEnum):
    """Four grades, as in the Chinese practice of grading government data (L1 least, L4 most sensitive)."""

    L1 = "L1"
    """Public."""
    L2 = "L2"
    """Inside the administration, on request."""
    L3 = "L3"
    """Under a contract with a purpose."""
    L4 = "L4"
    """Identifies a person or endangers safety: under a contract, masked by default."""

"""Incarnations of the street, counted: what a restored city says again is told apart from what it said before."""

from __future__ import annotations

from pathlib import Path

from citybrain.cloud import atomic_write

FILE = "incarnation"


def next_run(city_folder: Path) -> int:
    """The number of the incarnation that begins now, from 1; durable before it is used. Raises OSError."""
    file = city_folder / FILE
    run = (int(file.read_text()) if file.exists() else 0) + 1
    atomic_write(file, str(run).encode())
    return run

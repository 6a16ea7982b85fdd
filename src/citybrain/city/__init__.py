"""Compositions, one a file: the running city and its processes, a trial, a replay, a check.

The only place (beside `cli.py`) that knows all rooms: it reads `city.toml`, builds rooms and connects them.
"""

from __future__ import annotations

__all__: list[str] = []

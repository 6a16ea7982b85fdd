"""City time and wall time.

City time belongs to events, ages, guard timers, staleness and sealing; in a simulated city it is the
simulation's. Wall time belongs to the ledger, log-ins and contract terms.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


def wall_ms() -> int:
    """Wall time now, milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970 UTC of an aware instant. Raises ValueError on a naive one."""
    if instant.tzinfo is None:
        raise ValueError("a time without a zone: write 2026-11-22T07:00:00+01:00")
    return round(instant.timestamp() * 1000)


def from_ms(ms: int) -> datetime:
    """The aware instant (UTC) of milliseconds since 1970."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def parse_time(text: str) -> datetime:
    """An ISO 8601 instant with its zone. Raises ValueError saying what is missing."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("not a time: write 2026-11-22T07:00:00+01:00") from None
    to_ms(instant)
    return instant

"""For how long each lane has had green: a log of the last seconds, so that a late reading can be carried to
now."""

from __future__ import annotations

import numpy as np

from citybrain.brain.ids import Places
from citybrain.brain.layout import Flags, Floats

LENGTH = 32
"""Ticks that are remembered: readings that come later than this are carried on as if they were of the oldest."""
LONGEST_MS = 10_000
"""A tick counts for at most this much green: what the lamps showed in a longer gap is not known."""


def empty_log(zones: int) -> tuple[Places, Floats]:
    """Times (LENGTH,) and green seconds since the beginning (LENGTH, Z) of a log without entries."""
    return np.full(LENGTH, -1, np.int64), np.zeros((LENGTH, zones))


def logged(times_ms: Places, green_s: Floats, now_ms: int, green: Flags) -> tuple[Places, Floats]:
    """The log with the entry of this tick in place of the oldest: `green` was shown since the last one."""
    last, oldest = int(np.argmax(times_ms)), int(np.argmin(times_ms))
    passed_ms = min(now_ms - int(times_ms[last]), LONGEST_MS) if times_ms[last] >= 0 else 0
    times_ms, green_s = times_ms.copy(), green_s.copy()
    green_s[oldest] = green_s[last] + np.where(green, max(passed_ms, 0) / 1000.0, 0.0)
    times_ms[oldest] = now_ms
    return times_ms, green_s


def green_until(times_ms: Places, green_s: Floats, ms: Places, zones: Places) -> Floats:
    """Green (s) that `zones` had shown at the times `ms`, shape (n,); before the log begins, as at its
    beginning."""
    order = np.argsort(times_ms)
    known = times_ms[order]
    first = min(int(np.searchsorted(known, 0)), LENGTH - 1)
    at: Places = np.searchsorted(known, ms, side="right") - 1
    found: Floats = green_s[order[np.maximum(at, first)], zones]
    return found


def green_since(times_ms: Places, green_s: Floats, since_ms: Places, zones: Places) -> Floats:
    """Green (s) of `zones` between `since_ms` and the newest entry, shape (n,)."""
    until: Floats = green_s[int(np.argmax(times_ms)), zones]
    found: Floats = np.maximum(0.0, until - green_until(times_ms, green_s, since_ms, zones))
    return found

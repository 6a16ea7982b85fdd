"""When each lane had green: a log of the last ticks, so that a late reading can be carried to now."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from citybrain.brain.ids import Places
from citybrain.brain.layout import Flags, Floats

LENGTH = 32
"""Ticks that are remembered, one bit each: older ones count as red."""
LONGEST_MS = 10_000
"""A tick counts for at most this much green: what the lamps showed in a longer gap is not known."""

Bits = npt.NDArray[np.uint32]


def empty_log(zones: int) -> tuple[Places, Bits]:
    """Times of the ticks, the newest first (LENGTH,; -1: none), and whether each zone had green in the time before
    them, the newest in the lowest bit (Z,)."""
    return np.full(LENGTH, -1, np.int64), np.zeros(zones, np.uint32)


def logged(times_ms: Places, shown: Bits, now_ms: int, green: Flags) -> tuple[Places, Bits]:
    """The log with the entry of this tick: `green` was shown since the last one."""
    return np.concatenate(([now_ms], times_ms[:-1])), (shown << np.uint32(1)) | green


def green_between(times_ms: Places, shown: Bits, since_ms: Places, until_ms: Places, zones: Places) -> Floats:
    """Green (s) that `zones` had between the times `since_ms` and `until_ms`, shape (n,)."""
    known = int(np.count_nonzero(times_ms >= 0))
    depth = min(int(np.count_nonzero(times_ms > since_ms.min(initial=times_ms[0]))), known - 1)
    if depth <= 0:
        return np.zeros(len(zones))
    ends = times_ms[:depth, None]
    lasted_s = np.minimum(times_ms[:depth] - times_ms[1 : depth + 1], LONGEST_MS) / 1000.0
    green = (shown[zones] >> np.arange(depth, dtype=np.uint32)[:, None]) & 1 == 1
    found: Floats = lasted_s @ (green & (ends > since_ms) & (ends <= until_ms))
    return found

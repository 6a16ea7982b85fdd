"""Arrivals at the stop line: who enters a lane's zone is expected there after its way at the speed allowed.

That is how an advance detector stands for the stop line in the Purdue coordination diagram (FHWA Automated Traffic
Signal Performance Measures; NCHRP Report 954). Arrivals are kept as two arrays, their lanes and their seconds of
city time, as long as the cycles last that they belong to.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from citybrain.brain.ids import Places
from citybrain.brain.layout import Layout
from citybrain.model import Zone

LONGEST_S = 900
"""Arrivals older than this are forgotten, whatever the cycle."""
MOST = 1_000_000
"""Arrivals kept at most: the newest."""


def ways_ms(zones: Sequence[Zone]) -> Places:
    """Milliseconds from a zone's begin to its stop line at the speed allowed, at most a minute, shape (Z,)."""
    way = [min(1000.0 * z.length_m / max(z.speed_mps, 1.0), 60_000.0) for z in zones]
    return np.array(way, np.float64).round().astype(np.int64)


def expected(
    zones: Places, entered: Places, at_ms: Places, period_ms: Places, now_s: int
) -> tuple[Places, Places]:
    """Lanes and seconds of `entered` vehicles, due by `at_ms` and spread over the reading's period.

    Who should have been there before `now_s` comes then: a reading was late.
    """
    number = np.arange(int(entered.sum())) - np.repeat(np.cumsum(entered) - entered, entered)
    early = np.repeat(period_ms, entered) * (number + 0.5) / np.repeat(entered, entered)
    second = -(-(np.repeat(at_ms, entered) - early.astype(np.int64)) // 1000)
    return np.repeat(zones, entered), np.maximum(second, now_s)


def offsets(
    layout: Layout, zones: Places, seconds: Places, movements: Places, begin_s: Places, end_s: Places
) -> list[str]:
    """For each of the movements the seconds after its begin, before its end, at which somebody came by one of its
    lanes, in order, as a JSON list."""
    begins = np.full(len(layout.movements), 1 << 62, np.int64)
    ends = np.zeros(len(layout.movements), np.int64)
    begins[movements], ends[movements] = begin_s, end_s
    texts = dict.fromkeys(movements.tolist(), "[]")
    pairs = np.flatnonzero(ends[layout.pair_movement] > 0)
    wanted = np.zeros(len(layout.zones), np.bool_)
    wanted[layout.pair_zone[pairs]] = True
    here = np.flatnonzero(wanted[zones])
    here = here[np.argsort(zones[here], kind="stable")]
    first = np.searchsorted(zones[here], layout.pair_zone[pairs])
    count = np.searchsorted(zones[here], layout.pair_zone[pairs], side="right") - first
    of = np.repeat(layout.pair_movement[pairs], count)
    place = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
    second = seconds[here][place]
    inside = (second >= begins[of]) & (second < ends[of])
    of, second = of[inside], second[inside]
    order = np.lexsort((second, of))
    of, second = of[order], second[order] - begins[of[order]]
    cuts = [*np.flatnonzero(np.diff(of, prepend=-1)).tolist(), len(of)]
    whose, numbers = of.tolist(), second.tolist()
    for begin, end in pairwise(cuts):
        texts[whose[begin]] = f"[{','.join(map(str, numbers[begin:end]))}]"
    return [texts[m] for m in movements.tolist()]

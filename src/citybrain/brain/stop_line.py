"""What happens at the stop line of each lane, summed up by movement: who passes, and whether it is in use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from citybrain.brain.ids import Places
from citybrain.brain.kept import Kept
from citybrain.brain.lamps import integers
from citybrain.brain.layout import Flags, Floats, Layout

IN_USE_MS = 2_000
"""The stop line is in use while its loop is occupied and for so long after a vehicle has crossed it: what a
presence detector of about 12 m before the line would see of a saturated queue (a headway of 2 s)."""
RED_LOOK_MS = 5_000
"""So long after the begin of red a vehicle at the line tells of a green that was too short (Purdue's ROR5)."""
FAILS_FROM = 0.8
"""A green was too short when the line was in use for this part of it and again in the first seconds of red."""

MOST = 100
"""Vehicles that one reading of one lane is believed to count at most."""

ARRIVALS, ON_GREEN, VOLUME, ON_YELLOW, ON_RED, DELAY, STANDING, QUEUE, SEEN, LOOKS, RED_N, RED_AT, SUMS = range(13)
"""Columns of what is summed over a cycle for each movement; the last is their number."""


@dataclass(frozen=True, slots=True)
class Look:
    """Rows of `traffic.lane_reading` of known lanes; detectors that do not work are `blind` and count nobody."""

    zones: Places
    time_ms: Places
    period_s: Floats
    entered: Places
    passed: Places
    occupied: Flags
    blind: Flags


class StopLine:
    """The lanes of a network before their stop lines, and the movements that share them."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        free = {z for j in layout.net.junctions for m in j.movements if m.always_green for z in m.zones}
        names = layout.zones.names.to_pylist()
        self._free = np.array([name in free for name in names], np.bool_)

    def read(self, rows: pa.RecordBatch) -> Look:
        """The believable rows. Negative numbers are not believed."""
        zones = self._layout.zones.places(rows.column("zone"))
        names = ("entered", "passed", "period_s")
        entered, passed, period = (rows.column(n).to_numpy(zero_copy_only=False) for n in names)
        works = rows.column("healthy").to_numpy(zero_copy_only=False)
        works = works & (entered >= 0) & (passed >= 0) & np.isfinite(period) & (period >= 0)
        known = zones >= 0
        return Look(
            zones[known],
            integers(rows.column("time"))[known],
            np.where(works, period, 0.0)[known],
            np.where(works, np.minimum(entered, MOST), 0).astype(np.int64)[known],
            np.where(works, np.minimum(passed, MOST), 0).astype(np.int64)[known],
            (rows.column("stop_occupied").to_numpy(zero_copy_only=False) & works)[known],
            ~works[known],
        )

    def count(self, look: Look, green: Flags, yellow: Flags, kept: Kept) -> None:
        """Add a look to what is `kept`: "sums" (SUMS, M); for each pair of lane and movement the looks, and those
        with the line in use: of the green, "green_looks" (2, P), of a red just begun, "held_looks" (4, P; [2:]).
        """
        seen = _Zones(look, len(self._layout.zones), kept["passed_ms"])
        pairs = np.flatnonzero(seen.looked[self._layout.pair_zone])
        zone, movement = self._layout.pair_zone[pairs], self._layout.pair_movement[pairs]
        works, n = seen.works[zone], len(self._layout.movements)
        sums = kept.own("sums")
        sums[LOOKS] += np.bincount(movement, minlength=n)
        sums[SEEN] += np.bincount(movement, works, n)
        self._count_passed(seen.passed, green, yellow, sums)
        goes = green[movement] & works
        looks = kept.own("green_looks")
        looks[0, pairs[goes]] += 1.0
        looks[1, pairs[goes & seen.in_use[zone]]] += 1.0
        stops = kept["held"][movement] & works
        stops &= seen.time_ms[zone] - kept["held_ms"][movement, 3] < RED_LOOK_MS
        if stops.any():
            looks = kept.own("held_looks")
            looks[2, pairs[stops]] += 1.0
            looks[3, pairs[stops & seen.occupied[zone]]] += 1.0

    def _count_passed(self, passed: Floats, green: Flags, yellow: Flags, sums: Floats) -> None:
        """Who passes has used the green of one of the lane's movements; where none has it, yellow, then red."""
        pairs = np.flatnonzero(passed[self._layout.pair_zone] > 0)
        if not len(pairs):
            return
        zone, movement, n = self._layout.pair_zone[pairs], self._layout.pair_movement[pairs], len(passed)
        goes = green[movement].astype(np.float64)
        any_goes = np.bincount(zone, goes, n) > 0
        clears = np.where(any_goes[zone], 0.0, yellow[movement])
        any_clears = np.bincount(zone, clears, n) > 0
        stands = np.where((any_goes | any_clears | self._free)[zone], 0.0, 1.0)
        for column, may in ((None, goes), (ON_YELLOW, clears), (ON_RED, stands)):
            users = np.bincount(zone, may, n)[zone]
            counted = np.bincount(movement, passed[zone] * may / np.maximum(users, 1.0), sums.shape[1])
            sums[VOLUME] += counted
            if column is not None:
                sums[column] += counted


class _Zones:
    """A look laid out over all lanes, shape (Z,) each."""

    def __init__(self, look: Look, zones: int, passed_ms: Places) -> None:
        self.passed = np.bincount(look.zones, look.passed, zones).astype(np.float64)
        self.looked: Flags = np.zeros(zones, np.bool_)
        self.looked[look.zones] = True
        self.works: Flags = np.zeros(zones, np.bool_)
        self.works[look.zones] = ~look.blind
        self.occupied: Flags = np.zeros(zones, np.bool_)
        self.occupied[look.zones] = look.occupied
        self.time_ms = np.zeros(zones, np.int64)
        self.time_ms[look.zones] = look.time_ms
        self.in_use: Flags = self.occupied | ((self.time_ms - passed_ms < IN_USE_MS) & self.works)


def split_failures(layout: Layout, looks: Floats, at: Places) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Part of green and of the first seconds of red in which the line was in use, and whether green was too short,
    for the movements `at`: the lane that comes nearest to failing. NaN where nobody looked.

    Purdue's split failure: green and red occupancy ratio (GOR, ROR5) both at least FAILS_FROM. `looks`: (4, P).
    """
    with np.errstate(invalid="ignore"):
        ratio = (looks[1::2] / looks[::2]).T
    near = np.nan_to_num(ratio.min(axis=1), nan=-1.0)
    order = np.lexsort((near, layout.pair_movement))
    last = np.searchsorted(layout.pair_movement[order], at, side="right") - 1
    best = order[np.maximum(last, 0)] if len(order) else np.zeros(len(at), np.int64)
    mine = np.flatnonzero((last >= 0) & (layout.pair_movement[best] == at)) if len(order) else best[:0]
    found = np.full((len(at), 2), np.nan)
    found[mine] = ratio[best[mine]]
    return found[:, 0], found[:, 1], np.nan_to_num(found).min(axis=1) >= FAILS_FROM

"""One reading of an approach lane from its three detectors, also while one of them is out.

The camera sees who is in the zone, the loops count who comes in and who goes out. Vehicles are conserved: what one
of them would have said follows from the other two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from citybrain.model import Zone
from citybrain.network.detector_vote import SETTLED_S, Before, DetectorVote
from citybrain.network.lane_detectors import CAMERA, STOP_LINE, UPSTREAM, Numbers

VEHICLE_M = 7.5
"""Length of road that a standing vehicle takes, gap included."""
SLOW = 1.5
"""So many times its free drive after the last one came in, whoever does not stand at the stop line has gone."""

_Floats = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.bool_]
_Ints = npt.NDArray[np.int64]


def capacity_veh(zones: Sequence[Zone]) -> _Floats:
    """Whole vehicles that stand on each lane when it is full, (Z,)."""
    return np.array([max(1.0, z.length_m // VEHICLE_M) for z in zones])


class LaneFusion:
    """Keeps of each lane of `zones` who is there, and whether that is known at all; who has gone though no loop
    saw it; who came in each of the last seconds; since when nobody came in, its stop line is free and somebody
    stands at its begin; and whether its camera is disbelieved."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._capacity = capacity_veh(zones)
        self._gone_s = np.array([SLOW * z.length_m / max(z.speed_mps, 1.0) for z in zones])
        self.count: _Floats = np.zeros(len(zones))
        self.alone_s: _Floats = np.zeros(len(zones))
        self.free_s: _Floats = np.zeros(len(zones))
        self.full_s: _Floats = np.zeros(len(zones))
        self._lost: _Floats = np.zeros(len(zones))
        self._came: _Floats = np.zeros((1 + math.ceil(self._gone_s.max(initial=0.0)), len(zones)))
        self._doubted = np.zeros(len(zones), np.bool_)
        self._known = np.zeros(len(zones), np.bool_)
        self._vote = DetectorVote(zones, self._capacity)
        self._blank = self.keep()

    def keep(self) -> list[list[float]]:
        """What `start` needs to go on."""
        kept: list[list[float]] = np.vstack([*self._own(), self._came, self._vote.memory]).tolist()
        return kept

    def start(self, kept: list[list[float]] | None = None) -> None:
        """Begin anew, or with what `keep` gave for the same lanes."""
        fits = kept is not None and np.shape(kept) == np.shape(self._blank)
        whole = np.array(kept if fits else self._blank)
        own = len(self._own())
        self.count, self.alone_s, self.free_s, self.full_s, self._lost, doubted, known = whole[:own].copy()
        self._doubted, self._known = doubted > 0.0, known > 0.0
        self._came, self._vote.memory = (x.copy() for x in np.split(whole[own:], [len(self._came)]))

    def _own(self) -> tuple[npt.NDArray[Any], ...]:
        return self.count, self.alone_s, self.free_s, self.full_s, self._lost, self._doubted, self._known

    def fuse(self, seen: Numbers, out: _Flags, period_s: _Floats) -> _Flags:
        """Fill into `seen` what detectors that are `out` (3, Z), or that the others contradict, would have said,
        `period_s` after the reading before.

        Which detectors work, (3, Z); the camera does so where both loops stand in for it, which they can from the
        moment on when it is known how many are there. Of other lanes only what loops count is left.
        """
        doubted = self._vote.disbelieved(
            seen, out, period_s, Before(self.count, self._known, self._lost, self.free_s)
        )
        new = doubted[CAMERA] & ~self._doubted
        self._doubted = doubted[CAMERA]
        out = out | doubted
        _silence(seen, out)
        self._known = ~out[CAMERA] | (self._known & ~new & ~out[UPSTREAM] & ~out[STOP_LINE])
        before = np.where(new, seen.stop_occupied, self.count)
        self._watch(seen, out, period_s)
        self._remember(seen.entered, period_s)
        self._count(seen, out, before)
        self.count = seen.count
        no_way_in, no_way_out = (out[UPSTREAM] & ~out[CAMERA]), (out[STOP_LINE] & ~out[CAMERA])
        more = seen.count - before
        passed = np.where(no_way_out, np.maximum(0.0, np.where(no_way_in, 0.0, seen.entered) - more), seen.passed)
        seen.entered = np.where(no_way_in, np.maximum(0.0, more + passed), seen.entered)
        seen.passed = passed
        seen.stop_occupied = np.where(no_way_out, seen.halted > 0.0, seen.stop_occupied)
        works = ~out
        works[CAMERA] |= works[UPSTREAM] & works[STOP_LINE] & self._known
        return works

    def _watch(self, seen: Numbers, out: _Flags, period_s: _Floats) -> None:
        came = ~out[UPSTREAM] & ((seen.entered > 0.0) | seen.upstream_occupied)
        self.alone_s = np.where(came, 0.0, self.alone_s + period_s)
        stands = ~out[STOP_LINE] & ((seen.passed > 0.0) | seen.stop_occupied)
        self.free_s = np.where(stands, 0.0, self.free_s + period_s)
        full = ~out[UPSTREAM] & seen.upstream_occupied & (seen.entered == 0.0)
        self.full_s = np.where(full, self.full_s + period_s, 0.0)

    def _remember(self, entered: _Floats, period_s: _Floats) -> None:
        """Note who came in, evenly over the seconds since the reading before."""
        seconds = min(max(1, round(float(period_s.max(initial=1.0)))), len(self._came))
        self._came = np.vstack([np.tile(entered / seconds, (seconds, 1)), self._came[:-seconds]])

    def _under_way(self, at: _Ints) -> _Floats:
        """Vehicles of lanes `at` that came in so lately that they may not have reached the stop line, (n,)."""
        lately = np.clip(self._gone_s[at] - np.arange(len(self._came))[:, None], 0.0, 1.0)
        found: _Floats = np.ceil((self._came[:, at] * lately).sum(axis=0) - 1e-6)
        return found

    def _count(self, seen: Numbers, out: _Flags, before: _Floats) -> None:
        """Who is there, of lanes without camera: who was there, who came and who went. Where somebody stands on
        the loop at the zone's begin, and somebody at the stop line, all of it is full; where the stop line is free
        nobody is there but who is still under way."""
        blind, counted = out[CAMERA], ~out[UPSTREAM] & ~out[STOP_LINE]
        there = np.clip(before + seen.entered - seen.passed, seen.stop_occupied, self._capacity)
        settled = self.free_s >= SETTLED_S
        full = ~settled & (self.full_s >= SETTLED_S)
        there = np.where(full, self._capacity, there)
        gone = settled & (self.alone_s >= self._gone_s)
        was = there.copy()
        free = np.flatnonzero(blind & settled & (there > 0.0))
        there[free] = np.minimum(there[free], self._under_way(free))
        self._known |= (gone | full) & counted
        there = np.where(gone | ~counted, 0.0, there)
        self._lost = np.where(blind & counted, was - there, 0.0)
        stands = seen.stop_occupied & (seen.passed == 0.0)
        seen.count = np.where(blind, there, seen.count)
        seen.halted = np.where(blind, np.where(stands, np.minimum(there, before), 0.0), seen.halted)
        seen.speed_mps = np.where(blind, np.nan, seen.speed_mps)


def _silence(seen: Numbers, out: _Flags) -> None:
    """Take out of `seen` what detectors that are `out` have said."""
    camera, upstream, stop_line = out[CAMERA], out[UPSTREAM], out[STOP_LINE]
    seen.count, seen.halted = (np.where(camera, 0.0, x) for x in (seen.count, seen.halted))
    seen.speed_mps = np.where(camera, np.nan, seen.speed_mps)
    seen.entered, seen.passed = np.where(upstream, 0.0, seen.entered), np.where(stop_line, 0.0, seen.passed)
    seen.upstream_occupied, seen.stop_occupied = (
        seen.upstream_occupied & ~upstream,
        seen.stop_occupied & ~stop_line,
    )

"""Which detectors of an approach lane are not believed, because the others contradict them.

A camera and two loops look at the same vehicles. Nobody is in the zone whom the camera does not see, nobody comes
in without driving over the loop at its begin, and a picture in which nothing moves is not one of a lane on which
somebody drives. One contradiction may be a miscount; a detector is disbelieved after a few, until it says
something new. All follows from what the detectors say: which of them is really at fault is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from citybrain.model import Zone
from citybrain.network.lane_detectors import CAMERA, STOP_LINE, UPSTREAM, Numbers

CONTRADICTIONS = 2.0
"""So many vehicles that both loops or one of them count are not miscounted one after the other."""
MISSED_VEH = 4.0
"""So many vehicles have come over a loop that did not see one of them: it is dead."""
STANDS_S = 30.0
"""Who has stood for so long with nobody in front stands at the stop line, not before it (where some wait to change
lanes)."""
KNOCKS_S = 5.0
"""Nobody stands at the zone's begin for so long while its stop line is free."""
SHORTER = 0.25
"""So many more vehicles than usual may fit into a lane: they are short, or stand close."""
FAR = 1.2
"""Who drives this many times the length of the zone has left it."""
FASTEST_VPS = 0.7
"""One vehicle in 1.4 s is the best that a lane ever kept up."""
BURST_VEH = 4.0
"""So many more than that, and the loop counts something else than vehicles."""
SETTLED_S = 3.0
"""Between two vehicles of a queue that discharges the loop at the stop line is free for less than this."""

_Floats = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.bool_]
_COUNT, _HALTED, _SPEED, _UNSEEN, _STILL, _STOOD_S, _ROLLED_M, _MISSED, _BURST_UP, _BURST_STOP = range(10)
_KNOCKED_S, _TOO_FULL, _LOST = range(10, 13)


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of each lane from the reading before, (Z,): who is there, how many of those before that have
    gone though no loop saw them go, and for how long the stop line has been free."""

    count: _Floats
    known: _Flags
    lost: _Floats
    free_s: _Floats


class DetectorVote:
    """What has been said against the detectors of `zones`, each of which holds `capacity` vehicles (Z,);
    `memory` (13, Z) is all that it keeps."""

    def __init__(self, zones: Sequence[Zone], capacity: _Floats) -> None:
        self._capacity = capacity
        self._length_m = np.array([z.length_m for z in zones])
        self._way_s = self._length_m / np.array([max(z.speed_mps, 1.0) for z in zones])
        self.memory: _Floats = np.zeros((13, len(zones)))
        self.memory[_COUNT] = np.nan

    def disbelieved(self, seen: Numbers, out: _Flags, period_s: _Floats, before: Before) -> _Flags:
        """Which of the detectors that are not `out` (3, Z) the others contradict, after the reading `seen`,
        `period_s` after the one before."""
        m = self.memory
        loops = self._bursts(m, seen, out, period_s)
        camera = self._camera(m, seen, out | loops, period_s)
        blind = out[CAMERA] | camera
        loops[UPSTREAM] |= self._upstream(m, seen, out | loops, blind, period_s, before)
        loops[STOP_LINE] |= self._stop_line(m, seen, out | loops, blind, before)
        m[_COUNT] = np.where(out[CAMERA], np.nan, seen.count)
        m[_HALTED], m[_SPEED] = seen.halted, np.nan_to_num(seen.speed_mps)
        loops[CAMERA] = camera
        found: _Flags = loops & ~out
        return found

    @staticmethod
    def _bursts(m: _Floats, seen: Numbers, out: _Flags, period_s: _Floats) -> _Flags:
        """Loops that count more than can drive over them."""
        found = np.zeros_like(out)
        for detector, row, number in (
            (UPSTREAM, _BURST_UP, seen.entered),
            (STOP_LINE, _BURST_STOP, seen.passed),
        ):
            more = np.maximum(0.0, m[row] + number - FASTEST_VPS * period_s)
            m[row] = np.where(out[detector] | (number == 0.0), 0.0, more)
            found[detector] = m[row] > BURST_VEH
        return found

    def _camera(self, m: _Floats, seen: Numbers, silent: _Flags, period_s: _Floats) -> _Flags:
        """Cameras that do not see whom the loops count, or whose picture stands still while somebody moves."""
        came = np.where(silent[UPSTREAM], 0.0, seen.entered)
        went = np.where(silent[STOP_LINE], 0.0, seen.passed)
        nobody, before = seen.count == 0.0, m[_COUNT] == 0.0
        # Who has passed was in the zone at the reading before, unless he drove through between the two.
        jumped = before & (came == 0.0) & (self._way_s > period_s + 1.0)
        unseen = np.where(nobody, came, 0.0) + np.where(jumped, went, 0.0)
        waits = ~silent[STOP_LINE] & seen.stop_occupied & (m[_UNSEEN] > 0.0)
        m[_UNSEEN] = np.where(nobody & ~silent[CAMERA], m[_UNSEEN] + unseen + 0.5 * waits * period_s, 0.0)
        speed = np.nan_to_num(seen.speed_mps)
        still = (seen.count == m[_COUNT]) & (seen.halted == m[_HALTED]) & (speed == m[_SPEED]) & ~nobody
        still &= ~silent[CAMERA]
        free = ~silent[STOP_LINE] & ~seen.stop_occupied & (speed == 0.0)
        m[_STILL] = np.where(still, m[_STILL] + ((came > 0.0) | (went > 0.0)), 0.0)
        m[_STOOD_S] = np.where(still & free, m[_STOOD_S] + period_s, 0.0)
        m[_ROLLED_M] = np.where(still, m[_ROLLED_M] + speed * period_s, 0.0)
        found: _Flags = np.maximum(m[_UNSEEN], m[_STILL]) >= CONTRADICTIONS
        found |= (m[_STOOD_S] >= STANDS_S) | (m[_ROLLED_M] > FAR * self._length_m)
        return found

    @staticmethod
    def _upstream(
        m: _Floats, seen: Numbers, silent: _Flags, blind: _Flags, period_s: _Floats, before: Before
    ) -> _Flags:
        """Loops at the zone's begin that have seen none of those who came since: the camera tells, or that more
        have gone than were there. And those over which somebody stands for ever, with a free lane before him."""
        known = ~blind & ~np.isnan(m[_COUNT])
        went = np.where(silent[STOP_LINE], 0.0, seen.passed)
        more = np.where(known, seen.count - m[_COUNT], -np.minimum(went, before.count))
        came = went + np.minimum(more, 1.0 + FASTEST_VPS * period_s)
        came = np.where(known | before.known, came, 0.0)
        spoke = silent[UPSTREAM] | (seen.entered > 0.0)
        m[_MISSED] = np.where(spoke, 0.0, np.maximum(0.0, m[_MISSED] + came))
        stands = ~spoke & seen.upstream_occupied
        free = ~silent[STOP_LINE] & ~seen.stop_occupied & (seen.passed == 0.0) & (before.free_s >= SETTLED_S)
        free &= blind | (seen.halted == 0.0)
        m[_KNOCKED_S] = np.where(stands, m[_KNOCKED_S] + free * period_s, 0.0)
        found: _Flags = (m[_MISSED] >= MISSED_VEH) | (m[_KNOCKED_S] >= KNOCKS_S)
        return found

    def _stop_line(self, m: _Floats, seen: Numbers, silent: _Flags, blind: _Flags, before: Before) -> _Flags:
        """Loops at the stop line of lanes without camera: over which somebody stands for ever, though far more
        come in than the lane holds; or that have seen none of those who went."""
        came = np.where(silent[UPSTREAM], 0.0, seen.entered)
        spoke = silent[STOP_LINE] | (seen.passed > 0.0) | ~blind
        over = np.maximum(0.0, before.count + came - self._capacity)
        m[_TOO_FULL] = np.where(spoke | ~seen.stop_occupied, 0.0, m[_TOO_FULL] + over)
        m[_LOST] = np.where(spoke | seen.stop_occupied, 0.0, m[_LOST] + before.lost)
        too_many = CONTRADICTIONS + SHORTER * self._capacity
        found: _Flags = (m[_TOO_FULL] >= too_many) | (m[_LOST] >= MISSED_VEH)
        return found

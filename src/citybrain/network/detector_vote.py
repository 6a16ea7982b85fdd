"""Which detectors of an approach lane are not believed, because the others contradict them.

A camera and two loops look at the same vehicles. Nobody is in the zone whom the camera does not see, nobody comes
in without driving over the loop at its begin, and a picture in which nothing moves is not one of a lane on which
somebody drives. One contradiction may be a miscount; a detector is disbelieved after a few, until it says
something new. All follows from what the detectors say: which of them is really at fault is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from citybrain.model import Zone
from citybrain.network.lane_detectors import CAMERA, STOP_LINE, UPSTREAM, Numbers

CONTRADICTIONS = 2.0
"""So many vehicles that both loops or one of them count are not miscounted one after the other."""
MISSED_VEH = 4.0
"""So many vehicles have come over a loop that did not see one of them: it is dead."""
STANDS_S = 5.0
"""Who has stood for so long with nobody in front stands at the stop line, not before it."""
FAR = 1.2
"""Who drives this many times the length of the zone has left it."""
FASTEST_VPS = 0.7
"""One vehicle in 1.4 s is the best that a lane ever kept up."""
BURST_VEH = 4.0
"""So many more than that, and the loop counts something else than vehicles."""

_Floats = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.bool_]
_COUNT, _HALTED, _SPEED, _UNSEEN, _STILL, _STOOD_S, _ROLLED_M, _MISSED, _BURST_UP, _BURST_STOP = range(10)


class DetectorVote:
    """What has been said against the detectors of `zones`; `memory` (10, Z) is all that it keeps."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._length_m = np.array([z.length_m for z in zones])
        self._way_s = self._length_m / np.array([max(z.speed_mps, 1.0) for z in zones])
        self.memory: _Floats = np.zeros((10, len(zones)))
        self.memory[_COUNT] = np.nan

    def disbelieved(self, seen: Numbers, out: _Flags, period_s: _Floats) -> _Flags:
        """Which of the detectors that are not `out` (3, Z) the others contradict, after the reading `seen`,
        `period_s` after the one before."""
        m = self.memory
        loops = self._bursts(m, seen, out, period_s)
        camera = self._camera(m, seen, out | loops, period_s)
        loops[UPSTREAM] |= self._upstream(m, seen, out | loops, camera, period_s)
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
    def _upstream(m: _Floats, seen: Numbers, silent: _Flags, camera: _Flags, period_s: _Floats) -> _Flags:
        """Loops at the zone's begin that have seen none of those who came since."""
        more = np.where(silent[CAMERA] | camera | np.isnan(m[_COUNT]), 0.0, seen.count - m[_COUNT])
        came = np.where(silent[STOP_LINE], 0.0, seen.passed) + np.minimum(more, 1.0 + FASTEST_VPS * period_s)
        spoke = silent[UPSTREAM] | (seen.entered > 0.0)
        m[_MISSED] = np.where(spoke, 0.0, np.maximum(0.0, m[_MISSED] + came))
        found: _Flags = m[_MISSED] >= MISSED_VEH
        return found

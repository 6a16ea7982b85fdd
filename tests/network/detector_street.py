"""A lane whose every vehicle is known, as three detectors without fault see it."""

from __future__ import annotations

from collections import deque

import numpy as np

from citybrain.model import Reach, Zone
from citybrain.network.lane_detectors import CAMERA, STOP_LINE, UPSTREAM, Numbers

ZONES = [Zone("z_0", "j", 90.0, 15.0, (Reach("z_0", 0.0, 90.0),))]
WAY_S = 6
FULL = 12
HEADWAY_S = 2


class Street:
    """A lane on which vehicles drive WAY_S to the stop line and wait there for green; one in HEADWAY_S comes and
    passes at most."""

    def __init__(self) -> None:
        self.came: deque[int] = deque()
        self.second = 0
        self._came = self._passed = -HEADWAY_S

    def step(self, comes: bool, green: bool) -> Numbers:
        """The next second."""
        self.second += 1
        at_line = [t for t in self.came if self.second - t >= WAY_S]
        passes = green and bool(at_line) and self.second - self._passed >= HEADWAY_S
        if passes:
            self._passed = self.second
            self.came.popleft()
        comes = comes and len(self.came) < FULL and self.second - self._came >= HEADWAY_S
        if comes:
            self._came = self.second
            self.came.append(self.second)
        halted = len(at_line) - passes
        rolls = len(self.came) > halted or passes
        speed = np.nan if not self.came else 5.0 + np.sin(self.second) if rolls else 0.0
        said = (len(self.came), halted, comes, passes, speed)
        return Numbers(*(np.array([float(x)]) for x in said), np.array([halted > 0]), np.array([comes]))


def hidden(seen: Numbers, out: np.ndarray) -> Numbers:
    """What is left of a reading while detectors are out."""
    none, never = np.zeros(1), np.zeros(1, np.bool_)
    if out[CAMERA, 0]:
        seen.count, seen.halted, seen.speed_mps = none.copy(), none.copy(), none + np.nan
    if out[UPSTREAM, 0]:
        seen.entered, seen.upstream_occupied = none.copy(), never.copy()
    if out[STOP_LINE, 0]:
        seen.passed, seen.stop_occupied = none.copy(), never.copy()
    return seen


def outage(*detectors: int) -> np.ndarray:
    """Those of the three that are out."""
    out = np.zeros((3, 1), np.bool_)
    out[list(detectors)] = True
    return out

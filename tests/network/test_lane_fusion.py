"""A lane's reading from the detectors that work, against a lane whose every vehicle is known."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain.model import Reach, Zone
from citybrain.network.lane_fusion import CAMERA, SETTLED_S, STOP_LINE, UPSTREAM, LaneFusion, Numbers

ZONES = [Zone("z_0", "j", 90.0, 15.0, (Reach("z_0", 0.0, 90.0),))]
WAY_S = 6
SECONDS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=120)


class Street:
    """A lane on which vehicles drive WAY_S to the stop line, wait there for green and pass one a second."""

    def __init__(self) -> None:
        self.came: deque[int] = deque()
        self.second = 0

    def step(self, comes: bool, green: bool) -> Numbers:
        """The next second, as three detectors without fault see it."""
        self.second += 1
        at_line = [t for t in self.came if self.second - t >= WAY_S]
        passes = green and bool(at_line)
        if passes:
            self.came.popleft()
        comes = comes and len(self.came) < 12
        if comes:
            self.came.append(self.second)
        halted = len(at_line) - passes
        speed = 5.0 if self.came else np.nan
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
    out = np.zeros((3, 1), np.bool_)
    out[list(detectors)] = True
    return out


@given(SECONDS, st.sampled_from([(), (CAMERA,), (UPSTREAM,), (STOP_LINE,)]))
def test_what_one_detector_would_have_said_follows_from_the_other_two(
    seconds: list[tuple[bool, bool]], out: tuple[int, ...]
) -> None:
    street, twin, fusion = Street(), Street(), LaneFusion(ZONES)
    for comes, green in seconds:
        real, seen = street.step(comes, green), hidden(twin.step(comes, green), outage(*out))
        assert fusion.fuse(seen, outage(*out), np.ones(1), 0).all()
        for name in ("count", "entered", "passed"):
            assert getattr(seen, name) == getattr(real, name), name
        assert seen.halted <= seen.count
        assert not (out and out[0] == STOP_LINE) or seen.stop_occupied == real.stop_occupied


def test_a_lane_without_camera_forgets_whom_the_loops_only_thought_to_see() -> None:
    """A miscounted vehicle goes when the stop line is free and nobody came; one that stands there stays."""
    fusion, out = LaneFusion(ZONES), outage(CAMERA)
    told = []
    for second in range(20):
        seen = hidden(Street().step(False, False), out)
        seen.entered[0] = second == 0
        fusion.fuse(seen, out, np.ones(1), 0)
        told.append(seen.count[0])
    assert told[0] == 1.0 and told[-1] == 0.0
    assert told.index(0.0) >= max(SETTLED_S, 1.5 * 90.0 / 15.0)
    for _ in range(20):
        seen = hidden(Street().step(False, False), out)
        seen.stop_occupied[0] = True
        fusion.fuse(seen, out, np.ones(1), 0)
        assert seen.count[0] == 1.0 and np.isnan(seen.speed_mps[0])


@pytest.mark.parametrize("out", [(CAMERA, UPSTREAM), (CAMERA, STOP_LINE), (CAMERA, UPSTREAM, STOP_LINE)])
def test_a_lane_with_too_few_detectors_is_not_guessed(out: tuple[int, ...]) -> None:
    street, fusion = Street(), LaneFusion(ZONES)
    for _ in range(10):
        seen = hidden(street.step(True, False), outage(*out))
        assert not fusion.fuse(seen, outage(*out), np.ones(1), 0).any()
        assert seen.count[0] == 0.0


def test_a_camera_alone_counts_who_comes_and_goes_by_who_is_there() -> None:
    street, fusion, out = Street(), LaneFusion(ZONES), outage(UPSTREAM, STOP_LINE)
    there, went, passed = 0.0, 0.0, 0.0
    for second in range(60):
        green = second >= 30
        seen = street.step(not green, green)
        passed += seen.passed[0]
        seen = hidden(seen, out)
        assert fusion.fuse(seen, out, np.ones(1), 0).all()
        there, went = there + seen.entered[0] - seen.passed[0], went + seen.passed[0]
        assert there == seen.count[0]
    assert went == passed > 10.0

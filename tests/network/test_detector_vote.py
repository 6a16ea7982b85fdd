"""Detectors that are stuck and do not say so, told by the other two of their lane."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from detector_street import FULL, ZONES, Street, outage
from hypothesis import given
from hypothesis import strategies as st

from citybrain.network.detector_vote import BURST_VEH, DetectorVote
from citybrain.network.lane_detectors import CAMERA, STOP_LINE, UPSTREAM, Numbers
from citybrain.network.lane_fusion import LaneFusion

SECONDS = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=200)
NONE = outage()


def empty(seen: Numbers) -> None:
    seen.count[0] = seen.halted[0] = 0.0
    seen.speed_mps[0] = np.nan


def full(seen: Numbers) -> None:
    seen.count[0] = seen.halted[0] = FULL
    seen.speed_mps[0] = 0.0


def frozen(seen: Numbers) -> None:
    seen.count[0], seen.halted[0], seen.speed_mps[0] = 2.0, 0.0, 7.25


def dead_upstream(seen: Numbers) -> None:
    seen.entered[0], seen.upstream_occupied[0] = 0.0, False


@given(SECONDS)
def test_detectors_without_fault_are_believed(seconds: list[tuple[int, bool]]) -> None:
    street, vote = Street(), DetectorVote(ZONES)
    for at, (every, green) in enumerate(seconds):
        seen = street.step(at % (every + 2) == 0, green)
        assert not vote.disbelieved(seen, NONE, np.ones(1)).any()


@pytest.mark.parametrize("lie", [empty, full, frozen])
def test_a_camera_that_is_stuck_is_found_out_and_the_loops_count_instead(lie: Callable[[Numbers], None]) -> None:
    street, twin, fusion = Street(), Street(), LaneFusion(ZONES)
    wrong = 0
    for second in range(300):
        comes, green = second % 9 == 0, second // 20 % 2 == 1
        real, seen = street.step(comes, green), twin.step(comes, green)
        lie(seen)
        fusion.fuse(seen, NONE, np.ones(1))
        wrong += second >= 20 and seen.count[0] != real.count[0]
    assert wrong <= 6


def test_a_camera_is_believed_again_when_it_sees_somebody() -> None:
    street, vote = Street(), DetectorVote(ZONES)
    told = []
    for second in range(60):
        seen = street.step(second % 5 == 0, True)
        if second < 30:
            empty(seen)
        told.append(bool(vote.disbelieved(seen, NONE, np.ones(1))[CAMERA, 0]))
    assert told[29] and not told[-1]


def test_one_vehicle_that_the_camera_missed_says_nothing_against_it() -> None:
    vote = DetectorVote(ZONES)
    nobody = Street()
    for second in range(40):
        seen = nobody.step(False, False)
        seen.entered[0] = second == 3
        assert not vote.disbelieved(seen, NONE, np.ones(1)).any()


def test_a_loop_that_sees_nobody_come_is_found_out_and_the_rest_of_the_lane_is_not() -> None:
    street, vote = Street(), DetectorVote(ZONES)
    for second in range(120):
        seen = street.step(second % 10 == 0, True)
        dead_upstream(seen)
        found = vote.disbelieved(seen, NONE, np.ones(1))
        assert not found[[CAMERA, STOP_LINE]].any()
    assert found[UPSTREAM, 0]


@pytest.mark.parametrize(("detector", "name"), [(UPSTREAM, "entered"), (STOP_LINE, "passed")])
def test_a_loop_that_counts_more_than_can_drive_over_it_is_found_out(detector: int, name: str) -> None:
    street, vote = Street(), DetectorVote(ZONES)
    for _ in range(int(BURST_VEH / 0.3) + 2):
        seen = street.step(False, False)
        getattr(seen, name)[0] = 1.0
        found = vote.disbelieved(seen, NONE, np.ones(1))
    assert found[detector, 0]


def test_who_is_out_is_not_judged_and_says_nothing_against_others() -> None:
    vote = DetectorVote(ZONES)
    out = outage(CAMERA, UPSTREAM)
    street = Street()
    for second in range(60):
        seen = street.step(second % 4 == 0, True)
        empty(seen)
        assert not vote.disbelieved(seen, out, np.ones(1)).any()

"""Detectors that are stuck and do not say so, told by the other two of their lane."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from detector_street import FULL, ZONES, Street, hidden, outage
from hypothesis import given
from hypothesis import strategies as st

from citybrain.network.detector_vote import BURST_VEH, KNOCKS_S, SETTLED_S, STANDS_S, Before, DetectorVote
from citybrain.network.lane_detectors import CAMERA, STOP_LINE, UPSTREAM, Numbers
from citybrain.network.lane_fusion import LaneFusion, capacity_veh

SECONDS = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=200)
NONE = outage()


def new_vote() -> DetectorVote:
    return DetectorVote(ZONES, capacity_veh(ZONES))


def judged(
    vote: DetectorVote,
    seen: Numbers,
    out: np.ndarray = NONE,
    *,
    count: float = 0.0,
    known: bool = True,
    free_s: float = 0.0,
) -> np.ndarray:
    before = Before(np.array([count]), np.array([known]), np.zeros(1), np.array([free_s]))
    return vote.disbelieved(seen, out, np.ones(1), before)


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
    """Also while one of them is out."""
    for out in (NONE, outage(CAMERA), outage(UPSTREAM), outage(STOP_LINE)):
        street, vote = Street(), new_vote()
        count = free_s = 0.0
        for at, (every, green) in enumerate(seconds):
            seen = street.step(at % (every + 2) == 0, green)
            assert not judged(vote, hidden(seen, out), out, count=count, free_s=free_s).any()
            count = float(len(street.came))
            free_s = 0.0 if seen.passed[0] or seen.stop_occupied[0] else free_s + 1.0


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
    street, vote = Street(), new_vote()
    told = []
    for second in range(60):
        seen = street.step(second % 5 == 0, True)
        if second < 30:
            empty(seen)
        told.append(bool(judged(vote, seen)[CAMERA, 0]))
    assert told[29] and not told[-1]


def test_one_vehicle_that_the_camera_missed_says_nothing_against_it() -> None:
    vote = new_vote()
    nobody = Street()
    for second in range(40):
        seen = nobody.step(False, False)
        seen.entered[0] = second == 3
        assert not judged(vote, seen).any()


def test_a_loop_that_sees_nobody_come_is_found_out_and_the_rest_of_the_lane_is_not() -> None:
    street, vote = Street(), new_vote()
    for second in range(120):
        seen = street.step(second % 10 == 0, True)
        dead_upstream(seen)
        found = judged(vote, seen)
        assert not found[[CAMERA, STOP_LINE]].any()
    assert found[UPSTREAM, 0]


@pytest.mark.parametrize(("detector", "name"), [(UPSTREAM, "entered"), (STOP_LINE, "passed")])
def test_a_loop_that_counts_more_than_can_drive_over_it_is_found_out(detector: int, name: str) -> None:
    street, vote = Street(), new_vote()
    for _ in range(int(BURST_VEH / 0.3) + 2):
        seen = street.step(False, False)
        getattr(seen, name)[0] = 1.0
        found = judged(vote, seen)
    assert found[detector, 0]


def test_who_is_out_is_not_judged_and_says_nothing_against_others() -> None:
    vote = new_vote()
    out = outage(CAMERA, UPSTREAM)
    street = Street()
    for second in range(60):
        seen = street.step(second % 4 == 0, True)
        empty(seen)
        assert not judged(vote, seen, out).any()


def test_a_queue_that_discharges_says_nothing_against_the_loop_at_the_begin() -> None:
    """Without camera: as many go as were there. Only those who go beyond have come unseen."""
    vote, out = new_vote(), outage(CAMERA)
    found = []
    for count in (8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0):
        seen = hidden(Street().step(False, False), out)
        seen.passed[0] = 1.0
        found.append(bool(judged(vote, seen, out, count=float(count))[UPSTREAM, 0]))
        for _ in range(2):
            judged(vote, hidden(Street().step(False, False), out), out)
    assert not any(found[:11]) and found[11]


def test_who_goes_says_nothing_against_the_loop_at_the_begin_while_nobody_knows_who_was_there() -> None:
    out = outage(CAMERA)
    for known, convicted in ((False, False), (True, True)):
        vote, found = new_vote(), False
        for _ in range(20):
            seen = hidden(Street().step(False, False), out)
            seen.passed[0] = 1.0
            found |= bool(judged(vote, seen, out, known=known)[UPSTREAM, 0])
            judged(vote, hidden(Street().step(False, False), out), out, known=known)
        assert found == convicted


def test_who_stands_at_the_begin_behind_a_queue_says_nothing_against_its_loop() -> None:
    """The camera sees the queue; the loop at the stop line is dead."""
    vote = new_vote()
    for second in range(int(STANDS_S)):
        seen = Street().step(False, False)
        seen.count[0] = seen.halted[0] = FULL
        seen.speed_mps[0] = 0.0
        seen.upstream_occupied[0] = True
        found = judged(vote, seen, count=float(FULL), free_s=float(second))
        assert not found[UPSTREAM, 0]


def test_a_loop_over_which_somebody_stands_for_ever_is_found_out_when_the_lane_is_free() -> None:
    vote = new_vote()
    found = []
    for second in range(20):
        seen = Street().step(False, False)
        seen.upstream_occupied[0], seen.stop_occupied[0] = True, second < 10
        found.append(bool(judged(vote, seen, free_s=max(0.0, second - 9.0))[UPSTREAM, 0]))
    free_from = 9 + int(SETTLED_S)
    assert not any(found[: free_from + int(KNOCKS_S) - 1]) and all(found[free_from + int(KNOCKS_S) :])
    seen = Street().step(False, False)
    seen.entered[0] = 1.0
    assert not judged(vote, seen).any(), "it has counted somebody"


@pytest.mark.parametrize("camera_out", [True, False])
def test_a_stop_line_that_is_taken_for_ever_is_found_out_when_more_come_than_the_lane_holds(
    camera_out: bool,
) -> None:
    street, fusion, out = Street(), LaneFusion(ZONES), outage(CAMERA) if camera_out else NONE
    works = fusion.fuse(street.step(False, False), NONE, np.ones(1))
    came = 0.0
    for second in range(200):
        seen = street.step(second % 4 == 0, True)
        seen.passed[0], seen.stop_occupied[0] = 0.0, True
        came += seen.entered[0]
        works = fusion.fuse(hidden(seen, out), out, np.ones(1))
        if not works[STOP_LINE, 0]:
            break
    assert works[STOP_LINE, 0] != camera_out, "a camera shows who is there"
    if camera_out:
        assert FULL < came <= 2 * FULL and not works[CAMERA, 0]


@pytest.mark.parametrize("every_s", [20, 5])
def test_a_stop_line_where_nobody_is_ever_seen_is_found_out_though_people_come(every_s: int) -> None:
    """Also where so many come that the lane is never empty."""
    street, fusion, out = Street(), LaneFusion(ZONES), outage(CAMERA)
    fusion.fuse(street.step(False, False), NONE, np.ones(1))
    told = []
    for second in range(120):
        seen = street.step(second % every_s == 0, True)
        seen.passed[0], seen.stop_occupied[0] = 0.0, False
        told.append(bool(fusion.fuse(hidden(seen, out), out, np.ones(1))[STOP_LINE, 0]))
    assert all(told[: 3 * every_s]) and not told[-1]


def test_who_stands_in_the_middle_of_the_lane_is_there_though_nobody_stands_at_the_stop_line() -> None:
    """He waits to change lanes. A picture that stays like that for long is none."""
    vote, found = new_vote(), []
    for _ in range(40):
        seen = Street().step(False, False)
        seen.count[0] = seen.halted[0] = 2.0
        seen.speed_mps[0] = 0.0
        found.append(bool(judged(vote, seen)[CAMERA, 0]))
    assert not any(found[: int(STANDS_S)]) and found[int(STANDS_S)]

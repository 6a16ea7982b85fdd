"""A lane's reading from the detectors that work, against a lane whose every vehicle is known."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from detector_street import FULL, ZONES, Street, hidden, outage
from hypothesis import given
from hypothesis import strategies as st

from citybrain.network.detector_vote import SETTLED_S
from citybrain.network.lane_detectors import CAMERA, STOP_LINE, UPSTREAM
from citybrain.network.lane_fusion import LaneFusion


def new_fusion() -> LaneFusion:
    """Of a lane that was seen to be empty."""
    fusion = LaneFusion(ZONES)
    fusion.fuse(Street().step(False, False), outage(), np.ones(1))
    return fusion


SECONDS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=120)


@given(SECONDS, st.sampled_from([(), (CAMERA,), (UPSTREAM,), (STOP_LINE,)]))
def test_what_one_detector_would_have_said_follows_from_the_other_two(
    seconds: list[tuple[bool, bool]], out: tuple[int, ...]
) -> None:
    street, twin, fusion = Street(), Street(), new_fusion()
    for comes, green in seconds:
        real, seen = street.step(comes, green), hidden(twin.step(comes, green), outage(*out))
        works = fusion.fuse(seen, outage(*out), np.ones(1))
        assert works[CAMERA].all() and (works[1:] == ~outage(*out)[1:]).all()
        for name in ("count", "entered", "passed"):
            assert getattr(seen, name) == getattr(real, name), name
        assert seen.halted <= seen.count
        assert not (out and out[0] == STOP_LINE) or seen.stop_occupied == real.stop_occupied


def test_a_lane_without_camera_forgets_whom_the_loops_only_thought_to_see() -> None:
    """A miscounted vehicle goes when the stop line is free and nobody came; one that stands there stays."""
    fusion, out = new_fusion(), outage(CAMERA)
    told = []
    for second in range(20):
        seen = hidden(Street().step(False, False), out)
        seen.entered[0] = second == 0
        fusion.fuse(seen, out, np.ones(1))
        told.append(seen.count[0])
    assert told[0] == 1.0 and told[-1] == 0.0
    assert told.index(0.0) >= max(SETTLED_S, 1.5 * 90.0 / 15.0)
    for _ in range(20):
        seen = hidden(Street().step(False, False), out)
        seen.stop_occupied[0] = True
        fusion.fuse(seen, out, np.ones(1))
        assert seen.count[0] == 1.0 and np.isnan(seen.speed_mps[0])


def test_a_lane_whose_camera_failed_while_it_was_full_is_known_to_be_full() -> None:
    """Somebody stands on the loop at the zone's begin for seconds, and somebody at the stop line."""
    fusion, out = LaneFusion(ZONES), outage(CAMERA)
    counts = []
    for _ in range(5):
        seen = hidden(Street().step(False, False), out)
        seen.stop_occupied[0] = seen.upstream_occupied[0] = True
        fusion.fuse(seen, out, np.ones(1))
        counts.append(seen.count[0])
    assert counts[0] == 1.0 and counts[-1] == FULL


@pytest.mark.parametrize("out", [(CAMERA, UPSTREAM), (CAMERA, STOP_LINE), (CAMERA, UPSTREAM, STOP_LINE)])
def test_of_a_lane_with_too_few_detectors_only_what_its_loops_count_is_told(out: tuple[int, ...]) -> None:
    street, twin, fusion = Street(), Street(), LaneFusion(ZONES)
    told, real = np.zeros(2), np.zeros(2)
    for second in range(40):
        true, seen = street.step(True, second > 20), hidden(twin.step(True, second > 20), outage(*out))
        works = fusion.fuse(seen, outage(*out), np.ones(1))
        assert not works[CAMERA].any() and (works[1:] == ~outage(*out)[1:]).all()
        assert seen.count[0] == 0.0
        told += [seen.entered[0], seen.passed[0]]
        real += [true.entered[0], true.passed[0]]
    assert (told == np.where([UPSTREAM in out, STOP_LINE in out], 0.0, real)).all() and real.all()


def test_a_camera_alone_counts_who_comes_and_goes_by_who_is_there() -> None:
    street, fusion, out = Street(), LaneFusion(ZONES), outage(UPSTREAM, STOP_LINE)
    there, went, passed = 0.0, 0.0, 0.0
    for second in range(60):
        green = second >= 30
        seen = street.step(not green, green)
        passed += seen.passed[0]
        seen = hidden(seen, out)
        assert fusion.fuse(seen, out, np.ones(1))[CAMERA].all()
        there, went = there + seen.entered[0] - seen.passed[0], went + seen.passed[0]
        assert there == seen.count[0]
    assert went == passed > 10.0


def test_loops_stand_in_for_a_camera_once_it_is_known_how_many_are_there() -> None:
    """Five stand there when all but the loop at the stop line fail: from then on nobody knows who is there, until
    the lane is empty."""
    street, fusion = Street(), new_fusion()
    for second in range(20):
        fusion.fuse(street.step(second % 4 == 0, False), outage(), np.ones(1))
    told, known = [], []
    for second in range(60):
        out = outage(CAMERA, UPSTREAM) if second < 10 else outage(CAMERA)
        seen = hidden(street.step(False, second >= 30), out)
        told.append(bool(fusion.fuse(seen, out, np.ones(1))[CAMERA, 0]))
        known.append(len(street.came))
    assert known[0] == 5 and not any(told[:40]) and told[-1]
    assert fusion.count[0] == known[-1] == 0.0


def test_a_restart_keeps_what_is_known_of_a_lane() -> None:
    street, fusion, out = Street(), new_fusion(), outage(CAMERA)
    for second in range(30):
        fusion.fuse(hidden(street.step(second % 5 == 0, False), out), out, np.ones(1))
    again = LaneFusion(ZONES)
    again.start(fusion.keep())
    np.testing.assert_equal(again.keep(), fusion.keep())
    for second in range(60):
        seen, twin = (hidden(s.step(second % 7 == 0, second > 20), out) for s in (street, copy.deepcopy(street)))
        assert (fusion.fuse(seen, out, np.ones(1)) == again.fuse(twin, out, np.ones(1))).all()
        np.testing.assert_equal(again.keep(), fusion.keep())


def test_who_is_counted_twice_at_the_begin_is_forgotten_when_the_stop_line_is_free() -> None:
    """Traffic goes on all the time, so that the lane is never empty: nobody can be there but who came lately."""
    street, fusion, out = Street(), new_fusion(), outage(CAMERA)
    more = []
    for second in range(120):
        seen = hidden(street.step(second % 6 == 0, True), out)
        seen.entered[0] *= 2.0 if second < 60 else 1.0
        fusion.fuse(seen, out, np.ones(1))
        more.append(fusion.count[0] - len(street.came))
    assert 0.0 < max(more) <= 4.0 and more[-1] <= 1.0


def test_the_last_loop_of_a_lane_is_believed_though_those_whom_the_camera_saw_are_not_heard_of_again() -> None:
    """Five stand in the middle of the lane when all but the loop at the stop line fail."""
    fusion, works = new_fusion(), []
    for second in range(40):
        seen, out = Street().step(False, False), outage(CAMERA, UPSTREAM) if second >= 20 else outage()
        seen.count[0], seen.halted[0], seen.speed_mps[0] = 5.0, 4.0, 0.5 + 0.1 * (second % 2)
        works.append(bool(fusion.fuse(hidden(seen, out), out, np.ones(1))[STOP_LINE, 0]))
    assert all(works)

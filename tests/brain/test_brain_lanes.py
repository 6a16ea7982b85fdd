"""Lanes: what they discharge in a stage, and how long who is at their head has been there."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from brain_street import two
from hypothesis import given
from hypothesis import strategies as st

from citybrain.brain.discharge import (
    FADE_EVERY_MS,
    HIGHEST_VPS,
    LOWEST_VPS,
    MEMORY_S,
    PRIOR_S,
    TAKEN_PART,
    discharge,
    faded,
    priors,
)
from citybrain.brain.lanes import Lanes
from citybrain.brain.layout import SATURATION_VPS, Layout
from citybrain.brain.sojourn import head, stayed


@pytest.fixture
def lanes() -> Lanes:
    layout = Layout(two())
    return Lanes(layout, np.flatnonzero(layout.controllable))


def test_a_lane_may_go_in_the_stages_of_its_movements(lanes: Lanes) -> None:
    n, s, w, e, free = lanes.prior[0].T
    assert n.tolist() == s.tolist() == [SATURATION_VPS, 0.0]
    assert w.tolist() == [0.0, SATURATION_VPS]
    assert e.tolist() == [0.0, SATURATION_VPS]  # who gives way goes too, once the way is free
    assert not free.any() and lanes.waits[0].tolist() == [True] * 4 + [False]


def test_vehicles_of_a_movement_are_spread_over_its_lanes_and_none_is_lost(lanes: Lanes) -> None:
    layout = Layout(two())
    vehicles = np.zeros(len(layout.movements))
    vehicles[[3, 4]] = 2.0, 3.0  # both on the lane from the east
    found = lanes.of_movements(vehicles)
    assert found[3] == 5.0 and found.sum() == 5.0
    assert lanes.any_movement(vehicles > 0.0).tolist() == (found > 0.0).tolist()


def test_the_discharge_is_the_prior_until_it_is_learnt() -> None:
    prior = priors(np.array([0.5, 0.35, 0.0]), np.array([False, True, False]))
    assert prior.tolist() == [[0.5, 0.35, 0.0], [0.5, TAKEN_PART * 0.35, 0.0]]
    nothing = np.zeros((2, 3))
    assert discharge(nothing, nothing, prior).tolist() == prior.tolist()
    hour = np.full((2, 3), 3600.0)
    assert discharge(0.4 * hour, hour, prior) == pytest.approx(np.array([[0.4, 0.4, 0.0]] * 2), abs=0.003)
    assert discharge(nothing, hour, prior).tolist() == [[low, low, 0.0] for low in LOWEST_VPS]
    assert discharge(hour, hour, prior).tolist() == [[HIGHEST_VPS, HIGHEST_VPS, 0.0]] * 2


def test_what_was_learnt_fades_with_time() -> None:
    vehicles, seconds = np.full((1, 2), 10.0), np.full((1, 2), 20.0)
    v, t = faded(vehicles, seconds, round(1000 * MEMORY_S))
    assert v == pytest.approx(vehicles * np.exp(-1.0)) and t == pytest.approx(seconds * np.exp(-1.0))
    v, t = faded(*faded(vehicles, seconds, FADE_EVERY_MS), FADE_EVERY_MS)
    at_once = faded(vehicles, seconds, 2 * FADE_EVERY_MS)
    assert v == pytest.approx(at_once[0]) and t == pytest.approx(at_once[1])
    assert vehicles.tolist() == [[10.0, 10.0]]  # arguments stay
    assert PRIOR_S > 0.0


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=200))
def test_the_time_that_vehicles_stay_is_kept_as_a_list_of_them_would(moves: list[tuple[int, int]]) -> None:
    """The oracle keeps every vehicle: the sum is exact while nobody leaves, and nothing when nobody is there."""
    there: deque[int] = deque()
    total, before, left = np.zeros(1), np.zeros(1), False
    for second, (come, go) in enumerate(moves):
        gone = min(go, len(there))
        left |= gone > 0
        for _ in range(gone):
            there.popleft()
        there.extend([second] * come)
        now = np.array([float(len(there))])
        total = stayed(total, before, np.array([float(gone)]), now, 1.0)
        before = now
        exact = sum(second - since + 1 for since in there)
        assert total[0] == 0.0 if not there else total[0] >= len(there)
        if not left:
            assert total[0] == exact
        assert head(total, now)[0] <= 2.0 * (second + 1)


def test_a_steady_queue_has_been_there_for_its_length_over_its_flow() -> None:
    """Ten vehicles, one leaves and one comes every 10 s: the head has been there for 100 s (Little's law)."""
    total, vehicles = np.zeros(1), np.array([10.0])
    for second in range(2000):
        total = stayed(total, vehicles, np.array([1.0 if second % 10 == 0 else 0.0]), vehicles, 1.0)
    assert head(total, vehicles)[0] == pytest.approx(100.0, rel=0.1)

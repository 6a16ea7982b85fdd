"""The queue of a lane: kept by readings, carried on while blind."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from citybrain.brain.queue import (
    Readings,
    blind_queue,
    blind_variance,
    seen_arrival,
    seen_queue,
    seen_variance,
)

COUNTS = st.integers(0, 40)
VEHICLES = st.floats(0.0, 40.0)
RATES = st.floats(0.0, 1.0)
SECONDS = st.floats(0.0, 300.0)


def readings(count: int, halted: int, passed: int = 0, entered: int = 0, period_s: float = 1.0) -> Readings:
    one = np.ones(1)
    return Readings(
        np.zeros(1, np.int64),
        np.zeros(1, np.int64),
        one * period_s,
        one * count,
        one * halted,
        one * entered,
        one * passed,
    )


@given(VEHICLES, COUNTS, COUNTS, COUNTS)
def test_seen_queue_is_within_what_is_there(queue: float, count: int, halted: int, passed: int) -> None:
    (after,) = seen_queue(np.array([queue]), readings(count, halted, passed))
    assert min(halted, count) <= after <= count


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=80))
def test_seen_queue_is_who_stood_and_has_not_passed(seconds: list[tuple[bool, bool, bool]]) -> None:
    """Against a lane kept vehicle by vehicle: each arrives, may stand, rolls on and passes in order."""
    lane: list[dict[str, bool]] = []
    queue = np.zeros(1)
    for arrives, first_stands, passes in seconds:
        gone = bool(passes and lane)
        if gone:
            lane.pop(0)
        if arrives:
            lane.append({"stood": False, "stands": False})
        for place, vehicle in enumerate(lane):
            vehicle["stands"] = place < 3 and first_stands
            vehicle["stood"] |= vehicle["stands"]
        halted = sum(v["stands"] for v in lane)
        queue = seen_queue(queue, readings(len(lane), halted, gone, arrives))
        assert queue[0] == sum(v["stood"] for v in lane)


@given(VEHICLES, RATES, st.booleans(), SECONDS, st.floats(1.0, 40.0))
def test_blind_queue_stays_within_the_lane(
    queue: float, rate: float, green: bool, dt: float, capacity: float
) -> None:
    (after,) = blind_queue(*map(np.array, ([queue], [rate], [green], [dt], [capacity])))
    assert 0.0 <= after <= capacity


@given(VEHICLES, RATES, SECONDS)
def test_blind_queue_grows_in_red_by_what_arrives(queue: float, rate: float, dt: float) -> None:
    (after,) = blind_queue(*map(np.array, ([queue], [rate], [False], [dt], [1e6])))
    assert after == queue + rate * dt


def test_blind_queue_empties_in_green() -> None:
    (after,) = blind_queue(*map(np.array, ([8.0], [0.1], [True], [10.0], [13.0])))
    assert after == 8.0 + 1.0 - 5.0


@given(VEHICLES, RATES, st.booleans(), SECONDS, SECONDS, st.floats(1.0, 40.0))
def test_blindness_makes_unsure(
    variance: float, rate: float, green: bool, dt: float, more: float, capacity: float
) -> None:
    at = (np.array([variance]), np.array([rate]), np.array([green]))
    (sooner,) = blind_variance(*at, np.array([dt]), np.array([capacity]))
    (later,) = blind_variance(*at, np.array([dt + more]), np.array([capacity]))
    assert variance <= sooner <= later


def test_counting_more_vehicles_is_less_sure() -> None:
    few, many = seen_variance(readings(2, 0))[0], seen_variance(readings(20, 0))[0]
    assert 0.0 < few < many


@given(RATES, st.integers(1, 4))
def test_arrivals_approach_what_enters(rate: float, period: int) -> None:
    found = np.array([rate])
    for _ in range(1200 // period):
        found = seen_arrival(found, readings(1, 0, entered=period // 2, period_s=float(period)))
    assert abs(found[0] - (period // 2) / period) < 1e-3


def test_a_reading_over_no_time_tells_no_arrivals() -> None:
    assert seen_arrival(np.array([0.3]), readings(1, 0, entered=5, period_s=0.0))[0] == 0.3

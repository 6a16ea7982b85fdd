"""The queue of a lane: kept by readings, carried on while blind."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from citybrain.brain.queue import Lanes, Readings, carried, seen_arrival, seen_queue, seen_variance

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
        one * 0.0,
        one > 0.0,
    )


def carry(
    queue: float,
    near: float = 0.0,
    variance: float = 0.0,
    dt: float = 1.0,
    green: float = 0.0,
    rate: float = 0.0,
    capacity: float = 12.0,
) -> Lanes:
    """One lane of 7 s free way and 0.5 veh/s, carried on for `dt` seconds, `green` of them green."""
    lanes = Lanes(*(np.array([float(v)]) for v in (queue, near, variance)))
    return carried(lanes, *(np.array([float(v)]) for v in (dt, green, rate, 0.5, capacity, 7.0)))


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


@given(VEHICLES, VEHICLES, SECONDS, st.floats(0.0, 1.0), RATES, st.floats(1.0, 40.0))
def test_a_carried_lane_holds_no_less_than_nobody_and_no_more_than_fits(
    queue: float, near: float, dt: float, green: float, rate: float, capacity: float
) -> None:
    after = carry(queue, near, 1.0, dt, green * dt, rate, capacity)
    assert after.queue[0] >= 0.0 and after.approaching[0] >= 0.0 and after.variance[0] >= 0.0
    assert after.queue[0] + after.approaching[0] <= max(capacity, queue + near) + 1e-9


@given(VEHICLES, VEHICLES, SECONDS, RATES)
def test_in_red_nobody_is_lost(queue: float, near: float, dt: float, rate: float) -> None:
    after = carry(queue, near, dt=dt, rate=rate, capacity=1e6)
    assert abs(after.queue[0] + after.approaching[0] - (queue + near + rate * dt)) < 1e-6


def test_no_time_changes_nothing() -> None:
    after = carry(4.0, 2.0, 0.3, dt=0.0)
    assert (after.queue[0], after.approaching[0], after.variance[0]) == (4.0, 2.0, 0.3)


def test_who_comes_near_joins_the_queue_in_red_and_passes_in_green() -> None:
    red, green = carry(0.0, 3.0, dt=3.0), carry(0.0, 3.0, dt=3.0, green=3.0)
    assert abs(red.queue[0] - 9.0 / 7.0) < 1e-9
    assert green.queue[0] == 0.0 and green.approaching[0] == red.approaching[0]
    assert abs(red.approaching[0] + red.queue[0] - 3.0) < 1e-9


def test_a_queue_discharges_in_green_alone() -> None:
    assert carry(8.0, dt=10.0, green=10.0).queue[0] == 3.0
    assert carry(8.0, dt=10.0, green=4.0).queue[0] == 6.0


@given(VEHICLES, st.floats(0.0, 14.0), SECONDS, SECONDS, RATES)
def test_in_red_doubt_grows_to_that_of_not_knowing(
    queue: float, variance: float, dt: float, more: float, rate: float
) -> None:
    (sooner,), (later,) = (carry(queue, 1.0, variance, t, rate=rate).variance for t in (dt, dt + more))
    assert variance * (queue > 0.0) <= sooner + 1e-9 and sooner <= later + 1e-9
    assert later <= max(variance, 12.0)


def test_a_green_that_empties_the_lane_ends_the_doubt_about_it() -> None:
    assert carry(4.0, 0.0, 9.0, dt=20.0, green=20.0).variance[0] < 2.0


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

"""Back to the own plan without a jump: from the stage that is shown on, in step within three cycles."""

from __future__ import annotations

from itertools import groupby, pairwise

import msgspec
import pytest
from guard_crossing import T0, city, crossing
from guard_street import ask, run, switched
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.guard import Guard, PlanClock
from citybrain.guard.offset import IN_STEP, Offset, begin_offset, plan_moment, read_ms
from citybrain.model import Control

CLOCK = PlanClock(crossing().plan)
CYCLE_S = CLOCK.cycle_ms // 1000
LAMPS = [s.lamps for s in crossing().stages]
TIMES = st.integers(0, 3_600_000)


def begun(stage: int, since_ms: int, time_ms: int) -> Offset:
    return begin_offset(CLOCK, stage, T0 + since_ms, T0 + time_ms)


def test_the_greens_of_a_stage_are_where_the_plan_shows_it() -> None:
    assert [CLOCK.greens(s) for s in range(4)] == [[(0, 20_000)], [(25_000, 35_000)], [(40_000, 55_000)], []]
    plan = crossing().plan
    turned = msgspec.structs.replace(plan, phases=(*plan.phases[-1:], *plan.phases[:-1]))
    around = msgspec.structs.replace(plan, phases=(plan.phases[0], *plan.phases[1:], plan.phases[0]))
    assert PlanClock(turned).greens(0) == [(2_000, 22_000)]
    assert PlanClock(around).greens(0) == [(60_000, 100_000)], "from the end of a cycle into the next"


@settings(deadline=None, max_examples=60)
@given(stage=st.integers(0, 2), age_ms=st.integers(0, 60_000), time_ms=TIMES)
def test_the_plan_begins_at_the_stage_and_is_in_step_within_three_cycles(
    stage: int, age_ms: int, time_ms: int
) -> None:
    offset = begun(stage, time_ms - age_ms, time_ms)
    first = plan_moment(CLOCK, offset, T0 + time_ms)
    (green,) = CLOCK.greens(stage)
    if age_ms < green[1] - green[0]:
        assert first.stage == stage
        assert CLOCK.second_ms(read_ms(offset, T0 + time_ms)) == green[0] + age_ms, "it goes on where it is"
    else:
        assert first.stage == (stage + 1) % 3, "it has had its green: the next one's turn"
    seconds = [T0 + time_ms + s * 1000 for s in range(4 * CYCLE_S)]
    for a, b in pairwise(read_ms(offset, s) for s in seconds):
        assert 833 <= b - a <= 1200
    assert all(read_ms(offset, s) == s for s in seconds[3 * CYCLE_S :])


@settings(deadline=None, max_examples=60)
@given(late_ms=st.integers(-60_000, 60_000), time_ms=TIMES, after_ms=st.integers(0, 240_000))
def test_what_the_plan_asks_for_is_sure_until_it_says(late_ms: int, time_ms: int, after_ms: int) -> None:
    offset = Offset(T0 + time_ms, late_ms)
    now_ms = T0 + time_ms + after_ms
    moment = plan_moment(CLOCK, offset, now_ms)
    assert moment.until_ms > now_ms
    last = plan_moment(CLOCK, offset, moment.until_ms - 1)
    assert (last.stage, last.lamps) == (moment.stage, moment.lamps)


def test_a_stage_that_the_plan_has_not_and_a_clock_that_goes_back_mean_the_plan_as_it_is() -> None:
    assert begun(3, 0, 30_000) == IN_STEP
    assert begun(-1, 0, 30_000) == IN_STEP
    offset = begun(2, 30_000, 30_000)
    assert offset.late_ms and read_ms(offset, offset.begin_ms - 1000) == offset.begin_ms - 1000


def shown(guard: Guard, seconds: int) -> list[str]:
    """Lamps of the junction, a second each, without orders."""
    return [run(guard, 1, None)[0][0] for _ in range(seconds)]


@pytest.mark.parametrize("after_s", range(0, 60, 7))
@pytest.mark.parametrize("stage", [0, 1, 2])
def test_a_junction_goes_from_the_brain_to_its_plan_without_a_jump(stage: int, after_s: int) -> None:
    guard = Guard(city(crossing()), T0)
    run(guard, 90 + after_s, stage)
    switched(guard, ask("x", Control.OWN_PLAN))
    lamps = shown(guard, 5 * CYCLE_S)
    greens = [(LAMPS.index(state), len(list(same))) for state, same in groupby(lamps) if state in LAMPS]
    order = [s for s, _ in greens]
    at = order.index(stage) if stage in order[:2] else 0
    assert all(b == (a + 1) % 3 for a, b in pairwise(order[at:])), order
    assert all(seconds >= 5 for _, seconds in greens[1:-1])
    begins = [s for s, (a, b) in enumerate(pairwise(lamps)) if a != b == LAMPS[0]]
    for a, b in pairwise(begins):
        assert CYCLE_S * 5 / 6 - 2 <= b - a <= CYCLE_S * 6 / 5 + 2, "a second or two are the clock's ticks"
    twin = Guard(city(crossing()), T0)
    run(twin, 90 + after_s + 3 * CYCLE_S, None)
    assert lamps[3 * CYCLE_S :] == shown(twin, 2 * CYCLE_S), "in step after three cycles"


def test_a_guard_that_was_saved_on_the_way_goes_on_there() -> None:
    guard = Guard(city(crossing()), T0)
    run(guard, 100, 1)
    switched(guard, ask("x", Control.OWN_PLAN))
    shown(guard, 40)
    again = Guard(city(crossing()), T0)
    again.load(guard.dump())
    assert shown(again, 2 * CYCLE_S) == shown(guard, 2 * CYCLE_S)


def test_a_guard_that_was_saved_under_the_brain_goes_over_to_its_plan_without_a_jump() -> None:
    guard = Guard(city(crossing()), T0)
    run(guard, 66, 2)
    again = Guard(city(crossing()), T0)
    again.load(guard.dump())
    assert again.lamps == guard.lamps == (LAMPS[2],)
    wanted = PlanClock(crossing().plan).at(again.time_ms + 1000).stage
    assert wanted != 2
    order = [LAMPS.index(state) for state, _ in groupby(shown(again, 90)) if state in LAMPS]
    assert order[:3] in ([2, 0, 1], [0, 1, 2])

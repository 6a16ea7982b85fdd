"""From detectors to queues of movements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from brain_street import QUEUE, READING, STATE, T0, batch, city, crossing, declared, lamp, reading, tick, two

from citybrain.brain import steps
from citybrain.model import Batch, State, Step, conform, dump_state, load_state

Rows = dict[str, dict[str, object]]


@pytest.fixture
def estimate() -> Step:
    return steps(two())[1]


def run(step: Step, state: State, second: int, *inputs: Batch) -> tuple[State, Rows]:
    state, rows = step.run(state, tick(second), inputs)
    if rows is None:
        return state, {}
    conform(rows, declared()[QUEUE])
    return state, {row["movement"]: row for row in rows.to_pylist()}


def read(step: Step, rows: Sequence[dict[str, object]], second: int = 1) -> Rows:
    return run(step, step.start(), second, batch(READING, rows, second))[1]


def test_a_network_without_junctions() -> None:
    for step in steps(city()):
        assert step.run(step.start(), tick(1), [])[1] is None


def test_queue_and_approaching_are_the_vehicles_in_the_zone(estimate: Step) -> None:
    row = read(estimate, [reading("a/n_0", 1, count=7, halted=3)])["a:n"]
    assert (row["queue_veh"], row["approaching_veh"], row["junction"], row["age_s"]) == (3.0, 4.0, "a", 0.0)


def test_a_shared_lane_is_split_between_those_that_wait(estimate: Step) -> None:
    found = read(estimate, [reading("a/e_0", 1, count=6, halted=4), reading("a/free_0", 1, count=2)])
    split = [found[m]["queue_veh"] for m in ("a:e", "a:left")]
    assert split == pytest.approx([8 / 3, 4 / 3]), "more go straight on"
    assert found["a:free"]["approaching_veh"] == 2.0


def test_a_free_right_turn_takes_nothing_of_a_lane_where_others_wait() -> None:
    junction = crossing("a")
    *waiting, free = junction.movements
    mixed = type(junction)(
        **{f: getattr(junction, f) for f in junction.__struct_fields__}
        | {"movements": (*waiting, type(free)(**_fields(free) | {"zones": ("a/n_0",)}))}
    )
    found = read(steps(city(mixed))[1], [reading("a/n_0", 1, count=4, halted=4)])
    assert (found["a:n"]["queue_veh"], found["a:free"]["queue_veh"]) == (4.0, 0.0)


def _fields(struct: object) -> dict[str, object]:
    return {f: getattr(struct, f) for f in struct.__struct_fields__}


def test_who_has_stood_stays_in_the_queue_until_passing(estimate: Step) -> None:
    state = estimate.start()
    for second, halted, passed, queue in ((1, 5, 0, 5.0), (2, 0, 1, 4.0), (3, 0, 1, 3.0), (4, 0, 0, 3.0)):
        row = reading("a/n_0", second, count=6, halted=halted, passed=passed)
        state, found = run(estimate, state, second, batch(READING, [row], second))
        assert found["a:n"]["queue_veh"] == queue


def test_only_junctions_with_news_are_written_and_all_at_times(estimate: Step) -> None:
    state, first = run(estimate, estimate.start(), 1)
    assert {m[0] for m in first} == {"a", "b", "c"}
    written = []
    for second in range(2, 9):
        state, found = run(estimate, state, second, batch(READING, [reading("b/n_0", second)], second))
        written.append("".join(sorted({m[0] for m in found})))
    assert written == ["b", "b", "b", "b", "abc", "b", "b"]


def test_silent_detectors_let_queue_and_doubt_grow_in_red_and_shrink_in_green(estimate: Step) -> None:
    row = reading("a/n_0", 1, count=4, halted=4, entered=1)
    red = batch(STATE, [lamp("a", 1, 1)], 1)
    state, before = run(estimate, estimate.start(), 1, red, batch(READING, [row], 1))
    state, later = run(estimate, state, 41)
    assert later["a:n"]["queue_veh"] > before["a:n"]["queue_veh"] + 1.0
    assert later["a:n"]["queue_sd_veh"] > before["a:n"]["queue_sd_veh"]
    assert (later["a:n"]["age_s"], later["a:n"]["waited_s"]) == (40.0, 40.0)
    state, green = run(estimate, state, 46, batch(STATE, [lamp("a", 46, 0, since=46)], 46))
    assert green["a:n"]["queue_veh"] < later["a:n"]["queue_veh"]


def test_a_detector_that_says_it_fails_is_not_believed(estimate: Step) -> None:
    state, _ = run(estimate, estimate.start(), 1, batch(READING, [reading("a/n_0", 1, count=4, halted=4)], 1))
    broken = reading("a/n_0", 2, count=99, halted=99, healthy=False)
    _, found = run(estimate, state, 2, batch(READING, [broken], 2))
    assert 4.0 < found["a:n"]["queue_veh"] + found["a:n"]["approaching_veh"] < 5.0
    assert found["a:n"]["age_s"] == 1.0


def partly(zone: str, second: int, **more: object) -> dict[str, object]:
    """A reading of a lane whose camera is out, and one of its loops."""
    return reading(zone, second, healthy=False, upstream_works=False, stop_works=False) | more


def test_whom_the_loop_at_the_begin_of_a_blind_lane_counts_is_all_that_comes(estimate: Step) -> None:
    state, came = estimate.start(), 0
    state, _ = run(estimate, state, 1, batch(STATE, [lamp("a", 1, 1)], 1))
    for second in range(2, 62):
        came += second % 10 == 0
        row = partly("a/n_0", second, upstream_works=True, entered=int(second % 10 == 0))
        state, found = run(estimate, state, second, batch(READING, [row], second))
        assert found["a:n"]["queue_veh"] + found["a:n"]["approaching_veh"] == pytest.approx(came)
    assert 5.0 < found["a:n"]["queue_veh"] < 6.0, "who came a second ago is on his way"
    state, _ = run(estimate, state, 62, batch(STATE, [lamp("a", 62, 0, since=62)], 62))
    for second in range(63, 90):
        row = partly("a/n_0", second, upstream_works=True)
        state, found = run(estimate, state, second, batch(READING, [row], second))
    assert found["a:n"]["queue_veh"] + found["a:n"]["approaching_veh"] == pytest.approx(0.0, abs=0.01)


def test_the_loop_at_the_stop_line_of_a_blind_lane_says_whether_somebody_is_there(estimate: Step) -> None:
    def told(second: int, state: State, **more: object) -> tuple[State, dict[str, object]]:
        row = partly("a/n_0", second, stop_works=True, **more)
        state, found = run(estimate, state, second, batch(READING, [row], second))
        return state, found["a:n"]

    state, _ = run(estimate, estimate.start(), 1, batch(STATE, [lamp("a", 1, 1)], 1))
    for second in range(2, 12):
        state, row = told(second, state)
    assert row["queue_veh"] + row["approaching_veh"] < 0.1 and row["waited_s"] == 0.0
    for second in range(12, 22):
        state, row = told(second, state, stop_occupied=True)
        assert row["queue_veh"] >= 1.0
    assert row["waited_s"] > 0.0
    state, _ = run(estimate, state, 22, batch(STATE, [lamp("a", 22, 0, since=22)], 22))
    state, row = told(23, state, passed=1)
    assert 1.0 <= row["queue_veh"] < 2.0, "one has gone over the line, and another may follow"
    for second in range(24, 27):
        state, row = told(second, state)
    assert row["queue_veh"] + row["approaching_veh"] < 0.1


def test_while_a_queue_goes_over_the_stop_line_of_a_blind_lane_somebody_follows(estimate: Step) -> None:
    """Between two vehicles the loop is free. Only when it stays so was the last one the last."""
    state = estimate.start()
    state, _ = run(estimate, state, 1, batch(STATE, [lamp("a", 1, 0)], 1))
    queues = []
    for second in range(2, 20):
        goes = second % 2 == 0 and second <= 12
        row = partly("a/n_0", second, stop_works=True, stop_occupied=goes, passed=int(goes))
        state, found = run(estimate, state, second, batch(READING, [row], second))
        queues.append(found["a:n"]["queue_veh"])
    assert min(queues[:11]) >= 1.0 and queues[-1] < 0.5


def test_a_blind_lane_has_what_its_own_loop_counts_and_not_its_share_of_before(estimate: Step) -> None:
    """A platoon of six goes over the stop line each minute: by the end of a red so many are there."""
    state = estimate.start()
    for second in range(1, 1200):
        red = second % 60 < 40
        goes = not red and second % 60 < 52 and second % 2 == 0
        row = partly("a/n_0", second, stop_works=True, stop_occupied=red and second % 60 > 5, passed=int(goes))
        lamps = batch(STATE, [lamp("a", second, int(red), since=second - second % 60)], second)
        state, found = run(estimate, state, second, lamps, batch(READING, [row], second))
        if second % 60 == 39:
            there = found["a:n"]["queue_veh"] + found["a:n"]["approaching_veh"]
    assert 3.0 < there < 7.0


def test_no_more_come_into_a_blind_lane_than_it_holds(estimate: Step) -> None:
    """Half of them leave it sideways, which no loop sees."""
    state = estimate.start()
    for second in range(1, 200):
        row = partly("a/n_0", second, upstream_works=True, stop_works=True, stop_occupied=True, entered=second % 2)
        state, found = run(estimate, state, second, batch(READING, [row], second))
    assert found["a:n"]["queue_veh"] + found["a:n"]["approaching_veh"] <= 75.0 / 7.5 + 1.0


def test_how_long_the_stop_line_has_been_free_counts_from_when_the_lane_went_blind(estimate: Step) -> None:
    state, _ = run(estimate, estimate.start(), 1, batch(STATE, [lamp("a", 1, 1)], 1))
    for second in range(2, 12):
        row = partly("a/n_0", second, stop_works=True)
        state, _ = run(estimate, state, second, batch(READING, [row], second))
    state, _ = run(estimate, state, 12, batch(READING, [reading("a/n_0", 12, count=4, halted=4)], 12))
    told = []
    for second in range(13, 17):
        row = partly("a/n_0", second, stop_works=True)
        state, found = run(estimate, state, second, batch(READING, [row], second))
        told.append(found["a:n"]["queue_veh"] > 1.0)
    assert told == [True, True, False, False]


@pytest.mark.parametrize("wrong", [{"count": -3}, {"halted": -1}, {"passed": -1}, {"period_s": float("nan")}])
def test_readings_that_cannot_be_are_not_believed(estimate: Step, wrong: dict[str, object]) -> None:
    found = read(estimate, [reading("a/n_0", 1, count=5, halted=5) | wrong])
    assert found["a:n"]["age_s"] is None
    assert found["a:n"]["queue_veh"] >= 0.0


def test_unknown_zones_junctions_and_lamp_strings_are_passed_over(estimate: Step) -> None:
    rows = batch(READING, [reading("z/n_0", 1, count=5), reading("b/s_0", 1, count=2)], 1)
    short = lamp("a", 1, 0) | {"lamps": "G"}
    _, found = run(estimate, estimate.start(), 1, rows, batch(STATE, [lamp("z", 1, 0), short], 1))
    assert found["b:s"]["approaching_veh"] == 2.0


def test_waiting_begins_with_red_and_ends_with_green(estimate: Step) -> None:
    state = estimate.start()
    waited = []
    for second in range(1, 9):
        stage = 0 if second in (1, 2, 7) else 1
        inputs = (
            batch(STATE, [lamp("a", second, stage)], second),
            batch(READING, [reading("a/n_0", second, count=1)], second),
        )
        state, found = run(estimate, state, second, *inputs)
        waited.append(found["a:n"]["waited_s"])
    assert waited == [0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 0.0, 0.0]


def test_one_missed_vehicle_ends_no_wait_but_an_empty_lane_does(estimate: Step) -> None:
    state = estimate.start()
    waited = []
    for second, count in enumerate((1, 1, 0, 1, 0, 0, 0, 0, 1), start=1):
        inputs = (
            batch(STATE, [lamp("a", second, 1)], second),
            batch(READING, [reading("a/n_0", second, count=count)], second),
        )
        state, found = run(estimate, state, second, *inputs)
        waited.append(found["a:n"]["waited_s"])
    assert waited == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 0.0, 0.0]


def test_an_exit_is_as_full_as_the_detectors_of_the_next_junction_say(estimate: Step) -> None:
    found = read(estimate, [reading("b/n_0", 1, count=9), reading("a/n_0", 1)])
    assert found["a:n"]["exit_occupied"] == pytest.approx(0.9)
    assert found["b:n"]["exit_occupied"] is None


def test_readings_every_few_seconds_are_not_blindness(estimate: Step) -> None:
    state = estimate.start()
    for second in range(1, 20):
        rows = [reading("a/n_0", second, count=3, halted=3, period_s=4.0)]
        inputs = (batch(READING, rows, second),) if second % 4 == 1 else ()
        state, _ = run(estimate, state, second, batch(STATE, [lamp("a", second, 1)], second), *inputs)
    assert state["queue"][0] == 3.0


def test_several_batches_of_one_tick_count_in_order(estimate: Step) -> None:
    late = [batch(READING, [reading("a/n_0", s, count=s, halted=s)], s) for s in (1, 2, 3)]
    _, found = run(estimate, estimate.start(), 3, *late)
    assert found["a:n"]["queue_veh"] == 3.0


def test_time_that_goes_back_starts_anew(estimate: Step) -> None:
    full = batch(READING, [reading("a/n_0", 100, count=9, halted=9)], 100)
    state, _ = run(estimate, estimate.start(), 100, full)
    back, _ = run(estimate, state, 50)
    fresh, _ = run(estimate, estimate.start(), 50)
    assert dump_state(back) == dump_state(fresh)


def test_run_changes_none_of_its_arguments(estimate: Step) -> None:
    state, _ = run(estimate, estimate.start(), 1, batch(READING, [reading("a/n_0", 1, count=4, halted=2)], 1))
    for values in state.values():
        values.flags.writeable = False
    later, _ = run(estimate, state, 30, batch(STATE, [lamp("a", 30, 0)], 30))
    assert later["time_ms"][0] == T0 + 30_000
    assert np.array_equal(load_state(dump_state(state))["queue"], state["queue"])

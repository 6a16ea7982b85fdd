"""From queues to stages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from brain_street import (
    QUEUE,
    READING,
    STATE,
    T0,
    batch,
    city,
    crossing,
    declared,
    lamp,
    reading,
    tick,
    two,
    with_further,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from citybrain.brain import steps
from citybrain.model import Batch, Priority, State, Step, Why, conform, dump_state, load_state

ORDER = "traffic.signal_order"
HEALTH = "traffic.detector_health"


@pytest.fixture
def decide() -> Step:
    return steps(two())[-1]


def queue(movement: str, vehicles: float = 0.0, near: float = 0.0, second: int = 1, **more: object) -> dict:
    row: dict[str, object] = {"movement": movement, "junction": movement[0], "time": T0 + second * 1000}
    row |= {"queue_veh": vehicles, "queue_sd_veh": 0.1, "arrival_vph": 0.0, "waited_s": 0.0, "age_s": 0.0}
    return row | {"approaching_veh": near, "exit_occupied": None} | more


def run(step: Step, state: State, second: int, *inputs: Batch) -> tuple[State, dict[str, dict[str, object]]]:
    state, rows = step.run(state, tick(second), inputs)
    assert rows is not None
    rows = conform(rows, declared()[ORDER])
    return state, {row["junction"]: row for row in rows.to_pylist()}


def order(step: Step, queues: Sequence[dict], signal: dict, second: int) -> dict[str, object]:
    """The order to junction a on that sight."""
    return run(step, step.start(), second, batch(QUEUE, queues, second), batch(STATE, [signal], second))[1]["a"]


def test_every_junction_that_may_be_controlled_gets_an_order_each_tick(decide: Step) -> None:
    state = decide.start()
    for second in range(1, 5):
        state, found = run(decide, state, second)
        assert set(found) == {"a", "b"}


def test_minimum_green_is_held(decide: Step) -> None:
    queues = [queue("a:w", 9.0)]
    for shown, stage, why in ((4, 0, "hold_min_green"), (5, 1, "only_demand")):
        found = order(decide, queues, lamp("a", 10, 0, since=10 - shown), 10)
        assert (found["stage"], found["why"]) == (stage, why)


def test_a_change_under_way_is_finished(decide: Step) -> None:
    found = order(decide, [queue("a:n", 9.0)], lamp("a", 30, -1, since=28, to=1), 30)
    assert (found["stage"], found["why"]) == (1, "hold_changing")


def test_a_stage_that_was_not_asked_for_is_the_guards(decide: Step) -> None:
    """The guard serves a maximum red: the brain says so, and of whom, until it is shown. One that it asked for a
    moment ago, before it saw the lamps, is its own."""
    state, said = decide.start(), []
    for second in range(1, 30):
        asks_other = 20 <= second < 23
        queues = [queue("a:n", 0.0 if asks_other else 9.0, second=second)]
        queues.append(queue("a:w", 9.0 if asks_other else 0.0, second=second))
        stage, to = (
            (0, 0) if second < 10 or 16 <= second < 24 else (-1, 1) if second < 14 or second >= 24 else (1, 1)
        )
        if 14 <= second < 16:
            stage, to = 1, 1
        rows = [lamp("a", second, stage, since=second - 8, to=to)]
        state, found = run(decide, state, second, batch(QUEUE, queues, second), batch(STATE, rows, second))
        said.append((found["a"]["stage"], found["a"]["why"], found["a"]["serves"]))
    assert {why for _, why, _ in said[2:9]} == {"hold_serving"}
    assert set(said[9:13]) == {(1, "guard", "a:w")}
    assert said[20][:2] == (1, "only_demand") and {w for _, w, _ in said[23:]} == {"hold_changing"}


def test_nobody_there_holds(decide: Step) -> None:
    found = order(decide, [queue("a:n"), queue("a:w")], lamp("a", 10, 0), 10)
    assert (found["stage"], found["why"], found["serves"], found["waits"]) == (0, "hold_empty", None, None)


def test_a_green_that_serves_is_kept_against_few(decide: Step) -> None:
    found = order(decide, [queue("a:n", 8.0), queue("a:w", 3.0, waited_s=9.0)], lamp("a", 20, 0), 20)
    assert (found["stage"], found["why"]) == (0, "hold_serving")
    assert (found["serves"], found["serves_veh"]) == ("a:n", 8.0)
    assert (found["waits"], found["waits_s"]) == ("a:w", 9.0)


def test_who_promises_more_gets_green(decide: Step) -> None:
    queues = [queue("a:n", 1.0), queue("a:w", 9.0), queue("a:e", 9.0)]
    found = order(decide, queues, lamp("a", 20, 0), 20)
    assert (found["stage"], found["why"], found["serves"]) == (1, "longest_queue", "a:w")


def test_a_queue_whose_head_is_held_up_counts_more(decide: Step) -> None:
    """A flow keeps its green against a queue until that has been there for long; that the queue had a green in
    between, too short for it, ends no wait."""
    state, wanted = decide.start(), {}
    for second in range(1, 111):
        stage, since = (1, 40) if 40 <= second < 46 else (0, 0 if second < 40 else 46)
        stands = 9 if second < 40 else 7
        passes = int(stage == 1 and second in (42, 44))
        rows = [
            reading("a/n_0", second, 3, 0, passed=second % 2 if stage == 0 else 0),
            reading("a/w_0", second, stands, stands, passed=passes),
        ]
        queues = [queue("a:n", 3.0, second=second), queue("a:w", stands, second=second)]
        inputs = batch(READING, rows, second), batch(QUEUE, queues, second)
        state, found = run(decide, state, second, batch(STATE, [lamp("a", second, stage, since)], second), *inputs)
        wanted[second] = found["a"]["stage"], found["a"]["why"]
    assert wanted[15] == (0, "hold_serving")
    assert wanted[110] == (1, "longest_queue")


@pytest.mark.parametrize(("least", "stage"), [(3, 1), (0, 0)])
def test_a_queue_that_is_never_gone_counts_more(decide: Step, least: int, stage: int) -> None:
    """Six come in each red and six go in each green, so nobody is there for long; but with three left over each
    time the queue has lasted for ten minutes, and a flow no longer keeps its green against it."""
    state, found = decide.start(), {}
    for second in range(1, 611):
        into = (second - 1) % 60
        green = into >= 48
        shown, since = (1, second - into + 48) if green else (0, second - into)
        stands = least + (min(6, into // 6) if not green else max(0, 6 - (into - 48) // 2))
        rows = [
            reading("a/n_0", second, 5, 0, passed=0 if green else second % 2),
            reading("a/w_0", second, stands, stands, passed=int(green and into % 2 == 0)),
        ]
        queues = [queue("a:n", 5.0, second=second), queue("a:w", stands, second=second)]
        inputs = batch(READING, rows, second), batch(QUEUE, queues, second)
        state, found = run(decide, state, second, batch(STATE, [lamp("a", second, shown, since)], second), *inputs)
    rows = [reading("a/n_0", 611, 5, 0, passed=1), reading("a/w_0", 611, 5, 5)]
    queues = [queue("a:n", 5.0, second=611), queue("a:w", 5.0, second=611)]
    inputs = batch(STATE, [lamp("a", 611, 0, 600)], 611), batch(READING, rows, 611), batch(QUEUE, queues, 611)
    _, found = run(decide, state, 611, *inputs)
    assert found["a"]["stage"] == stage


def test_the_last_reading_counts_and_the_estimate_where_there_is_none(decide: Step) -> None:
    """The estimate sees nobody, the detector nine: it is right, unless it is out or disbelieved."""
    for healthy, state_of, stage in ((True, "works", 1), (False, "works", 0), (True, "disbelieved", 0)):
        judged = {"zone": "a/w_0", "junction": "a", "time": T0, "since": T0, "state": state_of, "reason": None}
        inputs = (
            batch(STATE, [lamp("a", 20, 0)], 20),
            batch(HEALTH, [judged], 20),
            batch(READING, [reading("a/w_0", 20, 9, 9, healthy=healthy), reading("a/n_0", 20, 1, 1)], 20),
            batch(QUEUE, [queue("a:n", 1.0, second=20), queue("a:w", 1.0, second=20)], 20),
        )
        assert run(decide, decide.start(), 20, *inputs)[1]["a"]["stage"] == stage


def test_a_stage_that_lets_few_out_promises_less(decide: Step) -> None:
    """Both sides have nine; who has green lets nobody out for ten seconds: the other side goes first."""
    for passed, stage in ((1, 0), (0, 1)):
        state = decide.start()
        for second in range(1, 40):
            rows = [
                reading("a/n_0", second, 9, 9, passed=passed * (second % 2)),
                reading("a/w_0", second, 7, 7),
            ]
            queues = [queue("a:n", 9.0, second=second), queue("a:w", 7.0, second=second)]
            lamps = batch(STATE, [lamp("a", second, 0)], second)
            inputs = lamps, batch(READING, rows, second), batch(QUEUE, queues, second)
            state, found = run(decide, state, second, *inputs)
            if found["a"]["stage"] != 0:
                break
        assert found["a"]["stage"] == stage


def test_the_maximum_green_ends_a_stage_when_somebody_waits() -> None:
    net = two()
    short = structs.replace(net.junctions[0], max_green_s=30.0)
    decide = steps(structs.replace(net, junctions=(short, *net.junctions[1:])))[-1]
    for shown, stage, why in ((29, 0, "hold_serving"), (30, 1, "max_green")):
        found = order(decide, [queue("a:n", 9.0), queue("a:w", 1.0)], lamp("a", 40, 0, since=40 - shown), 40)
        assert (found["stage"], found["why"]) == (stage, why)


def test_a_priority_makes_vehicles_count_more() -> None:
    net = two()
    every_day = tuple(range(7))
    for weight, stage in ((1.0, 0), (4.0, 1)):
        first = structs.replace(net.junctions[0], priorities=(Priority((2,), weight, 0, 86_400, every_day),))
        decide = steps(structs.replace(net, junctions=(first, *net.junctions[1:])))[-1]
        found = order(decide, [queue("a:n", 4.0), queue("a:w", 4.0)], lamp("a", 20, 0), 20)
        assert found["stage"] == stage


def test_approaching_vehicles_hold_the_green(decide: Step) -> None:
    found = order(decide, [queue("a:n", near=3.0), queue("a:w", 2.0)], lamp("a", 20, 0), 20)
    assert (found["stage"], found["why"]) == (0, "hold_serving")


@pytest.mark.parametrize(("speed_mps", "stage"), [(13.9, 0), (5.0, 1)])
def test_who_comes_near_holds_a_green_only_as_far_as_he_can_use_it(speed_mps: float, stage: int) -> None:
    junction = crossing("a")
    zones = tuple(structs.replace(z, speed_mps=speed_mps) for z in junction.zones)
    decide = steps(city(structs.replace(junction, zones=zones)))[-1]
    just_come = reading("a/n_0", 20, count=1, entered=1, mean_speed_mps=speed_mps)
    readings = [just_come, reading("a/w_0", 20, count=2, halted=2)]
    queues = [queue("a:n", near=1.0, second=20), queue("a:w", 2.0, second=20)]
    inputs = (batch(READING, readings, 20), batch(QUEUE, queues, 20), batch(STATE, [lamp("a", 20, 0)], 20))
    _, found = run(decide, decide.start(), 20, *inputs)
    assert found["a"]["stage"] == stage


def test_a_wait_that_nears_the_maximum_red_changes_nothing_for_the_guard_keeps_that(decide: Step) -> None:
    busy = [queue("a:n", 13.0), queue("a:s", 13.0)]
    for waited in (50.0, 75.0, 90.0):
        found = order(decide, [*busy, queue("a:w", 1.0, waited_s=waited)], lamp("a", 80, 0), 80)
        assert (found["stage"], found["why"], found["waits_s"]) == (0, "hold_serving", waited)


def test_a_further_stage_is_chosen_like_any_other() -> None:
    (*_, decide) = steps(city(with_further()))
    queues = [queue("a:n", 6.0), queue("a:s", 6.0), queue("a:w", 1.0)]
    shown = lamp("a", 20, 1) | {"stage": 2, "next_stage": 2}
    found = order(decide, queues, shown, 20)
    assert (found["stage"], found["why"]) == (3, "longest_queue")


def test_an_idle_green_goes_to_who_has_had_red_long_seen_or_not(decide: Step) -> None:
    state = decide.start()
    given_at = None
    for second in range(1, 91):
        inputs = (batch(STATE, [lamp("a", second, 0)], second), batch(QUEUE, [queue("a:n")], second))
        state, found = run(decide, state, second, *inputs)
        if found["a"]["stage"] == 1:
            given_at = second
            break
    assert given_at is not None and 45 < given_at < 80
    assert (found["a"]["why"], found["a"]["serves"], found["a"]["serves_veh"]) == ("max_red", "a:w", 0.0)


def test_a_blocked_exit_gives_the_green_away_and_is_tried_again(decide: Step) -> None:
    state, wanted = decide.start(), []
    for second in range(1, 71):
        queues = [queue("a:n", 9.0, exit_occupied=0.95), queue("a:w", 3.0, exit_occupied=0.1)]
        inputs = (batch(STATE, [lamp("a", second, 0)], second), batch(QUEUE, queues, second))
        state, found = run(decide, state, second, *inputs)
        wanted.append((found["a"]["stage"], found["a"]["why"]))
    assert wanted[4] == (0, "hold_serving")
    assert set(wanted[5:35]) == {(1, "exit_blocked")}
    assert wanted[35] == (0, "hold_serving")
    assert wanted[-1] == (1, "exit_blocked")


def test_an_exit_counts_as_free_again_below_the_lower_bound_only(decide: Step) -> None:
    state, wanted = decide.start(), []
    for second, taken in enumerate([0.95] * 6 + [0.8] * 3 + [0.6] * 2, start=1):
        queues = [queue("a:n", 9.0, exit_occupied=taken), queue("a:w", 3.0)]
        inputs = (batch(STATE, [lamp("a", second, 0)], second), batch(QUEUE, queues, second))
        state, found = run(decide, state, second, *inputs)
        wanted.append(found["a"]["stage"])
    assert wanted[5:] == [1, 1, 1, 1, 0, 0]


def test_old_readings_are_named_no_data(decide: Step) -> None:
    stale = [queue(f"a:{m}", 5.0, age_s=60.0) for m in ("n", "s", "w", "e", "left", "free")]
    assert order(decide, stale, lamp("a", 20, 0), 20)["why"] == "no_data"
    assert order(decide, [], lamp("a", 20, 0), 20)["why"] == "no_data"


def test_every_reason_has_its_line_in_both_languages() -> None:
    page = (Path(__file__).parents[2] / "docs" / "decisions.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| `(\w+)` \| [^|]+\. \| [^|]+。 \|$", page, re.M)
    assert sorted(lines) == sorted(Why) == sorted(declared()[ORDER].field("why").values or ())


MOVEMENTS = [f"{j}:{m}" for j in "abc" for m in ("n", "s", "w", "e", "left", "free")]
SIGHTS = st.lists(
    st.tuples(
        st.dictionaries(
            st.sampled_from(MOVEMENTS),
            st.tuples(st.floats(0, 60), st.floats(0, 20), st.floats(0, 300), st.floats(0, 1.2)),
        ),
        st.integers(-1, 1),
        st.integers(0, 1),
        st.integers(1, 20),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=30)
@given(SIGHTS)
def test_any_sight_gives_orders_in_range_and_replays_bit_for_bit(sights: list) -> None:
    first, second_try = steps(two())[-1], steps(two())[-1]
    state, again = first.start(), second_try.start()
    now = 0
    for queues, stage, to, ahead in sights:
        now += ahead
        rows = [queue(m, *v[:2], now, waited_s=v[2], exit_occupied=v[3]) for m, v in queues.items()]
        inputs = (batch(STATE, [lamp("a", now, stage, to=to)], now), batch(QUEUE, rows, now))
        again = load_state(dump_state(again))
        state, orders = first.run(state, tick(now), inputs)
        again, replayed = second_try.run(again, tick(now), inputs)
        assert orders == replayed
        assert orders is not None and set(orders.column("stage").to_pylist()) <= {0, 1}
        assert orders.column("junction").to_pylist() == ["a", "b"]
        assert dump_state(state) == dump_state(again)


def test_time_that_goes_back_starts_anew(decide: Step) -> None:
    rows = [queue("a:n", 9.0, second=100), queue("a:w", 4.0, waited_s=80.0, second=100)]
    state, _ = run(decide, decide.start(), 100, batch(QUEUE, rows, 100), batch(STATE, [lamp("a", 100, 1)], 100))
    back, orders = run(decide, state, 50)
    fresh, new_orders = run(decide, decide.start(), 50)
    assert orders == new_orders
    assert dump_state(back) == dump_state(fresh)


def test_run_changes_none_of_its_arguments(decide: Step) -> None:
    state = decide.start()
    for values in state.values():
        values.flags.writeable = False
    inputs = (batch(QUEUE, [queue("a:n", 9.0)], 1), batch(STATE, [lamp("a", 1, 0)], 1))
    later, _ = run(decide, state, 1, *inputs)
    assert later["vehicles"][0] == 9.0
    assert state["vehicles"][0] == 0.0

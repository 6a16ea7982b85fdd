"""Detectors that say they work and do not are found out; honest ones are believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from brain_street import LAMPS, READING, STATE, batch, city, crossing, declared, lamp, reading, tick, two

from citybrain.brain import WatchDetectors, steps
from citybrain.model import Batch, RoadNet, State, Step, conform, dump_state, load_state

HEALTH = "traffic.detector_health"
Row = dict[str, object]


@pytest.fixture
def watch() -> Step:
    step = steps(two())[0]
    assert isinstance(step, WatchDetectors)
    return step


def run(step: Step, state: State, second: int, *inputs: Batch) -> tuple[State, dict[str, tuple[str, str | None]]]:
    """The new state, and what was written: zone → (state, reason)."""
    state, rows = step.run(state, tick(second), inputs)
    if rows is None:
        return state, {}
    return state, {r["zone"]: (r["state"], r["reason"]) for r in conform(rows, declared()[HEALTH]).to_pylist()}


def follow(
    step: Step,
    seconds: int,
    say: Callable[[int], Sequence[Row]],
    stage: Callable[[int], int] = lambda t: (t // 30) % 2,
) -> dict[str, list[tuple[int, str, str | None]]]:
    """What is written of each zone, second by second; each tick `say` gives the readings."""
    state = step.start()
    told: dict[str, list[tuple[int, str, str | None]]] = {}
    for t in range(1, seconds):
        inputs = (batch(STATE, [lamp("a", t, stage(t))], t), batch(READING, say(t), t))
        state, found = run(step, state, t, *inputs)
        for zone, (is_, why) in found.items():
            if not told.get(zone) or told[zone][-1][1:] != (is_, why):
                told.setdefault(zone, []).append((t, is_, why))
    return told


def passing(zone: str, t: int, every: int = 5) -> Row:
    """A lane through which somebody goes every few seconds."""
    here = t % every
    return reading(
        zone, t, count=int(here < 3), entered=int(here == 0), passed=int(here == 3), mean_speed_mps=9.0 + here
    )


def test_all_are_told_at_first_and_every_ten_minutes_and_changes_at_once(watch: Step) -> None:
    state, first = run(watch, watch.start(), 1)
    assert set(first.values()) == {("works", None)} and len(first) == 15
    state, none = run(watch, state, 2, batch(READING, [reading("a/n_0", 2)], 2))
    assert none == {}
    state, out = run(watch, state, 3, batch(READING, [reading("a/n_0", 3, healthy=False)], 3))
    assert out == {"a/n_0": ("out", "says_so")}
    state, back = run(watch, state, 4, batch(READING, [reading("a/n_0", 4)], 4))
    assert back == {"a/n_0": ("works", None)}
    _, again = run(watch, state, 601)
    assert len(again) == 15


def test_a_detector_that_falls_silent_is_told(watch: Step) -> None:
    state, _ = run(watch, watch.start(), 1)
    for t in range(2, 40):
        state, found = run(watch, state, t, batch(READING, [reading("a/n_0", t)], t))
        if found:
            break
    assert t == 17 and "a/n_0" not in found and set(found.values()) == {("silent", "no_readings")}


def test_a_queue_that_does_not_stir_in_green_is_not_believed_until_it_moves(watch: Step) -> None:
    def say(t: int) -> list[Row]:
        full = reading("a/n_0", t, count=12, halted=12, mean_speed_mps=0.0)
        return [full if t < 90 else reading("a/n_0", t, count=11, passed=t % 2, mean_speed_mps=t / 100)]

    told = follow(watch, 120, say, stage=lambda t: int(t < 40))["a/n_0"]
    assert [row[1:] for row in told] == [("works", None), ("disbelieved", "stands_in_green"), ("works", None)]
    assert 50 < told[1][0] < 60 and told[2][0] == 90


def test_a_queue_that_the_loop_at_the_stop_line_bears_out_may_stand_in_green(watch: Step) -> None:
    """Its exit is full. (What the loop itself says is weighed against the others of its lane before.)"""

    def say(t: int) -> list[Row]:
        return [reading("a/n_0", t, count=12, halted=12, mean_speed_mps=0.0, stop_works=True)]

    assert [row[1] for row in follow(watch, 120, say, stage=lambda t: 0)["a/n_0"]] == ["works"]


def test_a_lane_that_gives_way_may_stand_longer(watch: Step) -> None:
    def say(t: int) -> list[Row]:
        return [reading("a/e_0", t, count=3, halted=3, mean_speed_mps=0.0)]

    assert "g" in LAMPS[1]
    told = follow(watch, 60, say, stage=lambda t: 1)["a/e_0"]
    assert [row[1] for row in told] == ["works"]


def test_a_queue_may_stand_in_red_for_long(watch: Step) -> None:
    def say(t: int) -> list[Row]:
        return [reading("a/n_0", t, count=12, halted=12, mean_speed_mps=0.0)]

    told = follow(watch, 400, say, stage=lambda t: 1)["a/n_0"]
    assert [row[1] for row in told] == ["works"]


def test_who_drives_on_and_on_within_the_zone_is_a_frozen_picture(watch: Step) -> None:
    def say(t: int) -> list[Row]:
        return [reading("a/n_0", t, count=2, halted=1, mean_speed_mps=3.7)]

    told = follow(watch, 60, say, stage=lambda t: 1)["a/n_0"]
    assert told[1][1:] == ("disbelieved", "repeats")
    assert told[1][0] * 3.7 > 90.0


def test_the_same_vehicle_passing_again_and_again_is_a_frozen_picture(watch: Step) -> None:
    def say(t: int) -> list[Row]:
        return [reading("a/n_0", t, count=4, halted=2, entered=1, passed=1, mean_speed_mps=3.25, period_s=4.0)]

    told = follow(watch, 40, say)["a/n_0"]
    assert told[1][1:] == ("disbelieved", "repeats")


def test_more_than_a_lane_can_carry_is_not_believed_until_it_is_calm(watch: Step) -> None:
    def say(t: int) -> list[Row]:
        return [reading("a/n_0", t, count=t % 5, passed=2 if t < 60 else t % 2, mean_speed_mps=5.0 + t % 3)]

    told = follow(watch, 120, say)["a/n_0"]
    assert [row[1:] for row in told] == [("works", None), ("disbelieved", "too_many"), ("works", None)]
    assert told[2][0] > 60


def test_nobody_for_long_beside_busy_lanes_is_not_believed_until_somebody_comes(watch: Step) -> None:
    def say(t: int) -> list[Row]:
        lanes = [passing(f"a/{side}_0", t) for side in ("s", "w", "e")]
        return [*lanes, passing("a/n_0", t) if t < 200 or t > 400 else reading("a/n_0", t)]

    told = follow(watch, 450, say)["a/n_0"]
    assert [row[1:] for row in told] == [("works", None), ("disbelieved", "sees_nobody"), ("works", None)]
    assert 200 < told[1][0] < 260 and told[2][0] <= 405


def test_nobody_at_night_is_believed(watch: Step) -> None:
    """When nobody comes anywhere, a lane without anybody is no wonder."""

    def say(t: int) -> list[Row]:
        return [passing(f"a/{s}_0", t) if t < 200 else reading(f"a/{s}_0", t) for s in ("n", "s", "w", "e")]

    told = follow(watch, 900, say)
    assert all([row[1] for row in told[f"a/{s}_0"]] == ["works"] for s in ("n", "s", "w", "e"))


def test_a_false_alarm_teaches_patience(watch: Step) -> None:
    """Traffic that comes in bursts: five vehicles at once, then nobody for long."""

    def bursts(t: int) -> Row:
        return passing("a/n_0", t) if t % 200 < 80 else reading("a/n_0", t)

    def say(t: int) -> list[Row]:
        return [*(passing(f"a/{s}_0", t) for s in ("s", "w", "e")), bursts(t)]

    alarms = [t for t, state, _ in follow(watch, 2000, say)["a/n_0"] if state == "disbelieved"]
    assert 1 <= len(alarms) < 5 and max(alarms) < 1200


def test_a_network_without_junctions_has_no_detectors() -> None:
    step = steps(city())[0]
    assert step.run(step.start(), tick(1), [])[1] is None


def test_state_goes_on_from_bytes_and_back_in_time_begins_anew(watch: Step) -> None:
    state, _ = run(watch, watch.start(), 100, batch(READING, [reading("a/n_0", 100, count=3)], 100))
    for values in state.values():
        values.flags.writeable = False
    again, _ = run(watch, load_state(dump_state(state)), 101)
    there, _ = run(watch, state, 101)
    assert dump_state(again) == dump_state(there)
    back, _ = run(watch, state, 50)
    fresh, _ = run(watch, watch.start(), 50)
    assert dump_state(back) == dump_state(fresh)


def test_estimates_go_on_by_the_model_while_a_detector_is_not_believed() -> None:
    """The stuck detector claims a full lane; once found out, the queue is that of the model."""
    net: RoadNet = city(crossing("a"))
    watch, estimate = steps(net)[:2]
    states = [watch.start(), estimate.start()]
    queues = []
    for t in range(1, 200):
        inputs = [
            batch(STATE, [lamp("a", t, 0)], t),
            batch(READING, [reading("a/n_0", t, count=12, halted=12, mean_speed_mps=0.0)], t),
        ]
        for at, step in enumerate((watch, estimate)):
            seen = [b for b in inputs if b.dataset in step.reads]
            states[at], rows = step.run(states[at], tick(t), seen)
            if rows is not None:
                inputs.append(Batch(step.writes, "made", rows))
        found = {r["movement"]: r for r in inputs[-1].rows.to_pylist()}
        queues.append(found["a:n"]["queue_veh"] if "a:n" in found else queues[-1])
    assert max(queues[:10]) == 12.0
    assert queues[-1] < 1.0

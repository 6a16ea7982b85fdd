"""The baselines: what they count, when they decide, and that the order is renewed in between."""

from __future__ import annotations

from typing import Any

import pytest
from brain_street import READING, STATE, batch, city, crossing, declared, lamp, reading, tick, two, with_further

from citybrain.brain import baseline_steps
from citybrain.brain.baseline import Rule
from citybrain.cloud import Graph
from citybrain.model import State, Step

NORTH_SOUTH, WEST_EAST = 0, 1


class Signals:
    """A step in the hand of a test: lamps and counts in, orders out."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.state: State = step.start()

    def second(
        self, at: int, counts: dict[str, int], stages: dict[str, int] | None = None
    ) -> dict[str, dict[str, Any]]:
        """The orders by junction at second `at`, `counts` in the zones and `stages` shown."""
        inputs = [batch(READING, [reading(z, at, n) for z, n in counts.items()], at)]
        if stages:
            inputs.append(batch(STATE, [lamp(j, at, stage) for j, stage in stages.items()], at))
        self.state, rows = self.step.run(self.state, tick(at), inputs)
        assert rows is not None
        return {row["junction"]: row for row in rows.to_pylist()}


def wave(*, period_s: int = 10) -> Signals:
    (step,) = baseline_steps(city(crossing("a")), "wave", period_s)
    return Signals(step)


def test_wave_takes_the_stage_with_most_vehicles() -> None:
    order = wave().second(0, {"a/n_0": 3, "a/s_0": 2, "a/w_0": 4}, {"a": WEST_EAST})["a"]
    assert (order["stage"], order["why"]) == (NORTH_SOUTH, "longest_queue")
    assert (order["serves"], order["serves_veh"]) == ("a:n", 3.0)


def test_what_is_always_green_decides_nothing() -> None:
    assert wave().second(0, {"a/free_0": 50, "a/w_0": 1}, {"a": NORTH_SOUTH})["a"]["stage"] == WEST_EAST


@pytest.mark.parametrize("shown", [NORTH_SOUTH, WEST_EAST])
def test_the_running_stage_is_held_when_none_has_more(shown: int) -> None:
    order = wave().second(0, {"a/n_0": 2, "a/w_0": 2}, {"a": shown})["a"]
    assert (order["stage"], order["why"]) == (shown, "hold_serving")


def test_it_decides_each_ten_seconds_and_repeats_the_order_each_second() -> None:
    signals = wave()
    assert signals.second(0, {"a/n_0": 1}, {"a": WEST_EAST})["a"]["stage"] == NORTH_SOUTH
    for at in range(1, 10):
        assert signals.second(at, {"a/n_0": 0, "a/w_0": 9}, {"a": NORTH_SOUTH})["a"]["stage"] == NORTH_SOUTH
    assert signals.second(10, {}, {})["a"]["stage"] == WEST_EAST, "what was counted before the decision counts"


def test_wave_1s_decides_each_second() -> None:
    signals = wave(period_s=1)
    assert signals.second(0, {"a/n_0": 1}, {"a": WEST_EAST})["a"]["stage"] == NORTH_SOUTH
    assert signals.second(1, {"a/n_0": 0, "a/w_0": 9}, {"a": NORTH_SOUTH})["a"]["stage"] == WEST_EAST


def test_a_shared_lane_counts_half_for_each_of_its_movements() -> None:
    """East is shared by straight on and left, both in one stage: 4 vehicles in it weigh 4."""
    order = wave().second(0, {"a/e_0": 4, "a/n_0": 3}, {"a": NORTH_SOUTH})["a"]
    assert (order["stage"], order["serves_veh"]) == (WEST_EAST, 2.0)


def pressure() -> Signals:
    """All that leave a wait next for b from the north, from where one movement goes on."""
    (step,) = baseline_steps(two(), "max_pressure", 10)
    return Signals(step)


def test_pressure_takes_the_vehicles_ahead_off_and_never_falls_below_nothing() -> None:
    """Each movement of a has b's north lane ahead with 4. North-south has 5 and 0 (pressure 1 and 0), west-east 2,
    2 and 2 (pressure 0): with the sum below nothing, or without those ahead, it would be otherwise."""
    counts = {"a/n_0": 5, "a/w_0": 4, "a/e_0": 4, "b/n_0": 4}
    assert pressure().second(0, counts, {"a": WEST_EAST})["a"]["stage"] == NORTH_SOUTH
    assert wave_of_two().second(0, counts, {"a": WEST_EAST})["a"]["stage"] == WEST_EAST


def wave_of_two() -> Signals:
    (step,) = baseline_steps(two(), "wave", 10)
    return Signals(step)


@pytest.mark.parametrize("rule", ["wave", "max_pressure"])
def test_a_further_stage_is_never_ordered_and_not_held(rule: Rule) -> None:
    """North and south together have most, in the further stage 3."""
    (step,) = baseline_steps(city(with_further()), rule, 10)
    seen = batch(READING, [reading(f"a/{z}_0", 0, n) for z, n in (("n", 3), ("s", 3), ("w", 4))], 0)
    for shown, to in ((0, 0), (1, 1), (-1, 3)):
        _, rows = step.run(step.start(), tick(0), [seen, batch(STATE, [lamp("a", 0, shown, to=to)], 0)])
        assert rows is not None
        assert rows.column("stage").to_pylist() == [2]


def test_only_junctions_that_may_be_controlled_get_orders() -> None:
    assert set(pressure().second(0, {}, {})) == {"a", "b"}


def test_a_clock_that_goes_back_starts_anew() -> None:
    signals = wave()
    signals.second(100, {"a/n_0": 9}, {"a": WEST_EAST})
    assert signals.second(50, {"a/w_0": 1}, {"a": NORTH_SOUTH})["a"]["stage"] == WEST_EAST


def test_its_rows_are_those_that_are_declared() -> None:
    for rule in ("wave", "max_pressure"):
        graph = Graph(baseline_steps(two(), rule, 10), declared())
        assert graph.writes == ("traffic.signal_order",)
        outcome = graph.run(graph.start(), tick(1), [])
        assert outcome.batches[0].rows.num_rows == 2

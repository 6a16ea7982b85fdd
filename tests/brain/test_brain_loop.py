"""Both steps in a closed loop: a toy street by hand, and a real one by SUMO."""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path

import pytest
from brain_street import QUEUE, ToyStreet, batch, city, crossing, declared, lamp, reading, tick, two
from hypothesis import example, given, settings
from hypothesis import strategies as st

from citybrain.brain import DecideStages, EstimateQueues, WatchDetectors, steps
from citybrain.city.trial import run_trial
from citybrain.cloud import Graph, digest
from citybrain.model import dump_state, load_state
from citybrain.network import read_scenario

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[3] / "shared" / "data"))
ARRIVALS = st.dictionaries(st.sampled_from([f"a/{s}_0" for s in ("n", "s", "w", "e", "free")]), st.integers(1, 3))


@settings(max_examples=6)
@given(st.lists(ARRIVALS, min_size=1, max_size=30), st.integers(1, 4), st.booleans())
@example([{"a/n_0": 3, "a/e_0": 3}], 3, True)  # the brain alone would keep one of both green for ever
def test_nobody_starves_and_every_tick_has_its_order(
    pattern: list[dict[str, int]], period_s: int, healthy: bool
) -> None:
    """Whatever arrives, however often the detectors report and whether they work at all: nobody has red for longer
    than the maximum. The guard keeps it, whatever the brain orders."""
    junction = crossing("a")
    street = ToyStreet(steps(city(junction)), junction, period_s)
    for second in range(240):
        street.second_goes_by(pattern[second % len(pattern)] if second % 3 == 0 else {}, healthy)
    assert len(street.orders) == 240
    for stage in range(2):
        reds = [len(list(run)) for shown, run in groupby(street.shown, stage.__eq__) if not shown]
        assert max(reds, default=0) <= junction.max_red_s


def test_replay_from_the_middle_gives_the_same_orders() -> None:
    """A checkpoint as bytes, new steps, the same inputs: bit-equal outputs."""
    graph, again = Graph(steps(two()), declared()), Graph(steps(two()), declared())
    states = graph.start()
    kept: dict[str, bytes] = {}
    first, second_time = [], []
    inputs = [
        [
            batch("traffic.lane_reading", [reading("a/n_0", t, (t * 7) % 13, (t * 5) % 9, passed=t % 2)], t),
            batch("traffic.signal_state", [lamp("a", t, (t // 20) % 2, since=t - t % 20)], t),
        ]
        for t in range(120)
    ]
    for t in range(120):
        if t == 60:
            kept = {name: dump_state(state) for name, state in states.items()}
        outcome = graph.run(states, tick(t), inputs[t])
        states = dict(outcome.states)
        first.append(digest(outcome.batches))
    states = {name: load_state(data) for name, data in kept.items()}
    for t in range(60, 120):
        outcome = again.run(states, tick(t), inputs[t])
        states = dict(outcome.states)
        second_time.append(digest(outcome.batches))
    assert second_time == first[60:]


def test_steps_read_no_truth_of_the_simulation() -> None:
    watch, estimate, decide = steps(two())
    assert isinstance(watch, WatchDetectors)
    assert isinstance(estimate, EstimateQueues) and isinstance(decide, DecideStages)
    for step in (watch, estimate, decide):
        assert not any(declared()[name].simulation_truth for name in step.reads)
    assert estimate.writes == QUEUE and QUEUE in decide.reads


def test_brain_beats_actuated_on_a_real_network() -> None:
    """A quarter of an hour of cologne8 behind the guard: at most 0.45 of the delay of SUMO's actuated control."""
    if not (DATA / "cologne8").is_dir():
        pytest.skip("the data of cologne8 is not here (set CITYBRAIN_DATA)")
    scenario = read_scenario(DATA / "cologne8")
    net, end_s = scenario.net(), scenario.begin_s + 900
    ours, theirs = (run_trial(scenario, net, c, 1, end_s=end_s).score for c in ("brain", "actuated"))
    assert ours.vehicles == theirs.vehicles > 300
    assert ours.mean_delay_s <= 0.45 * theirs.mean_delay_s

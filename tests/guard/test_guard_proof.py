"""The guard proved on small timers: every state of its own step under an adversarial brain, and bugs seeded into
it that must be found. `make prove` does the same with real timers and on real junctions."""

from __future__ import annotations

import random

import pytest
from guard_crossing import junctions
from guard_induction import Stops, answered, induction, numbered, question_of, rounds
from guard_mutants import MUTANTS, Mutant
from guard_proof import both_limits, caught, inductions, liveness, pre_emption, safety
from guard_shapes import REAL, SHAPES, SMALL

from citybrain.guard import Limits, Signal, limits_of, step
from citybrain.guard.junction import HAS_GREEN
from citybrain.guard.limits import own_plan_limits

WALKED_WHOLE = [name for name in SHAPES if name != "dual_ring"]


@pytest.mark.parametrize("name", SHAPES)
def test_lamps_are_safe_in_every_state(name: str) -> None:
    found = safety(SHAPES[name](SMALL))
    assert found.fault == "", found.trace
    assert found.states > 20


@pytest.mark.parametrize("name", WALKED_WHOLE)
def test_nobody_waits_beyond_the_maximum_red_in_any_state(name: str) -> None:
    found = liveness(SHAPES[name](SMALL))
    assert found.fault == "", found.trace
    assert found.states > 800


@pytest.mark.parametrize("name", ["foot_crossing", "overlaps"])
def test_brain_and_own_plan_may_take_turns(name: str) -> None:
    junction = SHAPES[name](SMALL)
    found = both_limits(junction)
    assert found.fault == "", found.trace
    assert found.states > 3000
    assert own_plan_limits(limits_of(junction), junction).max_red_ms > limits_of(junction).max_red_ms


@pytest.mark.parametrize("name", ["two_stages", "foot_crossing", "overlaps"])
def test_a_pre_emption_ends_and_its_debt_is_repaid(name: str) -> None:
    found = pre_emption(SHAPES[name](SMALL), 10)
    assert found.fault == "", found.trace
    assert found.states > 1000


@pytest.mark.parametrize("name", SHAPES)
def test_the_maximum_red_is_kept_with_real_timers_by_induction(name: str) -> None:
    for what, proved in inductions(SHAPES[name](REAL)).items():
        assert proved.fault == "", what
        assert proved.paths > 20


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_a_seeded_bug_is_found(mutant: Mutant) -> None:
    junction = SHAPES[mutant.shape](SMALL)
    found = caught(junction, mutant, whole=False)
    assert found.fault
    assert found.trace[0] == "r" * junction.signal_links


@pytest.mark.parametrize("mutant", [m for m in MUTANTS if m.late and m.in_force is MUTANTS[0].in_force], ids=str)
def test_the_induction_fails_on_a_guard_that_is_late(mutant: Mutant) -> None:
    limits = limits_of(SHAPES[mutant.shape](REAL))
    assert induction(limits, limits.max_red_ms, step=mutant.step).fault


def test_the_induction_fails_where_the_maximum_red_is_less_than_a_round() -> None:
    limits = limits_of(SHAPES["overlaps"](REAL))
    assert induction(limits, limits.round_ms - 1000).fault


def taken(limits: Limits, waiting: list[int], reds: tuple[int, ...]) -> Stops:
    """The round that comes by those who wait, oldest first."""
    stops, left = [], sorted(waiting, key=lambda bit: (reds[bit], bit))
    while left:
        served = limits.serves[limits.home[left[0]]]
        stops.append(tuple(bit for bit in left if served >> bit & 1))
        left = [bit for bit in left if not served >> bit & 1]
    return tuple(stops)


def as_proved(limits: Limits, signal: Signal, stops: Stops) -> tuple[Limits, Signal]:
    """The signal as the induction looks at it: who gets green along has the older one's red, and numbers go by the
    round."""
    leader = {bit: stop[0] for stop in stops for bit in stop}
    order = [*leader, *(bit for bit in range(len(limits.home)) if bit not in leader)]
    reds = tuple(signal.red_ms[leader.get(bit, bit)] for bit in order)
    return numbered(limits, order), Signal(signal.stage, signal.target, signal.since_ms, reds)


@pytest.mark.parametrize("name", ["overlaps", "leading_left", "dual_ring"])
def test_what_the_induction_leaves_out_decides_nothing(name: str) -> None:
    limits, rng = limits_of(SHAPES[name](REAL)), random.Random(3)
    no, asks = answered(step, lambda *decision: False), question_of(step)
    outcomes = set()
    for _ in range(3000):
        stage, wish = rng.randrange(limits.stages), rng.randrange(limits.stages)
        since = -rng.randrange(limits.hold_ms[stage], 60_000, 1000)
        waits = [bit for bit in range(len(limits.home)) if not limits.serves[stage] >> bit & 1]
        ages = {bit: since - rng.randrange(0, 60_000, 1000) for bit in waits}
        reds = tuple(ages.get(bit, HAS_GREEN) for bit in range(len(limits.home)))
        signal = Signal(stage, stage, since, reds)

        stops = taken(limits, waits, reds)
        assert set(map(frozenset, stops)) in [set(map(frozenset, r)) for r in rounds(limits, waits)]
        alike = as_proved(limits, signal, stops)
        assert no(limits, signal, wish, 0)[0].target == no(*alike, wish, 0)[0].target

        left = [bit for bit in waits if not limits.serves[wish] >> bit & 1]
        alike = as_proved(limits, signal, taken(limits, left, reds))
        carried_out = asks(limits, signal, wish, 0)
        assert carried_out == asks(*alike, wish, 0)
        outcomes.add(carried_out)
    assert outcomes == {True, False}


def test_real_junctions_are_safe_in_every_state() -> None:
    for junction in junctions()[:12]:
        found = safety(junction)
        assert found.fault == "", (junction.id, found.trace)

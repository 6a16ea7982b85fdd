"""The guard proved on small timers: every state of its own step under an adversarial brain, and bugs seeded into
it that must be found. `make prove` does the same with real timers and on real junctions."""

from __future__ import annotations

import pytest
from guard_crossing import junctions
from guard_induction import induction
from guard_mutants import MUTANTS, Mutant
from guard_proof import both_limits, caught, inductions, liveness, pre_emption, safety
from guard_shapes import REAL, SHAPES, SMALL

from citybrain.guard import limits_of
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


@pytest.mark.parametrize("name", WALKED_WHOLE)
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


def test_real_junctions_are_safe_in_every_state() -> None:
    for junction in junctions()[:12]:
        found = safety(junction)
        assert found.fault == "", (junction.id, found.trace)

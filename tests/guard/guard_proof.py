"""What is proved of the guard, and how each seeded bug is found. `test_guard_proof` does it with small timers in
every test run, `guard_prove` (`make prove`) with real ones."""

from __future__ import annotations

import msgspec
from guard_induction import Proved, induction
from guard_mutants import Mutant
from guard_search import TICK_MS, Adversary, Found, search

from citybrain.guard import Limits, limits_of
from citybrain.guard.limits import own_plan_limits, preemption_limits
from citybrain.model import Junction

replace = msgspec.structs.replace
OUT_OF_REACH_MS = 1 << 50


def safety(junction: Junction, mutant: Mutant | None = None) -> Found:
    """Every rule of lamps, whatever the maximum red makes the guard choose.

    With the maximum red out of reach the guard carries out every wish that minimum green lets it, so the adversary
    himself makes every choice that the guard could make for it: no lamps are left out.
    """
    made = (mutant.limits_of if mutant else limits_of)(junction)
    limits = replace(made, max_red_ms=OUT_OF_REACH_MS)
    adversary = Adversary((limits,), reds=False)
    return search(junction, adversary, None, **_driven(mutant))


def liveness(junction: Junction, mutant: Mutant | None = None) -> Found:
    """Every rule of lamps and the maximum red, the brain alone ordering: the whole product of timers."""
    limits = (mutant.limits_of if mutant else limits_of)(junction)
    return search(junction, Adversary((limits,)), limits.max_red_ms // TICK_MS, **_driven(mutant))


def both_limits(junction: Junction) -> Found:
    """The same while brain and own plan take turns as they like: the longer maximum red of the two."""
    limits = limits_of(junction)
    plan = own_plan_limits(limits, junction)
    return search(junction, Adversary((limits, plan), flash=False), plan.max_red_ms // TICK_MS)


def pre_emption(junction: Junction, term: int, mutant: Mutant | None = None) -> Found:
    """The same with a pre-emption of `term` ticks: a maximum red longer by the term and one round to repay it."""
    limits = limits_of(junction)
    during = preemption_limits(limits)
    adversary = Adversary(
        (limits,), flash=False, jumps=False, restarts=False, preempt=during, term=term,
        **({"in_force": mutant.in_force} if mutant else {}),
    )  # fmt: skip
    most = (limits.max_red_ms + limits.round_ms) // TICK_MS + term
    return search(junction, adversary, most, **_driven(mutant))


def inductions(junction: Junction) -> dict[str, Proved]:
    """The maximum red by induction: of the brain's limits by themselves, and of all limits in any order together,
    where the longest is that of pre-emption."""
    limits = limits_of(junction)
    plan = own_plan_limits(limits, junction)
    preempted = preemption_limits(plan)
    longest = preempted.max_red_ms
    proved = {"brain": induction(limits, limits.max_red_ms), "brain, after others": induction(limits, longest)}
    if plan.max_red_ms != limits.max_red_ms:
        proved["own plan, after others"] = induction(plan, longest)
    proved["pre-empted"] = induction(preempted, longest)
    return proved


def caught(junction: Junction, mutant: Mutant, *, whole: bool) -> Found:
    """What finds a seeded bug. `whole`: by the whole product of timers also where lamps alone would do."""
    if mutant.name.startswith("lost release"):
        return pre_emption(junction, 3, mutant)
    return liveness(junction, mutant) if whole or mutant.late else safety(junction, mutant)


def _driven(mutant: Mutant | None) -> dict[str, object]:
    return {"step": mutant.step} if mutant else {}


def lines(limits: Limits) -> str:
    """A junction's size in words."""
    return f"{limits.stages} stages, {len(limits.home)} classes, maximum red {limits.max_red_ms // TICK_MS} s"

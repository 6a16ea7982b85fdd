"""Own plans under an engineer's rules as SUMO itself runs them: what a city without the brain is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from citybrain.model import Junction, OwnPlan, PlanPhase, RoadNet
from citybrain.network.junction_rule import change_phases
from citybrain.network.plan_import import ImportedPlan
from citybrain.network.sumo_control import MAX_GREEN_S, MIN_GREEN_S


def own_programs(net: RoadNet, ruled: RoadNet) -> tuple[ImportedPlan, ...]:
    """The own plans that the rules changed between `net` and `ruled`, for `write_plans`: SUMO's own programs know
    nothing of the rules."""
    return tuple(
        ImportedPlan(
            junction=after.id,
            program="city.toml",
            phases=tuple((p.lamps, p.duration_s) for p in plan.phases),
            offset_s=plan.offset_s,
            rings=None,
            remarks=(),
        )
        for before, after in zip(net.junctions, ruled.junctions, strict=True)
        if after.plan != before.plan and (plan := _plan(before, after)).cycle_s > 0
    )


def under_rules(net: RoadNet, ruled: RoadNet) -> RoadNet:
    """`ruled` with its plans as SUMO's `actuated` and `delay_based` shall run them: without stages that the rules
    took out, and with the rules' minimum and maximum green."""
    junctions = tuple(
        msgspec.structs.replace(after, plan=_ranged(before, after, _plan(before, after)))
        for before, after in zip(net.junctions, ruled.junctions, strict=True)
    )
    return msgspec.structs.replace(ruled, junctions=junctions)


def _plan(before: Junction, after: Junction) -> OwnPlan:
    if after.plan == before.plan or len(after.stages) == len(before.stages):
        return after.plan
    return _allowed(after)


def _allowed(junction: Junction) -> OwnPlan:
    """The plan with only the stages that are left, as the guard runs it: the time of the others is the next
    stage's, yellow and all-red lie at the begin of a stage's time. A stage has its minimum green at least, if need
    be from the next one's time."""
    shares = _shares(junction.plan.phases)
    phases: list[PlanPhase] = []
    begin_s = late_s = 0.0
    for _ in range(2):  # the second time with what the last stage takes of the first
        begin_s, phases = late_s, []
        for at, (stage, _, share_s) in enumerate(shares):
            lamps = junction.stages[stage].lamps
            change = change_phases(junction, junction.stages[shares[at - 1][0]].lamps, lamps)
            change_s = sum(p.duration_s for p in change)
            green_s = max(round(share_s - late_s - change_s, 3), junction.min_green_s)
            late_s = max(round(late_s + change_s + green_s - share_s, 3), 0.0)
            phases += [*change, PlanPhase(lamps, green_s, stage)]
    offset_s = junction.plan.offset_s + shares[0][1] + begin_s
    return OwnPlan(junction.plan.program, tuple(phases), offset_s)


def _shares(phases: Sequence[PlanPhase]) -> list[tuple[int, float, float]]:
    """Each stage that the plan asks for in turn, with the second of the cycle at which it does and for how long; a
    phase without a stage asks for the next one. The first begins where the stage changes."""
    ahead, following = [p.stage for p in phases], -1
    for k in reversed(range(2 * len(phases))):
        i = k % len(phases)
        following = ahead[i] = phases[i].stage if phases[i].stage >= 0 else following
    found: list[tuple[int, float, float]] = []
    at_s = 0.0
    for stage, phase in zip(ahead, phases, strict=True):
        if found and found[-1][0] == stage:
            found[-1] = (stage, found[-1][1], found[-1][2] + phase.duration_s)
        else:
            found.append((stage, at_s, phase.duration_s))
        at_s += phase.duration_s
    if len(found) > 1 and found[0][0] == found[-1][0]:
        last = found.pop()
        found[0] = (last[0], last[1] - at_s, last[2] + found[0][2])
    return found


def _ranged(before: Junction, after: Junction, plan: OwnPlan) -> OwnPlan:
    """The plan with greens as short and as long as the rules say, where they say it."""
    if after.max_green_s is None and after.min_green_s == before.min_green_s:
        return plan
    phases = tuple(
        p if p.stage < 0 else msgspec.structs.replace(p, range_s=_range(after, p.range_s)) for p in plan.phases
    )
    return msgspec.structs.replace(plan, phases=phases)


def _range(junction: Junction, range_s: tuple[float, float] | None) -> tuple[float, float]:
    least_s, most_s = range_s or (MIN_GREEN_S, MAX_GREEN_S)
    least_s = max(least_s, junction.min_green_s)
    if junction.max_green_s is not None:
        most_s = min(most_s, junction.max_green_s) if range_s else junction.max_green_s
    return least_s, max(most_s, least_s)

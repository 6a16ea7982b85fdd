"""An engineer's rules for junctions, laid over a road network: pure, and checked before anything runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeVarTuple

import msgspec

from citybrain.model import (
    Junction,
    JunctionRule,
    OwnPlan,
    OwnPlanRule,
    PlanPhase,
    Priority,
    PriorityRule,
    RoadNet,
    Stage,
    change,
    ways_of,
)

_DAYS = {"all": tuple(range(7)), "weekdays": tuple(range(5)), "weekend": (5, 6)}
_DAY_S = 86_400
_Ts = TypeVarTuple("_Ts")
_LIMITS = ("min_green_s", "max_green_s", "max_red_s", "group", "advisory")


class RuleError(ValueError):
    """A rule that cannot hold: names the table, the key and what to write."""


def apply_rules(net: RoadNet, rules: Sequence[JunctionRule], timezone: str = "UTC") -> RoadNet:
    """The network under the rules. Of two rules for one junction the later counts, key by key; priorities add up.

    `timezone`: IANA zone in which the priorities' times are read. A network without rules keeps its digest. Raises
    RuleError in one line.
    """
    if not rules:
        return msgspec.structs.replace(net, timezone=timezone)
    members = _members(net)
    junctions = {j.id: j for j in net.junctions}
    kept: dict[str, tuple[str, Sequence[int]]] = {}
    wider: dict[str, tuple[str, bool]] = {}
    for number, rule in enumerate(rules, 1):
        name = f"[[junction]] {number} ({rule.id or rule.area or 'neither id nor area'})"
        for junction in _meant(junctions, members, rule, name):
            junctions[junction] = _named(name, _ruled, junctions[junction], rule)
            if rule.stages is not None:
                kept[junction] = name, rule.stages
            if rule.further_stages is not None:
                wider[junction] = name, rule.further_stages
    for junction, (name, further) in wider.items():
        if not further and junction not in kept:
            junctions[junction] = _named(name, _without_further, junctions[junction])
    for junction, (name, stages) in kept.items():
        junctions[junction] = _named(name, _with_stages, junctions[junction], stages)
    words = msgspec.json.encode([net.digest, timezone, rules])
    return msgspec.structs.replace(
        net,
        junctions=tuple(junctions[j.id] for j in net.junctions),
        digest=hashlib.sha256(words).hexdigest()[:32],
        timezone=timezone,
    )


def _named(name: str, change: Callable[[Junction, *_Ts], Junction], junction: Junction, *wish: *_Ts) -> Junction:
    try:
        return change(junction, *wish)
    except RuleError as e:
        raise RuleError(f"{name}: {e}") from None


def _meant(
    junctions: Mapping[str, Junction], members: Mapping[str, Sequence[str]], rule: JunctionRule, name: str
) -> list[str]:
    """The junctions that a rule is for; those of an area that cannot be controlled are left out."""
    if (rule.id is None) == (rule.area is None):
        raise RuleError(f"{name}: give either id or area")
    if rule.id is not None:
        if rule.id not in junctions:
            raise RuleError(f"{name}: id: there is no such junction; give one such as {_some(junctions)}")
        refused = junctions[rule.id].refused
        if refused is not None:
            raise RuleError(f"{name}: id: it cannot be controlled ({refused}): remove this table")
        return [rule.id]
    if rule.area is None or rule.area not in members:
        raise RuleError(f"{name}: area: there is no such area; give one such as {_some(members)}")
    return [j for j in members[rule.area] if junctions[j].refused is None]


def _some(names: Iterable[str]) -> str:
    return ", ".join(list(names)[:5])


def _members(net: RoadNet) -> dict[str, list[str]]:
    """The junctions inside each area."""
    parents = {a.id: a.parent for a in net.areas}
    found: dict[str, list[str]] = {a.id: [] for a in net.areas}
    for junction in net.junctions:
        at: str | None = junction.district if parents.get(junction.id) is None else junction.id
        seen: set[str] = set()
        while at is not None and at not in seen:
            seen.add(at)
            found.setdefault(at, []).append(junction.id)
            at = parents.get(at)
    return found


def _ruled(junction: Junction, rule: JunctionRule) -> Junction:
    wishes = {key: value for key in _LIMITS if (value := getattr(rule, key)) is not None}
    ruled = msgspec.structs.replace(junction, **wishes)
    if ruled.max_green_s is not None and ruled.max_green_s < ruled.min_green_s:
        raise RuleError(
            f"max_green_s {ruled.max_green_s:g} is below min_green_s {ruled.min_green_s:g}: give at least that"
        )
    if ruled.max_red_s < ruled.min_green_s:
        raise RuleError(f"max_red_s {ruled.max_red_s:g} is below min_green_s {ruled.min_green_s:g}: give more")
    priorities = tuple(_priority(junction, p) for p in rule.priority)
    plan = own_plan(ruled, rule.own_plan) if rule.own_plan is not None else ruled.plan
    return msgspec.structs.replace(ruled, priorities=(*junction.priorities, *priorities), plan=plan)


def _priority(junction: Junction, rule: PriorityRule) -> Priority:
    if (rule.movement is None) == (rule.stage is None):
        raise RuleError("priority: give either movement or stage")
    begin, end = (int(t[:2]) * 3600 + int(t[3:]) * 60 for t in (rule.begin, rule.end))
    end = _DAY_S if end == begin == 0 else end if end != begin else begin + _DAY_S
    return Priority(_moved(junction, rule), rule.weight, begin, end, _DAYS[rule.days])


def _moved(junction: Junction, rule: PriorityRule) -> tuple[int, ...]:
    if rule.stage is not None:
        return _stage(junction, rule.stage, "priority.stage").movements
    names = [m.id for m in junction.movements]
    if rule.movement not in names:
        raise RuleError(f'priority.movement: there is no "{rule.movement}"; give one of {", ".join(names)}')
    return (names.index(rule.movement),)


def _stage(junction: Junction, number: int, key: str) -> Stage:
    if number >= len(junction.stages):
        raise RuleError(f"{key}: there is no stage {number}; it has 0 to {len(junction.stages) - 1}")
    return junction.stages[number]


def _without_further(junction: Junction) -> Junction:
    """The junction with the stages of its program only; they are the first ones, so that numbers stay.

    Raises RuleError where its own plan shows another.
    """
    further = {s.index for s in junction.stages if s.further}
    for stage in (p.stage for p in junction.plan.phases if p.stage in further):
        raise RuleError(f"further_stages: own_plan has stage {stage}, which is one: take it out of the plan")
    return msgspec.structs.replace(junction, stages=tuple(s for s in junction.stages if not s.further))


def _with_stages(junction: Junction, kept: Sequence[int]) -> Junction:
    """The junction with those stages only, numbered anew; its plan gives the others' time to the next one."""
    stages = [_stage(junction, n, "stages") for n in sorted(set(kept))]
    if len(stages) < 2:
        raise RuleError("stages: give at least two, or there is nothing to decide")
    served = {m for s in stages for m in s.movements}
    for stage in junction.stages:
        for m in stage.movements:
            if m not in served:
                raise RuleError(
                    f"stages: none of them lets {junction.movements[m].id} go: add stage {stage.index}"
                )
    place = {s.index: at for at, s in enumerate(stages)}
    phases = tuple(msgspec.structs.replace(p, stage=place.get(p.stage, -1)) for p in junction.plan.phases)
    if all(p.stage < 0 for p in phases):
        raise RuleError("stages: its own plan has none of them: give own_plan, too")
    return msgspec.structs.replace(
        junction,
        stages=tuple(msgspec.structs.replace(s, index=at) for at, s in enumerate(stages)),
        plan=msgspec.structs.replace(junction.plan, phases=phases),
    )


def own_plan(junction: Junction, rule: OwnPlanRule) -> OwnPlan:
    """The plan that a rule describes: its stages with the junction's yellow and all-red between them.

    Raises RuleError where a green is below the minimum or a movement that the stages serve gets none.
    """
    stages = [_stage(junction, s.stage, "own_plan.stages.stage") for s in rule.stages]
    for s in rule.stages:
        if s.green_s < junction.min_green_s:
            raise RuleError(f"own_plan: {s.green_s:g} s for stage {s.stage} is below {junction.min_green_s:g} s")
    served = {m for s in stages for m in s.movements}
    for m in sorted({m for s in junction.stages for m in s.movements} - served):
        raise RuleError(f"own_plan: none of its stages lets {junction.movements[m].id} go")
    phases: list[PlanPhase] = []
    for at, (wish, stage) in enumerate(zip(rule.stages, stages, strict=True)):
        phases.append(PlanPhase(stage.lamps, wish.green_s, stage.index))
        phases += change_phases(junction, stage.lamps, stages[(at + 1) % len(stages)].lamps)
    return OwnPlan("city.toml", tuple(phases), rule.offset_s)


def change_phases(junction: Junction, before: str, after: str) -> list[PlanPhase]:
    """What lies between two stages, as the guard changes them."""
    yellow, all_red = (
        tuple(round(s * 1000) for s in seconds)
        for seconds in (junction.yellow_s, map(junction.all_red_after, range(junction.signal_links)))
    )
    made = change(ways_of(junction, yellow, all_red, round(junction.min_green_s * 1000)), before, after)
    moments = (*made.words, (made.length_ms, after))
    return [PlanPhase(lamps, (end - at) / 1000, -1) for (at, lamps), (end, _) in pairwise(moments)]

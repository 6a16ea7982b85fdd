"""Stages that a program shows and no guard may, made safe where that only takes way from somebody.

Two repairs, in this order, both towards the safe side:

1. *Give way.* Two conflicting links are both G, and the network's right-of-way matrix says that one of them, which
   lets only turning vehicles go, yields to the other: it gets g, as for a turn that looks for a gap. Whoever goes
   straight, and pedestrians, are never made to give way at a green lamp.
2. *Take turns.* Two lanes of one approach have paths that cross (a right turn from the left lane), both green, and
   the matrix says that neither yields: they get green one after the other, in stages that are otherwise the same.

What conflicts between two approaches without anybody yielding stays as it is: the program is inconsistent.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from msgspec import Struct

from citybrain.model import OwnPlan, PlanPhase
from citybrain.network.foes import GREEN, Foes


class Repaired(Struct, frozen=True):
    """Stages after repair. `parts`: for each stage before, the stages that take its place."""

    stages: tuple[str, ...]
    parts: tuple[tuple[int, ...], ...]
    remarks: tuple[str, ...]
    """What was repaired, a line each."""


def repair(stages: Sequence[str], foes: Foes, approach: Mapping[int, str], turning: Container[int]) -> Repaired:
    """The stages (lamp strings of G, g, r) with their clashes repaired where that is possible.

    `approach`: the link that each signal link comes from; absent where there is not exactly one. `turning`: signal
    links that let only turning vehicles go. Strings that do not have the junction's length are left as they are.
    """
    found: list[str] = []
    parts, remarks = [], []
    for number, lamps in enumerate(stages):
        fits = len(lamps) == len(foes.conflicts)
        yielding = giving_way(lamps, foes, turning) if fits else lamps
        turns = _turns(yielding, foes, approach) if fits else (lamps,)
        remarks += _remarks(number, lamps, yielding, turns)
        found += [t for t in turns if t not in found]
        parts.append(tuple(found.index(t) for t in turns))
    return Repaired(tuple(found), tuple(parts), tuple(remarks))


def _remarks(number: int, lamps: str, yielding: str, turns: Sequence[str]) -> list[str]:
    found = []
    gives = [str(k) for k, (a, b) in enumerate(zip(lamps, yielding, strict=True)) if a != b]
    if gives:
        found.append(f"stage {number} of the program: signal links {', '.join(gives)} give way (G to g)")
    if len(turns) > 1:
        links = [str(k) for k, letters in enumerate(zip(*turns, strict=True)) if len(set(letters)) > 1]
        found.append(
            f"stage {number} of the program: signal links {', '.join(links)} cross on one approach and take turns"
        )
    return found


def repaired_plan(plan: OwnPlan, repaired: Repaired) -> OwnPlan:
    """The plan with the repaired stages: those that take turns share the phase's time evenly.

    The phases' lamps stay what the program shows.
    """
    phases = []
    for phase in plan.phases:
        marks = repaired.parts[phase.stage] if phase.stage >= 0 else (-1,)
        phases += [_part(phase, mark, len(marks)) for mark in marks]
    return OwnPlan(plan.program, tuple(phases), plan.offset_s)


def _part(phase: PlanPhase, mark: int, parts: int) -> PlanPhase:
    range_s = (phase.range_s[0] / parts, phase.range_s[1] / parts) if phase.range_s else None
    return PlanPhase(phase.lamps, phase.duration_s / parts, mark, range_s)


def clashes(lamps: str, foes: Foes) -> tuple[tuple[int, int], ...]:
    """Pairs of conflicting links that are green together without one giving way to the other: the guard's rule."""
    return tuple(
        (i, j)
        for i, letter in enumerate(lamps)
        if letter in GREEN
        for j in foes.conflicts[i]
        if j > i and lamps[j] in GREEN and not _covered(lamps, i, j, foes)
    )


def _covered(lamps: str, i: int, j: int, foes: Foes) -> bool:
    return (lamps[i] == "g" and j in foes.yields[i]) or (lamps[j] == "g" and i in foes.yields[j])


def giving_way(lamps: str, foes: Foes, turning: Container[int]) -> str:
    """`lamps` with g for the turns that yield; a change of one link never undoes what another one has settled."""
    letters = list(lamps)
    for i, j in clashes(lamps, foes):
        if _covered("".join(letters), i, j, foes):
            continue
        if j in foes.yields[i] and i in turning:
            letters[i] = "g"
        elif i in foes.yields[j] and j in turning:
            letters[j] = "g"
    return "".join(letters)


def _turns(lamps: str, foes: Foes, approach: Mapping[int, str]) -> tuple[str, ...]:
    """`lamps`, or a few that together let all its links go, each as many as go together on each approach."""
    ways = [p for p in clashes(lamps, foes) if p[0] in approach and approach[p[0]] == approach.get(p[1])]
    pairs = {*ways, *((j, i) for i, j in ways)}
    clashing = sorted({i for i, _ in pairs})
    left = set(clashing)
    found = []
    while left:
        going: set[int] = set()
        for k in (*sorted(left), *clashing):
            if all((k, other) not in pairs for other in going):
                going.add(k)
        found.append("".join("r" if k in clashing and k not in going else c for k, c in enumerate(lamps)))
        left -= going
    return tuple(found) or (lamps,)

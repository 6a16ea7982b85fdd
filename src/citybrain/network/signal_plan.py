"""Signal programs: stages, the junction's own plan, and why one cannot be controlled."""

from __future__ import annotations

from collections.abc import Sequence

from citybrain.model import OwnPlan, PlanPhase
from citybrain.network.foes import GREEN, Foes
from citybrain.network.netfile import ProgramRow
from citybrain.network.stage_repair import clashes

SHORT_S = 5.0
"""A phase shorter than this that only takes green away belongs to the change between two stages."""


def always_green(program: ProgramRow) -> frozenset[int]:
    """Signal links that are green in every phase."""
    if not program.phases:
        return frozenset()
    links = range(min(len(state) for state, _ in program.phases))
    return frozenset(i for i in links if all(state[i] in GREEN for state, _ in program.phases))


def stages_and_plan(
    program: ProgramRow, crossings: frozenset[int], more: Sequence[str] = ()
) -> tuple[tuple[str, ...], OwnPlan]:
    """The lamps of each stage, in order of first appearance, and the plan with its phases marked; `more` are
    stages that the program allows and its cycle does not show.

    A stage is a phase in which a link that is not always green has green and none has yellow. Not a stage: an
    all-red; a phase that only ends the walk of crossings while the vehicles of its neighbour keep green; one
    shorter than 5 s that only takes green away from its neighbour.
    """
    free = always_green(program)
    lamps = [_clean(state) for state, _ in program.phases]
    green = [frozenset(i for i, c in enumerate(state) if c in GREEN) - free for state in lamps]
    found: list[str] = []
    marks: list[int] = []
    for i, (state, _) in enumerate(program.phases):
        if "y" in state or "u" in state or not green[i] or _ends_stage(i, program, lamps, green, crossings):
            marks.append(-1)
            continue
        if lamps[i] not in found:
            found.append(lamps[i])
        marks.append(found.index(lamps[i]))
    ranges = program.ranges or [None] * len(program.phases)
    phases = tuple(
        PlanPhase(state, duration, mark, range_s)
        for (state, duration), mark, range_s in zip(program.phases, marks, ranges, strict=True)
    )
    allowed = [s for s in map(_clean, more) if any(c in GREEN and i not in free for i, c in enumerate(s))]
    found += [s for s in dict.fromkeys(allowed) if s not in found]
    return tuple(found), OwnPlan(program.id, phases, program.offset)


def _clean(state: str) -> str:
    return "".join(c if c in GREEN else "r" for c in state)


def _ends_stage(
    i: int,
    program: ProgramRow,
    lamps: Sequence[str],
    green: Sequence[frozenset[int]],
    crossings: frozenset[int],
) -> bool:
    """Whether phase `i` only takes green away from the phase before or after it, as part of a change."""
    duration = program.phases[i][1]
    for j in (i - 1, (i + 1) % len(lamps)):
        state = program.phases[j][0]
        if "y" in state or "u" in state or not green[i] < green[j]:
            continue
        if any(lamps[i][k] != lamps[j][k] for k in green[i]):
            continue
        if duration < SHORT_S or green[j] - green[i] <= crossings:
            return True
    return False


def refusal(program: ProgramRow, links: int, stages: Sequence[str], foes: Foes) -> str | None:
    """Why the brain may not control the junction of this program; None where it may."""
    lengths = {len(state) for state, _ in program.phases}
    letters = {c for state, _ in program.phases for c in state}
    if not program.phases:
        return "its signal program has no phases"
    if len(lengths) > 1 or lengths != {links}:
        return f"its program's lamp strings have {sorted(lengths)} letters for {links} signal links"
    if letters & set("oO"):
        return "its program has blinking lamps"
    if not foes.complete:
        return "the network says nothing about its conflicts"
    if len(stages) < 2:
        return f"its program has {len(stages)} stage{'s' if len(stages) != 1 else ''}: nothing to decide"
    for n, lamps in enumerate(stages):
        for i, j in clashes(lamps, foes):
            return f"stage {n} of its program gives the conflicting links {i} and {j} the way at once"
    return None

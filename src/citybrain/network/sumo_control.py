"""SUMO's own signal controllers on the real stages: what the brain is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Literal

from citybrain.model import Junction, PlanPhase

MIN_GREEN_S = 5
MAX_GREEN_S = 50


def write_programs(junctions: Sequence[Junction], kind: Literal["actuated", "delay_based"], file: Path) -> None:
    """Write an additional file that puts every junction under SUMO's `actuated` or `delay_based` control.

    Stages may last as long as their program says for where traffic decides (minDur, maxDur), else 5 to 50 s. What
    lies between them (yellow, all-red, crossings that clear) keeps its fixed duration, so that an all-red beside
    always-green turns is not mistaken for a stage. Raises OSError.
    """
    lines = ["<additional>"]
    for junction in junctions:
        if not any(p.stage >= 0 for p in junction.plan.phases):
            continue
        lines.append(
            f'  <tlLogic id="{escape(junction.id)}" type="{kind}" programID="citybrain" '
            f'offset="{junction.plan.offset_s:g}">'
        )
        for phase in _phases(junction):
            least_s, most_s = phase.range_s or (MIN_GREEN_S, MAX_GREEN_S)
            range_s = f' minDur="{least_s:g}" maxDur="{most_s:g}"' if phase.stage >= 0 else ""
            lines.append(f'    <phase duration="{phase.duration_s:g}" state="{phase.lamps}"{range_s}/>')
        lines.append("  </tlLogic>")
    lines.append("</additional>")
    file.write_text("\n".join(lines), encoding="utf-8")


def _phases(junction: Junction) -> list[PlanPhase]:
    """The phases with the guard's clearance.

    A yellow is put in where the plan goes straight from stage to stage and somebody loses green (NEMA programs
    have their yellow elsewhere), and an all-red where somebody gets green right after a yellow.
    """
    phases = _joined(junction.plan.phases)
    found: list[PlanPhase] = []
    for i, phase in enumerate(phases):
        found.append(phase)
        after = phases[(i + 1) % len(phases)]
        change, yellow_s = phase.lamps, 0.0
        if phase.stage >= 0 and after.stage >= 0:
            change, yellow_s = _yellow(junction, phase.lamps, after.lamps)
            if yellow_s:
                found.append(PlanPhase(change, yellow_s, -1))
        gains = any(b in "Gg" and a not in "Gg" for a, b in zip(change, after.lamps, strict=True))
        if "y" in change and after.stage >= 0 and gains:
            found.append(PlanPhase(change.replace("y", "r"), junction.all_red_s, -1))
    return found


def _joined(phases: Sequence[PlanPhase]) -> list[PlanPhase]:
    """The phases with neighbours of the same lamps put together, the last and the first included: to SUMO each
    piece would be a stage with a minimum green of its own. (Pieces of different stages are lanes that take turns
    under the guard only.)"""
    found: list[PlanPhase] = []
    for phase in phases:
        if found and found[-1].lamps == phase.lamps:
            found[-1] = _longer(found[-1], phase)
        else:
            found.append(phase)
    if len(found) > 1 and found[0].lamps == found[-1].lamps:
        found[0] = _longer(found.pop(), found[0])
    return found


def _longer(first: PlanPhase, second: PlanPhase) -> PlanPhase:
    """Both as one phase. Who says nothing of a range beside one that does, stays as it is."""
    range_s = None
    if first.range_s or second.range_s:
        least, most = zip(*(p.range_s or (p.duration_s, p.duration_s) for p in (first, second)), strict=True)
        range_s = sum(least), sum(most)
    return PlanPhase(first.lamps, first.duration_s + second.duration_s, max(first.stage, second.stage), range_s)


def _yellow(junction: Junction, before: str, after: str) -> tuple[str, float]:
    """The lamps between two stages, and how long yellow lasts: 0 where nobody loses green."""
    ends = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a in "Gg" and b not in "Gg"]
    lamps = "".join("y" if i in ends else a for i, a in enumerate(before))
    return lamps, max((junction.yellow_s[i] for i in ends), default=0.0)

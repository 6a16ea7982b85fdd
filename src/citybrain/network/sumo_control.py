"""SUMO's own signal controllers on the real stages: what the brain is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Literal

from citybrain.model import Junction

MIN_GREEN_S = 5
MAX_GREEN_S = 50


def write_programs(junctions: Sequence[Junction], kind: Literal["actuated", "delay_based"], file: Path) -> None:
    """Write an additional file that puts every junction under SUMO's `actuated` or `delay_based` control.

    Stages may last 5 to 50 s; what lies between them (yellow, all-red, crossings that clear) keeps its fixed
    duration, so that an all-red beside always-green turns is not mistaken for a stage. Raises OSError.
    """
    lines = ["<additional>"]
    for junction in junctions:
        if not any(p.stage >= 0 for p in junction.plan.phases):
            continue
        lines.append(
            f'  <tlLogic id="{escape(junction.id)}" type="{kind}" programID="citybrain" '
            f'offset="{junction.plan.offset_s:g}">'
        )
        for lamps, duration_s, stage in _phases(junction):
            range_s = f' minDur="{MIN_GREEN_S}" maxDur="{MAX_GREEN_S}"' if stage else ""
            lines.append(f'    <phase duration="{duration_s:g}" state="{lamps}"{range_s}/>')
        lines.append("  </tlLogic>")
    lines.append("</additional>")
    file.write_text("\n".join(lines), encoding="utf-8")


def _phases(junction: Junction) -> list[tuple[str, float, bool]]:
    """Lamps, seconds and whether it is a stage, of each phase, with the guard's clearance.

    A yellow is put in where the plan goes straight from stage to stage and somebody loses green (NEMA programs
    have their yellow elsewhere), and an all-red where a stage follows on yellow.
    """
    phases = junction.plan.phases
    found: list[tuple[str, float, bool]] = []
    for i, phase in enumerate(phases):
        if i and phase.lamps == phases[i - 1].lamps and phase.stage != phases[i - 1].stage:
            # One phase of the program, whose lanes take turns under the guard only.
            found[-1] = (phase.lamps, found[-1][1] + phase.duration_s, True)
        else:
            found.append((phase.lamps, phase.duration_s, phase.stage >= 0))
        after = phases[(i + 1) % len(phases)]
        change, yellow_s = phase.lamps, 0.0
        if phase.stage >= 0 and after.stage >= 0:
            change, yellow_s = _yellow(junction, phase.lamps, after.lamps)
            if yellow_s:
                found.append((change, yellow_s, False))
        if "y" in change and after.stage >= 0:
            found.append((change.replace("y", "r"), junction.all_red_s, False))
    return found


def _yellow(junction: Junction, before: str, after: str) -> tuple[str, float]:
    """The lamps between two stages, and how long yellow lasts: 0 where nobody loses green."""
    ends = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a in "Gg" and b not in "Gg"]
    lamps = "".join("y" if i in ends else a for i, a in enumerate(before))
    return lamps, max((junction.yellow_s[i] for i in ends), default=0.0)

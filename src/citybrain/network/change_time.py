"""Change times: yellow and all-red."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from citybrain.network.netfile import ProgramRow
from citybrain.network.signal_plan import always_green

YELLOW_RANGE_S = (3.0, 6.0)
REACTION_S = 1.0
DECELERATION_MPS2 = 3.0
WALK_MPS = 1.2
"""Pedestrians' pace as in RiLSA 2010 (MUTCD 2009 4E.06: 3.5 ft/s, which is 1.07)."""
LONGEST_CLEARANCE_S = 60.0
ALL_RED_RANGE_S = (1.0, 6.0)
"""Of the formula. MUTCD 2009 4D.26: a red clearance of 6 s at most."""
UNKNOWN_ALL_RED_S = 2.0
VEHICLE_M = 6.0


def yellow_times(
    program: ProgramRow, links: int, speeds: Mapping[int, float], crossing_m: Mapping[int, float]
) -> tuple[float, ...]:
    """Yellow of each signal link in seconds, within 3 … 6 s.

    The program's own where it has one, else the kinematic Y = t + v / (2 a) of the Institute of Transportation
    Engineers with t = 1 s and a = 3 m/s². A crossing's is its clearance, at least 3 s: its length at 1.2 m/s, or
    the program's own where that is longer.
    """
    own = _own_yellow(program, links)
    result = []
    for i in range(links):
        if i in crossing_m:
            value = max(own[i], crossing_m[i] / WALK_MPS)
            result.append(round(_clamp(value, (YELLOW_RANGE_S[0], LONGEST_CLEARANCE_S)), 1))
            continue
        value = own[i] or REACTION_S + speeds.get(i, 0.0) / (2 * DECELERATION_MPS2)
        result.append(round(_clamp(value, YELLOW_RANGE_S), 1))
    return tuple(result)


def _own_yellow(program: ProgramRow, links: int) -> list[float]:
    longest = [0.0] * links
    run = [0.0] * links
    for state, duration in (*program.phases, *program.phases):
        for i, letter in enumerate(state[:links]):
            run[i] = run[i] + duration if letter == "y" else 0.0
            longest[i] = max(longest[i], run[i])
    whole = sum(d for _, d in program.phases)
    return [y if y < whole else 0.0 for y in longest]


def all_red_times(program: ProgramRow, links: int, clearing: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    """All-red after the yellow of each signal link: the program's own where it has one (1 … 6 s: the longest after
    this link, or else after any), else by formula.

    The formula is the clearance (s + L) / v, with s the way from the stop line to where paths cross, as in RiLSA,
    taken at the middle of the junction, cut to whole seconds within 1 … 6 s. What is cut off is less than the
    second that NCHRP Report 731 takes off because who has just got green starts so much later. `clearing`: (path
    metres, speed m/s) of the links.
    """
    if not program.phases:
        return (UNKNOWN_ALL_RED_S,) * links
    own = _own_all_red(program, links)
    longest = max(own, default=0.0)
    if longest:
        return tuple(_clamp(s or longest, ALL_RED_RANGE_S) for s in own)
    need = max(((w / 2 + VEHICLE_M) / max(v, 1.0) for w, v in clearing), default=0.0)
    return (float(int(_clamp(need, ALL_RED_RANGE_S))),) * links


def _own_all_red(program: ProgramRow, links: int) -> list[float]:
    """For each link the longest all-red right after its yellow; 0 where the program shows none."""
    free = always_green(program)
    own = [0.0] * links
    phases = program.phases
    for (before, _), (state, duration) in zip((phases[-1], *phases), phases, strict=False):
        if all(c in "rs" or i in free for i, c in enumerate(state)):
            for i, letter in enumerate(before[:links]):
                own[i] = max(own[i], duration if letter == "y" else 0.0)
    return own


def _clamp(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])

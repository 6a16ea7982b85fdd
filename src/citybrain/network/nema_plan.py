"""Ring-barrier plans (NEMA): phases in two rings that cross barriers together, as lamps over the cycle.

A plan is read at full splits: every phase takes its green, yellow and red clearance, as a coordinated controller
does when all phases are called to their maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from citybrain.network.netfile import ProgramRow, RingRow

SAME_S = 0.05
MOST_PHASES = 16


class RingError(ValueError):
    """Rings that do not fit together: one line."""


class RingPhase(Struct, frozen=True):
    """A NEMA phase. `lamps`: G or g for the links that it lets go, r for all others."""

    number: int
    green_s: float
    yellow_s: float
    red_s: float
    lamps: str

    @property
    def split_s(self) -> float:
        """Green, yellow and red clearance."""
        return self.green_s + self.yellow_s + self.red_s


class RingBarrier(Struct, frozen=True):
    """A plan: `groups` from barrier to barrier, in each the phases of ring 1 and of ring 2 in their order.

    `begin_s`: the second of city time (modulo the cycle) at which the first group begins.
    """

    signal: str
    program: str
    groups: tuple[tuple[tuple[RingPhase, ...], tuple[RingPhase, ...]], ...]
    begin_s: float
    remarks: tuple[str, ...] = ()
    """What was taken otherwise than its source says, a line each."""

    @property
    def cycle_s(self) -> float:
        return sum(_length(group) for group in self.groups)


def checked(plan: RingBarrier) -> RingBarrier:
    """The plan, or RingError where the rings of a group differ in length or a phase has no green."""
    for number, group in enumerate(plan.groups, 1):
        if not any(group):
            raise RingError(f"there is no phase before barrier {number}")
        lengths = [sum(p.split_s for p in ring) for ring in group if ring]
        if max(lengths) - min(lengths) > SAME_S:
            raise RingError(
                f"before barrier {number} ring 1 takes {lengths[0]:g} s, ring 2 {lengths[1]:g} s, not the same"
            )
        for phase in (*group[0], *group[1]):
            if len(phase.lamps) != len(plan.groups[0][0][0].lamps if plan.groups[0][0] else phase.lamps):
                raise RingError(f"phase {phase.number} has {len(phase.lamps)} lamps, others have more or fewer")
            if phase.green_s <= 0:
                raise RingError(f"phase {phase.number} has no green: its split is all yellow and red")
    return plan


def cycle_phases(plan: RingBarrier) -> list[tuple[str, float]]:
    """Lamps and seconds over one cycle, from the begin of the first group.

    A link is green while the phase of either ring that runs gives it green; it keeps green through a change if the
    next phase of that ring gives it green, too; else yellow, then red.
    """
    rings = [_ring(plan, number) for number in (0, 1)]
    cuts = {round(at, 3) for ring in rings for phase, begin in ring for at in _edges(phase, begin)}
    edges = sorted({0.0, round(plan.cycle_s, 3)} | {c for c in cuts if 0 <= c <= plan.cycle_s})
    found: list[tuple[str, float]] = []
    for begin, end in pairwise(edges):
        if end - begin < SAME_S:
            continue
        lamps = _merged([_shown(ring, (begin + end) / 2) for ring in rings if ring])
        if found and found[-1][0] == lamps:
            found[-1] = (lamps, round(found[-1][1] + end - begin, 3))
        else:
            found.append((lamps, round(end - begin, 3)))
    return found


def pairs(plan: RingBarrier) -> list[str]:
    """The lamps of every two phases that may be green together: one of each ring, from the same group."""
    found: list[str] = []
    for first, second in plan.groups:
        for a in first or second:
            for b in second or first:
                lamps = _merged([a.lamps, b.lamps])
                found += [lamps] if lamps not in found else []
    return found


def of_program(program: ProgramRow) -> RingBarrier:
    """The plan of a SUMO program of type NEMA. Raises RingError in one line.

    `ring1` and `ring2` list the phases (0: none there), `barrierPhases` and `barrier2Phases` those that end
    together. In coordinated mode the offset is the begin of the first coordinated phase (`controllerType` TS2), or
    of its yellow (Type 170); else the first phase begins at 0.
    """
    phases = {p.name: _phase(p) for p in program.rings}
    rings = [_numbers(program.params.get(key, "")) for key in ("ring1", "ring2")]
    missing = sorted({n for ring in rings for n in ring if n != "0"} - set(phases))
    if missing or not any(n != "0" for ring in rings for n in ring):
        raise RingError(
            f"its rings name phase {missing[0]}, which is not there" if missing else "its rings are empty"
        )
    ends = [_numbers(program.params.get(key, "")) for key in ("barrierPhases", "barrier2Phases")]
    parts = [_cut(ring, [e[at % len(e)] for e in ends if e]) for at, ring in enumerate(rings)]
    count = max(len(p) for p in parts)
    groups = tuple(
        tuple(tuple(phases[n] for n in part[at] if n != "0") if at < len(part) else () for part in parts)
        for at in range(count)
    )
    plan = checked(RingBarrier(program.signal, program.id, tuple((g[0], g[1]) for g in groups), 0.0))
    return RingBarrier(plan.signal, plan.program, plan.groups, _begin(plan, program, ends))


def _begin(plan: RingBarrier, program: ProgramRow, ends: Sequence[Sequence[str]]) -> float:
    if program.params.get("coordinate-mode", "false") != "true" or not ends[-1]:
        return 0.0
    starts = {str(p.number): (b, p) for at in (0, 1) for p, b in _ring(plan, at)}
    coordinated = [starts[n] for n in ends[-1] if n in starts]
    if not coordinated:
        return 0.0
    begin, phase = min(coordinated, key=lambda c: c[0])
    late = phase.green_s if program.params.get("controllerType", "TS2") == "Type 170" else 0.0
    return (program.offset - begin - late) % plan.cycle_s


def _cut(ring: Sequence[str], ends: Sequence[str]) -> list[list[str]]:
    """A ring cut behind each phase of `ends`, in the ring's order."""
    parts: list[list[str]] = [[]]
    for at, number in enumerate(ring):
        parts[-1].append(number)
        if number in ends and at < len(ring) - 1:
            parts.append([])
    return parts


def _numbers(text: str) -> list[str]:
    found = [t.strip() for t in text.split(",") if t.strip()]
    if len(found) > MOST_PHASES:
        raise RingError(f"a ring of {len(found)} phases")
    return found


def _phase(row: RingRow) -> RingPhase:
    if not row.name.isdecimal():
        raise RingError(f"phase {row.name!r} has no number for a name")
    lamps = "".join(c if c in "Gg" else "r" for c in row.state)
    return RingPhase(int(row.name), row.max_green, row.yellow, row.red, lamps)


def _length(group: tuple[tuple[RingPhase, ...], tuple[RingPhase, ...]]) -> float:
    return max(sum(p.split_s for p in ring) for ring in group)


def _ring(plan: RingBarrier, number: int) -> list[tuple[RingPhase, float]]:
    """The phases of a ring with their begins; where it has none in a group, the other's, as if repeated."""
    found, at = [], 0.0
    for group in plan.groups:
        begin = at
        for phase in group[number] or group[1 - number]:
            found.append((phase, begin))
            begin += phase.split_s
        at += _length(group)
    return found


def _edges(phase: RingPhase, begin: float) -> tuple[float, float, float]:
    return begin, begin + phase.green_s, begin + phase.green_s + phase.yellow_s


def _shown(ring: Sequence[tuple[RingPhase, float]], at: float) -> str:
    """The lamps of a ring at a second of the cycle."""
    number = max(i for i, (_, begin) in enumerate(ring) if begin <= at)
    phase, begin = ring[number]
    if at < begin + phase.green_s:
        return phase.lamps
    after = ring[(number + 1) % len(ring)][0].lamps
    clears = "y" if at < begin + phase.green_s + phase.yellow_s else "r"
    return "".join(
        "r" if old == "r" else old if new != "r" else clears for old, new in zip(phase.lamps, after, strict=True)
    )


def _merged(lamps: Sequence[str]) -> str:
    """Of the letters for a link the one that lets it go most: G, g, y, r."""
    return "".join(min(letters, key="Ggyr".index) for letters in zip(*lamps, strict=True))

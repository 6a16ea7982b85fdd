"""Shapes of junctions for the proof: small enough to be walked whole, and each with a trap of its own."""

from __future__ import annotations

import msgspec
from guard_crossing import crossing

from citybrain.model import Junction, Movement, OwnPlan, PlanPhase, Stage

replace = msgspec.structs.replace

Way = tuple[str, str, str]
"""From, to, turn of a movement with one signal link."""


class Timers(msgspec.Struct, frozen=True):
    """Seconds."""

    green: float
    yellow: float
    all_red: float
    walk: float
    clearance: float
    max_red: float


SMALL = Timers(2.0, 2.0, 2.0, 3.0, 4.0, 20.0)
"""At least two ticks each: with one, a timer that is one short cannot be told from none."""
REAL = Timers(5.0, 3.0, 2.0, 7.0, 9.0, 120.0)


def shape(
    ways: list[Way],
    stages: list[str],
    conflicts: list[tuple[int, int]],
    yields: list[tuple[int, int]],
    timers: Timers,
) -> Junction:
    """A junction of links with one movement each. `yields`: (who gives way when it shows g, to whom)."""
    n = len(ways)
    foes = [{b for a, b in (*conflicts, *(c[::-1] for c in conflicts)) if a == i} for i in range(n)]
    phases = [PlanPhase(lamps, timers.green, s) for s, lamps in enumerate(stages)]
    return replace(
        crossing(),
        movements=tuple(
            Movement(f"x:{i}", a, b, turn, (), (i,), (), 0.0, False) for i, (a, b, turn) in enumerate(ways)
        ),
        stages=tuple(
            Stage(s, word, tuple(i for i, c in enumerate(word) if c in "Gg")) for s, word in enumerate(stages)
        ),
        plan=OwnPlan("0", tuple(phases), 0.0),
        conflicts=tuple(tuple(sorted(f)) for f in foes),
        yields=tuple(tuple(sorted(b for a, b in yields if a == i)) for i in range(n)),
        yellow_s=tuple(timers.clearance if turn == "p" else timers.yellow for _, _, turn in ways),
        all_red_s=timers.all_red,
        min_green_s=timers.green,
        max_red_s=timers.max_red,
        walk_s=timers.walk,
    )


def two_stages(timers: Timers) -> Junction:
    """Two streets that cross."""
    return shape([("n", "s'", "s"), ("w", "e'", "s")], ["Gr", "rG"], [(0, 1)], [], timers)


def foot_crossing(timers: Timers) -> Junction:
    """Pedestrians cross a street while the other's vehicles go; a right turn gives way to them."""
    ways = [("n", "s'", "s"), ("n", "w'", "r"), ("", "", "p"), ("w", "e'", "s")]
    stages = ["GgGr", "GGrr", "rrrG"]
    return shape(ways, stages, [(0, 3), (1, 2), (2, 3)], [(1, 2)], timers)


def overlaps(timers: Timers) -> Junction:
    """Three stages that share a movement with the next."""
    ways = [("n", "s'", "s"), ("n", "e'", "l"), ("e", "n'", "r"), ("e", "w'", "s")]
    return shape(ways, ["GGrr", "rGGr", "rrGG"], [(0, 2), (0, 3), (1, 3)], [], timers)


def widening(timers: Timers) -> Junction:
    """A stage that only adds to another, at once, and one that serves the same movement after a change."""
    ways = [("n", "s'", "s"), ("s", "n'", "s"), ("w", "n'", "l")]
    return shape(ways, ["Grr", "GGr", "rGG", "rrG"], [(0, 2)], [], timers)


def leading_left(timers: Timers) -> Junction:
    """Four stages that share movements: lefts that give way, protected lefts, one side alone, the cross street.

    From the first to the third, the southern left would be trapped; from the second to the first, both lefts lose
    their right of way.
    """
    base = crossing()
    return replace(
        base,
        plan=OwnPlan("0", tuple(PlanPhase(s.lamps, timers.green, s.index) for s in base.stages), 0.0),
        yellow_s=tuple(timers.yellow + (i in (1, 3)) for i in range(7)),
        all_red_s=timers.all_red,
        min_green_s=timers.green,
        max_red_s=timers.max_red,
        walk_s=timers.walk,
    )


def dual_ring(timers: Timers) -> Junction:
    """Eight stages of a NEMA dual ring: lefts 0 2 4 6, the throughs that oppose them 1 3 5 7."""
    ways = [
        ("w", "n'", "l"), ("e", "w'", "s"), ("n", "e'", "l"), ("s", "n'", "s"),
        ("e", "s'", "l"), ("w", "e'", "s"), ("s", "w'", "l"), ("n", "s'", "s"),
    ]  # fmt: skip
    together = [(0, 4), (0, 5), (1, 4), (1, 5), (2, 6), (2, 7), (3, 6), (3, 7)]
    stages = ["".join("G" if i in pair else "r" for i in range(8)) for pair in together]
    both = {frozenset(p) for p in together}
    conflicts = [(i, j) for i in range(8) for j in range(i) if frozenset((i, j)) not in both]
    return shape(ways, stages, conflicts, [], timers)


def long_all_red(timers: Timers) -> Junction:
    """A stage that only takes green away, and whose all-red lasts longer than the green that follows."""
    ways = [("n", "s'", "s"), ("s", "n'", "s"), ("w", "s'", "r")]
    base = shape(ways, ["GGr", "rGr", "rGG"], [(0, 2)], [], timers)
    return replace(base, clearing_s=(timers.green + 2.0, timers.all_red, timers.all_red))


_ALL = (two_stages, foot_crossing, overlaps, widening, leading_left, dual_ring, long_all_red)
SHAPES = {f.__name__: f for f in _ALL}

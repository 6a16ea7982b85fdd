"""The hard limits of one junction, worked out once from its road record."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from citybrain.guard.plan import has_plan
from citybrain.model import GREEN, Change, Junction, change, crossing_links, ways_of

TICK_MS = 1000
"""The guard is advanced once a second; every limit is rounded up to whole seconds, never down."""

ALL_RED = -1
FLASH = -2
"""Where flashing amber and all-red stand among the stages: the last rows of all that is given by stage."""
PREEMPTION_MS = 120_000
"""How far pre-emption may push back the maximum red at most, however often it is asked for."""
_ROWS = 2


class LimitsError(ValueError):
    """A junction whose stages no guard could show safely; the text is one word of why."""


class Limits(Struct, frozen=True):
    """What the guard must keep. All times in whole ticks of milliseconds.

    Rows and columns are stages; two more at the end, which Python also reaches as FLASH (-2) and ALL_RED (-1), are
    flashing amber and all-red.
    Movements that the same stages serve are one *class*; classes are bits of the masks.
    """

    lamps: tuple[str, ...]
    """For each stage, for flashing amber, for all-red."""
    change_ms: tuple[tuple[int, ...], ...]
    """[from][to]: how long lamps change."""
    words: tuple[tuple[tuple[tuple[int, str], ...], ...], ...]
    """[from][to]: what shows meanwhile, as (milliseconds from the begin of the change, lamps from then on)."""
    hold_ms: tuple[int, ...]
    """For each stage, how long it stays at least: minimum green, and the walk where it serves a crossing. The
    last: all-red at start-up, as long as the longest yellow and all-red together, because nobody knows what the
    lamps showed before."""
    serves: tuple[int, ...]
    """For each stage, the classes to which it gives green; of flashing amber all, of all-red none."""
    home: tuple[int, ...]
    """For each class, the stage that the guard itself calls when the class has waited long enough."""
    members: tuple[tuple[int, ...], ...]
    """For each class, its movements."""
    max_red_ms: int
    """The junction's maximum red, or `round_ms`, whichever is longer."""
    round_ms: int
    """What one round through all home stages takes at most, start-up included."""

    @property
    def stages(self) -> int:
        return len(self.lamps) - _ROWS


def limits_of(junction: Junction) -> Limits:
    """The limits of a junction. Raises LimitsError if it has no stages, or any that conflict or do not fit."""
    lamps = tuple(s.lamps for s in junction.stages)
    if not lamps:
        raise LimitsError("no_stages")
    if any(len(word) != junction.signal_links or set(word) - set("Ggr") for word in lamps):
        raise LimitsError("stage_does_not_fit")
    if any(clashes(word, junction.conflicts, junction.yields) for word in lamps):
        raise LimitsError("stage_conflicts")
    yellow = tuple(whole_ticks(s) for s in junction.yellow_s)
    all_red = tuple(whole_ticks(junction.all_red_after(i)) for i in range(junction.signal_links))
    green = max(whole_ticks(junction.min_green_s), TICK_MS)
    changes = _changes(junction, lamps, yellow, all_red, green)
    change_ms = tuple(tuple(c.length_ms for c in row) for row in changes)
    start = max(yellow, default=0) + max(all_red, default=0)
    hold = (*_holds(junction, green), green, max(start, TICK_MS))
    serves, members = _classes(junction)
    home = _homes(serves[:-_ROWS], len(members))
    round_ms = hold[ALL_RED] + sum(hold[h] + max(row[h] for row in change_ms) for h in set(home))
    return Limits(
        lamps=(*lamps, "o" * junction.signal_links, "r" * junction.signal_links),
        change_ms=change_ms,
        words=tuple(tuple(c.words for c in row) for row in changes),
        hold_ms=hold,
        serves=serves,
        home=home,
        members=members,
        max_red_ms=max(whole_ticks(junction.max_red_s), round_ms),
        round_ms=round_ms,
    )


def guarded_limits(junction: Junction) -> Limits | None:
    """The limits of a junction; None where only its own plan may run."""
    if junction.refused is not None or not has_plan(junction):
        return None
    try:
        return limits_of(junction)
    except LimitsError:
        return None


def own_plan_limits(limits: Limits, junction: Junction) -> Limits:
    """The same limits for the junction's own plan: a longer cycle than the maximum red is the road authority's
    choice and is not broken up. Its red is one cycle at most, and the guard looks one round ahead."""
    longest = whole_ticks(junction.plan.cycle_s) + limits.round_ms
    return msgspec.structs.replace(limits, max_red_ms=max(limits.max_red_ms, longest))


def preemption_limits(plan_limits: Limits) -> Limits:
    """The same limits while a stage is asked for with priority. `plan_limits`: what `own_plan_limits` gave.

    Nothing but the maximum red gives way, and by PREEMPTION_MS at most: the guard keeps a way out that meets it at
    every moment, so that no sequence of pre-emptions makes anybody wait longer.
    """
    return msgspec.structs.replace(plan_limits, max_red_ms=plan_limits.max_red_ms + PREEMPTION_MS)


def whole_ticks(seconds: float) -> int:
    """Milliseconds of `seconds`, rounded up to whole ticks."""
    return -(-round(seconds * 1000) // TICK_MS) * TICK_MS


def clashes(
    lamps: str, conflicts: tuple[tuple[int, ...], ...], yields: tuple[tuple[int, ...], ...]
) -> tuple[int, int] | None:
    """Two conflicting links that both have green without one giving way to the other; None if there are none."""
    for i, letter in enumerate(lamps):
        if letter not in GREEN:
            continue
        for j in conflicts[i]:
            if j > i and lamps[j] in GREEN and not _gives_way(lamps, i, j, yields):
                return i, j
    return None


def _gives_way(lamps: str, i: int, j: int, yields: tuple[tuple[int, ...], ...]) -> bool:
    return (lamps[i] == "g" and j in yields[i]) or (lamps[j] == "g" and i in yields[j])


def _changes(
    junction: Junction, stages: tuple[str, ...], yellow: tuple[int, ...], all_red: tuple[int, ...], green: int
) -> tuple[tuple[Change, ...], ...]:
    """[from][to] over stages, flashing amber and all-red. Both are left at once, for all-red and the stages;
    nobody goes to all-red, which is where the guard starts."""
    ways = ways_of(junction, yellow, all_red, green)
    n = junction.signal_links
    at_once = Change((), 0)
    stays = (*(at_once for _ in stages), at_once, at_once)
    rows = tuple((*(change(ways, a, b) for b in stages), change(ways, a, "o" * n), at_once) for a in stages)
    return (*rows, stays, stays)


def _holds(junction: Junction, green: int) -> tuple[int, ...]:
    """Minimum green of each stage: the walk as well where a crossing has green that is not green always."""
    walk = whole_ticks(junction.walk_s)
    always = {i for i in range(junction.signal_links) if all(s.lamps[i] in GREEN for s in junction.stages)}
    walks = crossing_links(junction) - always
    return tuple(
        max(green, walk) if any(stage.lamps[i] in GREEN for i in walks) else green for stage in junction.stages
    )


def _classes(junction: Junction) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    by_stages: dict[tuple[int, ...], list[int]] = {}
    for m in range(len(junction.movements)):
        stages = tuple(s for s, stage in enumerate(junction.stages) if m in stage.movements)
        if stages and len(stages) < len(junction.stages):
            by_stages.setdefault(stages, []).append(m)
    serves = [0] * len(junction.stages)
    for bit, stages in enumerate(by_stages):
        for s in stages:
            serves[s] |= 1 << bit
    return (*serves, (1 << len(by_stages)) - 1, 0), tuple(tuple(ms) for ms in by_stages.values())


def _homes(serves: tuple[int, ...], classes: int) -> tuple[int, ...]:
    """A small set of stages that serves all classes (greedy cover), as the stage of each class."""
    home = [-1] * classes
    left = (1 << classes) - 1
    while left:
        best = max(range(len(serves)), key=lambda s: ((serves[s] & left).bit_count(), -s))
        for bit in range(classes):
            if serves[best] & left & (1 << bit):
                home[bit] = best
        left &= ~serves[best]
    return tuple(home)

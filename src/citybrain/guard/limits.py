"""The hard limits of one junction, worked out once from its road record."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from citybrain.model import Junction

TICK_MS = 1000
"""The guard is advanced once a second; every limit is rounded up to whole seconds, never down."""

GREEN = "Gg"


class LimitsError(ValueError):
    """A junction whose stages no guard could show safely; the text is one word of why."""


class Limits(Struct, frozen=True):
    """What the guard must keep. All times in whole ticks of milliseconds.

    Rows and columns are stages; one more row at the end, which Python also reaches as index -1, is all-red.
    Movements that the same stages serve are one *class*; classes are bits of the masks.
    """

    lamps: tuple[str, ...]
    """For each stage; the last is all-red."""
    change_ms: tuple[tuple[int, ...], ...]
    """[from][to]: how long lamps change."""
    moments_ms: tuple[tuple[tuple[int, ...], ...], ...]
    """[from][to]: when, counted from the start of the change, lamps change again; the last one ends it."""
    yellow_ms: tuple[int, ...]
    """For each signal link."""
    hold_ms: tuple[int, ...]
    """For each stage, how long it stays at least: minimum green. The last: all-red at start-up, as long as the
    longest yellow and all-red together, because nobody knows what the lamps showed before."""
    serves: tuple[int, ...]
    """For each stage, the classes to which it gives green; the last is 0."""
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
        return len(self.lamps) - 1


def limits_of(junction: Junction) -> Limits:
    """The limits of a junction. Raises LimitsError if it has no stages, or any that conflict or do not fit."""
    lamps = tuple(s.lamps for s in junction.stages)
    if not lamps:
        raise LimitsError("no_stages")
    if any(len(word) != junction.signal_links or set(word) - set("Ggr") for word in lamps):
        raise LimitsError("stage_does_not_fit")
    if any(clashes(word, junction.conflicts, junction.yields) for word in lamps):
        raise LimitsError("stage_conflicts")
    lamps = (*lamps, "r" * junction.signal_links)
    yellow = tuple(whole_ticks(s) for s in junction.yellow_s)
    all_red = whole_ticks(junction.all_red_s)
    moments = tuple(tuple(_moments(a, b, yellow, all_red) for b in lamps[:-1]) for a in lamps)
    change = tuple(tuple(m[-1] if m else 0 for m in row) for row in moments)
    start = max(yellow, default=0) + all_red
    hold = (*(max(whole_ticks(junction.min_green_s), TICK_MS) for _ in junction.stages), max(start, TICK_MS))
    serves, members = _classes(junction)
    home = _homes(serves, len(members))
    round_ms = hold[-1] + sum(hold[h] + max(row[h] for row in change) for h in set(home))
    return Limits(
        lamps=lamps,
        change_ms=change,
        moments_ms=moments,
        yellow_ms=yellow,
        hold_ms=hold,
        serves=serves,
        home=home,
        members=members,
        max_red_ms=max(whole_ticks(junction.max_red_s), round_ms),
        round_ms=round_ms,
    )


def own_plan_limits(limits: Limits, junction: Junction) -> Limits:
    """The same limits for the junction's own plan: a longer cycle than the maximum red is the road authority's
    choice and is not broken up. Its red is one cycle at most, and the guard looks one round ahead."""
    longest = whole_ticks(junction.plan.cycle_s) + limits.round_ms
    return msgspec.structs.replace(limits, max_red_ms=max(limits.max_red_ms, longest))


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


def _moments(a: str, b: str, yellow: tuple[int, ...], all_red: int) -> tuple[int, ...]:
    """When lamps change from `a` to `b`: at each end of yellow and, if a link gets green, after all-red."""
    ends = {yellow[i] for i, (x, y) in enumerate(zip(a, b, strict=True)) if x in GREEN and y not in GREEN}
    gains = any(x not in GREEN and y in GREEN for x, y in zip(a, b, strict=True))
    if ends and gains:
        ends.add(max(ends) + all_red)
    return tuple(sorted(ends - {0}))


def _classes(junction: Junction) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    by_stages: dict[tuple[int, ...], list[int]] = {}
    for m in range(len(junction.movements)):
        stages = tuple(s for s, stage in enumerate(junction.stages) if m in stage.movements)
        if stages and len(stages) < len(junction.stages):
            by_stages.setdefault(stages, []).append(m)
    serves = [0] * (len(junction.stages) + 1)
    for bit, stages in enumerate(by_stages):
        for s in stages:
            serves[s] |= 1 << bit
    return tuple(serves), tuple(tuple(ms) for ms in by_stages.values())


def _homes(serves: tuple[int, ...], classes: int) -> tuple[int, ...]:
    """A small set of stages that serves all classes (greedy cover), as the stage of each class."""
    home = [-1] * classes
    left = (1 << classes) - 1
    while left:
        best = max(range(len(serves) - 1), key=lambda s: ((serves[s] & left).bit_count(), -s))
        for bit in range(classes):
            if serves[best] & left & (1 << bit):
                home[bit] = best
        left &= ~serves[best]
    return tuple(home)

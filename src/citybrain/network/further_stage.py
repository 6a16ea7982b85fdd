"""Stages that a junction's program does not show and its signal groups allow.

A *signal group* is the links of one approach, or of one crossing, that the program always shows alike. Two groups
are compatible when a stage of the program lets both go, or when the network knows no conflict between their paths
(none crosses or merges with another). A further stage is a set of compatible groups to which none can be added and
that is part of no stage of the program; every signal planner's compatibility matrix gives the same sets.

A program that spans several nodes gets none: the streets between them are short, and who may go by right of way
can still fill them. Neither does one all of whose groups are compatible: why it keeps them apart, the network does
not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from citybrain.network.foes import GREEN, Foes
from citybrain.network.stage_repair import clashes

MOST = 4
"""Further stages of a junction, those first that let most links go."""
_LOOKED_AT = 1000
"""Sets of groups that are looked at: a junction of many arms may have more."""


def further_stages(
    stages: Sequence[str], foes: Foes, approach: Mapping[int, str], lanes: Iterable[frozenset[int]]
) -> tuple[str, ...]:
    """Lamp strings (G, g, r) of the stages to add to `stages`.

    `stages` must be safe themselves; where they do not fit the junction, there are none to add. `approach`: the
    link or crossing that each signal link comes from; links without one go only where they always do. `lanes`: the
    signal links of each lane; none is let go by halves, for its first car may be one that waits. A link gives way
    (g) where the network says so or the program never shows it G.
    """
    if not stages or any(len(lamps) != len(foes.conflicts) for lamps in stages):
        return ()
    groups, always = _groups(stages, approach)
    shown = [frozenset(g for g, links in enumerate(groups) if lamps[links[0]] in GREEN) for lamps in stages]
    compatible = [
        {b for b in range(len(groups)) if b != a and _compatible(a, b, shown, groups, foes)}
        for a in range(len(groups))
    ]
    bound = [lane.difference(always) for lane in lanes]
    found = []
    for going in islice(_largest(compatible, frozenset(), frozenset(range(len(groups))), frozenset()), _LOOKED_AT):
        lamps = _lamps(stages, foes, {*always, *(k for g in going for k in groups[g])})
        whole = all(len({lamps[k] == "r" for k in lane}) < 2 for lane in bound)
        fresh = len(going) < len(groups) and not any(going <= s for s in shown)
        if whole and fresh and not clashes(lamps, foes):
            found.append(lamps)
    return tuple(sorted(dict.fromkeys(found), key=lambda lamps: (lamps.count("r"), lamps))[:MOST])


def _groups(stages: Sequence[str], approach: Mapping[int, str]) -> tuple[list[list[int]], list[int]]:
    """The signal groups that are green in some stages and not in others, and the links that always are."""
    alike: dict[tuple[str, str], list[int]] = {}
    always = []
    for k, letters in enumerate("".join(column) for column in zip(*stages, strict=True)):
        if GREEN.issuperset(letters):
            always.append(k)
        elif k in approach and not GREEN.isdisjoint(letters):
            alike.setdefault((approach[k], letters), []).append(k)
    return list(alike.values()), always


def _compatible(
    a: int, b: int, shown: Sequence[frozenset[int]], groups: Sequence[Sequence[int]], foes: Foes
) -> bool:
    together = any(a in s and b in s for s in shown)
    return together or not any(k in foes.conflicts[other] for k in groups[a] for other in groups[b])


def _largest(
    compatible: Sequence[set[int]], going: frozenset[int], open_: frozenset[int], shut: frozenset[int]
) -> Iterator[frozenset[int]]:
    """Every set of compatible groups to which none can be added (Bron and Kerbosch, Algorithm 457, CACM 16 (1973),
    with a pivot)."""
    if not open_ and not shut:
        yield going
        return
    pivot = max(sorted(open_ | shut), key=lambda g: len(compatible[g] & open_))
    for g in sorted(open_ - compatible[pivot]):
        yield from _largest(compatible, going | {g}, open_ & compatible[g], shut & compatible[g])
        open_, shut = open_ - {g}, shut | {g}


def _lamps(stages: Sequence[str], foes: Foes, going: set[int]) -> str:
    """The lamps when those links go."""
    return "".join(
        "r"
        if k not in going
        else "G"
        if going.isdisjoint(foes.yields[k]) and any(lamps[k] == "G" for lamps in stages)
        else "g"
        for k in range(len(foes.conflicts))
    )

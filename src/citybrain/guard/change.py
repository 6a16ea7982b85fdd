"""How lamps change from one stage to another: who clears, for how long, and what shows meanwhile.

Links green in the one stage and not in the other clear: yellow (for a crossing: its pedestrians' clearance), then
red. Where a crossing takes longer to clear than yellow lasts, vehicles keep their green until their yellow ends
with it. Links green in both stages stay green, with two exceptions that clear all the same and get green anew:

- The yellow trap: a link that turns across opposing traffic (lamp g) may not be shown yellow while that traffic
  keeps its green, for its driver would take the yellow for everybody's and go.
- A link that loses its right of way (from G to g) may not do so while who goes before it from now on gets green or
  the right of way.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from citybrain.model import Junction

GREEN = "Gg"


class Change(Struct, frozen=True):
    """A change of lamps."""

    words: tuple[tuple[int, str], ...]
    """(milliseconds from the begin, lamps from then on), rising; the first at 0."""
    length_ms: int
    """When the lamps of the new stage show. 0: at once."""


class Ways(Struct, frozen=True):
    """What a junction's links are to one another."""

    yields: tuple[frozenset[int], ...]
    crossed: tuple[frozenset[int], ...]
    """For each link, the vehicles' links across whose path it turns when it gives way."""
    crossings: frozenset[int]
    """Links of pedestrians."""
    clear_ms: tuple[int, ...]
    """Yellow of each link; the clearance of a crossing."""
    all_red_ms: tuple[int, ...]
    """After the yellow of each link."""


def change(ways: Ways, old: str, new: str) -> Change:
    """The change from stage lamps `old` to `new` ("o" everywhere: flashing amber)."""
    ends = clearing(ways, old, new)
    if not ends:
        return Change((), 0)
    walks = ends & ways.crossings
    slowest = max((ways.clear_ms[i] for i in walks), default=0)
    begin = max(slowest - max((ways.clear_ms[i] for i in ends - walks), default=slowest), 0)
    stops = {i: (0 if i in walks else begin, ways.clear_ms[i] + (0 if i in walks else begin)) for i in ends}
    cleared = max(stop for _, stop in stops.values())
    gains = any(b != "r" and (a == "r" or i in ends) for i, (a, b) in enumerate(zip(old, new, strict=True)))
    shown = max(stop + ways.all_red_ms[i] for i, (_, stop) in stops.items()) if gains else cleared
    moments = sorted({0, *(t for pair in stops.values() for t in pair if t < cleared)})
    if shown > cleared:
        moments.append(cleared)
    words = tuple((at, _word(old, stops, at)) for at in moments)
    return Change(words, shown)


def clearing(ways: Ways, old: str, new: str) -> frozenset[int]:
    """The links that show yellow in the change from `old` to `new`."""
    links = range(len(old))
    ends = {i for i in links if old[i] in GREEN and new[i] not in GREEN}
    stay = {i for i in links if old[i] in GREEN and new[i] in GREEN}
    while True:
        gains = {i for i in links if new[i] in GREEN and (i not in stay or old[i] != new[i])}
        more = _trapping(ways, old, ends, stay) | _overtaken(ways, old, new, stay, gains)
        if not more:
            return frozenset(ends)
        ends |= more
        stay -= more


def _trapping(ways: Ways, old: str, ends: Iterable[int], stay: set[int]) -> set[int]:
    """Who would keep green while a link that turns across it is shown yellow."""
    return {j for i in ends if old[i] == "g" for j in ways.crossed[i] & stay}


def _overtaken(ways: Ways, old: str, new: str, stay: set[int], gains: set[int]) -> set[int]:
    """Who would have to give way, without warning, to a link that gets green or the right of way."""
    return {i for i in stay if old[i] == "G" and new[i] == "g" and ways.yields[i] & gains}


def _word(old: str, stops: dict[int, tuple[int, int]], at_ms: int) -> str:
    def letter(i: int) -> str:
        if i not in stops:
            return old[i]
        begin, stop = stops[i]
        return old[i] if at_ms < begin else "y" if at_ms < stop else "r"

    return "".join(letter(i) for i in range(len(old)))


def ways_of(junction: Junction, clear_ms: tuple[int, ...], all_red_ms: tuple[int, ...]) -> Ways:
    """The ways of a junction from its movements, foes and times."""
    crossings = crossing_links(junction)
    exits: dict[int, set[str]] = {}
    turns: set[int] = set()
    for m in junction.movements:
        for link in m.signal_links if m.turn != "p" else ():
            exits.setdefault(link, set()).add(m.to_link)
            turns |= {link} if m.turn == "t" else set()
    crossed = tuple(
        frozenset(j for j in yields if i in exits and j in exits and (i in turns or exits[i].isdisjoint(exits[j])))
        for i, yields in enumerate(junction.yields)
    )
    yields = tuple(frozenset(y) for y in junction.yields)
    return Ways(yields, crossed, crossings, clear_ms, all_red_ms)


def crossing_links(junction: Junction) -> frozenset[int]:
    """The signal links of pedestrian crossings."""
    return frozenset(link for m in junction.movements if m.turn == "p" for link in m.signal_links)

"""How lamps change from one stage to another: who clears and when, and from when each new link has green.

Links green in the one stage and not in the other clear: yellow (for a crossing: its pedestrians' clearance), then
red. A link that gets green, or the right of way, waits for the yellow and all-red of those that clear and conflict
with it, and for nobody else (intergreen times by pairs of streams, as RiLSA has them). A link that clears is shown
yellow as late as this allows: it keeps its green while whoever waits for it has to wait for others, too, such as a
crossing's pedestrians. Links green in both stages stay green, with two exceptions that clear all the same and get
green anew:

- The yellow trap: a link that turns across opposing traffic (lamp g) may not be shown yellow while that traffic
  keeps its green, for its driver would take the yellow for everybody's and go.
- A link that loses its right of way (from G to g) may not do so while who goes before it from now on gets green or
  the right of way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from citybrain.model.road import Junction

GREEN = "Gg"


class Change(Struct, frozen=True):
    """A change of lamps."""

    words: tuple[tuple[int, str], ...]
    """(milliseconds from the begin, lamps from then on), rising; the first at 0."""
    length_ms: int
    """When the lamps of the new stage show. 0: at once."""


class Ways(Struct, frozen=True):
    """What a junction's links are to one another."""

    apart: tuple[frozenset[int], ...]
    """For each link, those whose paths cross or join its own, and itself."""
    yields: tuple[frozenset[int], ...]
    crossed: tuple[frozenset[int], ...]
    """For each link, the vehicles' links across whose path it turns when it gives way."""
    clear_ms: tuple[int, ...]
    """Yellow of each link; the clearance of a crossing."""
    all_red_ms: tuple[int, ...]
    """After the yellow of each link."""
    green_ms: int
    """What every stage lasts at least: the next change does not begin before it is over."""


def change(ways: Ways, old: str, new: str) -> Change:
    """The change from stage lamps `old` to `new` ("o" everywhere: flashing amber)."""
    ends = clearing(ways, old, new)
    if not ends:
        return Change((), 0)
    pairs = enumerate(zip(old, new, strict=True))
    gains = [i for i, (a, b) in pairs if b != "r" and (i in ends or a == "r" or (a == "g" and b == "G"))]
    waits = {i: ends if new[i] == "o" else ends & ways.apart[i] for i in gains}
    empty = {i: ways.clear_ms[i] + ways.all_red_ms[i] for i in ends}
    greens = {i: max((empty[j] for j in waits[i]), default=0) for i in gains}
    # What is left of an all-red is over before the next change gives anybody green.
    length = max(*(ways.clear_ms[i] for i in ends), *greens.values(), max(empty.values()) - ways.green_ms)
    gone = {i: _gone_ms(ways, i, [greens[j] for j in gains if i in waits[j]], length) for i in ends}
    yellows = _trapping_nobody(ways, old, {i: at - ways.clear_ms[i] for i, at in gone.items()})
    return Change(tuple(_words(ways, old, new, yellows, greens, length)), length)


def _gone_ms(ways: Ways, link: int, greens: list[int], length: int) -> int:
    """When the yellow of a link is over at the latest: its all-red before the first green that waits for it, and
    over by the next change."""
    beyond = max(ways.all_red_ms[link] - ways.green_ms, 0)
    return min((at - ways.all_red_ms[link] for at in greens), default=length - beyond)


def _trapping_nobody(ways: Ways, old: str, yellows: dict[int, int]) -> dict[int, int]:
    """Those times of yellow, but who turns across traffic that clears too is not shown it before that traffic."""
    found = dict(yellows)
    for i in sorted(yellows, key=lambda i: yellows[i]):
        for j in ways.crossed[i] & found.keys() if old[i] == "g" else ():
            found[j] = min(found[i], found[j])
    return found


def _words(
    ways: Ways, old: str, new: str, yellows: dict[int, int], greens: dict[int, int], length: int
) -> Iterator[tuple[int, str]]:
    reds = {i: at + ways.clear_ms[i] for i, at in yellows.items()}

    def letter(i: int, at_ms: int) -> str:
        if at_ms >= greens.get(i, length):
            return new[i]
        if at_ms >= reds.get(i, length):
            return "r"
        return "y" if at_ms >= yellows.get(i, length) else old[i]

    for at_ms in sorted({0, *yellows.values(), *reds.values(), *greens.values()}):
        if at_ms < length:
            yield at_ms, "".join(letter(i, at_ms) for i in range(len(old)))


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


def ways_of(junction: Junction, clear_ms: tuple[int, ...], all_red_ms: tuple[int, ...], green_ms: int) -> Ways:
    """The ways of a junction from its movements, foes and times."""
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
    apart = tuple(frozenset((i, *foes)) for i, foes in enumerate(junction.conflicts))
    return Ways(apart, yields, crossed, clear_ms, all_red_ms, green_ms)


def crossing_links(junction: Junction) -> frozenset[int]:
    """The signal links of pedestrian crossings."""
    return frozenset(link for m in junction.movements if m.turn == "p" for link in m.signal_links)

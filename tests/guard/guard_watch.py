"""The oracle as a machine: it is shown lamps tick by tick and says what was wrong. It knows the road record only.

The same rules as `guard_oracle` keeps over a whole history, in a state of which there are finitely many, so that
a search can walk them all. It shares no code with the guard.
"""

from __future__ import annotations

from math import ceil

from citybrain.model import Junction

Seen = tuple[str, tuple[int, ...], tuple[int, ...]]
"""Lamps, for each link the ticks since its colour began (up to what any rule asks), for each movement its red."""

_COLOUR = {"G": "green", "g": "green", "y": "yellow", "r": "red", "o": "flash"}


class Watch:
    """Watches one junction, a tick a second. `max_red`: ticks that a served movement may be without green, or
    None.

    A link's red before anybody has seen it, and after flashing, counts from the longest yellow on: nobody knows
    who is still in the junction.
    """

    def __init__(self, junction: Junction, max_red: int | None) -> None:
        self.junction = junction
        self.max_red = max_red
        self._all_red = [ceil(junction.all_red_after(i)) for i in range(junction.signal_links)]
        self._yellow = [ceil(s) for s in junction.yellow_s]
        walks = {i for m in junction.movements if m.turn == "p" for i in m.signal_links}
        green, walk = ceil(junction.min_green_s), ceil(junction.walk_s)
        self._green = [max(green, walk) if i in walks else green for i in range(junction.signal_links)]
        self._longest = max((*self._green, *self._yellow, *self._all_red))
        self._unknown = -max(self._yellow)
        self._across = _across(junction)
        served = {m for stage in junction.stages for m in stage.movements}
        watched = {junction.movements[m].signal_links for m in served} - {()}
        self._links = sorted(watched) if max_red is not None else []
        self._moved: dict[tuple[str, tuple[int, ...], str, int], tuple[tuple[int, ...], str]] = {}
        self._words: dict[str, str] = {}

    def power_up(self) -> Seen:
        """All red, and nobody knows what was before."""
        n = self.junction.signal_links
        return "r" * n, (self._unknown,) * n, (0,) * len(self._links)

    def look(self, seen: Seen, lamps: str, ticks: int) -> tuple[Seen, str]:
        """The lamps `ticks` later, and what is wrong with them ("": nothing)."""
        before, ages, reds = seen
        key = (before, ages, lamps, ticks)
        known = self._moved.get(key)
        if known is None:
            known = self._moved[key] = self._move(before, ages, lamps, ticks)
        ages, fault = known
        reds = tuple(
            0 if any(lamps[i] in "Ggo" for i in links) else red + ticks
            for links, red in zip(self._links, reds, strict=True)
        )
        if not fault and self.max_red is not None and max(reds, default=0) > self.max_red:
            late = self._links[reds.index(max(reds))]
            fault = f"links {late} have waited {max(reds)} ticks"
        return (lamps, ages, reds), fault

    def _move(self, before: str, ages: tuple[int, ...], lamps: str, ticks: int) -> tuple[tuple[int, ...], str]:
        lasted = [age + ticks for age in ages]
        fault = self._words.setdefault(lamps, self._clash(lamps))
        new = []
        for i, (a, b) in enumerate(zip(before, lamps, strict=True)):
            was, is_ = _COLOUR[a], _COLOUR[b]
            if was != is_:
                fault = fault or self._wrong(i, was, is_, before, lamps, lasted)
            elif a == "G" and b == "g":
                fault = fault or self._overtaken(i, before, lamps)
            elif a == "g" and b == "G":
                fault = fault or self._too_early(i, before, lamps, lasted)
            begins = self._unknown if was == "flash" and is_ == "red" else 0
            new.append(min(lasted[i], self._longest) if was == is_ else begins)
        return tuple(new), fault

    def _wrong(self, i: int, was: str, is_: str, before: str, lamps: str, lasted: list[int]) -> str:
        """What is wrong with link `i` going from one colour to the other."""
        match was, is_:
            case "green", "yellow":
                if lasted[i] < self._green[i]:
                    return f"link {i} was green for {lasted[i]} ticks only"
                trapped = before[i] == "g" and any(lamps[j] in "Gg" for j in self._across[i])
                return f"link {i} is trapped" if trapped else ""
            case "yellow", "red":
                return f"link {i} was yellow for {lasted[i]} ticks only" if lasted[i] < self._yellow[i] else ""
            case "red", "green":
                return self._too_early(i, before, lamps, lasted)
            case "red", "flash":
                early = any(t < red for t, red in zip(lasted, self._all_red, strict=True))
                short = early or set(before) != {"r"} or set(lamps) != {"o"}
                return "flashing begins too early" if short else ""
            case "flash", "red":
                return "" if set(lamps) == {"r"} else "flashing ends without all-red"
        return f"link {i} goes from {was} to {is_}"

    def _too_early(self, i: int, before: str, lamps: str, lasted: list[int]) -> str:
        for j in self.junction.conflicts[i]:
            clearing = lamps[j] == "y" or (before[j] == "y" and self._all_red[j] > 0)
            if clearing or (before[j] == "r" and lasted[j] < self._all_red[j]):
                return f"link {i} gets green {lasted[j]} ticks after {j} turned {_COLOUR[before[j]]}"
        return ""

    def _overtaken(self, i: int, before: str, lamps: str) -> str:
        for j in self.junction.yields[i]:
            if lamps[j] in "Gg" and before[j] != lamps[j]:
                return f"link {i} must give way to {j} without warning"
        return ""

    def _clash(self, lamps: str) -> str:
        for i, a in enumerate(lamps):
            for j in self.junction.conflicts[i]:
                b = lamps[j]
                if i < j and a in "Gg" and b in "Gg":
                    a_waits = a == "g" and j in self.junction.yields[i]
                    b_waits = b == "g" and i in self.junction.yields[j]
                    if not (a_waits or b_waits):
                        return f"conflicting links {i} and {j} are green"
        return ""


def _across(junction: Junction) -> list[set[int]]:
    """For each link, those it gives way to and whose path it crosses rather than joins; a U-turn also where it
    joins. Pedestrians are nobody's trap: who yields to them goes on yielding."""
    ends: dict[int, set[str]] = {}
    for m in junction.movements:
        for i in m.signal_links if m.turn != "p" else ():
            ends.setdefault(i, set()).add(m.to_link if m.turn != "t" else f"round from {m.from_link}")
    return [
        {j for j in junction.yields[i] if ends.get(i) and ends.get(j) and not ends[i] & ends[j]}
        for i in range(junction.signal_links)
    ]

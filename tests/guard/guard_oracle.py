"""An oracle of signal safety, written without a look at the guard: it reads the lamps over time, nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from citybrain.model import Junction

History = Sequence[tuple[float, str]]
"""(second, lamps shown from then on), seconds rising; the last entry closes the history."""


def violations(junction: Junction, history: History, *, max_red_s: float | None = None) -> list[str]:
    """Everything that the lamps did wrong, in words. `max_red_s` None: maximum red is not asked."""
    found = [*_conflicts(junction, history)]
    runs = [_runs(history, i) for i in range(junction.signal_links)]
    for link, run in enumerate(runs):
        found += _order(link, run)
        found += _durations(junction, link, run)
    found += _intergreens(junction, runs)
    if max_red_s is not None:
        found += _reds(junction, history, max_red_s)
    return found


def _colour(letter: str) -> str:
    return {"G": "green", "g": "green", "y": "yellow", "r": "red"}[letter]


def _runs(history: History, link: int) -> list[tuple[str, float, float]]:
    """(colour, from, to) of one link."""
    end = history[-1][0]
    runs = []
    for colour, group in groupby(history, key=lambda entry: _colour(entry[1][link])):
        runs.append((colour, next(group)[0]))
    stops = [start for _, start in runs[1:]] + [end]
    return [(colour, start, stop) for (colour, start), stop in zip(runs, stops, strict=True)]


def _conflicts(junction: Junction, history: History) -> Iterator[str]:
    for second, lamps in history:
        for a in range(len(lamps)):
            for b in junction.conflicts[a]:
                if a < b and lamps[a] in "Gg" and lamps[b] in "Gg":
                    a_waits = lamps[a] == "g" and b in junction.yields[a]
                    b_waits = lamps[b] == "g" and a in junction.yields[b]
                    if not (a_waits or b_waits):
                        yield f"{second}: conflicting links {a} and {b} are green"


def _order(link: int, run: list[tuple[str, float, float]]) -> Iterator[str]:
    for (before, _, second), (after, _, _) in pairwise(run):
        if (before, after) not in {("green", "yellow"), ("yellow", "red"), ("red", "green")}:
            yield f"{second}: link {link} goes from {before} to {after}"


def _durations(junction: Junction, link: int, run: list[tuple[str, float, float]]) -> Iterator[str]:
    for colour, start, stop in run[:-1]:
        if colour == "green" and stop - start < junction.min_green_s:
            yield f"{stop}: link {link} was green for {stop - start} s only"
        if colour == "yellow" and stop - start < junction.yellow_s[link]:
            yield f"{stop}: link {link} was yellow for {stop - start} s only"


def _intergreens(junction: Junction, runs: list[list[tuple[str, float, float]]]) -> Iterator[str]:
    for a, run in enumerate(runs):
        for colour, begin, _ in run[1:]:
            if colour != "green":
                continue
            for b in junction.conflicts[a]:
                for other, start, stop in runs[b]:
                    cleared = stop + junction.all_red_after(b)
                    if other == "yellow" and start <= begin < cleared:
                        yield f"{begin}: link {a} is green {begin - stop} s after {b} ended"


def _reds(junction: Junction, history: History, max_red_s: float) -> Iterator[str]:
    for index, movement in enumerate(junction.movements):
        served = any(index in stage.movements for stage in junction.stages)
        if not served or not movement.signal_links:
            continue
        began: float | None = history[0][0]
        for second, lamps in history:
            green = any(lamps[link] in "Gg" for link in movement.signal_links)
            if began is not None and second - began > max_red_s:
                yield f"{second}: {movement.id} has waited {second - began} s"
            if green or (began is not None and second - began > max_red_s):
                began = None if green else second
            elif began is None:
                began = second

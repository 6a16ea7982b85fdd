"""`citybrain plan show`: what an engineer reads of a junction: stages, plan, change times, limits, why refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from citybrain.city.plan_source import PlanSource, open_network
from citybrain.city.settings import SettingsError
from citybrain.model import Junction, Movement, PlanPhase, RoadNet
from citybrain.network import SignalNote, change_notes, own_all_red, plan_groups, ring_diagram

_TURN = {"s": "straight", "l": "left", "r": "right", "t": "round", "p": "on foot"}
MOST_ROWS = 1000
PLAIN_WIDTH = 120
"""Columns where no terminal says how many it has."""


def show_plans(network: Path, junction: str | None) -> None:
    """Print all junctions in a table, or one in full. Raises what `open_network` does, SettingsError."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    source = open_network(network)
    found = [j for j in source.net.junctions if junction in (None, j.id)]
    if not found:
        known = ", ".join(j.id for j in source.net.junctions[:5])
        raise SettingsError(f"--junction {junction}: there is no such junction; give one such as {known}")
    if junction is None:
        _print(console, _overview(source))
        for line in group_lines(source.net):
            _print(console, line)
        return
    for part in _in_full(found[0], source):
        _print(console, part)


def group_lines(net: RoadNet) -> Iterator[str]:
    """A line for each coordination group: its junctions, and what keeps their own plans from being in step."""
    for group in plan_groups(net):
        names = ", ".join(j.id for j in group.junctions)
        fits = group.remark or f"one cycle, {max(j.plan.cycle_s for j in group.junctions):g} s"
        yield f"{'warning: ' if group.remark else ''}group {group.name} ({names}): {fits}"


def _print(console: Console, part: str | Table) -> None:
    """A title as long as it is, its table in the console's width."""
    if isinstance(part, str):
        console.print(part, markup=False, soft_wrap=True)
        return
    console.print(part.title, markup=False, soft_wrap=True)
    part.title = None
    console.print(part, markup=False)


def _overview(source: PlanSource) -> Table:
    refused = sum(j.refused is not None for j in source.net.junctions)
    title = f"{source.net.name}: {len(source.net.junctions)} signalised junctions, {refused} on their own plan"
    table = _table(title, "junction", "name", "program", "cycle s", "stages", "yellow s", "all-red s", "control")
    for j in sorted(source.net.junctions, key=lambda j: (j.refused is None, not j.remarks, j.id))[:MOST_ROWS]:
        note = source.notes.get(j.id)
        kind = next((p.kind for p in note.programs if p.runs), "") if note else ""
        yellow = sorted({y for k, y in enumerate(j.yellow_s) if k not in _walks(j)})
        times = "–".join(dict.fromkeys(f"{y:g}" for y in (yellow[:1] + yellow[-1:])))
        control = (
            f"own plan: {j.refused}"
            if j.refused
            else "brain" + (f"; {len(j.remarks)} repaired" if j.remarks else "")
        )
        further = sum(s.further for s in j.stages)
        stages = f"{len(j.stages) - further}" + (f" + {further}" if further else "")
        numbers = (f"{j.plan.cycle_s:g}", stages, times, f"{j.all_red_s:g}")
        table.add_row(j.id, j.name, f"{j.plan.program} {kind}".strip(), *numbers, control)
    if len(source.net.junctions) > MOST_ROWS:
        table.caption = f"and {len(source.net.junctions) - MOST_ROWS} more: name one with --junction"
    return table


def _in_full(junction: Junction, source: PlanSource) -> Iterator[str | Table]:
    j = junction
    yield f"{j.id}  {j.name}"
    yield f"control: own plan only, {j.refused}" if j.refused else "control: the brain may decide"
    yield from (f"repaired: {remark}" for remark in j.remarks)
    yield from _programs(source.notes.get(j.id))
    yield _stages(j, source)
    yield _plan(j)
    yield _changes(j, source)
    own = own_all_red(j)
    where = (
        "its program's" if own is not None else "by formula (ITE: (W / 2 + L) / v, 1 to 2 s): its program has none"
    )
    least_s = min(j.clearing_s, default=j.all_red_s)
    times = f"{j.all_red_s:g} s" if least_s == j.all_red_s else f"{least_s:g} to {j.all_red_s:g} s, by who clears"
    yield f"all-red {times}, {where}; MUTCD 4F.17 allows 6 s at most"
    yield from _limits(j)


def _programs(note: SignalNote | None) -> Iterator[str]:
    for p in note.programs if note else ():
        runs = "runs" if p.runs else "loaded before, does not run"
        yield f"program {p.id} ({p.kind}): cycle {p.cycle_s:g} s, offset {p.offset_s:g} s, {runs}"
        if p.rings is not None and p.runs:
            yield from ring_diagram(p.rings)
    if note and note.switches:
        times = ", ".join(f"{_clock(at)} {to}" for at, to in note.switches)
        yield f"WAUT changes the program by the time of day: {times}; the brain and the guard use the first one"


def _stages(junction: Junction, source: PlanSource) -> Table:
    names = {link.id: link.name for link in source.net.links}
    table = _table("stages", "stage", "lamps", "lets go")
    for stage in junction.stages:
        served = [_words(junction.movements[m], names, stage.lamps) for m in stage.movements]
        number = f"{stage.index}, further" if stage.further else f"{stage.index}"
        table.add_row(number, stage.lamps, "\n".join(served))
    return table


def _words(movement: Movement, names: dict[str, str], lamps: str) -> str:
    gives = {lamps[k] for k in movement.signal_links} == {"g"}
    way = ", gives way" if gives else ", always" if movement.always_green else ""
    if movement.turn == "p":
        return f"{_short(movement)}: on foot{way}"
    street = names.get(movement.from_link) or movement.from_link
    return f"{_short(movement)}: from {street}, {_TURN[movement.turn]}{way}"


def _plan(junction: Junction) -> Table:
    plan = junction.plan
    table = _table(
        f"own plan: program {plan.program}, cycle {plan.cycle_s:g} s, offset {plan.offset_s:g} s",
        "from s", "seconds", "lamps", "what",
    )  # fmt: skip
    at = 0.0
    for phase in plan.phases:
        table.add_row(f"{at:g}", f"{phase.duration_s:g}", phase.lamps, _what(phase))
        at += phase.duration_s
    return table


def _what(phase: PlanPhase) -> str:
    if phase.stage >= 0:
        return f"stage {phase.stage}"
    return "yellow" if "y" in phase.lamps else "all-red" if not phase.lamps.strip("rs") else "change"


def _changes(junction: Junction, source: PlanSource) -> Table:
    table = _table(
        "yellow in seconds, and what the rules ask for (85th percentile taken as the speed allowed + 11 km/h)",
        "movement", "km/h", "kept", "its program", "ITE 2020", "MUTCD 4F.17", "RiLSA", "below",
    )  # fmt: skip
    for note in change_notes(junction, source.net):
        own = "none: by formula" if note.own_s is None else f"{note.own_s:g}"
        rules = [f"{s:g}" for s in note.rules.values()]
        kept = (f"{note.speed_mps * 3.6:.0f}", f"{note.yellow_s:g}", own)
        table.add_row(note.movement.removeprefix(f"{junction.id}:"), *kept, *rules, ", ".join(note.below))
    return table


def _limits(junction: Junction) -> Iterator[str]:
    longest = "as long as it pays" if junction.max_green_s is None else f"{junction.max_green_s:g} s"
    yield f"green {junction.min_green_s:g} s at least, at most {longest}; red at most {junction.max_red_s:g} s"
    if junction.group:
        yield f"group {junction.group}"
    if junction.advisory:
        yield "starts in advisory mode"
    for p in junction.priorities:
        moves = ", ".join(_short(junction.movements[m]) for m in p.movements)
        days = "every day" if len(p.days) == 7 else "on weekdays" if 0 in p.days else "at weekends"
        yield f"weight {p.weight:g} from {_clock(p.begin_s)} to {_clock(p.end_s)} {days}: {moves}"


def _short(movement: Movement) -> str:
    """Its id without the junction's."""
    return f"{movement.from_link}>{movement.to_link}" if movement.from_link else movement.id.partition(":")[2]


def _clock(second: float) -> str:
    return f"{int(second) // 3600 % 24:02d}:{int(second) // 60 % 60:02d}"


def _walks(junction: Junction) -> set[int]:
    return {k for m in junction.movements if m.turn == "p" for k in m.signal_links}


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table

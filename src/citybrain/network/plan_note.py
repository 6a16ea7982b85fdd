"""What a network's files say of signal programs: every one of a signal, which runs, and when it changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from citybrain.network.nema_plan import RingBarrier, RingError, cycle_phases, of_program
from citybrain.network.netfile import NetRows, ProgramRow, read_rows

WIDTH = 72


class ProgramNote(Struct, frozen=True):
    """A program of a signal. `rings`: its ring-barrier plan, None where it has none or they do not fit."""

    id: str
    kind: str
    cycle_s: float
    offset_s: float
    runs: bool
    """It is the one that SUMO runs: the last one loaded, or what a WAUT starts with."""
    rings: RingBarrier | None


class SignalNote(Struct, frozen=True):
    """The programs of a signal, and `switches`: from which second of the day a WAUT lets which one run."""

    programs: tuple[ProgramNote, ...]
    switches: tuple[tuple[float, str], ...]


def signal_notes(net_file: Path, additional: Sequence[Path] = ()) -> dict[str, SignalNote]:
    """The notes of each signal. Raises NetError in one line."""
    rows = read_rows(net_file, tuple(additional))
    switches: dict[str, tuple[tuple[float, str], ...]] = {}
    for waut in rows.switches.values():
        for signal in waut.signals:
            switches[signal] = tuple(sorted(waut.times))
    return {s: SignalNote(_notes(s, rows), switches.get(s, ())) for s in rows.all_programs}


def _notes(signal: str, rows: NetRows) -> tuple[ProgramNote, ...]:
    running = rows.programs.get(signal)
    return tuple(_note(p, p is running) for p in rows.all_programs[signal])


def _note(program: ProgramRow, runs: bool) -> ProgramNote:
    rings = None
    phases = program.phases
    if program.kind == "NEMA":
        try:
            rings = of_program(program)
            phases = cycle_phases(rings)
        except RingError:
            phases = []
    cycle = sum(seconds for _, seconds in phases)
    return ProgramNote(program.id, program.kind, cycle, program.offset, runs, rings)


def ring_diagram(plan: RingBarrier) -> list[str]:
    """The ring-barrier diagram in two lines of text: phases with their splits, `║` for a barrier."""
    lines = []
    for number in (0, 1):
        cells = []
        for group in plan.groups:
            length = max(sum(p.split_s for p in ring) for ring in group)
            room = max(12, round(WIDTH * length / plan.cycle_s))
            phases = group[number] or group[1 - number]
            parts = [_cell(f"{p.number}: {p.split_s:g} s", round(room * p.split_s / length)) for p in phases]
            cells.append("│".join(parts).ljust(room))
        lines.append(f"ring {number + 1} ║{'║'.join(cells)}║")
    return lines


def _cell(text: str, room: int) -> str:
    return f" {text} ".ljust(room)

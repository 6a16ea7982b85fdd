"""Synchro's UTDF (Universal Traffic Data Format, version 8, combined CSV): nodes, lanes, timing plans, phases.

Read for the signal plans in it: which phases serve which movement, splits, rings and barriers, cycle and offset.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from citybrain.network.nema_plan import SAME_S, RingBarrier, RingError, RingPhase, checked

FOOT_M = 0.3048
_MOST_BYTES = 100_000_000
_MOST_CELLS = 200
_SECTIONS = {"Phasing": "Phases", "Timings": "Timeplans"}
HEADINGS = {"NB": 0.0, "NE": 45.0, "EB": 90.0, "SE": 135.0, "SB": 180.0, "SW": 225.0, "WB": 270.0, "NW": 315.0}
"""Degrees clockwise from north of the directions of travel; a column such as NBL is one of them and a turn."""
CYCLE_SLACK_S = 0.25
COORDINATED = "3"
"""Control type of a signal whose cycle is a promise (0 pretimed, 1 and 2 actuated by themselves)."""


class UtdfError(ValueError):
    """A file that is no UTDF: one line naming it and what to do."""


class UtdfMove(Struct, frozen=True):
    """A movement: the phases that serve it, protected (it has the way) and permitted (it gives way)."""

    protected: tuple[int, ...]
    permitted: tuple[int, ...]


class UtdfSignal(Struct, frozen=True):
    """A signalised node. `moves` by column (NBL, SET, …); `records` its phases' rows by record and phase."""

    id: str
    x_m: float
    y_m: float
    street: str
    moves: Mapping[str, UtdfMove]
    plan: Mapping[str, str]
    records: Mapping[str, Mapping[int, str]]


def read_utdf(file: Path) -> tuple[UtdfSignal, ...]:
    """The signals of a UTDF file, by id as it stands there. Raises UtdfError in one line."""
    tables = _tables(file)
    network = {r["RECORDNAME"]: r.get("DATA", "") for r in tables["Network"] if "RECORDNAME" in r}
    scale = 1.0 if network.get("Metric", "0") == "1" else FOOT_M
    lanes, phases, plans = (_by_node(tables[name]) for name in ("Lanes", "Phases", "Timeplans"))
    links = _by_node(tables["Links"])
    found = []
    for node in tables["Nodes"]:
        name = node.get("INTID", "")
        if node.get("TYPE") != "0" or name not in phases:
            continue
        try:
            x, y = (_number(node[key], 0.0) * scale for key in ("X", "Y"))
        except (KeyError, RingError):
            raise UtdfError(f"{file}: node {name} has no X and Y that are numbers") from None
        streets = [s for s in links.get(name, {}).get("Name", {}).values() if s]
        timing = {record: cells.get("DATA", "") for record, cells in plans.get(name, {}).items()}
        found.append(
            UtdfSignal(
                name,
                x,
                y,
                " / ".join(dict.fromkeys(streets)),
                _moves(lanes.get(name, {})),
                timing,
                _phases(phases[name]),
            )
        )
    if not found:
        raise UtdfError(f"{file}: no signalised node with phases in it; export a combined UTDF file from Synchro")
    return tuple(found)


def ring_barrier(signal: UtdfSignal, junction: str, lamps: Mapping[int, str]) -> RingBarrier:
    """The signal's plan for a junction, its phases with those lamps. Raises RingError in one line.

    A phase's split is MaxGreen + Yellow + AllRed. Where one ring comes to a barrier before the other, its last
    phase rests in green until both can cross it, as in a controller. Where the file says when phases start (Start)
    the plan begins then; else its reference phase begins its green at Offset.
    """
    groups: dict[int, tuple[dict[int, RingPhase], dict[int, RingPhase]]] = {}
    for number in sorted(signal.records.get("BRP", {})):
        barrier, ring, position = _brp(signal, number)
        if _seconds(signal, "MaxGreen", number) > 0:
            groups.setdefault(barrier, ({}, {}))[ring - 1][position] = _phase(signal, number, lamps)
    if not groups:
        raise RingError("it has no phases with a split")
    ordered = tuple(
        (tuple(p for _, p in sorted(a.items())), tuple(p for _, p in sorted(b.items())))
        for _, (a, b) in sorted(groups.items())
    )
    groups_even, remarks = _rested(ordered)
    plan = checked(RingBarrier(junction, f"utdf-{signal.id}", groups_even, 0.0, remarks))
    cycle = _number(signal.plan.get("Cycle Length", ""), plan.cycle_s)
    if signal.plan.get("Control Type") == COORDINATED and abs(cycle - plan.cycle_s) > CYCLE_SLACK_S:
        raise RingError(f"its splits add up to {plan.cycle_s:g} s, not to its cycle of {cycle:g} s")
    return msgspec.structs.replace(plan, begin_s=_begin(signal, plan))


def _rested(
    groups: tuple[tuple[tuple[RingPhase, ...], tuple[RingPhase, ...]], ...],
) -> tuple[tuple[tuple[tuple[RingPhase, ...], tuple[RingPhase, ...]], ...], tuple[str, ...]]:
    """The groups with the last phase of a shorter ring resting in green until the barrier, and what was rested."""
    found, remarks = [], []
    for group in groups:
        lengths = [sum(p.split_s for p in ring) for ring in group]
        rings = []
        for ring, length in zip(group, lengths, strict=True):
            spare = round(max(lengths) - length, 3)
            if ring and spare > SAME_S:
                last = msgspec.structs.replace(ring[-1], green_s=round(ring[-1].green_s + spare, 3))
                remarks.append(
                    f"phase {last.number} rests in green {spare:g} s longer, until the other ring is there"
                )
                ring = (*ring[:-1], last)
            rings.append(ring)
        found.append((rings[0], rings[1]))
    return tuple(found), tuple(remarks)


def _begin(signal: UtdfSignal, plan: RingBarrier) -> float:
    first = (plan.groups[0][0] or plan.groups[0][1])[0].number
    start = signal.records.get("Start", {}).get(first)
    if start:
        return _number(start, 0.0) % plan.cycle_s
    reference = int(_number(signal.plan.get("Reference Phase", "0"), 0.0)) % 100
    before = 0.0
    for group in plan.groups:
        for ring in group:
            at = before
            for phase in ring:
                if phase.number == reference:
                    return (_number(signal.plan.get("Offset", "0"), 0.0) - at) % plan.cycle_s
                at += phase.split_s
        before += max(sum(p.split_s for p in ring) for ring in group)
    return _number(signal.plan.get("Offset", "0"), 0.0) % plan.cycle_s


def _phase(signal: UtdfSignal, number: int, lamps: Mapping[int, str]) -> RingPhase:
    green, yellow, red = (_seconds(signal, record, number) for record in ("MaxGreen", "Yellow", "AllRed"))
    if number not in lamps:
        raise RingError(f"phase {number} serves no movement of the junction")
    return RingPhase(number, green, yellow, red, lamps[number])


def _brp(signal: UtdfSignal, number: int) -> tuple[int, int, int]:
    text = signal.records["BRP"][number]
    if len(text) != 3 or not text.isascii() or not text.isdigit() or text[1] not in "12":
        raise RingError(f"phase {number} has BRP {text!r}: three digits for barrier, ring 1 or 2, and position")
    return int(text[0]), int(text[1]), int(text[2])


def _seconds(signal: UtdfSignal, record: str, number: int) -> float:
    value = _number(signal.records.get(record, {}).get(number, ""), 0.0)
    if not 0 <= value <= 600:
        raise RingError(f"phase {number}: {record} is {value:g} s")
    return value


def _number(text: str, default: float) -> float:
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RingError(f"{text[:20]!r} is no number")
    return value


def _moves(rows: Mapping[str, Mapping[str, str]]) -> dict[str, UtdfMove]:
    found = {}
    for column in sorted({c for record in ("Lanes", "Phase1") for c in rows.get(record, {})}):
        protected, permitted = (_served(rows, kind, column) for kind in ("Phase", "PermPhase"))
        if protected or permitted or rows.get("Lanes", {}).get(column, "0").strip("*") != "0":
            found[column] = UtdfMove(protected, permitted)
    return found


def _served(rows: Mapping[str, Mapping[str, str]], kind: str, column: str) -> tuple[int, ...]:
    """The phases of the records `kind`1 to `kind`4 in a movement's column."""
    texts = [rows.get(f"{kind}{n}", {}).get(column, "") for n in range(1, 5)]
    return tuple(int(t) for t in texts if _is_phase(t))


def _is_phase(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 2 and text != "0"


def _phases(rows: Mapping[str, Mapping[str, str]]) -> dict[str, dict[int, str]]:
    return {
        record: {int(c[1:]): text for c, text in cells.items() if c[:1] == "D" and _is_phase(c[1:])}
        for record, cells in rows.items()
    }


def _by_node(rows: list[dict[str, str]]) -> dict[str, dict[str, dict[str, str]]]:
    """Rows of `RECORDNAME,INTID,…` by node and record."""
    found: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in rows:
        cells = {k: v for k, v in row.items() if k not in ("RECORDNAME", "INTID") and v}
        found[row.get("INTID", "")][row.get("RECORDNAME", "")] = cells
    return found


def _tables(file: Path) -> dict[str, list[dict[str, str]]]:
    tables: dict[str, list[dict[str, str]]] = defaultdict(list)
    section, header = "", list[str]()
    for row in _rows(file):
        if row[0].startswith("[") and row[0].endswith("]"):
            section, header = _SECTIONS.get(row[0][1:-1], row[0][1:-1]), []
        elif not header:
            header = row if len(row) > 1 else []
        elif section:
            tables[section].append(dict(zip(header, row, strict=False)))
    if not section:
        raise UtdfError(
            f"{file}: no section such as [Network] or [Phases]: export a combined UTDF file from Synchro"
        )
    return tables


def _rows(file: Path) -> Iterator[list[str]]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise UtdfError(f"{file}: larger than 100 MB")
        with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            for row in csv.reader(lines):
                cells = [c.strip() for c in row]
                while cells and not cells[-1] and len(cells) > 1:
                    cells.pop()
                if len(cells) > _MOST_CELLS:
                    raise UtdfError(f"{file}: a line has {len(cells)} cells")
                if cells and any(cells):
                    yield cells
    except OSError as e:
        raise UtdfError(f"{file}: cannot be read: {e.strerror}") from None
    except csv.Error as e:
        raise UtdfError(f"{file}: not CSV: {e}") from None

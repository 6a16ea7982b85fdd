"""Reads SUMO network files: edges, junctions, connections and signal programs as they stand in the XML.

One pass with expat; documents that declare entities are refused, so nothing in a file can expand or be fetched.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import BinaryIO, cast
from xml.parsers import expat

Attributes = Mapping[str, str]
_MOTOR = frozenset(
    {"all", "passenger", "private", "taxi", "bus", "coach", "delivery", "truck", "trailer", "evehicle"}
)
_MAX_BYTES = 2_000_000_000
_RING_TIMES = (("maxDur", "50"), ("yellow", "3"), ("red", "2"))


class NetError(ValueError):
    """A network file that cannot be read: one line naming the file and what to do."""


@dataclass(slots=True)
class LaneRow:
    """A `<lane>`: lengths in metres, speed in m/s."""

    id: str
    index: int
    speed: float
    length: float
    shape: tuple[tuple[float, float], ...]
    allow: frozenset[str] | None
    disallow: frozenset[str]
    motor: bool = field(init=False)
    """Cars, buses or lorries may use it."""

    def __post_init__(self) -> None:
        if self.allow is not None:
            self.motor = not _MOTOR.isdisjoint(self.allow)
        else:
            self.motor = "all" not in self.disallow and not {"passenger", "bus"} <= self.disallow

    def allows(self, kind: str) -> bool:
        """Whether vehicles of that SUMO class may use it."""
        if self.allow is not None:
            return kind in self.allow or "all" in self.allow
        return kind not in self.disallow and "all" not in self.disallow


@dataclass(slots=True)
class EdgeRow:
    """An `<edge>` with its lanes, from the kerb."""

    id: str
    from_node: str
    to_node: str
    name: str
    kind: str
    function: str
    shape: tuple[tuple[float, float], ...]
    lanes: list[LaneRow] = field(default_factory=list)


@dataclass(slots=True)
class NodeRow:
    """A `<junction>`. `requests[i]` = (response, foes) of its i-th link, strings read from the right."""

    id: str
    kind: str
    x: float
    y: float
    incoming_lanes: tuple[str, ...]
    internal_lanes: tuple[str, ...]
    requests: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class ConnectionRow:
    """A `<connection>` from lane to lane."""

    from_edge: str
    to_edge: str
    from_lane: int
    to_lane: int
    via: str
    signal: str
    signal_link: int
    turn: str

    @property
    def source(self) -> str:
        return f"{self.from_edge}_{self.from_lane}"

    @property
    def target(self) -> str:
        return f"{self.to_edge}_{self.to_lane}"


@dataclass(slots=True)
class RingRow:
    """A `<phase>` of a NEMA program: its number, the lamps of its own links, seconds."""

    name: str
    state: str
    max_green: float
    yellow: float
    red: float


@dataclass(slots=True)
class ProgramRow:
    """A `<tlLogic>`: phases as (state, seconds). A NEMA program has `rings` and `params` in their place."""

    signal: str
    id: str
    kind: str
    offset: float
    phases: list[tuple[str, float]] = field(default_factory=list)
    ranges: list[tuple[float, float] | None] = field(default_factory=list)
    """For each phase its minDur and maxDur, where it has them."""
    rings: list[RingRow] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class SwitchRow:
    """A `<WAUT>`: from which second of the day which program runs at its signals; `start` before the first."""

    id: str
    start: str
    times: list[tuple[float, str]] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)


@dataclass(slots=True)
class NetRows:
    """What a network file holds. `programs` has the program that SUMO runs: the last one loaded, or the one that a
    WAUT starts with; `all_programs` every one of each signal."""

    projection: str = "!"
    offset: tuple[float, float] = (0.0, 0.0)
    edges: dict[str, EdgeRow] = field(default_factory=dict)
    nodes: dict[str, NodeRow] = field(default_factory=dict)
    connections: list[ConnectionRow] = field(default_factory=list)
    programs: dict[str, ProgramRow] = field(default_factory=dict)
    all_programs: dict[str, list[ProgramRow]] = field(default_factory=dict)
    switches: dict[str, SwitchRow] = field(default_factory=dict)


def read_rows(net_file: Path, additional: tuple[Path, ...] = ()) -> NetRows:
    """Read a network (.net.xml or .net.xml.gz) and the signal programs of additional files.

    Raises NetError when a file is missing, not XML, not a network or without edges.
    """
    reader = _Reader()
    root = scan_xml(net_file, reader.start)
    if root != "net":
        raise NetError(f"{net_file}: not a SUMO network (its root is <{root}>): give a .net.xml file")
    if not reader.rows.edges:
        raise NetError(f"{net_file}: the network has no roads")
    for file in additional:
        scan_xml(file, reader.start_additional)
    reader.finish()
    return reader.rows


def read_programs(file: Path) -> NetRows:
    """The signal programs and WAUTs of an additional file. Raises NetError."""
    reader = _Reader()
    scan_xml(file, reader.start_additional)
    reader.finish()
    return reader.rows


def scan_xml(file: Path, start: Callable[[str, Attributes], None]) -> str:
    """Call `start` on each opening tag; returns the root's name. Raises NetError in one line."""
    root: list[str] = []

    def on_start(tag: str, attributes: dict[str, str]) -> None:
        if not root:
            root.append(tag)
        start(tag, attributes)

    def on_doctype(*_: object) -> None:
        raise NetError(f"{file}: has a document type declaration, which is not accepted: remove it")

    parser = expat.ParserCreate()
    parser.StartElementHandler = on_start
    parser.StartDoctypeDeclHandler = on_doctype
    try:
        with open_xml(file) as stream:
            parser.ParseFile(stream)
    except FileNotFoundError:
        raise NetError(f"{file}: no such file") from None
    except expat.ExpatError as e:
        raise NetError(f"{file}: broken XML at line {e.lineno}: {expat.errors.messages[e.code]}") from None
    except (OSError, EOFError, zlib.error) as e:
        raise NetError(f"{file}: cannot be read: {e}") from None
    except (LookupError, ValueError) as e:
        if isinstance(e, NetError):
            raise
        line = parser.CurrentLineNumber
        raise NetError(f"{file}: line {line}: a value is missing or wrong: {e}") from None
    return root[0]


def open_xml(file: Path) -> BinaryIO:
    """The bytes of an XML file, unpacked where it ends in .gz. Raises OSError."""
    if file.stat().st_size > _MAX_BYTES:
        raise OSError("larger than 2 GB")
    if file.suffix == ".gz":
        return cast(BinaryIO, gzip.open(file, "rb"))
    return file.open("rb")


class _Reader:
    def __init__(self) -> None:
        self.rows = NetRows()
        self._edge: EdgeRow | None = None
        self._node: NodeRow | None = None
        self._program: ProgramRow | None = None
        self._waut: SwitchRow | None = None

    def start(self, tag: str, a: Attributes) -> None:
        if tag == "lane":
            if self._edge is not None:
                self._edge.lanes.append(_lane(a))
        elif tag == "edge":
            self._edge = EdgeRow(
                a["id"],
                a.get("from", ""),
                a.get("to", ""),
                a.get("name", ""),
                a.get("type", ""),
                a.get("function", "normal"),
                _shape(a.get("shape", "")),
            )
            self.rows.edges[a["id"]] = self._edge
        elif tag == "connection":
            self.rows.connections.append(_connection(a))
        elif tag == "request":
            if self._node is not None:
                if int(a["index"]) != len(self._node.requests):
                    raise ValueError(f"request {a['index']} of junction {self._node.id} is out of order")
                self._node.requests.append((a["response"], a["foes"]))
        elif tag == "junction":
            into, inside = (tuple(a.get(k, "").split()) for k in ("incLanes", "intLanes"))
            self._node = NodeRow(a["id"], a["type"], _number(a["x"]), _number(a["y"]), into, inside)
            self.rows.nodes[a["id"]] = self._node
        elif tag == "location":
            self.rows.projection = a.get("projParameter", "!")
            x, y = a.get("netOffset", "0,0").split(",")
            self.rows.offset = (_number(x), _number(y))
        else:
            self.start_additional(tag, a)

    def start_additional(self, tag: str, a: Attributes) -> None:
        if tag == "tlLogic":
            self._program = ProgramRow(
                a["id"], a.get("programID", "0"), a.get("type", "static"), _number(a.get("offset", "0") or "0")
            )
            if self._program.id != "off":
                self.rows.programs[a["id"]] = self._program
                self.rows.all_programs.setdefault(a["id"], []).append(self._program)
        elif tag == "phase" and self._program is not None:
            self._phase(self._program, a)
        elif tag == "param" and self._program is not None:
            self._program.params[a["key"]] = a.get("value", "")
        elif tag not in ("phase", "param"):
            self._program = None
            self._switch(tag, a)

    def _phase(self, program: ProgramRow, a: Attributes) -> None:
        if program.kind != "NEMA":
            program.phases.append((a["state"], _duration(a.get("duration", "0"))))
            ranged = "minDur" in a and "maxDur" in a
            program.ranges.append((_duration(a["minDur"]), _duration(a["maxDur"])) if ranged else None)
            return
        times = [_duration(a.get(key, default)) for key, default in _RING_TIMES]
        program.rings.append(RingRow(a.get("name", ""), a["state"], *times))

    def _switch(self, tag: str, a: Attributes) -> None:
        if tag == "WAUT":
            self._waut = self.rows.switches[a["id"]] = SwitchRow(a["id"], a["startProg"])
        elif tag == "wautSwitch" and self._waut is not None:
            self._waut.times.append((_number(a["time"]), a["to"]))
        elif tag == "wautJunction" and a["wautID"] in self.rows.switches:
            self.rows.switches[a["wautID"]].signals.append(a["junctionID"])

    def finish(self) -> None:
        """Take the programs that the WAUTs start with."""
        for switch in self.rows.switches.values():
            for signal in switch.signals:
                for program in self.rows.all_programs.get(signal, []):
                    if program.id == switch.start:
                        self.rows.programs[signal] = program


def _lane(a: Attributes) -> LaneRow:
    allow = a.get("allow")
    return LaneRow(
        a["id"],
        int(a["index"]),
        _number(a["speed"]),
        _number(a["length"]),
        _shape(a["shape"]),
        _words(allow) if allow is not None else None,
        _words(a.get("disallow", "")),
    )


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number")
    return value


def _duration(text: str) -> float:
    value = _number(text)
    if value < 0:
        raise ValueError(f"a duration of {text}")
    return value


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _connection(a: Attributes) -> ConnectionRow:
    return ConnectionRow(
        a["from"],
        a["to"],
        int(a["fromLane"]),
        int(a["toLane"]),
        a.get("via", ""),
        a.get("tl", ""),
        int(a.get("linkIndex", "-1")),
        a.get("dir", "s"),
    )


def _shape(text: str) -> tuple[tuple[float, float], ...]:
    points = []
    for point in text.split():
        x, y = point.split(",")[:2]
        points.append((_number(x), _number(y)))
    return tuple(points)

"""Builds the road network of a city from a SUMO network file."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from citybrain.model import Junction, Lane, Link, Movement, Point, RoadNet, Stage
from citybrain.network.area import build_areas
from citybrain.network.change_time import UNKNOWN_ALL_RED_S, all_red_times, yellow_times
from citybrain.network.foes import RightOfWay
from citybrain.network.further_stage import further_stages
from citybrain.network.nema_plan import RingError, cycle_phases, of_program, pairs
from citybrain.network.net_check import check_rows
from citybrain.network.netfile import ConnectionRow, EdgeRow, NetError, NetRows, ProgramRow, read_rows
from citybrain.network.projection import fit_projection
from citybrain.network.signal_plan import always_green, refusal, stages_and_plan
from citybrain.network.stage_repair import repair, repaired_plan
from citybrain.network.zone import ZoneFinder

_FORMAT = b"citybrain road net 13"
_RANKS = (
    ("motorway", 0),
    ("trunk", 1),
    ("primary", 1),
    ("secondary", 2),
    ("tertiary", 3),
    ("unclassified", 4),
    ("residential", 4),
)
MIN_GREEN_S = 5.0
MAX_RED_S = 120.0
OSM = "© OpenStreetMap contributors"


def read_net(
    net_file: Path, cache: Path | None = None, *, additional: Sequence[Path] = (), name: str = ""
) -> RoadNet:
    """The road network of a SUMO network file (.net.xml or .net.xml.gz).

    `additional`: files whose signal programs take the place of the network's. `cache`: a folder that keeps the
    result by the content of the files. Raises NetError in one line: missing or broken file, no signals.
    """
    digest = _digest(net_file, additional, name)
    kept = cache / f"{digest}.roadnet" if cache is not None else None
    if kept is not None and kept.exists():
        try:
            return msgspec.msgpack.decode(kept.read_bytes(), type=RoadNet)
        except (msgspec.DecodeError, OSError):
            kept.unlink(missing_ok=True)
    rows = read_rows(net_file, tuple(additional))
    check_rows(rows, net_file)
    if not any(lane.motor for e in rows.edges.values() if e.function == "normal" for lane in e.lanes):
        raise NetError(f"{net_file}: the network has no roads for motor traffic")
    net = build_net(rows, digest, name or net_file.name.split(".")[0])
    if not net.junctions:
        raise NetError(f"{net_file}: the network has no signals: nothing to control")
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(msgspec.msgpack.encode(net))
        part.replace(kept)
    return net


def build_net(rows: NetRows, digest: str, name: str) -> RoadNet:
    """The road network that `rows` describe."""
    edges = {e.id: e for e in rows.edges.values() if e.function == "normal" and any(n.motor for n in e.lanes)}
    links = tuple(_link(e, rows) for e in edges.values())
    xy = np.array([p for link in links for p in link.shape])
    low, high = xy.min(axis=0), xy.max(axis=0)
    bounds = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    signals = _signals(rows, edges)
    names = {s: _streets(c, edges) for s, c in signals.items()}
    titles = [(s, " / ".join(names[s][:2]) or s) for s in signals]
    points = np.array([_point(c, rows, edges) for c in signals.values()]).reshape(-1, 2)
    areas, district = build_areas(name, titles, points, names)
    builder = _JunctionBuilder(rows, edges, {link.id: link.length_m for link in links})
    junctions = tuple(
        builder.build(s, title, (float(p[0]), float(p[1])), district[s], signals[s])
        for (s, title), p in zip(titles, points, strict=True)
    )
    geo = fit_projection(rows, bounds)
    return RoadNet(digest, name, geo, bounds, links, junctions, areas, _attribution(rows, geo.crs))


def _attribution(rows: NetRows, crs: str) -> str:
    typed = any(e.kind.startswith("highway.") for e in rows.edges.values())
    return OSM if typed or crs != "local" else ""


def _digest(net_file: Path, additional: Sequence[Path], name: str) -> str:
    h = hashlib.sha256(_FORMAT + name.encode())
    for file in (net_file, *additional):
        try:
            h.update(hashlib.sha256(file.read_bytes()).digest())
        except FileNotFoundError:
            raise NetError(f"{file}: no such file") from None
        except OSError as e:
            raise NetError(f"{file}: cannot be read: {e.strerror}") from None
    return h.hexdigest()[:32]


def _link(edge: EdgeRow, rows: NetRows) -> Link:
    lanes = tuple(Lane(n.id, n.index, n.length, n.speed, n.shape) for n in edge.lanes if n.motor)
    ends = [(rows.nodes[n].x, rows.nodes[n].y) for n in (edge.from_node, edge.to_node) if n in rows.nodes]
    shape = edge.shape or (tuple(ends) if len(ends) == 2 and ends[0] != ends[1] else lanes[0].shape)
    speed = max(n.speed_mps for n in lanes)
    return Link(
        edge.id,
        edge.name,
        edge.from_node,
        edge.to_node,
        lanes[0].length_m,
        speed,
        lanes,
        shape,
        _rank(edge, speed, len(lanes)),
    )


def _rank(edge: EdgeRow, speed: float, lanes: int) -> int:
    kind = edge.kind.removeprefix("highway.")
    if edge.kind.startswith("highway."):
        return next((rank for begin, rank in _RANKS if kind.startswith(begin)), 5)
    if speed > 22:
        return 0
    if lanes >= 3 or speed > 16:
        return 1
    return 2 if lanes == 2 else 3 if speed > 13 else 4


def _signals(rows: NetRows, edges: dict[str, EdgeRow]) -> dict[str, list[ConnectionRow]]:
    """The connections of each signal that lets motor traffic go, crossings included."""
    found: dict[str, list[ConnectionRow]] = defaultdict(list)
    for c in rows.connections:
        if c.signal and c.signal_link >= 0:
            found[c.signal].append(c)
    return {s: found[s] for s in sorted(found) if any(_motor(c, edges) for c in found[s])}


def _motor(c: ConnectionRow, edges: dict[str, EdgeRow]) -> bool:
    a, b = edges.get(c.from_edge), edges.get(c.to_edge)
    return a is not None and b is not None and a.lanes[c.from_lane].motor and b.lanes[c.to_lane].motor


def _streets(connections: Sequence[ConnectionRow], edges: dict[str, EdgeRow]) -> list[str]:
    at = {e for c in connections for e in (c.from_edge, c.to_edge) if e in edges}
    count = Counter(edges[e].name for e in at if edges[e].name)
    return sorted(count, key=lambda n: (-count[n], n))


def _point(connections: Sequence[ConnectionRow], rows: NetRows, edges: dict[str, EdgeRow]) -> Point:
    at = sorted({edges[c.from_edge].to_node for c in connections if c.from_edge in edges})
    nodes = [rows.nodes[n] for n in at if n in rows.nodes]
    return sum(n.x for n in nodes) / len(nodes), sum(n.y for n in nodes) / len(nodes)


class _JunctionBuilder:
    def __init__(self, rows: NetRows, edges: dict[str, EdgeRow], lengths: dict[str, float]) -> None:
        self.rows = rows
        self.edges = edges
        self.lengths = lengths
        self._zones = ZoneFinder(self.rows)
        self._ways = RightOfWay(self.rows)
        self._lanes = {n.id: n for e in self.rows.edges.values() for n in e.lanes}

    def build(
        self, signal: str, name: str, point: Point, district: str, connections: Sequence[ConnectionRow]
    ) -> Junction:
        """The junction of one signal."""
        program, more, misfit = _program(self.rows.programs.get(signal) or ProgramRow(signal, "", "static", 0.0))
        links = max([c.signal_link + 1 for c in connections] + [len(s) for s, _ in program.phases])
        motor = [c for c in connections if _motor(c, self.edges)]
        crossing = {
            c.signal_link: self._length(c.target) for c in connections if self._function(c.to_edge) == "crossing"
        }
        foes = self._ways.foes(connections, links)
        shown, plan = stages_and_plan(program, frozenset(crossing), more)
        fixed = repair(shown, foes, _approaches(connections), _turning(connections))
        lamps, plan = fixed.stages, repaired_plan(plan, fixed)
        free = always_green(program)
        refused = misfit or refusal(program, links, lamps, foes)
        movements = (*self._movements(signal, motor, free), *self._walks(signal, connections, free))
        further: tuple[str, ...] = ()
        if refused is None and len({place[0] for c in connections if (place := self._ways.place(c))}) == 1:
            lanes = _links_of_lanes([c for c in connections if c.signal_link not in crossing])
            further = further_stages(lamps, foes, _approaches(connections), lanes)
        stages = tuple(
            Stage(i, s, _served(movements, s), further=i >= len(lamps))
            for i, s in enumerate((*lamps, *further))
            if len(s) == links
        )
        speeds = {c.signal_link: self._lanes[c.source].speed for c in motor}
        ways = [(self._length(c.via), self._lanes[c.source].speed) for c in motor]
        clearing = all_red_times(program, links, ways)
        zones = dict.fromkeys(z for m in movements for z in m.zones)
        return Junction(
            id=signal,
            name=name,
            point=point,
            district=district,
            zones=tuple(self._zones.zone(z, signal) for z in zones),
            movements=movements,
            stages=stages,
            plan=plan,
            conflicts=foes.conflicts,
            yields=foes.yields,
            yellow_s=yellow_times(program, links, speeds, crossing),
            all_red_s=max(clearing, default=UNKNOWN_ALL_RED_S),
            clearing_s=clearing if len(set(clearing)) > 1 else (),
            min_green_s=MIN_GREEN_S,
            max_red_s=MAX_RED_S,
            refused=refused,
            remarks=fixed.remarks if refused is None else (),
        )

    def _movements(
        self, signal: str, motor: Sequence[ConnectionRow], free: frozenset[int]
    ) -> tuple[Movement, ...]:
        ways: dict[tuple[str, str], list[ConnectionRow]] = defaultdict(list)
        for c in sorted(motor, key=lambda c: c.signal_link):
            ways[c.from_edge, c.to_edge].append(c)
        return tuple(
            Movement(
                id=f"{signal}:{a}>{b}",
                from_link=a,
                to_link=b,
                turn=_turn(cs[0].turn),
                zones=tuple(dict.fromkeys(c.source for c in cs)),
                signal_links=tuple(dict.fromkeys(c.signal_link for c in cs)),
                exit_lanes=tuple(dict.fromkeys(c.target for c in cs)),
                exit_length_m=self.lengths[b],
                always_green=all(c.signal_link in free for c in cs),
            )
            for (a, b), cs in ways.items()
        )

    def _walks(
        self, signal: str, connections: Sequence[ConnectionRow], free: frozenset[int]
    ) -> tuple[Movement, ...]:
        """The crossings that the signal lets pedestrians over."""
        ways: dict[str, list[int]] = defaultdict(list)
        for c in sorted(connections, key=lambda c: c.signal_link):
            if self._function(c.to_edge) == "crossing":
                ways[c.to_edge].append(c.signal_link)
        return tuple(
            Movement(
                id=f"{signal}:{crossing}",
                from_link="",
                to_link="",
                turn="p",
                zones=(),
                signal_links=tuple(dict.fromkeys(links)),
                exit_lanes=(),
                exit_length_m=0.0,
                always_green=all(k in free for k in links),
            )
            for crossing, links in ways.items()
        )

    def _function(self, edge: str) -> str:
        row = self.rows.edges.get(edge)
        return row.function if row else ""

    def _length(self, lane: str) -> float:
        row = self._lanes.get(lane)
        return row.length if row else 0.0


def _program(row: ProgramRow) -> tuple[ProgramRow, list[str], str | None]:
    """The program as phases in time, stages that it allows besides, and why its rings do not fit together."""
    if row.kind != "NEMA":
        return row, [], None
    try:
        plan = of_program(row)
    except RingError as e:
        return (
            ProgramRow(row.signal, row.id, row.kind, row.offset),
            [],
            f"its ring-barrier program does not fit: {e}",
        )
    timed = ProgramRow(row.signal, row.id, row.kind, plan.begin_s % plan.cycle_s, cycle_phases(plan))
    return timed, pairs(plan), None


def _served(movements: Sequence[Movement], lamps: str) -> tuple[int, ...]:
    return tuple(m for m, way in enumerate(movements) if any(lamps[k] in "Gg" for k in way.signal_links))


def _approaches(connections: Sequence[ConnectionRow]) -> dict[int, str]:
    """The link that each signal link comes from, where it controls connections of one only."""
    links: dict[int, set[str]] = defaultdict(set)
    for c in connections:
        links[c.signal_link].add(c.from_edge)
    return {k: next(iter(edges)) for k, edges in links.items() if len(edges) == 1}


def _links_of_lanes(connections: Sequence[ConnectionRow]) -> list[frozenset[int]]:
    """The signal links of each lane."""
    links: dict[str, set[int]] = defaultdict(set)
    for c in connections:
        links[c.source].add(c.signal_link)
    return [frozenset(found) for found in links.values()]


def _turning(connections: Sequence[ConnectionRow]) -> frozenset[int]:
    """The signal links that let nobody go straight on."""
    straight = {c.signal_link for c in connections if _turn(c.turn) == "s"}
    return frozenset(c.signal_link for c in connections) - straight


def _turn(letter: str) -> str:
    folded = letter.lower()
    return folded if folded in ("s", "l", "r", "t") else "s"

"""The map document: the road network in the form that the page draws, made once for a network.

Coordinates are whole decimetres from the lower left of the bounds; each line holds its first point and then
differences, x and y in turn. The page brings them to Web Mercator with the coefficients given.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from citybrain.cockpit import geometry
from citybrain.cockpit.street import streets
from citybrain.model import Area, Junction, Lane, Link, MapProjection, Point, RoadNet

FORMAT = 1
UNIT_M = 0.1
LAST_ROAD = 4
"""The last rank that is a road; what comes after is a path."""

Path = tuple[int, ...]


class MapLinks(Struct, frozen=True):
    """Links, column by column."""

    id: tuple[str, ...]
    name: tuple[int, ...]
    """Place in `names`, -1 for none."""
    rank: tuple[int, ...]
    lanes: tuple[int, ...]
    path: tuple[Path, ...]


class MapStreet(Struct, frozen=True, array_like=True):
    """A line to write a name along."""

    name: int
    rank: int
    path: Path


class MapHead(Struct, frozen=True, array_like=True):
    """A signal head at the stop line of a lane: place, heading of the traffic in degrees, its places in the lamp
    string of its junction."""

    x: int
    y: int
    heading: int
    links: tuple[int, ...]


class MapMovement(Struct, frozen=True, array_like=True):
    """The path of a movement over the junction and its places in the lamp string."""

    links: tuple[int, ...]
    path: Path


class MapJunction(Struct, frozen=True):
    """A signalised junction."""

    id: str
    name: str
    district: str
    x: int
    y: int
    lamps: int
    """Letters in its lamp string."""
    refused: str | None
    heads: tuple[MapHead, ...]
    movements: tuple[MapMovement, ...]


class MapDocument(Struct, frozen=True):
    """Everything of the network that the page draws."""

    format: int
    digest: str
    name: str
    attribution: str
    unit_m: float
    bounds: tuple[float, float, float, float]
    projection: MapProjection
    names: tuple[str, ...]
    links: MapLinks
    streets: tuple[MapStreet, ...]
    grounds: tuple[Path, ...]
    junctions: tuple[MapJunction, ...]
    areas: tuple[Area, ...]


class EncodedMap(Struct, frozen=True):
    """The map document as it goes over the wire, plain and gzipped, with its entity tag."""

    plain: bytes
    gzipped: bytes
    etag: str


def encode_map(net: RoadNet) -> EncodedMap:
    """The map of a network, encoded."""
    plain = msgspec.json.encode(map_document(net))
    return EncodedMap(plain, gzip.compress(plain, 6, mtime=0), f'"{net.digest[:32]}-{FORMAT}"')


def map_document(net: RoadNet) -> MapDocument:
    """The map of a network."""
    grid = _Grid(net.bounds)
    lanes = {lane.id: lane for link in net.links for lane in link.lanes}
    links = {link.id: link for link in net.links}
    drawn = sorted(net.links, key=lambda link: -link.rank)
    middles = {link.id: geometry.carriageway(link) for link in drawn}
    names = sorted({link.name for link in drawn if link.name})
    place = {name: i for i, name in enumerate(names)}
    return MapDocument(
        format=FORMAT,
        digest=net.digest,
        name=net.name,
        attribution=net.attribution,
        unit_m=UNIT_M,
        bounds=net.bounds,
        projection=net.projection,
        names=tuple(names),
        links=MapLinks(
            id=tuple(link.id for link in drawn),
            name=tuple(place.get(link.name, -1) for link in drawn),
            rank=tuple(link.rank for link in drawn),
            lanes=tuple(max(1, len(link.lanes)) for link in drawn),
            path=tuple(grid.path(middles[link.id]) for link in drawn),
        ),
        streets=tuple(MapStreet(place[s.name], s.rank, grid.path(s.shape)) for s in streets(net.links)),
        grounds=tuple(grid.path(ground) for ground in _grounds(drawn, middles)),
        junctions=tuple(_junction(j, links, lanes, grid) for j in net.junctions),
        areas=net.areas,
    )


class _Grid:
    """Metres to whole decimetres from the lower left of the bounds."""

    def __init__(self, bounds: tuple[float, float, float, float]) -> None:
        self._x0, self._y0 = bounds[0], bounds[1]

    def point(self, p: Point) -> tuple[int, int]:
        return round((p[0] - self._x0) / UNIT_M), round((p[1] - self._y0) / UNIT_M)

    def path(self, shape: Sequence[Point]) -> Path:
        deltas: list[int] = []
        last = (0, 0)
        for i, p in enumerate(shape):
            at = self.point(p)
            if i and at == last:
                continue
            deltas += (at[0] - last[0], at[1] - last[1])
            last = at
        return tuple(deltas)


def _grounds(links: Sequence[Link], middles: dict[str, tuple[Point, ...]]) -> list[tuple[Point, ...]]:
    ends: dict[str, list[tuple[Point, float, float]]] = defaultdict(list)
    for link in links:
        if link.rank > LAST_ROAD:
            continue
        middle = middles[link.id]
        width = max(1, len(link.lanes)) * geometry.LANE_WIDTH_M
        ends[link.from_node].append((middle[0], geometry.heading_deg(middle, False), width))
        ends[link.to_node].append((middle[-1], geometry.heading_deg(middle, True), width))
    return [ground for node in sorted(ends) if (ground := geometry.node_ground(ends[node]))]


def _junction(junction: Junction, links: dict[str, Link], lanes: dict[str, Lane], grid: _Grid) -> MapJunction:
    x, y = grid.point(junction.point)
    return MapJunction(
        id=junction.id,
        name=junction.name,
        district=junction.district,
        x=x,
        y=y,
        lamps=junction.signal_links,
        refused=junction.refused,
        heads=tuple(_heads(junction, lanes, grid)),
        movements=tuple(
            MapMovement(m.signal_links, grid.path(geometry.movement_path(m, links, lanes)))
            for m in junction.movements
        ),
    )


def _heads(junction: Junction, lanes: dict[str, Lane], grid: _Grid) -> list[MapHead]:
    heads = []
    for zone in junction.zones:
        lane = lanes.get(zone.id)
        signal_links = geometry.signal_links_of_zone(junction, zone.id)
        if lane is None or not signal_links:
            continue
        x, y = grid.point(lane.shape[-1])
        heads.append(MapHead(x, y, round(geometry.heading_deg(lane.shape, True)), signal_links))
    return heads

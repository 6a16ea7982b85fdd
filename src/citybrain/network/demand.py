"""Synthetic demand of a day: through traffic between the network's edges, trips in, out and within."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from citybrain.model import RoadNet
from citybrain.network.day import MATCH_ENDS_H, Day
from citybrain.network.netfile import NetRows
from citybrain.network.route_choice import RouteGraph, Traveller

PEAK_VPH = 3300.0
"""Vehicles an hour at the peak of a usual weekday."""
VIEWS = 4
"""Travellers' views of the network: routes to choose from between two places."""
LOCAL_PLACES = 48
MATCH_VEHICLES = 420
MATCH_S = 2100.0
SHORTEST_M = 700.0
LOAD = 0.7
"""Of the capacity of a movement under its own plan: what the usual peak may ask."""
THINNINGS = 60
SATURATION_VPH = 1800.0
_PRIORITY = {"G": 1.0, "g": 0.4}
_KINDS_OF_TRIP = (("in", "local"), ("local", "out"), ("local", "local"), ("in", "out"))
_USUAL_SHARE = (0.24, 0.22, 0.06, 0.48)
_ROAD_WEIGHT = {"primary": 3.0, "secondary": 2.0, "tertiary": 1.2, "unclassified": 0.25, "residential": 0.12}
_KINDS = ("car", "van", "truck", "bus")
_KIND_SHARE = (0.90, 0.04, 0.045, 0.015)
_CLASS = {"car": "passenger", "van": "delivery", "truck": "truck", "bus": "bus"}
_TYPES = """  <vType id="car" vClass="passenger" sigma="0.5"/>
  <vType id="van" vClass="delivery" sigma="0.5"/>
  <vType id="truck" vClass="truck" length="9.5" accel="1.3" sigma="0.5"/>
  <vType id="bus" vClass="bus" length="12.0" accel="1.2" sigma="0.5"/>
"""
Progress = Callable[[str, float], None]
"""Told what is being done and how much of it is done, 0 to 1."""
_Weights = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trips:
    """Trips sorted by departure: second of the day, origin, destination and view by number, kind by number."""

    depart_s: npt.NDArray[np.float64]
    origin: npt.NDArray[np.intp]
    destination: npt.NDArray[np.intp]
    view: npt.NDArray[np.intp]
    kind: npt.NDArray[np.intp]


@dataclass(slots=True)
class _Pairs:
    """Origins and destinations of one kind of trip, how much each pair counts, and its usual way."""

    origin: npt.NDArray[np.intp]
    destination: npt.NDArray[np.intp]
    weight: _Weights
    routes: list[tuple[str, ...]]

    def share(self) -> _Weights:
        return self.weight / max(float(self.weight.sum()), 1e-12)

    def draw(self, rng: np.random.Generator, n: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        at = _choose(rng, self.weight, n)
        return self.origin[at], self.destination[at]


class Demand:
    """Where traffic of a network comes from and goes to.

    Trips run between gates (links at the network's rim) and local places. Pairs whose shortest way would overload
    a movement of the junctions' own plans are thinned until none is loaded beyond `LOAD` of its capacity, so that
    the city is busy without locking up.
    """

    def __init__(self, rows: NetRows, net: RoadNet) -> None:
        self.graph = RouteGraph(rows)
        rng = np.random.default_rng(VIEWS)
        self._views = [Traveller(self.graph, rng) for _ in range(VIEWS)]
        gates_in, gates_out, local = self._find_places()
        self.places = (*gates_in, *gates_out, *local)
        """Links at which trips begin and end."""
        self._spots = np.array([self._spot(rows, e) for e in self.places])
        n_in, n_out, n = len(gates_in), len(gates_out), len(self.places)
        number = np.arange(n)
        weight = np.array([self._weight(e) for e in self.places])
        far = np.array([self.graph.length_m(e) for e in self.places])
        share = {
            "in": np.where(number < n_in, weight, 0.0),
            "out": np.where((number >= n_in) & (number < n_in + n_out), weight, 0.0),
            "local": np.where(number >= n_in + n_out, far, 0.0),
        }
        self._local = np.flatnonzero(share["local"])
        self._pairs = [self._pair(share[a], share[b]) for a, b in _KINDS_OF_TRIP]
        self._thin(net)

    def busy_links(self) -> list[str]:
        """Links with two lanes or more, on which a breakdown leaves a way past."""
        lanes = {e: sum(n.allows("passenger") for n in row.lanes) for e, row in self.graph.edges.items()}
        wide = [e for e in sorted(lanes) if lanes[e] >= 2 and self.graph.length_m(e) > 90]
        return [e for e in wide if self._weight(e) > 0.5]

    def draw(self, day: Day, seed: int, scale: float = 1.0) -> Trips:
        """The trips of a day. The same arguments, the same trips."""
        rng = np.random.default_rng((seed, day.date.toordinal(), 2))
        per_minute = rng.poisson(day.shape() * PEAK_VPH / 60 * scale)
        minute = np.repeat(np.arange(len(per_minute)), per_minute)
        depart = np.sort(minute * 60 + rng.uniform(0, 60, len(minute)))
        origin, destination = self._ends(depart, rng)
        if day.match:
            count = round(MATCH_VEHICLES * scale)
            depart = np.concatenate([depart, MATCH_ENDS_H * 3600 + rng.gamma(2.0, MATCH_S / 4, count)])
            origin = np.concatenate([origin, rng.choice(self._near_middle(), count)])
            outward = self._pairs[_KINDS_OF_TRIP.index(("local", "out"))]
            destination = np.concatenate([destination, outward.draw(rng, count)[1]])
        order = np.argsort(depart, kind="stable")
        return Trips(
            depart[order],
            origin[order],
            destination[order],
            rng.integers(VIEWS, size=len(order)),
            _choose(rng, np.array(_KIND_SHARE), len(order)),
        )

    def write(self, trips: Trips, file: Path, prefix: str, offset_s: int, progress: Progress) -> None:
        """Write trips as a SUMO route file, whole or not at all. Raises OSError."""
        known: dict[tuple[int, int, int], tuple[str, frozenset[str]]] = {}
        part = file.with_name(file.name + ".part")
        columns = (trips.depart_s, trips.origin, trips.destination, trips.view, trips.kind)
        with part.open("w", encoding="utf-8") as out:
            out.write(f"<routes>\n{_TYPES}")
            for i, (depart, a, b, view, kind) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
                if i % 2000 == 0:
                    progress("routes", i / len(trips.depart_s))
                if (a, b, view) not in known:
                    known[a, b, view] = self._described(self._route(a, b, view))
                edges, kinds = known[a, b, view]
                if edges:
                    name = _KINDS[kind] if _KINDS[kind] in kinds else "car"
                    out.write(
                        f'<vehicle id="{prefix}.{i}" type="{name}" depart="{offset_s + depart:.2f}" '
                        f'departLane="best" departSpeed="max"><route edges="{edges}"/></vehicle>\n'
                    )
            out.write("</routes>\n")
        part.replace(file)
        progress("routes", 1.0)

    def _find_places(self) -> tuple[list[str], list[str], list[str]]:
        """Gates in, gates out and local places, all joined by ways that cars may take."""
        graph = self.graph
        links = [e for e in sorted(graph.edges) if graph.edges[e].from_node != graph.edges[e].to_node]
        gates_in = [e for e in links if not graph.before[e]]
        forth = graph.reachable(max(gates_in, key=self._weight))
        gates_out = [e for e in links if not graph.after[e] and e in forth]
        back = graph.reachable(max(gates_out, key=self._weight), backwards=True)
        gates_in = [e for e in gates_in if e in back]
        rim = {*gates_in, *gates_out}
        inside = [
            e
            for e in links
            if e in forth & back and e not in rim and graph.length_m(e) > 60 and 0.1 < self._weight(e) < 3.0
        ]
        return gates_in, gates_out, inside[:: max(1, len(inside) // LOCAL_PLACES)][:LOCAL_PLACES]

    def _pair(self, origins: _Weights, destinations: _Weights) -> _Pairs:
        a, b = (
            i.ravel() for i in np.meshgrid(np.flatnonzero(origins), np.flatnonzero(destinations), indexing="ij")
        )
        routes = [self._route(i, j, 0) for i, j in zip(a.tolist(), b.tolist(), strict=True)]
        ways = np.array([bool(r) for r in routes])
        return _Pairs(a[ways], b[ways], (origins[a] * destinations[b])[ways], [r for r in routes if r])

    def _thin(self, net: RoadNet) -> None:
        """Lower the weights of pairs until no movement is loaded beyond its share of capacity."""
        capacity = _capacities(net)
        number = {way: i for i, way in enumerate(capacity)}
        limit = np.array([*capacity.values()]) * LOAD
        rate = PEAK_VPH * np.array(_USUAL_SHARE)
        crossed = [_crossings(pairs, number) for pairs in self._pairs]
        for _ in range(THINNINGS):
            flow = np.zeros(len(limit))
            for pairs, (at, way), vph in zip(self._pairs, crossed, rate, strict=True):
                np.add.at(flow, way, vph * pairs.share()[at])
            over = np.minimum(1.0, limit / np.maximum(flow, 1e-9))
            for pairs, (at, way) in zip(self._pairs, crossed, strict=True):
                worst = np.ones(len(pairs.weight))
                np.minimum.at(worst, at, over[way])
                pairs.weight *= np.sqrt(worst)

    def _route(self, a: int, b: int, view: int) -> tuple[str, ...]:
        """The way between two places; empty where there is none, or none worth a drive."""
        route = self._views[view].route(self.places[a], self.places[b])
        length = sum(self.graph.length_m(e) for e in route)
        apart = float(np.linalg.norm(self._spots[a] - self._spots[b]))
        return route if SHORTEST_M <= length <= 4 * apart + 300 else ()

    def _described(self, route: Sequence[str]) -> tuple[str, frozenset[str]]:
        return " ".join(route), frozenset(k for k in _KINDS if self.graph.allows(route, _CLASS[k]))

    def _ends(
        self, depart: _Weights, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Origin and destination of each trip: in the morning more go in, in the evening more come out."""
        hour = depart / 3600
        inward = 0.16 + 0.14 * np.exp(-(((hour - 8.0) / 1.8) ** 2))
        outward = 0.14 + 0.16 * np.exp(-(((hour - 17.0) / 2.2) ** 2))
        bounds = np.stack([inward, inward + outward, inward + outward + 0.06])
        kind = (rng.uniform(size=len(depart)) > bounds).sum(axis=0)
        origin, destination = np.zeros((2, len(depart)), np.intp)
        for i, pairs in enumerate(self._pairs):
            at = np.flatnonzero(kind == i)
            origin[at], destination[at] = pairs.draw(rng, len(at))
        return origin, destination

    def _near_middle(self) -> npt.NDArray[np.intp]:
        """The ten local places nearest to the middle of them all: where the stadium's car parks lie."""
        spots = self._spots[self._local]
        away = np.linalg.norm(spots - spots.mean(axis=0), axis=1)
        return self._local[np.argsort(away)[:10]]

    def _weight(self, edge: str) -> float:
        row = self.graph.edges[edge]
        kind = row.kind.removeprefix("highway.").removesuffix("_link")
        return len(row.lanes) * _ROAD_WEIGHT.get(kind, 0.05)

    def _spot(self, rows: NetRows, edge: str) -> tuple[float, float]:
        node = rows.nodes[self.graph.edges[edge].from_node]
        return node.x, node.y


def _crossings(
    pairs: _Pairs, number: dict[tuple[str, str], int]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Which pair crosses which movement, by their numbers."""
    hits = [(k, number[way]) for k, r in enumerate(pairs.routes) for way in pairwise(r) if way in number]
    table = np.array(hits, np.intp).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _capacities(net: RoadNet) -> dict[tuple[str, str], float]:
    """Vehicles an hour that each movement can let go under its junction's own plan."""
    found = {}
    for junction in net.junctions:
        uses = Counter(z for m in junction.movements for z in m.zones)
        cycle = max(junction.plan.cycle_s, 1.0)
        for m in (m for m in junction.movements if m.turn != "p"):
            green = sum(
                p.duration_s * max(_PRIORITY.get(p.lamps[i], 0.0) for i in m.signal_links)
                for p in junction.plan.phases
            )
            found[m.from_link, m.to_link] = SATURATION_VPH * green / cycle * sum(1 / uses[z] for z in m.zones)
    return found


def _choose(rng: np.random.Generator, weights: Sequence[float] | _Weights, n: int) -> npt.NDArray[np.intp]:
    """n draws of an index by weight."""
    edges = np.cumsum(weights)
    return np.searchsorted(edges, rng.uniform(0, edges[-1], n), side="right")

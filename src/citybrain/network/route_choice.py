"""Routes through a road network: shortest paths under weights that each traveller sees a little differently."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from citybrain.network.netfile import EdgeRow, NetRows

SIGNAL_S = 8.0
LEFT_S = 4.0
SPREAD = 0.35
"""A traveller takes a link for up to this share longer than it is."""


class RouteGraph:
    """The links that cars may use and how they follow each other. A turn-round is never taken."""

    def __init__(self, rows: NetRows) -> None:
        self.edges: dict[str, EdgeRow] = {
            e.id: e
            for e in rows.edges.values()
            if e.function == "normal" and any(n.allows("passenger") for n in e.lanes)
        }
        self.after: dict[str, dict[str, float]] = defaultdict(dict)
        self.before: dict[str, set[str]] = defaultdict(set)
        for c in rows.connections:
            a, b = self.edges.get(c.from_edge), self.edges.get(c.to_edge)
            if a is None or b is None or c.turn == "t":
                continue
            if not a.lanes[c.from_lane].allows("passenger") or not b.lanes[c.to_lane].allows("passenger"):
                continue
            wait = (SIGNAL_S if c.signal else 0.0) + (LEFT_S if c.turn in "lL" else 0.0)
            self.after[a.id][b.id] = min(wait, self.after[a.id].get(b.id, wait))
            self.before[b.id].add(a.id)

    def length_m(self, edge: str) -> float:
        return self.edges[edge].lanes[0].length

    def speed_mps(self, edge: str) -> float:
        return max(n.speed for n in self.edges[edge].lanes)

    def allows(self, route: Sequence[str], kind: str) -> bool:
        """Whether every link of a route has a lane for a SUMO vehicle class."""
        return all(any(n.allows(kind) for n in self.edges[e].lanes) for e in route)

    def reachable(self, start: str, backwards: bool = False) -> set[str]:
        """The links that a link leads to, or that lead to it, itself included."""
        found, todo = {start}, [start]
        while todo:
            here = todo.pop()
            for there in self.before[here] if backwards else self.after[here]:
                if there not in found:
                    found.add(there)
                    todo.append(there)
        return found


class Traveller:
    """One view of the network's travel times; gives the shortest routes under it."""

    def __init__(self, graph: RouteGraph, rng: np.random.Generator) -> None:
        self._graph = graph
        names = sorted(graph.edges)
        seen = rng.uniform(1.0, 1.0 + SPREAD, len(names))
        self._cost = {
            e: graph.length_m(e) / graph.speed_mps(e) * float(s) for e, s in zip(names, seen, strict=True)
        }
        self._trees: dict[str, dict[str, str]] = {}

    def route(self, origin: str, destination: str) -> tuple[str, ...]:
        """The links from `origin` to `destination`, both included; empty where there is no way."""
        if origin not in self._trees:
            self._trees[origin] = self._tree(origin)
        came = self._trees[origin]
        if destination not in came:
            return ()
        route = [destination]
        while route[-1] != origin:
            route.append(came[route[-1]])
        return tuple(reversed(route))

    def _tree(self, origin: str) -> dict[str, str]:
        """For each link the link before it on the shortest way from `origin` (Dijkstra)."""
        best, came = {origin: 0.0}, {origin: origin}
        heap = [(0.0, origin)]
        while heap:
            cost, here = heapq.heappop(heap)
            if cost > best[here]:
                continue
            for there, wait in self._graph.after[here].items():
                new = cost + wait + self._cost[there]
                if new < best.get(there, float("inf")):
                    best[there] = new
                    came[there] = here
                    heapq.heappush(heap, (new, there))
        return came

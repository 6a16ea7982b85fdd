"""Who conflicts with whom at a junction, and who gives way: the right-of-way matrices of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from citybrain.network.netfile import ConnectionRow, NetRows

GREEN = frozenset("Gg")


@dataclass(frozen=True, slots=True)
class Foes:
    """For each signal link, the links that conflict with it and those of them that it gives way to."""

    conflicts: tuple[tuple[int, ...], ...]
    yields: tuple[tuple[int, ...], ...]
    complete: bool
    """False: a link has no entry in its node's right-of-way matrix."""


class RightOfWay:
    """The right-of-way matrices of a network: `<request>` rows of its nodes, by connection.

    The i-th request of a node belongs to the i-th of its internal lanes; a connection whose path has a waiting
    point inside the junction is listed there with the part after it. In a network without internal lanes the
    requests follow the node's incoming lanes and, lane by lane, their connections.
    """

    def __init__(self, rows: NetRows) -> None:
        self._rows = rows
        self._place = {
            lane: (node.id, i)
            for node in rows.nodes.values()
            if node.kind != "internal"
            for i, lane in enumerate(node.internal_lanes)
        }
        self._order = _connection_order(rows)
        self._after = {c.source: c.via for c in rows.connections if c.from_edge.startswith(":") and c.via}

    def place(self, connection: ConnectionRow) -> tuple[str, int] | None:
        """Node and index of a connection in that node's matrix; None where the network does not say."""
        for lane in (connection.via, self._after.get(connection.via, ""), connection.target):
            found = self._place.get(lane)
            if found is not None and found[1] < len(self._rows.nodes[found[0]].requests):
                return found
        return self._order.get(id(connection))

    def foes(self, connections: Sequence[ConnectionRow], links: int) -> Foes:
        """Conflicts between the signal links 0 … links - 1 that control `connections`."""
        by_node: dict[str, dict[int, int]] = {}
        complete = True
        for c in connections:
            place = self.place(c)
            if place is None:
                complete = False
            else:
                by_node.setdefault(place[0], {})[place[1]] = c.signal_link
        conflicts: list[set[int]] = [set() for _ in range(links)]
        yields: list[set[int]] = [set() for _ in range(links)]
        for node, link_at in by_node.items():
            requests = self._rows.nodes[node].requests
            for i, mine in link_at.items():
                response, foes = requests[i]
                for j, other in link_at.items():
                    if other == mine:
                        continue
                    if _bit(foes, j):
                        conflicts[mine].add(other)
                        conflicts[other].add(mine)
                    if _bit(response, j):
                        yields[mine].add(other)
        return Foes(
            tuple(tuple(sorted(c)) for c in conflicts),
            tuple(tuple(sorted(y & c)) for y, c in zip(yields, conflicts, strict=True)),
            complete,
        )


def _connection_order(rows: NetRows) -> dict[int, tuple[str, int]]:
    """Node and index of each connection (by identity) of nodes without internal lanes."""
    leaving: dict[str, list[ConnectionRow]] = {}
    for c in rows.connections:
        if not c.via and not c.from_edge.startswith(":"):
            leaving.setdefault(c.source, []).append(c)
    order: dict[int, tuple[str, int]] = {}
    for node in rows.nodes.values():
        if node.internal_lanes or not node.requests:
            continue
        there = [c for lane in node.incoming_lanes for c in leaving.get(lane, ())]
        if len(there) == len(node.requests):
            order |= {id(c): (node.id, i) for i, c in enumerate(there)}
    return order


def _bit(text: str, index: int) -> bool:
    return index < len(text) and text[-1 - index] == "1"

"""What the parts of a network file must have in common, checked once so that nothing later trips over it."""

from __future__ import annotations

from pathlib import Path

from citybrain.network.netfile import ConnectionRow, EdgeRow, NetError, NetRows

MOST_SIGNAL_LINKS = 1024
"""No signal of any city has so many; a number beyond it is a slip, not a junction."""


def check_rows(rows: NetRows, file: Path) -> None:
    """Raise NetError, in one line, where a part names another that is not there."""
    for edge in rows.edges.values():
        _check_edge(edge, rows, file)
    for node in rows.nodes.values():
        links = len(node.requests)
        if any(len(word) != links for request in node.requests for word in request):
            raise NetError(f"{file}: junction {node.id}: a request does not speak of its {links} links")
    for connection in rows.connections:
        _check_connection(connection, rows, file)


def _check_edge(edge: EdgeRow, rows: NetRows, file: Path) -> None:
    if edge.function != "normal":
        return
    for node in (edge.from_node, edge.to_node):
        if node not in rows.nodes:
            raise NetError(f"{file}: edge {edge.id} begins or ends at junction {node!r}, which is not there")
    for at, lane in enumerate(edge.lanes):
        if (lane.id, lane.index) != (f"{edge.id}_{at}", at):
            raise NetError(f"{file}: edge {edge.id}: its lane {at} is called {lane.id!r} with index {lane.index}")
        if not lane.shape or lane.length <= 0 or lane.speed < 0:
            raise NetError(f"{file}: lane {lane.id}: needs a shape, a length above 0 and a speed")


def _check_connection(c: ConnectionRow, rows: NetRows, file: Path) -> None:
    for edge, lane in ((c.from_edge, c.from_lane), (c.to_edge, c.to_lane)):
        row = rows.edges.get(edge)
        if row is None or not 0 <= lane < len(row.lanes):
            raise NetError(f"{file}: a connection names lane {lane} of edge {edge!r}, which is not there")
    if c.signal_link >= MOST_SIGNAL_LINKS:
        raise NetError(f"{file}: signal {c.signal}: linkIndex {c.signal_link} is above {MOST_SIGNAL_LINKS - 1}")

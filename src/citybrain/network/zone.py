"""Zones: what detectors before a stop line see, followed upstream across link splits."""

from __future__ import annotations

from collections import defaultdict

from citybrain.model import Reach, Zone
from citybrain.network.netfile import ConnectionRow, LaneRow, NetRows

ZONE_M = 100.0
"""How far upstream of the stop line a camera sees."""


class ZoneFinder:
    """Finds the zone of a stop-line lane.

    A lane's upstream lane is taken in while the node between them has no signal for it and exactly one lane leads
    into it. Where a lane widens into pockets, the lane before it belongs to the zone of each pocket.
    """

    def __init__(self, rows: NetRows) -> None:
        self._lanes: dict[str, LaneRow] = {
            lane.id: lane for edge in rows.edges.values() if edge.function != "internal" for lane in edge.lanes
        }
        self._internal: dict[str, float] = {
            lane.id: lane.length for e in rows.edges.values() if e.function == "internal" for lane in e.lanes
        }
        self._into: dict[str, list[ConnectionRow]] = defaultdict(list)
        for c in rows.connections:
            before = self._lanes.get(c.source)
            if before is not None and before.motor:
                self._into[c.target].append(c)

    def zone(self, lane_id: str, junction: str) -> Zone:
        """The zone of the lane that ends at a stop line of `junction`."""
        lane = self._lanes[lane_id]
        reaches = [_reach(lane, ZONE_M)]
        seen = {lane_id}
        left = ZONE_M - lane.length
        while left > 0:
            into = self._into.get(lane.id, [])
            if len(into) != 1 or into[0].signal or into[0].source in seen:
                break
            left -= self._internal.get(into[0].via, 0.0)
            if left <= 1.0:
                break
            lane = self._lanes[into[0].source]
            seen.add(lane.id)
            reaches.append(_reach(lane, left))
            left -= lane.length
        length = ZONE_M - max(left, 0.0) if left > 0 else ZONE_M
        first = self._lanes[lane_id]
        return Zone(lane_id, junction, round(length, 2), first.speed, tuple(reaches))


def _reach(lane: LaneRow, left: float) -> Reach:
    return Reach(lane.id, round(max(0.0, lane.length - left), 2), lane.length)

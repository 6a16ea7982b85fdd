"""Loops and cameras of the approach lanes, as a simulated city's own detectors would see it.

Vehicle ids stay in here: what leaves are counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import libsumo
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from citybrain.model import RoadNet, Zone
from citybrain.network.schema import schema_of

HALTED_MPS = 0.1
STOP_LOOP_M = 3.0
"""Length of the loop at the stop line."""
VEHICLE_M = 5.0
"""A vehicle whose front is within this after the upstream loop stands over it."""
ZONES_A_SECOND = 2000
SLOWEST_S = 4
_INT = npt.NDArray[np.int64]


class ZoneMemory(Struct):
    """What a zone's tracker remembers from its last look."""

    at_line: set[str]
    upstream: set[str]


class LaneSensors:
    """Reads the zones of a network, all each second where they are few, else in rotation (at most each 4 s).

    `read` gives the rows of `traffic.lane_reading` for the group whose turn it is.
    """

    def __init__(self, net: RoadNet) -> None:
        zones = [z for j in net.junctions for z in j.zones]
        self.period_s = min(SLOWEST_S, max(1, -(-len(zones) // ZONES_A_SECOND)))
        share = -(-len(net.junctions) // self.period_s)
        parts = [net.junctions[i : i + share] for i in range(0, len(net.junctions), share)]
        nodes = {link.id: link.to_node for link in net.links}
        edges = {lane.id: link.id for link in net.links for lane in link.lanes}
        exits: dict[str, set[str]] = {}
        for junction in net.junctions:
            for movement in junction.movements:
                for zone in movement.zones:
                    exits.setdefault(zone, set()).add(movement.to_link)
        self._groups = [_Group([z for j in part for z in j.zones], edges, nodes, exits) for part in parts]
        self._turn = 0

    def read(self, time_ms: int) -> pa.RecordBatch:
        """The readings of the group whose turn it is at city time `time_ms`."""
        group = self._groups[self._turn]
        self._turn = (self._turn + 1) % len(self._groups)
        return group.read(time_ms, float(self.period_s))


class _Group:
    def __init__(
        self,
        zones: Sequence[Zone],
        edges: dict[str, str],
        nodes: dict[str, str],
        exits: dict[str, set[str]],
    ) -> None:
        self.zones = zones
        self._names = pa.array([z.id for z in zones], pa.string())
        self._junctions = pa.array([z.junction for z in zones], pa.string())
        self._memory = [ZoneMemory(set(), set()) for _ in zones]
        self._edge = [edges[z.id] for z in zones]
        self._inside = [f":{nodes[e]}_" for e in self._edge]
        self._exits = [exits[z.id] for z in zones]
        self._last_ms: int | None = None
        looks: dict[str, list[tuple[int, str, float, float, float]]] = {}
        for i, zone in enumerate(zones):
            for edge, look in _looks(i, zone, edges):
                looks.setdefault(edge, []).append(look)
        self._looks = tuple((edge, tuple(found)) for edge, found in looks.items())

    def read(self, time_ms: int, period_s: float) -> pa.RecordBatch:
        """Look at every zone of the group."""
        n = len(self.zones)
        first = self._last_ms is None or time_ms <= self._last_ms
        elapsed = period_s if first or self._last_ms is None else (time_ms - self._last_ms) / 1000
        self._last_ms = time_ms
        halted, speed, stop, up = [0] * n, [0.0] * n, [False] * n, [False] * n
        line: dict[int, set[str]] = {}
        above: dict[int, set[str]] = {}
        self._look(halted, speed, stop, up, line, above)
        count, entered, passed = self._follow(first, line, above)
        return self._rows(time_ms, elapsed, count, halted, speed, entered, passed, stop, up)

    def _look(
        self,
        halted: list[int],
        speed: list[float],
        stop: list[bool],
        up: list[bool],
        line: dict[int, set[str]],
        above: dict[int, set[str]],
    ) -> None:
        vehicles_on, ids_on = libsumo.edge.getLastStepVehicleNumber, libsumo.lane.getLastStepVehicleIDs
        position, speed_of = libsumo.vehicle.getLanePosition, libsumo.vehicle.getSpeed
        for edge, looks in self._looks:
            if not vehicles_on(edge):
                continue
            for zone, lane, begin, stop_loop, up_loop in looks:
                ids = ids_on(lane)
                if not ids:
                    continue
                seen = []
                for vehicle in reversed(ids):  # from the front: the first one before the zone ends the look
                    at = position(vehicle)
                    if at < begin:
                        break
                    seen.append(vehicle)
                    v = speed_of(vehicle)
                    speed[zone] += v
                    if v < HALTED_MPS:
                        halted[zone] += 1
                    if at >= stop_loop:
                        stop[zone] = True
                    if at <= up_loop:
                        up[zone] = True
                if seen:
                    into = line if stop_loop < 1e9 else above
                    into.setdefault(zone, set()).update(seen)

    def _follow(
        self, first: bool, line: dict[int, set[str]], above: dict[int, set[str]]
    ) -> tuple[list[int], list[int], list[int]]:
        n = len(self.zones)
        count, entered, passed = [0] * n, [0] * n, [0] * n
        nobody: set[str] = set()
        for i, memory in enumerate(self._memory):
            now_line, now_above = line.get(i, nobody), above.get(i, nobody)
            if now_line or now_above:
                count[i] = len(now_line) + len(now_above)
                if not first:
                    new = now_line | now_above if now_above else now_line
                    entered[i] = len(new - memory.at_line - memory.upstream)
            if memory.at_line and not first:
                gone = memory.at_line - now_line
                passed[i] = sum(self._passed(i, v, False) for v in gone)
            if memory.upstream and not first:
                gone = memory.upstream - now_line - now_above
                passed[i] += sum(self._passed(i, v, True) for v in gone)
            memory.at_line, memory.upstream = now_line, now_above
        return count, entered, passed

    def _passed(self, zone: int, vehicle: str, strict: bool) -> bool:
        """Whether a vehicle that left the zone crossed its stop line (rather than change lane or end its trip)."""
        try:
            road = libsumo.vehicle.getRoadID(vehicle)
        except libsumo.TraCIException:
            return False
        if not road or road == self._edge[zone]:
            return False
        return not strict or road in self._exits[zone] or road.startswith(self._inside[zone])

    def _rows(
        self,
        time_ms: int,
        elapsed: float,
        count: list[int],
        halted: list[int],
        speed: list[float],
        entered: list[int],
        passed: list[int],
        stop: list[bool],
        up: list[bool],
    ) -> pa.RecordBatch:
        schema = schema_of("traffic.lane_reading")
        n = len(self.zones)
        counts = np.array(count, np.int64)
        mean = np.array(speed) / np.maximum(counts, 1)
        columns = [
            self._names,
            self._junctions,
            pa.array(np.full(n, time_ms, "datetime64[ms]"), schema.field("time").type),
            np.full(n, elapsed),
            counts,
            np.array(halted, np.int64),
            pa.array(mean, pa.float64(), mask=counts == 0),
            np.array(entered, np.int64),
            np.array(passed, np.int64),
            np.array(stop),
            np.array(up),
            np.ones(n, bool),
        ]
        return pa.RecordBatch.from_arrays(
            [c if isinstance(c, pa.Array) else pa.array(c) for c in columns], schema=schema
        )


def _looks(i: int, zone: Zone, edges: dict[str, str]) -> list[tuple[str, tuple[int, str, float, float, float]]]:
    """(edge, (zone, lane, begin, stop loop from, upstream loop until)) of each lane that the zone sees."""
    found = []
    last = len(zone.reaches) - 1
    for k, reach in enumerate(zone.reaches):
        stop_loop = reach.end_m - STOP_LOOP_M if k == 0 else 1e9
        up_loop = reach.begin_m + VEHICLE_M if k == last else -1.0
        found.append((edges[reach.lane], (i, reach.lane, reach.begin_m, stop_loop, up_loop)))
        if k < last:
            found += [
                (link[4].rsplit("_", 1)[0], (i, link[4], 0.0, 1e9, -1.0))
                for link in libsumo.lane.getLinks(zone.reaches[k + 1].lane)
                if link[0] == reach.lane and link[4]
            ]
    return found

"""Loops and cameras of the approach lanes, as a simulated city's own detectors would see it.

Vehicle ids stay in here: what leaves are counts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import libsumo
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from citybrain.model import RoadNet, Zone
from citybrain.network.field_fault import FaultMemory, FieldFaults, Miscounts
from citybrain.network.lane_detectors import CAMERA, STOP_LINE, UPSTREAM
from citybrain.network.schema import TIME, schema_of

HALTED_MPS = 0.1
STOP_LOOP_M = 3.0
"""Length of the loop at the stop line."""
VEHICLE_M = 5.0
"""A vehicle whose front is within this after the upstream loop stands over it."""
ZONES_A_SECOND = 2000
SLOWEST_S = 4
SPEEDING = 1.4
"""No vehicle is faster than this times the speed allowed."""
LONGEST_SLEEP_S = 10.0
_UNKNOWN_MPS = 40.0
_NO_LOOP = 1e9
_INT = npt.NDArray[np.int64]
_Look = tuple[int, str, float, float, float]
"""Zone, lane, where the zone begins on it, where the stop loop begins, where the upstream loop ends."""


class GroupMemory(Struct):
    """What a group of zones remembers from its last look."""

    seen: dict[int, Sight]
    last_ms: int | None


class SensorMemory(Struct):
    """What the sensors remember over a restart."""

    turn: int
    groups: list[GroupMemory]
    faults: FaultMemory | None = None


class LaneSensors:
    """Reads the zones of a network, all each second where they are few, else in rotation (at most each 4 s).

    `read` gives the rows of `traffic.lane_reading` for the group whose turn it is; `faulty`: as detectors in the
    field would (by that seed), and late.
    """

    def __init__(self, net: RoadNet, faulty: int | None = None) -> None:
        zones = [z for j in net.junctions for z in j.zones]
        self._faults = FieldFaults(faulty, zones) if faulty is not None else None
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
        miscounts = self._faults.miscounts if self._faults else None
        self._groups: list[_Group] = []
        first = 0
        for part in parts:
            group = _Group([z for j in part for z in j.zones], first, edges, nodes, exits, miscounts)
            self._groups.append(group)
            first += len(group.zones)
        self._turn = 0

    def keep(self) -> SensorMemory:
        """What `start` needs to go on."""
        faults = self._faults.keep() if self._faults else None
        return SensorMemory(self._turn, [GroupMemory(g.seen, g.last_ms) for g in self._groups], faults)

    def start(self, memory: SensorMemory | None = None) -> None:
        """Begin on a SUMO that has just started: anew, or with what `keep` gave."""
        fits = memory is not None and len(memory.groups) == len(self._groups)
        self._turn = memory.turn % len(self._groups) if memory is not None and fits else 0
        for i, group in enumerate(self._groups):
            kept = memory.groups[i] if memory is not None and fits else GroupMemory({}, None)
            group.seen, group.last_ms = kept.seen, kept.last_ms
            group.awake()
        if self._faults is not None:
            self._faults.start(memory.faults if memory is not None and fits else None)

    def read(self, time_ms: int) -> pa.RecordBatch | None:
        """The readings that arrive at city time `time_ms`: of the group whose turn it is, or, of detectors in the
        field, those measured 1 to 3 s before. None where there are none."""
        group = self._groups[self._turn]
        self._turn = (self._turn + 1) % len(self._groups)
        rows = group.read(time_ms, float(self.period_s))
        return rows if self._faults is None else self._faults.deliver(rows, group.first, time_ms)


class Sight(Struct):
    """What one look sees of a zone that is not empty."""

    at_line: list[str] = []
    above: list[str] = []
    standing: list[str] = []
    speed: float = 0.0
    stop: bool = False
    upstream: bool = False


class _Approach:
    """The lanes of one link that zones see, and until when nobody can have come into them.

    A link whose nearest vehicle is too far to have reached a zone yet need not be looked at. (A vehicle that
    begins its trip in the middle of the link is seen up to 10 s late.)
    """

    __slots__ = ("asleep_until", "edge", "fastest_mps", "looks", "occupied", "room_m")

    def __init__(self, edge: str, looks: tuple[_Look, ...], fastest: dict[str, float]) -> None:
        self.edge = edge
        self.looks = looks
        self.room_m = min(begin for _, _, begin, _, _ in looks)
        self.fastest_mps = SPEEDING * max(fastest.get(lane, _UNKNOWN_MPS) for _, lane, *_ in looks)
        self.asleep_until = 0.0
        self.occupied = False
        """Somebody was on its lanes at the last look, so that asking for the whole link first saves nothing."""


class _Group:
    def __init__(
        self,
        zones: Sequence[Zone],
        first: int,
        edges: dict[str, str],
        nodes: dict[str, str],
        exits: dict[str, set[str]],
        miscounts: Miscounts | None,
    ) -> None:
        self.zones = zones
        self.first = first
        """Place of its first zone among all of the network."""
        self._miscounts = miscounts
        self._names = pa.array([z.id for z in zones], pa.string())
        self._junctions = pa.array([z.junction for z in zones], pa.string())
        self._healthy = pa.array(np.ones(len(zones), bool))
        self.seen: dict[int, Sight] = {}
        self.last_ms: int | None = None
        self._edge = [edges[z.id] for z in zones]
        self._inside = [f":{nodes[e]}_" for e in self._edge]
        self._exits = [exits[z.id] for z in zones]
        looks: dict[str, list[_Look]] = {}
        for i, zone in enumerate(zones):
            for edge, look in _looks(i, zone, edges):
                looks.setdefault(edge, []).append(look)
        fastest = {zone.reaches[0].lane: zone.speed_mps for zone in zones}
        self._approaches = tuple(_Approach(edge, tuple(found), fastest) for edge, found in looks.items())

    def awake(self) -> None:
        for approach in self._approaches:
            approach.asleep_until = 0.0

    def read(self, time_ms: int, period_s: float) -> pa.RecordBatch:
        """Look at every zone of the group."""
        known = self.last_ms is not None and time_ms > self.last_ms
        if not known:
            self.awake()
        elapsed = (time_ms - self.last_ms) / 1000 if known and self.last_ms is not None else period_s
        self.last_ms = time_ms
        before, now = self.seen if known else None, self._look(time_ms / 1000)
        self.seen = now
        return self._rows(time_ms, elapsed, now, *self._follow(before, now, time_ms))

    def _look(self, time_s: float) -> dict[int, Sight]:
        vehicles_on, ids_on = libsumo.edge.getLastStepVehicleNumber, libsumo.lane.getLastStepVehicleIDs
        position, speed_of = libsumo.vehicle.getLanePosition, libsumo.vehicle.getSpeed
        now: dict[int, Sight] = {}
        for approach in self._approaches:
            if approach.asleep_until > time_s:
                continue
            nearest = approach.room_m
            if not approach.occupied and not vehicles_on(approach.edge):
                approach.asleep_until = time_s + min(nearest / approach.fastest_mps, LONGEST_SLEEP_S)
                continue
            approach.occupied = False
            for zone, lane, begin, stop_loop, up_loop in approach.looks:
                ids = ids_on(lane)
                if not ids:
                    continue
                approach.occupied = True
                seen: list[str] = []
                standing: list[str] = []
                total, front, at = 0.0, 0.0, _NO_LOOP
                for vehicle in reversed(ids):  # from the front: the first one too far ends the look
                    place = position(vehicle)
                    if place < begin:
                        nearest = min(nearest, begin - place)
                        break
                    if not seen:
                        front = place
                    at = place
                    seen.append(vehicle)
                    v = speed_of(vehicle)
                    total += v
                    if v < HALTED_MPS:
                        standing.append(vehicle)
                if seen:
                    nearest = 0.0
                    sight = now.setdefault(zone, Sight())
                    (sight.at_line if stop_loop < _NO_LOOP else sight.above).extend(seen)
                    sight.speed += total
                    sight.standing.extend(standing)
                    sight.stop |= front >= stop_loop
                    sight.upstream |= at <= up_loop
            approach.asleep_until = time_s + min(nearest / approach.fastest_mps, LONGEST_SLEEP_S)
        return now

    def _follow(
        self, before: dict[int, Sight] | None, now: dict[int, Sight], time_ms: int
    ) -> tuple[dict[int, int], dict[int, int]]:
        """Vehicles that entered and that crossed the stop line since the look `before`, by zone."""
        entered: dict[int, int] = {}
        passed: dict[int, int] = {}
        if before is None:
            return entered, passed
        nothing = Sight()
        for zone, sight in now.items():
            old = before.get(zone, nothing)
            if sight.at_line == old.at_line and sight.above == old.above:
                continue
            new = {*sight.at_line, *sight.above}.difference(old.at_line, old.above)
            if new:
                entered[zone] = self._number(zone, UPSTREAM, new, time_ms)
        for zone, old in before.items():
            sight = now.get(zone, nothing)
            if sight.at_line == old.at_line and sight.above == old.above:
                continue
            gone = [v for v in set(old.at_line).difference(sight.at_line) if self._passed(zone, v, False)]
            if old.above:
                left = set(old.above).difference(sight.at_line, sight.above)
                gone += [v for v in left if self._passed(zone, v, True)]
            if gone:
                passed[zone] = self._number(zone, STOP_LINE, gone, time_ms)
        return entered, passed

    def _number(self, zone: int, detector: int, vehicles: Collection[str], time_ms: int) -> int:
        """How many a detector takes them for."""
        if self._miscounts is None:
            return len(vehicles)
        return self._miscounts.number(self.zones[zone].id, detector, vehicles, time_ms)

    def _passed(self, zone: int, vehicle: str, strict: bool) -> bool:
        """Whether a vehicle that left the zone crossed its stop line (rather than change lane or end its trip).

        `strict`: it was not yet on the lane at the stop line, so that it may also have turned off before it.
        """
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
        now: dict[int, Sight],
        entered: dict[int, int],
        passed: dict[int, int],
    ) -> pa.RecordBatch:
        n = len(self.zones)
        at = np.fromiter(now, np.int64, len(now))
        sights = now.values()
        count = _filled(n, at, [self._number(z, CAMERA, [*s.at_line, *s.above], time_ms) for z, s in now.items()])
        halted = _filled(n, at, [self._number(z, CAMERA, s.standing, time_ms) for z, s in now.items()])
        speed = np.zeros(n)
        speed[at] = [s.speed / (len(s.at_line) + len(s.above)) for s in sights]
        stop, upstream = np.zeros(n, bool), np.zeros(n, bool)
        stop[at] = [s.stop for s in sights]
        upstream[at] = [s.upstream for s in sights]
        columns = [
            self._names,
            self._junctions,
            pa.array(np.full(n, time_ms, np.int64)).view(TIME),
            pa.array(np.full(n, elapsed)),
            pa.array(count),
            pa.array(halted),
            pa.array(speed, mask=count == 0),
            pa.array(_filled(n, list(entered), list(entered.values()))),
            pa.array(_filled(n, list(passed), list(passed.values()))),
            pa.array(stop),
            pa.array(upstream),
            self._healthy,
            self._healthy,
            self._healthy,
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema_of("traffic.lane_reading"))


def _filled(n: int, at: Sequence[int] | _INT, values: Sequence[int]) -> _INT:
    result = np.zeros(n, np.int64)
    result[at] = values
    return result


def _looks(i: int, zone: Zone, edges: dict[str, str]) -> list[tuple[str, _Look]]:
    """(edge, (zone, lane, begin, stop loop from, upstream loop until)) of each lane that the zone sees."""
    found = []
    last = len(zone.reaches) - 1
    for k, reach in enumerate(zone.reaches):
        stop_loop = reach.end_m - STOP_LOOP_M if k == 0 else _NO_LOOP
        up_loop = reach.begin_m + VEHICLE_M if k == last else -1.0
        found.append((edges[reach.lane], (i, reach.lane, reach.begin_m, stop_loop, up_loop)))
        if k < last:
            found += [
                (link[4].rsplit("_", 1)[0], (i, link[4], 0.0, _NO_LOOP, -1.0))
                for link in libsumo.lane.getLinks(zone.reaches[k + 1].lane)
                if link[0] == reach.lane and link[4]
            ]
    return found

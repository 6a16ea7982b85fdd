"""Loops and cameras of the approach lanes, as a simulated city's own detectors would see it.

Vehicle ids stay in here: what leaves are counts.
"""

from __future__ import annotations

from collections.abc import Collection

import libsumo
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from citybrain.model import RoadNet, Zone
from citybrain.network.field_fault import FaultMemory, FieldFaults
from citybrain.network.lane_detectors import CAMERA, STOP_LINE, UPSTREAM
from citybrain.network.schema import TIME, schema_of

HALTED_MPS = 0.1
STOP_LOOP_M = 3.0
"""Length of the loop at the stop line."""
VEHICLE_M = 5.0
"""A vehicle whose front is within this after the upstream loop stands over it."""
ZONES_A_SECOND = 4000
SLOWEST_S = 4
SPEEDING = 1.4
"""No vehicle is faster than this times the speed allowed."""
LONGEST_SLEEP_S = 10.0
_UNKNOWN_MPS = 40.0
_NO_LOOP = 1e9
_INT = npt.NDArray[np.int64]
_Look = tuple[int, str, float, float, float]
"""Zone, lane, where the zone begins on it, where the stop loop begins, where the upstream loop ends."""


class SensorMemory(Struct):
    """What the sensors remember over a restart: seconds since the last look, what it saw and when it was."""

    turn: int = 0
    seen: dict[int, Sight] = {}
    last_ms: int | None = None
    faults: FaultMemory | None = None


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


class LaneSensors:
    """Reads the zones of a network, each second where they are few, else less often (each 4 s at the least).

    `read` gives the rows of `traffic.lane_reading`; `faulty`: as detectors in the field would (by that seed), and
    late.
    """

    def __init__(self, net: RoadNet, faulty: int | None = None) -> None:
        self._zones = [z for j in net.junctions for z in j.zones]
        self._faults = FieldFaults(faulty, self._zones) if faulty is not None else None
        self._period_s = min(SLOWEST_S, max(1, -(-len(self._zones) // ZONES_A_SECOND)))
        self._names = pa.array([z.id for z in self._zones], pa.string())
        self._junctions = pa.array([z.junction for z in self._zones], pa.string())
        self._healthy = pa.array(np.ones(len(self._zones), bool))
        nodes = {link.id: link.to_node for link in net.links}
        edges = {lane.id: link.id for link in net.links for lane in link.lanes}
        exits: dict[str, set[str]] = {}
        for movement in (m for j in net.junctions for m in j.movements):
            for zone in movement.zones:
                exits.setdefault(zone, set()).add(movement.to_link)
        self._edge = [edges[z.id] for z in self._zones]
        self._inside = [f":{nodes[e]}_" for e in self._edge]
        self._exits = [exits[z.id] for z in self._zones]
        looks: dict[str, list[_Look]] = {}
        for i, z in enumerate(self._zones):
            for edge, look in _looks(i, z, edges):
                looks.setdefault(edge, []).append(look)
        fastest = {z.reaches[0].lane: z.speed_mps for z in self._zones}
        self._approaches = tuple(_Approach(edge, tuple(found), fastest) for edge, found in looks.items())
        self._turn = 0
        self._seen: dict[int, Sight] = {}
        self._last_ms: int | None = None

    def keep(self) -> SensorMemory:
        """What `start` needs to go on."""
        return SensorMemory(self._turn, self._seen, self._last_ms, self._faults.keep() if self._faults else None)

    def start(self, memory: SensorMemory | None = None) -> None:
        """Begin on a SUMO that has just started: anew, or with what `keep` gave."""
        kept = memory or SensorMemory()
        self._turn = kept.turn % self._period_s
        fits = all(0 <= zone < len(self._zones) for zone in kept.seen)
        self._seen, self._last_ms = (kept.seen, kept.last_ms) if fits else ({}, None)
        self._awake()
        if self._faults is not None:
            self._faults.start(kept.faults if fits else None)

    def vehicles(self) -> dict[int, list[str]]:
        """Who is in each zone that is not empty, by its place, as of the last look."""
        return {zone: [*sight.at_line, *sight.above] for zone, sight in self._seen.items()}

    def _awake(self) -> None:
        for approach in self._approaches:
            approach.asleep_until = 0.0

    def read(self, time_ms: int) -> pa.RecordBatch | None:
        """The readings that arrive at city time `time_ms`, those measured then or, of detectors in the field, 1 to
        3 s before. None where there are none."""
        rows = self._measure(time_ms) if self._turn == 0 else None
        self._turn = (self._turn + 1) % self._period_s
        return rows if self._faults is None else self._faults.deliver(rows, time_ms)

    def _measure(self, time_ms: int) -> pa.RecordBatch:
        """Look at every zone."""
        known = self._last_ms is not None and time_ms > self._last_ms
        if not known:
            self._awake()
        elapsed_s = (
            (time_ms - self._last_ms) / 1000 if known and self._last_ms is not None else float(self._period_s)
        )
        self._last_ms = time_ms
        before, now = self._seen if known else None, self._look(time_ms / 1000)
        self._seen = now
        return self._rows(time_ms, elapsed_s, now, *self._follow(before, now))

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
        self, before: dict[int, Sight] | None, now: dict[int, Sight]
    ) -> tuple[dict[int, Collection[str]], dict[int, Collection[str]]]:
        """Vehicles that entered and that crossed the stop line since the look `before`, by zone."""
        entered: dict[int, Collection[str]] = {}
        passed: dict[int, Collection[str]] = {}
        if before is None:
            return entered, passed
        nothing = Sight()
        for zone, sight in now.items():
            old = before.get(zone, nothing)
            if sight.at_line == old.at_line and sight.above == old.above:
                continue
            new = {*sight.at_line, *sight.above}.difference(old.at_line, old.above)
            if new:
                entered[zone] = new
        for zone, old in before.items():
            sight = now.get(zone, nothing)
            if sight.at_line == old.at_line and sight.above == old.above:
                continue
            gone = [v for v in set(old.at_line).difference(sight.at_line) if self._passed(zone, v, False)]
            if old.above:
                left = set(old.above).difference(sight.at_line, sight.above)
                gone += [v for v in left if self._passed(zone, v, True)]
            if gone:
                passed[zone] = gone
        return entered, passed

    def _numbers(self, seen: dict[int, Collection[str]], detector: int, time_ms: int) -> _INT:
        """How many vehicles a detector of each zone takes those for, shape (Z,)."""
        at = list(seen)
        numbers = np.zeros(len(self._zones), np.int64)
        if self._faults is None:
            numbers[at] = list(map(len, seen.values()))
        else:
            numbers[at] = self._faults.miscounts.numbers(at, list(seen.values()), detector, time_ms)
        return numbers

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
        elapsed_s: float,
        now: dict[int, Sight],
        entered: dict[int, Collection[str]],
        passed: dict[int, Collection[str]],
    ) -> pa.RecordBatch:
        n = len(self._zones)
        at = list(now)
        sights = now.values()
        count = self._numbers({z: [*s.at_line, *s.above] for z, s in now.items()}, CAMERA, time_ms)
        halted = self._numbers({z: s.standing for z, s in now.items()}, CAMERA, time_ms)
        speed = np.zeros(n)
        speed[at] = [s.speed / (len(s.at_line) + len(s.above)) for s in sights]
        stop, upstream = np.zeros(n, bool), np.zeros(n, bool)
        stop[at] = [s.stop for s in sights]
        upstream[at] = [s.upstream for s in sights]
        columns = [
            self._names,
            self._junctions,
            pa.array(np.full(n, time_ms, np.int64)).view(TIME),
            pa.array(np.full(n, elapsed_s)),
            pa.array(count),
            pa.array(halted),
            pa.array(speed, mask=count == 0),
            pa.array(self._numbers(entered, UPSTREAM, time_ms)),
            pa.array(self._numbers(passed, STOP_LINE, time_ms)),
            pa.array(stop),
            pa.array(upstream),
            self._healthy,
            self._healthy,
            self._healthy,
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema_of("traffic.lane_reading"))


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

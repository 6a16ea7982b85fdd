"""The score of the traffic: simulation truth, for the page and for trials, never for the brain."""

from __future__ import annotations

from collections import deque
from typing import Literal

import libsumo
import pyarrow as pa
from msgspec import Struct

from citybrain.model import RoadNet
from citybrain.network.schema import TIME, schema_of
from citybrain.network.toll import Toll

PERIOD_MS = 10_000
DELAY_WINDOW_MS = 15 * 60_000
ARRIVED_WINDOW_MS = 60 * 60_000
HALTED_MPS = 0.1
CANDIDATES = 12
"""Approaches with most standing vehicles, among which the longest queue is measured."""
SPACE_M = 7.5
CityLabel = Literal["live", "shadow", "own"]


class Arrivals(Struct, frozen=True):
    """Totals over the vehicles that have arrived since SUMO began, at a moment."""

    time_ms: int
    count: int
    delay_s: float
    travel_s: float
    loss_s: float


class ScoreMemory(Struct):
    """What the score remembers over a restart."""

    past: list[Arrivals]
    teleports: int
    base: Arrivals
    """Totals of earlier incarnations of SUMO."""


class TrafficScore:
    """Keeps the totals from which `sim.score` is made.

    Delay is time loss plus waiting to enter, over the vehicles now on the road, those still waiting to enter and
    those that arrived within 15 minutes. The delay index is 1 + delay / free-flow travel time of the same
    vehicles.
    """

    def __init__(self, net: RoadNet, city: CityLabel) -> None:
        self._city = city
        signalised = {m.from_link for j in net.junctions for m in j.movements if m.from_link}
        self._approaches = {
            link.id: tuple(lane.id for lane in link.lanes) for link in net.links if link.id in signalised
        }
        self._lengths = {lane.id: lane.length_m for link in net.links for lane in link.lanes}
        self._behind = {
            zone.reaches[i].lane: zone.reaches[i + 1].lane
            for j in net.junctions
            for zone in j.zones
            for i in range(len(zone.reaches) - 1)
        }
        self._past: deque[Arrivals] = deque()
        self._teleports = 0
        self._base = Arrivals(0, 0, 0.0, 0.0, 0.0)
        self._set_off: dict[str, tuple[float, float]] = {}
        self._toll = Toll()

    def start(self, memory: ScoreMemory | None = None) -> None:
        """Begin on a SUMO that has just started; `memory` as `keep` gave it."""
        if memory is not None:
            self._past = deque(memory.past)
            self._teleports = memory.teleports
            self._base = memory.base
        self._set_off = {v: _set_off(v) for v in libsumo.vehicle.getIDList()}
        self._toll.start()

    def keep(self, time_ms: int) -> ScoreMemory:
        """What `start` needs to go on."""
        return ScoreMemory(list(self._past), self._teleports, self._totals(time_ms))

    def step(self, departed: tuple[str, ...]) -> None:
        """Take in one step of SUMO."""
        for vehicle in departed:
            self._set_off[vehicle] = _set_off(vehicle)
        for vehicle in libsumo.simulation.getArrivedIDList():
            self._set_off.pop(vehicle, None)
        self._teleports += libsumo.simulation.getStartingTeleportNumber()

    def read(self, time_ms: int) -> pa.RecordBatch | None:
        """The row of `sim.score` each 10 s, else None."""
        if time_ms % PERIOD_MS:
            return None
        now = self._totals(time_ms)
        last = self._past[-1] if self._past else self._base
        self._past.append(now)
        while self._past[0].time_ms < time_ms - ARRIVED_WINDOW_MS:
            self._past.popleft()
        before = next(p for p in self._past if p.time_ms >= time_ms - DELAY_WINDOW_MS)
        ids = libsumo.vehicle.getIDList()
        losses = [libsumo.vehicle.getTimeLoss(v) for v in ids]
        speeds = [libsumo.vehicle.getSpeed(v) for v in ids]
        time_s = libsumo.simulation.getTime()
        travel = sum(time_s - departure for _, departure in self._set_off.values())
        waiting = libsumo.simulation.getPendingVehicles()
        delay = (
            sum(losses)
            + sum(waited for waited, _ in self._set_off.values())
            + sum(max(0.0, libsumo.vehicle.getDepartDelay(v)) for v in waiting)
            + now.delay_s
            - before.delay_s
        )
        vehicles = len(ids) + len(waiting) + now.count - before.count
        free = travel - sum(losses) + now.travel_s - before.travel_s - now.loss_s + before.loss_s
        queue_m, queue_zone = self._longest_queue()
        row = [
            self._city,
            time_ms,
            len(ids),
            len(waiting),
            max(delay, 0.0) / max(vehicles, 1),
            1.0 + max(delay, 0.0) / free if free > 0 else 1.0,
            sum(speeds) / len(ids) if ids else None,
            now.count - self._past[0].count,
            sum(v < HALTED_MPS for v in speeds),
            queue_m,
            queue_zone,
            self._teleports,
            self._toll.halts(ids),
            now.count - last.count,
            max(0.0, now.travel_s + now.delay_s - now.loss_s - last.travel_s - last.delay_s + last.loss_s),
            self._toll.co2_kg(ids, PERIOD_MS / 1000),
        ]
        schema = schema_of("sim.score")
        columns = [
            pa.array([value], TIME if field.type == TIME else field.type)
            for value, field in zip(row, schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _totals(self, time_ms: int) -> Arrivals:
        count = int(_statistic("count") or 0)
        travel, loss, waited = (_statistic(k) * count for k in ("duration", "timeLoss", "departDelay"))
        base = self._base
        return Arrivals(
            time_ms,
            base.count + count,
            base.delay_s + loss + waited,
            base.travel_s + travel,
            base.loss_s + loss,
        )

    def _longest_queue(self) -> tuple[float, str | None]:
        standing = [
            (n / len(lanes), link)
            for link, lanes in self._approaches.items()
            if (n := libsumo.edge.getLastStepHaltingNumber(link))
        ]
        standing.sort(reverse=True)
        lanes = [lane for _, link in standing[:CANDIDATES] for lane in self._approaches[link]]
        queues = [(self._queue_m(lane), lane) for lane in lanes]
        return max(queues, default=(0.0, None), key=lambda q: q[0])

    def _queue_m(self, lane: str) -> float:
        """From the stop line to the end of the last standing vehicle, followed through link splits."""
        total = 0.0
        here: str | None = lane
        while here is not None:
            rear = self._lengths[here]
            for vehicle in reversed(libsumo.lane.getLastStepVehicleIDs(here)):
                if libsumo.vehicle.getSpeed(vehicle) < HALTED_MPS:
                    rear = libsumo.vehicle.getLanePosition(vehicle) - libsumo.vehicle.getLength(vehicle)
            total += self._lengths[here] - max(rear, 0.0)
            here = self._behind.get(here) if rear < SPACE_M else None
        return total


def _set_off(vehicle: str) -> tuple[float, float]:
    """How long a vehicle waited to enter and when it did, in seconds of the simulation."""
    return max(0.0, libsumo.vehicle.getDepartDelay(vehicle)), libsumo.vehicle.getDeparture(vehicle)


def _statistic(name: str) -> float:
    return float(libsumo.simulation.getParameter("", f"device.tripinfo.{name}") or 0.0)

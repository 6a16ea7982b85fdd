"""What happens in a simulated city besides its usual traffic: rain, breakdowns, a stadium evening."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import libsumo
import numpy as np
import pyarrow as pa
from msgspec import Struct

from citybrain.model import RoadNet
from citybrain.network.schema import schema_of

EventKind = Literal["rain", "stadium", "breakdown", "day"]
COMFORT_MPS2 = 3.0
MARGIN_M = 8.0


class CityEvent(Struct, frozen=True):
    """An event drawn from the date and the seed. Times are city time."""

    id: str
    kind: EventKind
    time_ms: int
    until_ms: int | None
    link: str | None
    detail: str
    strength: float = 1.0
    """Rain: the share of the dry speed that is left."""


class EventMemory(Struct):
    """What the events remember over a restart: ids told, ids of breakdowns that have found their vehicle."""

    told: list[str]
    stopped: list[str]


class Events:
    """Lets the events of a city happen and tells of each once, when it begins.

    Rain lowers the speed allowed on every link. A breakdown stops the first vehicle on its link that can still
    brake before the end, until the event ends. A stadium evening is in the demand already.
    """

    def __init__(self, net: RoadNet) -> None:
        self._speeds = {lane.id: lane.speed_mps for link in net.links for lane in link.lanes}
        self._lengths: Mapping[str, float] = {lane.id: lane.length_m for k in net.links for lane in k.lanes}
        self._events: tuple[CityEvent, ...] = ()
        self._told: list[str] = []
        self._stopped: list[str] = []
        self._speed_share = 1.0

    def start(self, events: Sequence[CityEvent]) -> None:
        """Take the events to come, on a SUMO that has just started."""
        self._events = tuple(events)
        self._speed_share = 1.0

    def recall(self, memory: EventMemory) -> None:
        """Remember what `keep` gave."""
        self._told, self._stopped = list(memory.told), list(memory.stopped)

    def keep(self) -> EventMemory:
        """What `start` needs to go on."""
        known = {e.id for e in self._events}
        return EventMemory([t for t in self._told if t in known], [s for s in self._stopped if s in known])

    def step(self, time_ms: int) -> None:
        """Let happen what happens at city time `time_ms`."""
        share = 1.0
        for event in self._events:
            if event.time_ms <= time_ms < (event.until_ms or event.time_ms):
                if event.kind == "rain":
                    share = min(share, event.strength)
                elif event.kind == "breakdown" and event.id not in self._stopped:
                    self._break_down(event, time_ms)
        if share != self._speed_share:
            self._speed_share = share
            for lane, speed in self._speeds.items():
                libsumo.lane.setMaxSpeed(lane, speed * share)

    def read(self, time_ms: int) -> pa.RecordBatch | None:
        """Rows of `sim.event` for the events that have begun and were not told yet; None when there are none."""
        new = [e for e in self._events if e.time_ms <= time_ms and e.id not in self._told]
        if not new:
            return None
        self._told += [e.id for e in new]
        return event_rows(new)

    def _break_down(self, event: CityEvent, time_ms: int) -> None:
        if event.link is None or event.until_ms is None:
            return
        for vehicle in libsumo.edge.getLastStepVehicleIDs(event.link):
            lane, at = libsumo.vehicle.getLaneID(vehicle), libsumo.vehicle.getLanePosition(vehicle)
            stop = at + libsumo.vehicle.getSpeed(vehicle) ** 2 / (2 * COMFORT_MPS2) + MARGIN_M
            if lane not in self._lengths or stop > self._lengths[lane] - MARGIN_M:
                continue
            seconds = (event.until_ms - time_ms) / 1000
            index = libsumo.vehicle.getLaneIndex(vehicle)
            libsumo.vehicle.setStop(vehicle, event.link, stop, index, seconds)
            self._stopped.append(event.id)
            return


def event_rows(events: Sequence[CityEvent]) -> pa.RecordBatch:
    """Rows of `sim.event`."""
    schema = schema_of("sim.event")
    columns = (
        [e.id for e in events],
        np.array([e.time_ms for e in events], "datetime64[ms]"),
        [e.kind for e in events],
        [e.until_ms for e in events],
        [e.link for e in events],
        [e.detail for e in events],
    )
    return pa.RecordBatch.from_arrays(
        [pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)], schema=schema
    )

"""What is known of the movements at a moment: by the brain, by the last readings, by the rule that came before."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from citybrain.brain.lamps import read_lamps
from citybrain.brain.layout import SATURATION_VPS, Layout
from citybrain.brain.queue import PRIOR_ARRIVAL_VPS, Readings, read_readings, seen_arrival, seen_queue
from citybrain.model import Batch

Floats = npt.NDArray[np.float64]
BLIND_AFTER_MS = 6_000


class Estimator(ABC):
    """Queue, vehicles and standard deviation of the queue of each movement, shapes (M,)."""

    name = ""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        size = len(layout.movements)
        self.queue, self.vehicles, self.sd = np.zeros(size), np.zeros(size), np.zeros(size)

    @abstractmethod
    def see(self, time_ms: int, batches: Sequence[Batch]) -> None:
        """Take what became known, the brain's own estimate included."""


class Brain(Estimator):
    """`traffic.movement_queue` as it was last written."""

    name = "estimate"

    def see(self, time_ms: int, batches: Sequence[Batch]) -> None:
        for rows in (b.rows for b in batches if b.dataset == "traffic.movement_queue"):
            at = self.layout.movements.places(rows.column("movement"))
            self.queue[at] = rows.column("queue_veh").to_numpy()
            self.vehicles[at] = self.queue[at] + rows.column("approaching_veh").to_numpy(zero_copy_only=False)
            self.sd[at] = rows.column("queue_sd_veh").to_numpy()


class LastReading(Estimator):
    """The last healthy reading of each lane as it is, split evenly: nothing is known about its error."""

    name = "last reading"

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.halted, self.count = np.zeros(len(layout.zones)), np.zeros(len(layout.zones))

    def see(self, time_ms: int, batches: Sequence[Batch]) -> None:
        for rows in (b.rows for b in batches if b.dataset == "traffic.lane_reading"):
            readings, _ = read_readings(self.layout, rows)
            self.halted[readings.zones], self.count[readings.zones] = readings.halted, readings.count
        self.queue, self.vehicles = self.layout.to_movements(self.halted), self.layout.to_movements(self.count)
        self.sd = np.full(len(self.queue), np.nan)


class Before(Estimator):
    """The first estimate of this project: readings as of now, queues kept until they pass, a lane whose detector
    is out goes on by its own smoothed arrivals and 0.5 veh/s in green; lanes split evenly; nothing is doubted."""

    name = "before"

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        zones = len(layout.zones)
        self.green = np.zeros(len(layout.movements), np.bool_)
        self.lane_queue, self.near, self.variance = np.zeros(zones), np.zeros(zones), np.zeros(zones)
        self.rate = np.full(zones, PRIOR_ARRIVAL_VPS)
        self.works = np.zeros(zones, np.bool_)
        self.read_ms = self.stand_ms = np.zeros(zones, np.int64)

    def see(self, time_ms: int, batches: Sequence[Batch]) -> None:
        for batch in batches:
            if batch.dataset == "traffic.signal_state":
                lamps = read_lamps(self.layout, batch.rows)
                slots = self.layout.slots[lamps.junctions]
                self.green[slots[slots < len(self.green)]] = lamps.green[slots < len(self.green)]
        for batch in batches:
            if batch.dataset == "traffic.lane_reading":
                readings, zones = read_readings(self.layout, batch.rows)
                self.works[zones] = False
                self._read(readings, time_ms)
        self._carry_on(time_ms)
        self.queue = self.layout.to_movements(self.lane_queue)
        self.vehicles = self.queue + self.layout.to_movements(self.near)
        self.sd = np.sqrt(self.layout.to_movements(self.variance))

    def _read(self, readings: Readings, time_ms: int) -> None:
        at = readings.zones
        self.works[at] = True
        self.lane_queue[at] = seen_queue(self.lane_queue[at], readings)
        self.near[at] = readings.count - self.lane_queue[at]
        self.rate[at] = seen_arrival(self.rate[at], readings)
        self.variance[at] = 0.05 * 0.95 * readings.count
        self.read_ms, self.stand_ms = self.read_ms.copy(), self.stand_ms.copy()
        self.read_ms[at] = self.stand_ms[at] = time_ms

    def _carry_on(self, time_ms: int) -> None:
        blind = np.flatnonzero(~self.works | (time_ms - self.read_ms > BLIND_AFTER_MS))
        dt_s = np.where(self.stand_ms[blind] > 0, time_ms - self.stand_ms[blind], 0) / 1000.0
        out = np.where(self.layout.zone_has(self.green)[blind], SATURATION_VPS, 0.0)
        standing, most = self.lane_queue[blind] + self.near[blind], self.layout.capacity[blind]
        self.lane_queue[blind] = np.clip(
            standing + (self.rate[blind] - out) * dt_s, 0.0, np.maximum(most, standing)
        )
        self.near[blind] = 0.0
        grown = np.minimum(self.variance[blind] + (self.rate[blind] + out) * dt_s, most**2 / 12.0)
        self.variance[blind] = np.maximum(self.variance[blind], grown)
        self.stand_ms[blind] = time_ms

"""The first step of the brain: from detectors to the queue of each movement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from citybrain.brain import queue as model
from citybrain.brain.ids import Places
from citybrain.brain.lamps import read_lamps
from citybrain.brain.layout import Flags, Floats, Layout, MovementPart
from citybrain.brain.record import schema, times
from citybrain.model import Batch, State, Tick

NOBODY_MS = 3_000
"""A movement counts as empty when nobody was seen for this long, so that one missed vehicle ends no wait."""
SOMEBODY_VEH = 0.1
REPEAT_MS = 5_000
"""A junction is written at least this often, readings or not."""
NEVER = -1
_REMEMBERED = 16

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class _Written:
    """The movements that a tick writes, and their ids and junctions as columns."""

    part: MovementPart
    movements: pa.Array
    junctions: pa.Array


class EstimateQueues:
    """Queue, approaching vehicles, arrivals, wait and exit of each movement.

    Writes the movements of the junctions of which a reading arrived, and those not written for REPEAT_MS.
    """

    name = "estimate"
    reads: tuple[str, ...] = ("traffic.lane_reading", "traffic.signal_state")
    writes = "traffic.movement_queue"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._junction_ids = layout.junctions.take(layout.movement_junction)
        self._written: dict[bytes, _Written] = {}

    def start(self) -> State:
        zones, movements = len(self._layout.zones), len(self._layout.movements)
        return {
            "time_ms": np.full(1, NEVER, np.int64),
            "queue": np.zeros(zones),
            "approaching": np.zeros(zones),
            "arrival": np.full(zones, model.PRIOR_ARRIVAL_VPS),
            "variance": np.zeros(zones),
            "stand_ms": np.full(zones, NEVER, np.int64),
            "read_ms": np.full(zones, NEVER, np.int64),
            "works": np.zeros(zones, np.bool_),
            "green": np.zeros(movements, np.bool_),
            "somebody_ms": np.full(movements, NEVER, np.int64),
            "waits_since_ms": np.full(movements, NEVER, np.int64),
            "written_ms": np.full(len(self._layout.junctions), NEVER, np.int64),
        }

    def run(self, state: State, tick: Tick, inputs: Sequence[Batch]) -> tuple[State, pa.RecordBatch | None]:
        back = tick.time_ms < int(state["time_ms"][0])
        s: Arrays = {k: v.copy() for k, v in (self.start() if back else state).items()}
        if s["time_ms"][0] == NEVER:
            s["stand_ms"][:] = tick.time_ms
        s["time_ms"][0] = tick.time_ms
        heard = np.zeros(len(self._layout.junctions), np.bool_)
        for batch in inputs:
            if batch.dataset == "traffic.signal_state":
                self._see_lamps(s, batch.rows)
        for batch in inputs:
            if batch.dataset == "traffic.lane_reading":
                heard[self._layout.zone_junction[self._see_lanes(s, batch.rows)]] = True
        self._carry_on(s, tick.time_ms)
        self._wait(s, tick.time_ms)
        heard |= (s["written_ms"] == NEVER) | (tick.time_ms - s["written_ms"] >= REPEAT_MS)
        s["written_ms"][heard] = tick.time_ms
        return s, self._rows(s, tick.time_ms, heard)

    def _see_lamps(self, s: Arrays, rows: pa.RecordBatch) -> None:
        lamps = read_lamps(self._layout, rows)
        slots = self._layout.slots[lamps.junctions]
        real = slots < len(self._layout.movements)
        s["green"][slots[real]] = lamps.green[real]

    def _see_lanes(self, s: Arrays, rows: pa.RecordBatch) -> Places:
        readings, zones = model.read_readings(self._layout, rows)
        at = readings.zones
        s["works"][zones] = False
        s["works"][at] = True
        s["queue"][at] = model.seen_queue(s["queue"][at], readings)
        s["approaching"][at] = readings.count - s["queue"][at]
        s["arrival"][at] = model.seen_arrival(s["arrival"][at], readings)
        s["variance"][at] = model.seen_variance(readings)
        s["read_ms"][at] = readings.time_ms
        s["stand_ms"][at] = readings.time_ms
        return zones

    def _carry_on(self, s: Arrays, now_ms: int) -> None:
        """Move the blind lanes to now by the model; who approached one joins its queue."""
        blind = np.flatnonzero(~s["works"] | (now_ms - s["read_ms"] > model.BLIND_AFTER_MS))
        if not len(blind):
            return
        green = self._layout.zone_has(s["green"])[blind]
        dt_s: Floats = np.maximum(0, now_ms - s["stand_ms"][blind]) / 1000.0
        capacity, rate = self._layout.capacity[blind], s["arrival"][blind]
        standing = s["queue"][blind] + s["approaching"][blind]
        s["queue"][blind] = model.blind_queue(standing, rate, green, dt_s, np.maximum(capacity, standing))
        s["approaching"][blind] = 0.0
        s["variance"][blind] = model.blind_variance(s["variance"][blind], rate, green, dt_s, capacity)
        s["stand_ms"][blind] = np.maximum(s["stand_ms"][blind], now_ms)

    def _wait(self, s: Arrays, now_ms: int) -> None:
        here = self._layout.to_movements(s["queue"] + s["approaching"]) > SOMEBODY_VEH
        s["somebody_ms"] = np.where(here, now_ms, s["somebody_ms"])
        empty: Flags = (s["somebody_ms"] == NEVER) | (now_ms - s["somebody_ms"] >= NOBODY_MS)
        waits = ~(s["green"] | self._layout.always_green | empty)
        since = np.where(s["waits_since_ms"] == NEVER, now_ms, s["waits_since_ms"])
        s["waits_since_ms"] = np.where(waits, since, NEVER)

    def _rows(self, s: Arrays, now_ms: int, heard: Flags) -> pa.RecordBatch | None:
        written = self._of(heard)
        part, at = written.part, written.part.at
        if not len(at):
            return None
        since, read_ms = s["waits_since_ms"][at], part.latest(s["read_ms"], NEVER)
        age = np.where(read_ms == NEVER, np.inf, np.maximum(0, now_ms - read_ms) / 1000.0)
        exits = self._exit_occupied(s)[at]
        columns = [
            written.movements,
            written.junctions,
            times(now_ms, len(at)),
            pa.array(part.sums(s["queue"])),
            pa.array(np.sqrt(part.sums(s["variance"]))),
            pa.array(part.sums(s["arrival"]) * 3600.0),
            pa.array(np.where(since == NEVER, 0, now_ms - since) / 1000.0),
            pa.array(age, mask=np.isinf(age)),
            pa.array(part.sums(s["approaching"])),
            pa.array(exits, mask=np.isnan(exits)),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema(self.writes))

    def _of(self, heard: Flags) -> _Written:
        """The movements of the junctions heard of, and their ids. Detectors report by turns, so the same few sets
        come again and again; the memory of them changes no result."""
        key = heard.tobytes()
        found = self._written.get(key)
        if found is None:
            part = self._layout.part(heard[self._layout.movement_junction])
            ids = self._layout.movements.take(part.at), self._junction_ids.take(pa.array(part.at))
            found = _Written(part, *ids)
            if len(self._written) >= _REMEMBERED:
                del self._written[next(iter(self._written))]
            self._written[key] = found
        return found

    def _exit_occupied(self, s: Arrays) -> Floats:
        """Part of the exit that vehicles take, of its freest lane; NaN where the detectors do not see it."""
        lay = self._layout
        taken = (s["queue"][lay.exit_zone] + s["approaching"][lay.exit_zone]) / lay.capacity[lay.exit_zone]
        least = np.full(len(lay.movements), np.inf)
        np.minimum.at(least, lay.exit_movement, taken)
        return np.where(lay.exit_known & np.isfinite(least), np.minimum(least, 1.0), np.nan)

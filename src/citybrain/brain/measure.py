"""Signal performance measures: every five minutes of city time, how each movement fared.

Definitions and sources in docs/measures.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from citybrain.brain.ids import Places
from citybrain.brain.lamps import integers
from citybrain.brain.layout import Flags, Floats, Layout
from citybrain.brain.record import schema, times
from citybrain.model import Batch, State, Tick

PERIOD_MS = 300_000
NEVER = -1
_SUMMED = (
    "arrivals_veh",
    "on_green_veh",
    "volume_veh",
    "on_yellow_veh",
    "on_red_veh",
    "delay_s",
    "standing_s",
    "split_failed",
    "seen",
)
(ARRIVALS, ON_GREEN, VOLUME, ON_YELLOW, ON_RED, DELAY, STANDING, FAILED, SEEN) = range(len(_SUMMED))
CYCLES, LENGTH, GREEN, WAIT, SUMS = range(len(_SUMMED), len(_SUMMED) + 5)

Arrays = dict[str, npt.NDArray[Any]]


class MeasureMovements:
    """One row a movement at each full five minutes, of the cycles that were written in them."""

    name = "measure"
    reads: tuple[str, ...] = ("traffic.movement_cycle",)
    writes = "traffic.movement_measure"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._waits = np.flatnonzero(~layout.always_green)
        self._counted = np.bincount(layout.pair_movement, minlength=len(layout.movements)) > 0
        self._junction_ids = layout.junctions.take(layout.movement_junction)
        self._walks = np.array([m.turn == "p" for j in layout.net.junctions for m in j.movements], np.bool_)

    def start(self) -> State:
        movements = len(self._layout.movements)
        return {
            "time_ms": np.full(1, NEVER, np.int64),
            "sums": np.zeros((movements, SUMS)),
            "queue": np.zeros(movements),
        }

    def run(self, state: State, tick: Tick, inputs: Sequence[Batch]) -> tuple[State, pa.RecordBatch | None]:
        before_ms = int(state["time_ms"][0])
        fresh = before_ms == NEVER or tick.time_ms < before_ms
        s: Arrays = {k: v.copy() for k, v in (self.start() if fresh else state).items()}
        s["time_ms"][0] = tick.time_ms
        for batch in inputs:
            self._add(s, batch.rows)
        if fresh or tick.time_ms // PERIOD_MS == before_ms // PERIOD_MS:
            return s, None
        rows = self._rows(s, tick.time_ms // PERIOD_MS * PERIOD_MS)
        s["sums"][:], s["queue"][:] = 0.0, 0.0
        return s, rows

    def _add(self, s: Arrays, rows: pa.RecordBatch) -> None:
        at = self._layout.movements.places(rows.column("movement"))
        known = at >= 0
        at = at[known]
        begin, green, yellow, end = (
            integers(rows.column(name))[known] / 1000.0 for name in ("begin", "green", "yellow", "time")
        )
        sums = s["sums"]
        for column, name in enumerate(_SUMMED):
            np.add.at(sums[:, column], at, _numbers(rows, name)[known])
        np.add.at(sums[:, CYCLES], at, 1.0)
        np.add.at(sums[:, LENGTH], at, end - begin)
        np.add.at(sums[:, GREEN], at, yellow - green)
        np.add.at(sums[:, WAIT], at, ((end - begin) - (yellow - green)) ** 2 / 2.0)
        np.maximum.at(s["queue"], at, _numbers(rows, "queue_veh")[known])

    def _rows(self, s: Arrays, end_ms: int) -> pa.RecordBatch:
        at = self._waits
        sums, counted = s["sums"][at], self._counted[at]
        cycles, length, arrivals = sums[:, CYCLES], sums[:, LENGTH], sums[:, ARRIVALS]
        some = cycles > 0
        seen, green = some & counted & (sums[:, SEEN] > 0), sums[:, GREEN] / np.maximum(length, 1e-9)
        on_green = sums[:, ON_GREEN] / np.maximum(arrivals, 1e-9)
        came = seen & (arrivals > 0)
        columns = [
            self._layout.movements.take(at),
            self._junction_ids.take(pa.array(at)),
            times(end_ms, len(at)),
            pa.array(cycles.astype(np.int64)),
            _where(some, length, cycles),
            _where(some, sums[:, GREEN], length),
            _where(seen, sums[:, VOLUME] * 3600.0, length),
            _where(seen, arrivals * 3600.0, length),
            _where(came, sums[:, ON_GREEN], arrivals),
            _where(came & (green > 0), on_green, green),
            pa.array(sums[:, FAILED].astype(np.int64), mask=~seen),
            _where(came, sums[:, DELAY], arrivals),
            _where(seen & (sums[:, VOLUME] > 0), sums[:, STANDING], sums[:, VOLUME]),
            pa.array(s["queue"][at], mask=~seen),
            pa.array(sums[:, ON_YELLOW], mask=~seen),
            pa.array(sums[:, ON_RED], mask=~seen),
            _where(some & self._walks[at], sums[:, WAIT], length),
            _where(some & counted, sums[:, SEEN], cycles),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema(self.writes))


def _where(known: Flags, amount: Floats, of: Floats) -> pa.Array:
    """`amount` / `of` as a column, null where it is not known."""
    return pa.array(amount / np.where(known, of, 1.0), mask=~known)


def _numbers(rows: pa.RecordBatch, name: str) -> Floats:
    """A number or flag column; null is 0."""
    values: Places | Floats = rows.column(name).cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
    return values.astype(np.float64, copy=False)

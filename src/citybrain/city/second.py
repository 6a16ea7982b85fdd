"""One second of the street: orders through the guard to the lamps, traffic moves, detectors are read.

The same for the running city and for a trial in process (docs/architecture.md, "The loop").
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pyarrow as pa

from citybrain.guard import Guard
from citybrain.model import Batch, Declarations, Tick, arrow_schema
from citybrain.network import SimulatedCity

log = logging.getLogger(__name__)

SOURCE = "street"
SECOND_MS = 1000


class Second:
    """Drives a city and its guard, second by second. `run` is the incarnation of the city."""

    def __init__(self, city: SimulatedCity, guard: Guard, declarations: Declarations, run: int) -> None:
        self.city = city
        self.guard = guard
        self.run = run
        self.seq = 0
        self._tick_schema = arrow_schema(declarations["traffic.tick"])

    def advance(self, orders: Sequence[pa.RecordBatch] = ()) -> tuple[Tick, list[Batch]]:
        """Move on by a second with the orders that arrived; the tick and what became known, in log order.

        The batch of `traffic.tick` is the last one.
        """
        time_ms = self.city.time_ms + SECOND_MS
        for rows in orders:
            try:
                self.guard.orders(rows, "brain")
            except ValueError as e:  # whatever comes in, lamps and own plans go on
                log.error("an order that is none: %s", e)
        for junction, lamps in self.guard.advance(time_ms):
            self.city.show(junction, lamps)
        self.city.step()
        self.seq += 1
        tick = Tick(self.run, self.seq, self.city.time_ms)
        return tick, [*self.city.read(tick), *self._of_guard(tick), self._beat(tick)]

    def look(self) -> Sequence[str]:
        """What the lamps really show, in the order of the network's junctions; the guard is told. For a city that
        runs: in a trial nobody else sets lamps."""
        lamps = self.city.lamps()
        self.guard.read_back(lamps, self.city.time_ms)
        return lamps

    def _of_guard(self, tick: Tick) -> list[Batch]:
        made = (
            ("traffic.signal_state", self.guard.state_rows(tick.time_ms)),
            ("traffic.order_refusal", self.guard.refusal_rows()),
        )
        return [Batch(name, tick.batch_id(name, "guard"), rows) for name, rows in made if rows is not None]

    def _beat(self, tick: Tick) -> Batch:
        rows = pa.RecordBatch.from_pylist(
            [{"source": SOURCE, "time": tick.time_ms, "run": tick.run, "seq": tick.seq}], schema=self._tick_schema
        )
        return Batch("traffic.tick", tick.batch_id("traffic.tick", SOURCE), rows)

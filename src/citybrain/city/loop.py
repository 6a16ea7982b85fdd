"""The whole loop in process: the street's second and the brain's steps, without a bus between them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from citybrain import brain
from citybrain.city.second import Second
from citybrain.cloud import Graph, LocalRunner
from citybrain.model import Batch, Declarations, RoadNet, Step, Tick

ORDERS = "traffic.signal_order"


class Loop:
    """Orders of one second count in the next, as on the bus. `steps` decide, the brain's where none are given."""

    def __init__(
        self, second: Second, net: RoadNet, declarations: Declarations, steps: Sequence[Step] | None = None
    ) -> None:
        self.second = second
        self._runner = LocalRunner(Graph(brain.steps(net) if steps is None else steps, declarations))
        self._orders: list[pa.RecordBatch] = []

    def advance(self) -> tuple[Tick, list[Batch]]:
        """Move the street on by a second; the tick and what became known."""
        return self.second.advance(self._orders)

    def decide(self, tick: Tick, batches: Sequence[Batch]) -> tuple[Batch, ...]:
        """What the brain makes of it."""
        made = self._runner.run(tick, batches)
        self._orders = [b.rows for b in made if b.dataset == ORDERS]
        return made

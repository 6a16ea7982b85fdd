"""The workers of the brain: processes with a part of the junctions each, that decide together what one would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from citybrain import brain
from citybrain.cloud import Graph, Outcome
from citybrain.model import Batch, Declarations, RoadNet, State, Tick


def runner_name(worker: int, workers: int) -> str:
    """Under which a worker (1 to `workers`) logs its decisions and keeps its checkpoints. It says how the city is
    cut, because the state of one part is of no use to another."""
    return "brain" if workers == 1 else f"brain_{worker}_of_{workers}"


def worker_graph(net: RoadNet, declarations: Declarations, worker: int, workers: int) -> Graph:
    """The steps of a worker (1 to `workers`); of the whole brain where it is the only one."""
    if workers == 1:
        return Graph((*brain.steps(net), *brain.measure_steps(net)), declarations)
    return PartGraph(net, declarations, worker, workers)


class PartGraph(Graph):
    """The brain's steps for a part of the junctions. Rows of the fringe stay inside; what is given out is of the
    worker's own junctions, in batches whose ids name the worker."""

    def __init__(self, net: RoadNet, declarations: Declarations, worker: int, workers: int) -> None:
        part = brain.parts(net, workers)[worker - 1]
        steps = (*brain.steps(part.net, whole=net), *brain.measure_steps(part.net)) if part.own else ()
        super().__init__(steps, declarations)
        self._own = pa.array(sorted(part.own), pa.string())
        self._source = {s.writes: f"{s.name}-{worker}-of-{workers}" for s in self.steps}

    def run(self, states: Mapping[str, State], tick: Tick, inputs: Sequence[Batch]) -> Outcome:
        """As `Graph.run`, of the worker's own junctions."""
        outcome = super().run(states, tick, inputs)
        made = []
        for batch in outcome.batches:
            rows = batch.rows.filter(pc.is_in(batch.rows.column("junction"), value_set=self._own))
            if rows.num_rows:
                batch_id = tick.batch_id(batch.dataset, self._source[batch.dataset])
                made.append(Batch(batch.dataset, batch_id, rows))
        return Outcome(outcome.states, tuple(made))

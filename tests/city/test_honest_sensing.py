"""The brain never sees what a real city could not see."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest

from citybrain import brain
from citybrain.cloud import Graph, GraphError
from citybrain.hub import load_catalogue
from citybrain.model import Batch, State, Tick
from citybrain.network import default_city, read_net

TRUTH = {"sim.vehicle", "sim.score", "sim.event"}


class _Peeping:
    """A step that looks at where the vehicles are."""

    name = "peeping"
    reads = ("sim.vehicle",)
    writes = "traffic.signal_order"

    def start(self) -> State:
        return {}

    def run(self, state: State, tick: Tick, inputs: Sequence[Batch]) -> tuple[State, pa.RecordBatch | None]:
        return state, None


def test_no_step_of_the_brain_reads_simulation_truth() -> None:
    declared = load_catalogue(None)
    assert {name for name, d in declared.items() if d.simulation_truth} == TRUTH
    net = read_net(default_city.network_file())
    graph = Graph(brain.steps(net), declared)
    read = {name for step in graph.steps for name in step.reads}
    assert read, "the brain reads something"
    assert not read & TRUTH


def test_a_step_that_would_is_refused() -> None:
    with pytest.raises(GraphError, match="simulation truth"):
        Graph([_Peeping()], load_catalogue(None))

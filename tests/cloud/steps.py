"""Small steps with memory, floating point and an order of inputs that matters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from citybrain.model import Batch, Declarations, State, Step, Tick, arrow_schema


class Smooth:
    """The smoothed sum of what was read; begins anew when time goes back."""

    name = "smooth"
    reads = ("test.reading",)
    writes = "test.level"

    def __init__(self, declarations: Declarations) -> None:
        self._schema = arrow_schema(declarations[self.writes])

    def start(self) -> State:
        return {"level": np.zeros(2), "time_ms": np.array(-1)}

    def run(self, state: State, tick: Tick, inputs: Sequence[Batch]) -> tuple[State, pa.RecordBatch | None]:
        level = state["level"].copy() if tick.time_ms >= int(state["time_ms"]) else np.zeros(2)
        for batch in inputs:
            for value in batch.rows.column("value").to_pylist():
                level = level * np.array([0.9, 0.7]) + (0.0 if value is None else value)
        rows = {"place": ["a", "b"], "time": [tick.time_ms] * 2, "value": level.tolist()}
        return {"level": level, "time_ms": np.array(tick.time_ms)}, pa.RecordBatch.from_pydict(rows, self._schema)


class Decide:
    """An order when the level has grown since the last tick."""

    name = "decide"
    reads = ("test.level", "test.reading")
    writes = "test.order"

    def __init__(self, declarations: Declarations) -> None:
        self._schema = arrow_schema(declarations[self.writes])

    def start(self) -> State:
        return {"before": np.zeros(2), "ticks": np.array(0)}

    def run(self, state: State, tick: Tick, inputs: Sequence[Batch]) -> tuple[State, pa.RecordBatch | None]:
        level = np.array([b for b in inputs if b.dataset == "test.level"][-1].rows.column("value").to_pylist())
        ticks = state["ticks"] + 1
        new = {"before": level, "ticks": ticks}
        if not (level > state["before"]).any():
            return new, None
        rows = {"place": ["x"], "time": [tick.time_ms], "value": [float(level.sum()) / float(ticks)]}
        return new, pa.RecordBatch.from_pydict(rows, self._schema)


def steps(declarations: Declarations) -> list[Step]:
    return [Decide(declarations), Smooth(declarations)]

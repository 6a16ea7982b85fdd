"""What moves through the city: batches of records and ticks of city time."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one dataset under a deterministic id: the same work done twice makes the same id."""

    dataset: str
    id: str
    rows: pa.RecordBatch


@dataclass(frozen=True, slots=True, order=True)
class Tick:
    """A beat of city time: the only way in which time enters a step.

    `run` names the incarnation of the source (a simulated city that was restored counts one up), `seq` counts
    within it, `time_ms` is city time in milliseconds since 1970 UTC.
    """

    run: int
    seq: int
    time_ms: int

    def batch_id(self, dataset: str, source: str) -> str:
        """The id of the batch of `dataset` that `source` makes at this tick."""
        return f"{dataset}/{source}/{self.run}/{self.time_ms}"

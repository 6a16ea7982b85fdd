"""Invocations: what a runner did at a tick, as logged in `city.invocation`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from citybrain.cloud.wire import Position
from citybrain.model import Batch, Declarations, Tick, arrow_schema

INVOCATION = "city.invocation"
TICK = "traffic.tick"
START = "start"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of a graph: `inputs` lie at `positions` of the log, in order. `state` says what it ran on: None, the
    state after the invocation before; "start"; or the name of a checkpoint. `ticks` were taken together."""

    runner: str
    tick: Tick
    inputs: tuple[str, ...]
    positions: tuple[Position, ...]
    outputs: tuple[str, ...]
    digest: str
    checkpoint: bool
    took_ms: float
    state: str | None = None
    ticks: int = 1


def to_batch(invocation: Invocation, declarations: Declarations) -> Batch:
    """The record of an invocation."""
    i = invocation
    row = {
        "runner": i.runner,
        "time": i.tick.time_ms,
        "run": i.tick.run,
        "seq": i.tick.seq,
        "inputs": _json(i.inputs),
        "outputs": _json(i.outputs),
        "digest": i.digest,
        "checkpoint": i.checkpoint,
        "took_ms": i.took_ms,
        "positions": _json([f"{p.stream}:{p.sequence}" for p in i.positions]),
        "state": i.state,
        "ticks": i.ticks,
    }
    rows = pa.RecordBatch.from_pylist([row], schema=arrow_schema(declarations[INVOCATION]))
    return Batch(INVOCATION, i.tick.batch_id(INVOCATION, i.runner), rows)


def from_batch(batch: Batch) -> list[Invocation]:
    """The invocations of a batch of `city.invocation`."""
    return [_from_row(row) for row in batch.rows.cast(_plain(batch.rows.schema)).to_pylist()]


def ticks_of(batch: Batch, source: str | None = None) -> list[Tick]:
    """The ticks of a batch of `traffic.tick`, of one source if named."""
    columns = batch.rows.cast(_plain(batch.rows.schema)).to_pydict()
    rows = zip(columns["source"], columns["run"], columns["seq"], columns["time"], strict=True)
    return [Tick(run, seq, time) for name, run, seq, time in rows if source is None or name == source]


def _from_row(row: dict[str, Any]) -> Invocation:
    places = [p.rpartition(":") for p in msgspec.json.decode(row["positions"] or "[]", type=list[str])]
    return Invocation(
        runner=row["runner"],
        tick=Tick(row["run"], row["seq"], row["time"]),
        inputs=tuple(msgspec.json.decode(row["inputs"], type=list[str])),
        positions=tuple(Position(stream, int(number)) for stream, _, number in places),
        outputs=tuple(msgspec.json.decode(row["outputs"], type=list[str])),
        digest=row["digest"],
        checkpoint=row["checkpoint"],
        took_ms=row["took_ms"],
        state=row["state"],
        ticks=row["ticks"] or 1,
    )


def _json(items: Any) -> str:
    return msgspec.json.encode(items).decode()


def _plain(schema: pa.Schema) -> pa.Schema:
    """The schema with times as whole milliseconds."""
    return pa.schema([f.with_type(pa.int64()) if pa.types.is_timestamp(f.type) else f for f in schema])

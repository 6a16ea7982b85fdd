"""The record of reads: a line of `hub.read` for everything that is read or refused."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable

import pyarrow as pa

from citybrain.hub.access import Decision, Purpose, Reader
from citybrain.model import Batch, Declarations, arrow_schema, wall_ms

READ = "hub.read"


def read_line(
    declarations: Declarations,
    reader: Reader,
    purpose: Purpose,
    datasets: Iterable[str],
    rows: int,
    decision: Decision,
) -> Batch:
    """The line of one read; its id is new each time, for no two reads are the same."""
    name = uuid.uuid4().hex
    line = {
        "read": name,
        "at": wall_ms(),
        "reader": reader.name,
        "purpose": purpose.value,
        "datasets": json.dumps(sorted(datasets)),
        "rows": rows,
        "allowed": decision.allowed,
        "reason": decision.reason or None,
    }
    return Batch(
        READ, f"{READ}/{name}", pa.RecordBatch.from_pylist([line], schema=arrow_schema(declarations[READ]))
    )

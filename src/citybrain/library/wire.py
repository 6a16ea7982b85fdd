"""What goes over the bus between who asks and the library."""

from __future__ import annotations

import pyarrow as pa
from msgspec import Struct

from citybrain.library.error import LibraryError

QUERY = "library.query"
STATS = "library.stats"


class QueryRequest(Struct, frozen=True):
    """A query for the library; its answer is a table as an Arrow IPC stream."""

    sql: str
    as_of_ms: int | None
    limit: int
    timeout_s: float


class LibraryStats(Struct, frozen=True):
    """How the library fares."""

    state: str
    """`taking_in`, or `full` while the disk refuses (nothing is lost: the bus holds it back)."""
    rows: int
    """Rows stored since this process started."""
    batches: int
    again: int
    """Batches that came a second time and were passed over."""
    refused: int
    """Batches that did not fit their declaration."""
    waiting: int
    """Batches taken from the bus and not yet committed."""
    commits: int
    last_commit_ms: int
    """Wall time of the last commit, 0 before the first."""
    last_commit_took_ms: float
    said: str
    """The last trouble in words, empty if none."""


def table_to_bytes(table: pa.Table) -> bytes:
    """A table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    result: bytes = sink.getvalue().to_pybytes()
    return result


def table_from_bytes(data: bytes) -> pa.Table:
    """The table of `table_to_bytes`. Raises LibraryError on anything else."""
    try:
        with pa.ipc.open_stream(data) as reader:
            return reader.read_all()
    except (pa.ArrowInvalid, OSError) as e:
        raise LibraryError(f"the library's answer cannot be read: {e}") from None

"""Running a query within its limits."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import duckdb
import pyarrow as pa

from citybrain.library._database import first_line
from citybrain.library.error import LibraryError

MAX_BYTES = 256 << 20
TRUNCATED = b"truncated"


def run(cursor: duckdb.DuckDBPyConnection, sql: str, limit: int, timeout_s: float) -> pa.Table:
    """At most `limit` rows of a query, interrupted after `timeout_s`. Raises LibraryError."""
    done = threading.Event()
    late = threading.Event()

    def watch() -> None:
        if not done.wait(timeout_s):
            late.set()
            cursor.interrupt()

    guard = threading.Thread(target=watch, name="library-timeout", daemon=True)
    guard.start()
    try:
        return _collected(cursor.sql(sql).to_arrow_reader(10_000), limit)
    except (duckdb.Error, pa.ArrowException, OSError) as e:
        if late.is_set():
            raise LibraryError(
                f"the query took longer than {timeout_s:g} s and was stopped: ask for less"
            ) from None
        if isinstance(e, duckdb.OutOfMemoryException):
            raise LibraryError("the query needs more memory than the library gives: ask for less") from None
        raise LibraryError(first_line(e)) from None
    finally:
        done.set()
        guard.join()


def _collected(reader: pa.RecordBatchReader, limit: int) -> pa.Table:
    batches: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in reader:
        batches.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if size > MAX_BYTES:
            raise LibraryError(f"the answer is larger than {MAX_BYTES >> 20} MB: ask for less")
        if rows > limit:
            break
    table = _in_city_types(pa.Table.from_batches(batches, reader.schema).slice(0, limit))
    note: Mapping[bytes, bytes] = {TRUNCATED: b"true" if rows > limit else b"false"}
    return table.replace_schema_metadata(note)


def _in_city_types(table: pa.Table) -> pa.Table:
    """Instants in milliseconds, UTC, as records carry them; no type that only DuckDB knows."""
    fields = [f.with_type(_city_type(f.type)) for f in table.schema]
    return table.cast(pa.schema(fields), safe=False)


def _city_type(found: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(found):
        return pa.timestamp("ms", tz="UTC" if found.tz else None)
    if pa.types.is_decimal(found):
        return pa.float64() if found.scale else pa.int64()
    if pa.types.is_dictionary(found):
        return found.value_type
    if pa.types.is_large_string(found) or pa.types.is_string_view(found):
        return pa.string()
    return found

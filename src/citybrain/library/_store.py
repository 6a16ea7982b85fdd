"""Taking batches in: the statements of one append, inside its transaction."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from citybrain.library._schema import column_list, identity, quoted, table_name
from citybrain.library._seen import fingerprint
from citybrain.library._view import LATEST_MS, instant
from citybrain.library.error import LibraryError
from citybrain.model import Batch, Dataset, conform


def fitting(batch: Batch, dataset: Dataset) -> Batch:
    """The batch with exactly the declared columns. Raises LibraryError on rows that do not fit or whose event time
    is missing or not between the years 1970 and 9999."""
    try:
        rows = conform(batch.rows, dataset)
    except ValueError as e:
        raise LibraryError(str(e)) from None
    if dataset.event_time is not None and rows.num_rows:
        times = rows.column(rows.schema.get_field_index(dataset.event_time))
        ends = pc.min_max(times.cast(pa.int64())).as_py()
        if times.null_count or ends["min"] < 0 or ends["max"] > LATEST_MS:
            raise LibraryError(f"{dataset.id}: {dataset.event_time!r} must be a time from 1970 to 9999")
    return Batch(batch.dataset, batch.id, rows)


def store(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    numbered: Mapping[int, Batch],
    received_ms: int,
    latest_ms: int | None,
) -> int | None:
    """Insert the rows of new batches (by number) of one dataset and mark what they supersede. `latest_ms`: the
    latest event time stored before. Returns the latest event time stored now."""
    rows = _gathered(numbered)
    name = quoted(table_name(dataset))
    names = identity(dataset)
    at = instant(received_ms)
    newest = _newest(rows, dataset) if rows.num_rows else None
    if rows.num_rows:
        superseded = "NULL::TIMESTAMPTZ"
        if rows.group_by(list(names), use_threads=False).aggregate([]).num_rows < rows.num_rows:
            rows = rows.append_column("position", pa.array(np.arange(rows.num_rows)))
            keys = ", ".join(quoted(n) for n in names)
            superseded = f"CASE WHEN position < max(position) OVER (PARTITION BY {keys}) THEN {at} END"
        con.register("incoming", rows)
        _supersede(con, dataset, rows, at, latest_ms)
        con.execute(
            f"INSERT INTO rows.{name} (received_at, batch, superseded_at, {column_list(dataset)})"
            f" SELECT {at}, batch, {superseded}, {column_list(dataset)} FROM incoming"
        )
        con.unregister("incoming")
    return newest if latest_ms is None else latest_ms if newest is None else max(newest, latest_ms)


def note(
    con: duckdb.DuckDBPyConnection,
    numbered: Mapping[int, Batch],
    received_ms: int,
    events: Mapping[str, int | None],
) -> None:
    """Enter new batches in the book of ids. `events`: the latest event time of each dataset."""
    batches = list(numbered.values())
    book = pa.table(
        {
            "number": pa.array(list(numbered), pa.int64()),
            "fingerprint": pa.array([fingerprint(b.id) for b in batches], pa.uint64()),
            "id": pa.array([b.id for b in batches]),
            "dataset": pa.array([b.dataset for b in batches]),
            "event_ms": pa.array([events[b.dataset] for b in batches], pa.int64()),
            "received_ms": pa.array([received_ms] * len(batches), pa.int64()),
        }
    )
    con.register("incoming", book)
    con.execute("INSERT INTO main.batches SELECT * FROM incoming")
    con.unregister("incoming")


def _gathered(numbered: Mapping[int, Batch]) -> pa.Table:
    """All rows, with the number of their batch beside them: a third of the bytes that its id would cost."""
    batches = list(numbered.values())
    numbers = np.repeat(np.array(list(numbered), dtype=np.int64), [b.rows.num_rows for b in batches])
    return pa.Table.from_batches([b.rows for b in batches]).append_column("batch", pa.array(numbers))


def _newest(rows: pa.Table, dataset: Dataset) -> int | None:
    if dataset.event_time is None:
        return None
    newest: int | None = pc.max(rows.column(dataset.event_time).cast(pa.int64())).as_py()
    return newest


def _supersede(
    con: duckdb.DuckDBPyConnection, dataset: Dataset, rows: pa.Table, at: str, latest_ms: int | None
) -> None:
    """Mark stored rows of which a newer version comes in. Rows later than anything stored cannot be one."""
    names = identity(dataset)
    within = ""
    if dataset.event_time is not None:
        if latest_ms is None:
            return
        first = pc.min(rows.column(dataset.event_time).cast(pa.int64())).as_py()
        if first > latest_ms:
            return
        time = quoted(dataset.event_time)
        within = f" AND s.{time} BETWEEN {instant(first)} AND {instant(latest_ms)}"
    same = " AND ".join(f"s.{quoted(n)} = i.{quoted(n)}" for n in names)
    keys = ", ".join(quoted(n) for n in names)
    con.execute(
        f"UPDATE rows.{quoted(table_name(dataset))} AS s SET superseded_at = {at}"
        f" FROM (SELECT DISTINCT {keys} FROM incoming) AS i"
        f" WHERE {same} AND s.superseded_at IS NULL{within}"
    )

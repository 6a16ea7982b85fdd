"""How a dataset's table is put together from the open day and the sealed files.

Every record has two times: its event time and `received_at`. A later record with the same identity (key and event
time) supersedes the one before. Rows of the open day carry `superseded_at` as soon as that happens; only where
late rows reach into a sealed file is it worked out while reading, until the file is rewritten.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import duckdb

from citybrain.library._schema import TYPES, column_list, identity, quoted, table_name, text
from citybrain.model import Dataset, from_ms

LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A sealed Parquet file: rows with from_ms ≤ event time < to_ms, in the dataset's first `fields` fields."""

    day: str
    from_ms: int
    to_ms: int
    file: str
    fields: int
    rows: int
    bytes: int


def instant(ms: int) -> str:
    """An SQL literal of that instant."""
    return f"TIMESTAMPTZ '{from_ms(ms).isoformat()}'"


def sealed_files(con: duckdb.DuckDBPyConnection, name: str) -> list[SealedFile]:
    """The files that hold the sealed rows of a table, by time."""
    rows = con.execute(
        "SELECT day, from_ms, to_ms, file, fields, rows, bytes FROM main.sealed WHERE name = ? ORDER BY from_ms",
        [name],
    ).fetchall()
    return [SealedFile(*row) for row in rows]


def late_files(con: duckdb.DuckDBPyConnection, dataset: Dataset, files: list[SealedFile]) -> list[SealedFile]:
    """Those files into whose time rows of the open table fall."""
    if not files:
        return []
    time = quoted(dataset.event_time or "")
    end = max(f.to_ms for f in files)
    found = con.execute(
        f"SELECT DISTINCT f.file FROM rows.{quoted(table_name(dataset))} r JOIN main.sealed f"
        f" ON f.name = ? AND epoch_ms(r.{time}) >= f.from_ms AND epoch_ms(r.{time}) < f.to_ms"
        f" WHERE r.{time} < {instant(end)}",
        [table_name(dataset)],
    ).fetchall()
    return [f for f in files if (f.file,) in found]


def by_shape(files: Iterable[SealedFile]) -> list[list[SealedFile]]:
    """Files grouped by how many fields they have, each group in order of time."""
    ordered = sorted(files, key=lambda f: (f.fields, f.from_ms))
    return [list(group) for _, group in groupby(ordered, key=lambda f: f.fields)]


def newest(dataset: Dataset, since_ms: int) -> str:
    """A SELECT of the latest open row of each key among those received after `since_ms`.

    Two narrow columns find them, all columns are fetched for them alone: much less work than a window over all.
    No two open rows that nothing supersedes have one identity, so there are no ties.
    """
    time, table = quoted(dataset.event_time or ""), f"rows.{quoted(table_name(dataset))}"
    keys = ", ".join(quoted(k) for k in dataset.key)
    same = " AND ".join(f"r.{quoted(k)} = m.{quoted(k)}" for k in dataset.key)
    tail = f"superseded_at IS NULL AND received_at > {instant(since_ms)}"
    return (
        f"SELECT received_at, batch, {', '.join('r.' + quoted(f.name) for f in dataset.fields)} FROM {table} r"
        f" JOIN (SELECT {keys}, max({time}) AS newest FROM {table} WHERE {tail} GROUP BY {keys}) m"
        f" ON {same} AND r.{time} = m.newest WHERE {tail}"
    )


class View:
    """The SQL of a dataset's history and current state, as the connection's transaction sees them.

    With `ids` it has the column `batch_id`, which costs a join.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        folder: Path,
        dataset: Dataset,
        as_of_ms: int | None = None,
        *,
        ids: bool = True,
    ) -> None:
        self._dataset = dataset
        self._folder = folder
        self._as_of_ms = as_of_ms
        self._table = quoted(table_name(dataset))
        self._ids = ids
        names = (*(f.name for f in dataset.fields), "received_at", *(("batch_id",) if ids else ()))
        self._columns = ", ".join(quoted(n) for n in names)
        self._files = sealed_files(con, table_name(dataset))
        self._late = late_files(con, dataset, self._files)
        folded = con.execute(
            "SELECT received_ms FROM main.folded WHERE name = ?", [table_name(dataset)]
        ).fetchall()
        self._folded_ms: int = folded[0][0] if folded else 0

    def history(self) -> str:
        """A SELECT of every record in its newest version."""
        rows = f"SELECT {self._columns} FROM {self.open_rows()} WHERE {self._valid()}"
        if not self._files:
            return rows
        if self._late:
            end = instant(max(f.to_ms for f in self._files))
            rows += f" AND {quoted(self._dataset.event_time or '')} >= {end}"
        parts = [
            f"{self.read(group)} WHERE {self._valid()}" for group in by_shape(set(self._files) - set(self._late))
        ]
        if self._late:
            parts.append(self._merged(end))
        return " UNION ALL ".join([rows, *parts])

    def now(self) -> str:
        """A SELECT of the latest record of each key."""
        if self._dataset.event_time is None:
            return self.history()
        keys = ", ".join(quoted(k) for k in self._dataset.key)
        time = quoted(self._dataset.event_time)
        if self._as_of_ms is not None:
            found = self.history()
        else:
            names = ", ".join(("received_at", "batch", column_list(self._dataset)))
            state = f"SELECT {names} FROM latest.{self._table} UNION ALL {newest(self._dataset, self._folded_ms)}"
            found = f"SELECT {self._columns} FROM {self._with_ids(f'({state})')}"
        return (
            f"SELECT {self._columns} FROM ({found})"
            f" QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {time} DESC, received_at DESC) = 1"
        )

    def read(self, files: list[SealedFile], *more: str) -> str:
        """A SELECT over files of one shape; fields that they lack read as null."""
        have = files[0].fields
        fields = [
            quoted(f.name) if i < have else f"NULL::{TYPES[f.type]} AS {quoted(f.name)}"
            for i, f in enumerate(self._dataset.fields)
        ]
        columns = ", ".join((*fields, "received_at", *(("batch_id",) if self._ids else ()), *more))
        names = ", ".join(text(str(self._folder / f.file)) for f in files)
        return f"SELECT {columns} FROM read_parquet([{names}])"

    def open_rows(self) -> str:
        """What follows FROM to read the open table."""
        return self._with_ids(f"rows.{self._table}")

    def _with_ids(self, table: str) -> str:
        if not self._ids:
            return table
        return f"(SELECT r.*, b.id AS batch_id FROM {table} r LEFT JOIN main.batches b ON b.number = r.batch)"

    def _valid(self) -> str:
        if self._as_of_ms is None:
            return "superseded_at IS NULL"
        at = instant(self._as_of_ms)
        return f"received_at <= {at} AND (superseded_at IS NULL OR superseded_at > {at})"

    def _merged(self, end: str) -> str:
        """Files with late rows, and all rows before the last sealed instant: the newest version by window."""
        time = quoted(self._dataset.event_time or "")
        parts = [self.read(group, "superseded_at") for group in by_shape(self._late)]
        parts.append(f"SELECT {self._columns}, superseded_at FROM {self.open_rows()} WHERE {time} < {end}")
        names = ", ".join(quoted(n) for n in identity(self._dataset))
        return (
            f"SELECT {self._columns} FROM ({' UNION ALL '.join(parts)}) WHERE {self._valid()}"
            f" QUALIFY received_at = max(received_at) OVER (PARTITION BY {names})"
        )

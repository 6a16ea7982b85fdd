"""Sealing: rows of the open table move into Parquet files, ordered by event time.

The order of the steps makes a crash harmless at each of them: the file is written beside, brought to disk and
renamed; then one DuckDB transaction names it and takes the rows out of the open table. Before that transaction the
file is an orphan (removed at the next opening), after it the rows are in the file alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from pathlib import Path

import duckdb
import msgspec

from citybrain.library._schema import column_list, identity, quoted, table_name, text
from citybrain.library._view import SealedFile, View, by_shape, instant, late_files, sealed_files
from citybrain.model import Dataset, from_ms

DAY_MS = 86_400_000
ROWS_PER_FILE = 1_000_000
"""About 8 MB at the 8.4 bytes a row that were measured."""


class Manifest(msgspec.Struct, frozen=True):
    """`manifest.json`: which files hold the sealed rows, for readers outside. DuckDB's own table is the truth."""

    format: int
    files: dict[str, list[SealedFile]]


class Sealer:
    """Moves rows between the open tables and the Parquet folder. Runs on the one writing connection."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path, reached: Callable[[str], None]) -> None:
        self._con = con
        self._folder = folder
        self._parquet = folder / "parquet"
        self._reached = reached

    def seal(self, dataset: Dataset, until_ms: int) -> list[str]:
        """Seal all rows of the dataset with an event time before `until_ms`; files that late rows reach into are
        rewritten. Returns the names of the files that this replaced."""
        name = table_name(dataset)
        late = late_files(self._con, dataset, sealed_files(self._con, name))
        for file in late:
            self._write(dataset, file.from_ms, file.to_ms, [file])
        for begin, end in self._pieces(dataset, until_ms):
            self._write(dataset, begin, end, [])
        return [f.file for f in late]

    def merge(self, dataset: Dataset, until_ms: int) -> list[str]:
        """Join the files of each month (UTC) that ended before `until_ms` and fits into one file. Returns the
        names of the files that this replaced."""
        this_month = from_ms_day(until_ms)[:7]
        files = sealed_files(self._con, table_name(dataset))
        replaced = []
        for month, group in groupby(files, key=lambda f: f.day[:7]):
            days = list(group)
            if month < this_month and len(days) > 1 and sum(f.rows for f in days) <= ROWS_PER_FILE:
                self._write(dataset, days[0].from_ms, days[-1].to_ms, days)
                replaced += [f.file for f in days]
        return replaced

    def publish(self) -> None:
        """Write `manifest.json` anew."""
        names = [n for (n,) in self._con.execute("SELECT DISTINCT name FROM main.sealed ORDER BY name").fetchall()]
        manifest = Manifest(1, {n: sealed_files(self._con, n) for n in names})
        replace_file(self._folder / "manifest.json", msgspec.json.encode(manifest), self._reached)

    def _pieces(self, dataset: Dataset, until_ms: int) -> list[tuple[int, int]]:
        """Stretches to seal: where rows lie outside of every file, cut at midnights (UTC), at the edges of files
        and where a file is full."""
        time, table = quoted(dataset.event_time or ""), f"rows.{quoted(table_name(dataset))}"
        days = self._con.execute(
            f"SELECT DISTINCT epoch_ms({time}) // {DAY_MS} AS day FROM {table}"
            f" WHERE {time} < {instant(until_ms)} ORDER BY day"
        ).fetchall()
        files = sealed_files(self._con, table_name(dataset))
        pieces = []
        for (day,) in days:
            for begin, end in gaps(day * DAY_MS, min((day + 1) * DAY_MS, until_ms), files):
                pieces += self._split(dataset, begin, end)
        return pieces

    def _split(self, dataset: Dataset, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
        """A stretch cut into such of at most about ROWS_PER_FILE rows; nothing where there are none."""
        time = quoted(dataset.event_time or "")
        rows = (
            f"FROM rows.{quoted(table_name(dataset))}"
            f" WHERE {time} >= {instant(from_ms)} AND {time} < {instant(to_ms)}"
        )
        ((count,),) = self._con.execute(f"SELECT count(*) {rows}").fetchall()
        pieces = -(-count // ROWS_PER_FILE)
        if pieces < 2:
            return [(from_ms, to_ms)] * pieces
        shares = ", ".join(str(i / pieces) for i in range(1, pieces))
        ((cuts,),) = self._con.execute(f"SELECT quantile_disc(epoch_ms({time}), [{shares}]) {rows}").fetchall()
        return list(pairwise([from_ms, *sorted({cut for cut in cuts if cut > from_ms}), to_ms]))

    def _write(self, dataset: Dataset, from_ms: int, to_ms: int, old: Sequence[SealedFile]) -> None:
        """One file of all rows of [from_ms, to_ms), those of `old` included."""
        name, day = table_name(dataset), from_ms_day(from_ms)
        (serial,) = self._con.execute("UPDATE main.serial SET next = next + 1 RETURNING next - 1").fetchall()[0]
        span = day if to_ms - from_ms <= DAY_MS else day[:7]
        file = Path("parquet") / name / f"{span}-{serial}.parquet"
        target = self._folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_suffix(".tmp")
        self._reached("seal.write")
        order = ", ".join(quoted(n) for n in dict.fromkeys((dataset.event_time or "", *dataset.key)))
        written = self._con.execute(
            f"COPY (SELECT * FROM ({self._rows(dataset, from_ms, to_ms, old)}) ORDER BY {order}, received_at)"
            f" TO {text(str(draft))} (FORMAT parquet, COMPRESSION zstd)"
        ).fetchall()
        self._reached("seal.fsync")
        sync(draft)
        self._reached("seal.rename")
        draft.rename(target)
        sync(target.parent)
        self._reached("seal.commit")
        size = target.stat().st_size
        self._swap(
            dataset, SealedFile(day, from_ms, to_ms, str(file), len(dataset.fields), written[0][0], size), old
        )
        self._reached("seal.committed")

    def _rows(self, dataset: Dataset, from_ms: int, to_ms: int, old: Sequence[SealedFile]) -> str:
        """All versions of the rows; what a late row supersedes in `old` gets its `superseded_at` here."""
        time = quoted(dataset.event_time or "")
        columns = f"{column_list(dataset)}, received_at, batch_id"
        view = View(self._con, self._folder, dataset)
        rows = (
            f"SELECT {columns}, superseded_at FROM {view.open_rows()}"
            f" WHERE {time} >= {instant(from_ms)} AND {time} < {instant(to_ms)}"
        )
        if not old:
            return rows
        names = ", ".join(quoted(n) for n in identity(dataset))
        sealed = " UNION ALL ".join(view.read(group, "superseded_at") for group in by_shape(old))
        return (
            f"SELECT {columns}, coalesce(superseded_at, lead(received_at) OVER"
            f" (PARTITION BY {names} ORDER BY received_at, superseded_at NULLS LAST)) AS superseded_at"
            f" FROM ({rows} UNION ALL {sealed})"
        )

    def _swap(self, dataset: Dataset, new: SealedFile, old: Sequence[SealedFile]) -> None:
        """The transaction that makes the new file count."""
        name, time = table_name(dataset), quoted(dataset.event_time or "")
        self._con.execute("BEGIN")
        try:
            for file in old:
                self._con.execute("DELETE FROM main.sealed WHERE name = ? AND file = ?", [name, file.file])
            self._con.execute(
                "INSERT INTO main.sealed VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [name, new.day, new.from_ms, new.to_ms, new.file, new.fields, new.rows, new.bytes],
            )
            self._con.execute(
                f"DELETE FROM rows.{quoted(name)}"
                f" WHERE {time} >= {instant(new.from_ms)} AND {time} < {instant(new.to_ms)}"
            )
            self._con.execute("COMMIT")
        except BaseException:
            self._con.execute("ROLLBACK")
            raise


def gaps(begin_ms: int, end_ms: int, files: list[SealedFile]) -> list[tuple[int, int]]:
    """The parts of [begin_ms, end_ms) that no file covers. `files` are in order and do not overlap."""
    found, at = [], begin_ms
    for file in files:
        if file.to_ms > at and file.from_ms < end_ms:
            if file.from_ms > at:
                found.append((at, file.from_ms))
            at = file.to_ms
    return [*found, (at, end_ms)] if at < end_ms else found


def from_ms_day(ms: int) -> str:
    """The UTC day of an instant, yyyy-mm-dd."""
    return from_ms(ms).date().isoformat()


def sync(path: Path) -> None:
    """Bring a file or a folder's entries to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_file(path: Path, data: bytes, reached: Callable[[str], None]) -> None:
    """Put `data` in the place of a file, whole or not at all."""
    draft = path.with_suffix(".tmp")
    reached("manifest.write")
    draft.write_bytes(data)
    reached("manifest.fsync")
    sync(draft)
    reached("manifest.rename")
    draft.rename(path)
    sync(path.parent)

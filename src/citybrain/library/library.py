"""The library of the city: one owner of DuckDB and of the sealed files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from citybrain.library._database import Database, FolderLock, first_line
from citybrain.library._execute import run
from citybrain.library._now import fold
from citybrain.library._schema import prepare, quoted, table_name
from citybrain.library._seal import DAY_MS, ROWS_PER_FILE, Sealer
from citybrain.library._seen import Seen
from citybrain.library._store import fitting, note, store
from citybrain.library._view import LATEST_MS, View, instant
from citybrain.library.error import LibraryClosed, LibraryError, LibraryFull
from citybrain.library.sql import Asked, Source, analyse, rendered
from citybrain.model import Batch, Dataset, Declarations

DEFAULT_LIMIT = 10_000
MAX_LIMIT = 10_000_000
FOLD_MS = 60_000
FOLD_ROWS = 100_000
"""The tail behind the folded current state is at most about this long."""
SEAL_LAG_MS = 300_000
"""Rows may come this much later than the latest of their dataset before they need a file to be rewritten."""


@dataclass(frozen=True, slots=True)
class Stock:
    """What the library holds of one dataset."""

    dataset: str
    open_rows: int
    sealed_rows: int
    sealed_files: int
    sealed_bytes: int


class Library:
    """The city's memory: current state, history, as-of reading.

    One process owns a library folder; a second one gets a LibraryError. All methods may be called from any thread;
    `append`, `seal` and `expire` take turns, queries run beside them on snapshots.
    """

    def __init__(
        self,
        folder: Path,
        declarations: Declarations,
        *,
        memory_mb: int = 256,
        threads: int = 2,
        reached: Callable[[str], None] = lambda place: None,
    ) -> None:
        """Open or make the library in `folder`. `reached` is told the name of each place where a crash would hurt
        most, just before it is passed. Raises LibraryError."""
        self._folder = folder
        self._declarations = declarations
        self._kept: dict[str, Dataset] = {d.id: d for d in declarations.values() if not d.transient}
        self._reached = reached
        self._writing = threading.RLock()
        self._refused = False
        self.passed_over = 0
        """Batches that were not stored, because they were stored before or are transient."""
        self._garbage: list[str] = []
        self._received_ms = self._folded_ms = 0
        self._number = 1
        self._latest: dict[str, int | None] = {}
        self._unfolded: set[str] = set()
        self._tail_rows = 0
        (folder / "parquet").mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(folder / "lock")
        self._memory_mb, self._threads = memory_mb, threads
        try:
            self._open()
        except LibraryError:
            self._lock.release()
            raise

    def append(self, batches: Sequence[Batch], received_ms: int) -> int:
        """Store batches in one transaction: all of them or, on an error, none. A batch whose id is stored already
        is passed over, a transient dataset too. Returns the rows newly stored, which are then on disk.

        Raises LibraryFull when the disk refuses, LibraryError on an undeclared dataset or rows that do not fit.
        """
        with self._writing, self._refusals():
            fresh = self._fresh(batches)
            if not fresh:
                return 0
            received = max(received_ms, self._received_ms + 1)
            latest = dict(self._latest)
            numbered = dict(enumerate(fresh, self._number))
            with self._transaction():
                for name in dict.fromkeys(b.dataset for b in fresh):
                    mine = {n: b for n, b in numbered.items() if b.dataset == name}
                    latest[name] = store(self._con, self._kept[name], mine, received, latest[name])
                note(self._con, numbered, received, latest)
                self._reached("append.commit")
            self._reached("append.committed")
            self._seen.add(b.id for b in fresh)
            self._received_ms, self._latest = received, latest
            self._number += len(fresh)
            rows = sum(int(b.rows.num_rows) for b in fresh)
            self._unfolded |= {b.dataset for b in fresh}
            self._tail_rows += rows
            if received - self._folded_ms >= FOLD_MS or self._tail_rows >= FOLD_ROWS:
                self._fold()
            return rows

    def query(
        self, sql: str, as_of_ms: int | None = None, limit: int = DEFAULT_LIMIT, timeout_s: float = 30
    ) -> pa.Table:
        """The answer to a SELECT over declared datasets (docs/query.md), as the library knew it at `as_of_ms`.

        At most `limit` rows come back; the schema's metadata says `truncated` where there were more. Raises
        LibraryError with one line that says what is wrong.
        """
        return self.answer(analyse(sql, self._declarations), as_of_ms, limit, timeout_s)

    def answer(
        self, asked: Asked, as_of_ms: int | None = None, limit: int = DEFAULT_LIMIT, timeout_s: float = 30
    ) -> pa.Table:
        """As `query`, for SQL that has been analysed."""
        if not 0 < limit <= MAX_LIMIT:
            raise LibraryError(f"limit must be 1 to {MAX_LIMIT}, not {limit}")
        if as_of_ms is not None and not 0 <= as_of_ms <= LATEST_MS:
            raise LibraryError(f"as of {as_of_ms} ms: not between the years 1970 and 9999")
        with self._store.snapshot() as cursor:
            views = {source: self._view(cursor, asked, source, as_of_ms) for source in asked.sources}
            return run(cursor, rendered(asked, views), limit, timeout_s)

    def seal(self, until_ms: int) -> None:
        """Move all rows with an event time before `until_ms` (city time) into Parquet files, one a dataset and UTC
        day or 8 MB, rewrite those files that late rows reach into, and join the files of months that ended."""
        for dataset in self._kept.values():
            if dataset.event_time is not None:
                self.seal_dataset(dataset.id, until_ms)

    def seal_dataset(self, dataset_id: str, until_ms: int) -> None:
        """As `seal`, for one dataset. Raises LibraryFull when the disk refuses."""
        with self._writing, self._refusals():
            dataset = self._kept[dataset_id]
            self._fold()
            sealer = Sealer(self._con, self._folder, self._reached)
            self._garbage += sealer.seal(dataset, until_ms)
            self._garbage += sealer.merge(dataset, until_ms)
            sealer.publish()
        self._sweep()

    def seal_due(self, now_ms: int) -> None:
        """Seal what is due at `now_ms` (city time): days that ended, and open days that fill a file."""
        for name, latest in list(self._latest.items()):
            if latest is None:
                continue
            settled = min(latest, now_ms) - SEAL_LAG_MS
            rows, oldest = self._open_stretch(self._kept[name])
            if oldest is not None and oldest < settled // DAY_MS * DAY_MS:
                self.seal_dataset(name, settled // DAY_MS * DAY_MS)
            if rows >= ROWS_PER_FILE + ROWS_PER_FILE // 4:
                self.seal_dataset(name, settled)

    def expire(self, now_ms: int) -> int:
        """Forget what is older than its dataset keeps it, by city time. Returns the rows forgotten."""
        gone = 0
        with self._writing, self._refusals():
            for dataset in self._kept.values():
                if dataset.retention_days is not None and dataset.event_time is not None:
                    gone += self._expire(dataset, now_ms - dataset.retention_days * DAY_MS)
            Sealer(self._con, self._folder, self._reached).publish()
        self._sweep()
        return gone

    def stock(self) -> list[Stock]:
        """What is stored, a line a dataset."""
        with self._store.snapshot() as cursor:
            return [self._stock(cursor, d) for d in self._kept.values()]

    def latest_ms(self, dataset_id: str) -> int | None:
        """The latest event time stored of a dataset; None before the first and for one that is not kept."""
        return self._latest.get(dataset_id)

    @property
    def received_ms(self) -> int:
        """`received_at` of the latest commit, 0 before the first."""
        return self._received_ms

    def close(self) -> None:
        """Finish; the folder may then be opened by another process."""
        with self._writing:
            self._store.close()
            self._lock.release()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _open(self) -> None:
        self._store = Database(self._folder, self._memory_mb, self._threads)
        self._con = self._store.writer
        try:
            prepare(self._con, list(self._kept.values()))
            self._recall()
        except (duckdb.Error, LibraryError) as e:
            self._store.close()
            raise e if isinstance(e, LibraryError) else LibraryClosed(f"{self._folder}: {first_line(e)}") from None

    def _recall(self) -> None:
        """What the tables say about the time before this opening."""
        self._seen = Seen(self._con)
        ((received, number),) = self._con.execute(
            "SELECT coalesce(greatest(max(received_ms), (SELECT max(received_ms) FROM main.folded)), 0),"
            " coalesce(max(number), 0) FROM main.batches"
        ).fetchall()
        self._number = int(number) + 1
        self._received_ms = self._folded_ms = int(received)
        self._unfolded = set(self._kept)
        self._latest = {
            name: self._one(f"SELECT max(epoch_ms({quoted(d.event_time)})) FROM rows.{quoted(table_name(d))}")
            if d.event_time
            else None
            for name, d in self._kept.items()
        }
        named = {f for (f,) in self._con.execute("SELECT file FROM main.sealed").fetchall()}
        for path in (self._folder / "parquet").glob("*/*"):
            if str(path.relative_to(self._folder)) not in named:
                path.unlink()

    def _one(self, sql: str) -> int | None:
        ((value,),) = self._con.execute(sql).fetchall()
        return None if value is None else int(value)

    def _fresh(self, batches: Sequence[Batch]) -> list[Batch]:
        """The batches to store, each once, their rows held against the declaration."""
        first: dict[str, Batch] = {}
        for batch in batches:
            if batch.dataset not in self._declarations:
                raise LibraryError(f"no dataset {batch.dataset!r} is declared")
            if batch.dataset in self._kept:
                first.setdefault(batch.id, batch)
        stored = self._seen.among(list(first)) if first else set()
        fresh = [b for b in first.values() if b.id not in stored]
        self.passed_over += len(batches) - len(fresh)
        return [fitting(b, self._kept[b.dataset]) for b in fresh]

    def _view(self, cursor: duckdb.DuckDBPyConnection, asked: Asked, source: Source, as_of_ms: int | None) -> str:
        ids = "batch_id" in asked.fields[source.dataset]
        view = View(cursor, self._folder, self._declarations[source.dataset], as_of_ms, ids=ids)
        return view.now() if source.now else view.history()

    def _open_stretch(self, dataset: Dataset) -> tuple[int, int | None]:
        """Rows of the open table and the earliest event time among them."""
        with self._store.snapshot() as cursor:
            ((rows, oldest),) = cursor.execute(
                f"SELECT count(*), min(epoch_ms({quoted(dataset.event_time or '')}))"
                f" FROM rows.{quoted(table_name(dataset))}"
            ).fetchall()
        return rows, oldest

    def _fold(self) -> None:
        for name in sorted(self._unfolded):
            if self._kept[name].event_time is not None:
                fold(self._con, self._kept[name], self._received_ms)
        self._unfolded.clear()
        self._tail_rows = 0
        self._folded_ms = self._received_ms

    def _expire(self, dataset: Dataset, before_ms: int) -> int:
        name, time = table_name(dataset), quoted(dataset.event_time or "")
        with self._transaction():
            old = self._con.execute(
                "DELETE FROM main.sealed WHERE name = ? AND to_ms <= ? RETURNING file, rows", [name, before_ms]
            ).fetchall()
            ((gone,),) = self._con.execute(
                f"DELETE FROM rows.{quoted(name)} WHERE {time} < {instant(before_ms)}"
            ).fetchall()
            self._con.execute(f"DELETE FROM latest.{quoted(name)} WHERE {time} < {instant(before_ms)}")
            self._con.execute(
                "DELETE FROM main.batches WHERE dataset = ? AND event_ms < ?", [dataset.id, before_ms]
            )
        self._garbage += [file for file, _ in old]
        return int(gone) + sum(int(rows) for _, rows in old)

    def _sweep(self) -> None:
        """Remove replaced files that no snapshot can be reading any more."""
        with self._writing:
            if self._garbage and not self._store.readers:
                for file in self._garbage:
                    (self._folder / file).unlink(missing_ok=True)
                self._garbage = []

    def _stock(self, cursor: duckdb.DuckDBPyConnection, dataset: Dataset) -> Stock:
        name = table_name(dataset)
        ((rows,),) = cursor.execute(f"SELECT count(*) FROM rows.{quoted(name)}").fetchall()
        sealed = cursor.execute(
            "SELECT coalesce(sum(rows), 0), count(*), coalesce(sum(bytes), 0) FROM main.sealed WHERE name = ?",
            [name],
        ).fetchall()[0]
        return Stock(dataset.id, rows, int(sealed[0]), int(sealed[1]), int(sealed[2]))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._refusals():
            self._con.execute("BEGIN")
            try:
                yield
                self._con.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.Error):
                    self._con.execute("ROLLBACK")
                raise

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """The writing connection, opened anew if the store refused the last time. A value that DuckDB cannot take
        ends as LibraryError: it never will. Whatever else it cannot do ends as LibraryFull, never as a batch to be
        passed over."""
        try:
            if self._refused:
                self._store.close()
                self._open()
                self._refused = False
            yield
        except (duckdb.DataError, duckdb.IntegrityError) as e:
            raise LibraryError(f"rows that cannot be stored: {first_line(e)}") from None
        except (duckdb.Error, OSError, LibraryClosed) as e:
            self._refused = True
            raise LibraryFull(f"the library cannot store now (is the disk full?): {first_line(e)}") from None

"""Registers: rows of SQL tables whose changes leave to the bus."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

import pyarrow as pa
import sqlalchemy as sa

from citybrain.cloud._tables import Tables, open_engine, read_rows
from citybrain.cloud.bus import Bus
from citybrain.cloud.errors import RegisterError
from citybrain.cloud.lock import FileLock, LockHeld
from citybrain.model import Batch, Declarations, arrow_schema, conform, from_bytes, to_bytes

GROUP = 1000
"""Writes that share one commit at most."""
DRAIN = 200

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Write:
    """Rows by dataset, all or none of them, and who waits."""

    rows: Sequence[tuple[str, pa.RecordBatch]]
    done: Future[None]


class Registers:
    """The registers of a city in one SQLite file: WAL, every commit on disk, one writer thread with group commit.

    One process writes (`writer=True`), any number reads. Raises RegisterError.
    """

    def __init__(self, file: Path, declarations: Declarations, *, writer: bool = True) -> None:
        self.file = file
        self.declarations = declarations
        self._lock = FileLock(file.with_name(file.name + ".lock"))
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._changed: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        if writer:
            self._take_lock()
        try:
            self._engine = open_engine(file, read_only=not writer)
            self._tables = Tables(self._engine, declarations, create=writer)
        except BaseException:
            self._lock.release()
            raise
        if writer:
            self._thread = threading.Thread(target=self._run, name="registers", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Commit what waits and close."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        self._engine.dispose()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # writing

    async def write(self, dataset: str, rows: pa.RecordBatch) -> None:
        """Insert rows, or put them in the place of those of the same key; returns when they are on disk."""
        await self.write_all([(dataset, rows)])

    async def write_all(self, changes: Iterable[tuple[str, pa.RecordBatch]]) -> None:
        """The same for several registers: all of it or nothing."""
        await asyncio.wrap_future(self._submit(changes))

    def write_now(self, dataset: str, rows: pa.RecordBatch) -> None:
        """`write` for a thread without an event loop."""
        self._submit([(dataset, rows)]).result()

    def _submit(self, changes: Iterable[tuple[str, pa.RecordBatch]]) -> Future[None]:
        if self._thread is None:
            raise RegisterError(f"{self.file} is open for reading only")
        try:
            rows = [(name, conform(batch, self._tables.dataset(name))) for name, batch in changes]
        except ValueError as e:
            raise RegisterError(str(e)) from None
        write = _Write(rows, Future())
        self._queue.put(write)
        return write.done

    def _run(self) -> None:
        """The writer thread: all that waits goes into one transaction."""
        open_ = True
        while open_:
            item = self._queue.get()
            group: list[_Write] = []
            while item is not None:
                group.append(item)
                if len(group) >= GROUP or self._queue.empty():
                    break
                item = self._queue.get()
            open_ = item is not None
            if group:
                self._commit(group)

    def _commit(self, group: list[_Write]) -> None:
        try:
            self._transact(group)
        except RegisterError as e:
            if len(group) == 1:
                group[0].done.set_exception(e)
                return
            middle = len(group) // 2
            self._commit(group[:middle])
            self._commit(group[middle:])
            return
        for write in group:
            write.done.set_result(None)
        if self._changed is not None:
            loop, event = self._changed
            loop.call_soon_threadsafe(event.set)

    def _transact(self, group: Sequence[_Write]) -> None:
        parts: dict[str, list[pa.RecordBatch]] = {}
        for write in group:
            for name, rows in write.rows:
                parts.setdefault(name, []).append(rows)
        joined = {name: p[0] if len(p) == 1 else pa.concat_batches(p) for name, p in parts.items()}
        try:
            with self._engine.begin() as connection:
                for name, rows in joined.items():
                    self._tables.upsert(connection, name, rows)
                    self._tables.to_outbox(connection, name, to_bytes(rows))
        except sa.exc.SQLAlchemyError as e:
            raise _told(self.file, e) from None

    # reading

    def read(
        self, dataset: str, where: Mapping[str, object] | None = None, *, limit: int | None = None
    ) -> pa.RecordBatch:
        """Rows of a register, by key, those where each named field has the given value (None: is null)."""
        table = self._tables.table(dataset)
        query = sa.select(*[table.c[f.name] for f in self._tables.dataset(dataset).fields])
        for name, value in (where or {}).items():
            if name not in table.c:
                raise RegisterError(f"{dataset} has no field {name!r}")
            query = query.where(table.c[name].is_(None) if value is None else table.c[name] == value)
        query = query.order_by(*table.primary_key.columns).limit(limit)
        try:
            with self._engine.connect() as connection:
                return read_rows(connection, query, arrow_schema(self._tables.dataset(dataset)))
        except sa.exc.SQLAlchemyError as e:
            raise _told(self.file, e) from None

    # leaving

    async def drain(self, bus: Bus) -> int:
        """Publish the changes that have not left yet, in order; how many batches left.

        A crash on the way sends some again under the same ids. Raises BusRefused.
        """
        left = 0
        while waiting := await asyncio.to_thread(self._tables.outbox, DRAIN):
            batches = [
                Batch(w.dataset, w.id, from_bytes(w.rows, self._tables.dataset(w.dataset))) for w in waiting
            ]
            await bus.publish_many(batches)
            await asyncio.to_thread(self._tables.forget, waiting[-1].number)
            left += len(waiting)
        return left

    async def feed(self, bus: Bus) -> None:
        """Drain whenever something changed, for ever. Raises BusRefused."""
        event = asyncio.Event()
        self._changed = (asyncio.get_running_loop(), event)
        while True:
            event.clear()
            await self.drain(bus)
            await event.wait()

    def _take_lock(self) -> None:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire({"pid": os.getpid()})
        except LockHeld as e:
            raise RegisterError(f"{self.file} is written by process {e.holder.get('pid', '?')} already") from None
        except OSError as e:
            raise RegisterError(f"{self.file}: {e.strerror or e}") from None


def _told(file: Path, error: sa.exc.SQLAlchemyError) -> RegisterError:
    """The error in one line that says what to do."""
    words = str(getattr(error, "orig", None) or error).splitlines()[0]
    advice = {
        "database or disk is full": "free some space on its disk",
        "database is locked": "another program writes to it: close that one",
        "attempt to write a readonly database": "check the rights on the file",
        "disk I/O error": "check the disk",
    }.get(words, "")
    return RegisterError(f"registers {file}: {words}" + (f": {advice}" if advice else ""))

"""The library on the bus: takes in every record of the city and answers queries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from typing import TypeVar

import msgspec

from citybrain.cloud import Bus, BusRefused
from citybrain.library._group import Groups
from citybrain.library._trim import trim
from citybrain.library.error import LibraryError, LibraryFull
from citybrain.library.library import Library
from citybrain.library.wire import QUERY, STATS, LibraryStats, QueryRequest, table_to_bytes
from citybrain.model import Batch, wall_ms

GROUP_S = 0.25
GROUP_ROWS = 200_000
DURABLE = "library"
REPLAY_WINDOW_MS = 24 * 3_600_000
CLOCK = "traffic.tick"
KEEP_HOUSE_S = 60.0
RETRY_S = 1.0

logger = logging.getLogger(__name__)
T = TypeVar("T")


class LibraryServer:
    """Feeds a Library from the bus and serves it there.

    Batches are grouped for `group_s` (longer only while the commit before is under way), stored in one transaction
    and only then acknowledged: what was not comes again after a kill, and is stored once. While the disk refuses,
    nothing more is taken or acknowledged. The bus keeps what lies within `replay_window_ms` of city time, as the
    dataset `traffic.tick` tells it.
    """

    def __init__(
        self,
        library: Library,
        bus: Bus,
        *,
        group_s: float = GROUP_S,
        replay_window_ms: int = REPLAY_WINDOW_MS,
        keep_house_s: float = KEEP_HOUSE_S,
    ) -> None:
        self._library = library
        self._bus = bus
        self._window_ms = replay_window_ms
        self._keep_house_s = keep_house_s
        self._writer = ThreadPoolExecutor(1, "library-write")
        self._readers = ThreadPoolExecutor(2, "library-read")
        self._kept = [name for name, d in bus.declarations.items() if not d.transient]
        self._groups = Groups(group_s, GROUP_ROWS)
        self._stored: dict[str, int] = {}
        self.stats = LibraryStats("taking_in", 0, 0, 0, 0, 0, 0, 0, 0.0, "")

    async def run(self) -> None:
        """Serve until cancelled."""
        ends = [await self._bus.serve(QUERY, self._answer), await self._bus.serve(STATS, self._tell)]
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._collect())
                tasks.create_task(self._commit())
                tasks.create_task(self._keep_house())
        finally:
            for end in ends:
                await end()
            self._writer.shutdown()
            self._readers.shutdown()

    async def _collect(self) -> None:
        """Gather deliveries into groups. A bus that fails is asked again."""
        while True:
            try:
                async with aclosing(self._bus.consume(list(self._kept), DURABLE)) as deliveries:
                    async for delivery in deliveries:
                        await self._groups.put(delivery)
            except Exception as e:
                self._note(said=f"the bus gives nothing: {e or type(e).__name__}")
                logger.warning("library: %s", self.stats.said)
                self._groups.drop()
                await asyncio.sleep(RETRY_S)

    async def _commit(self) -> None:
        while True:
            group = await self._groups.take()
            self._note(waiting=len(group))
            began = asyncio.get_running_loop().time()
            stored = await self._store([d.batch for d in group])
            took_ms = (asyncio.get_running_loop().time() - began) * 1000
            for delivery in {d.stream: d for d in group}.values():
                await delivery.ack()
                self._stored[delivery.stream] = delivery.sequence
            self._note(
                state="taking_in",
                rows=self.stats.rows + stored,
                batches=self.stats.batches + len(group),
                again=self._library.passed_over,
                waiting=len(self._groups),
                commits=self.stats.commits + 1,
                last_commit_ms=wall_ms(),
                last_commit_took_ms=took_ms,
            )

    async def _store(self, batches: list[Batch]) -> int:
        """Store a group, however long the disk refuses. Returns the rows newly stored."""
        while True:
            try:
                return await self._write(partial(self._library.append, batches, wall_ms()))
            except LibraryFull as e:
                if self.stats.state != "full":
                    logger.error("library: %s: waiting for space, the bus holds back what comes", e)
                self._note(state="full", said=str(e))
                await asyncio.sleep(RETRY_S)
            except ValueError as e:
                if len(batches) == 1:
                    logger.error("library: refused %s of %s: %s", batches[0].id, batches[0].dataset, e)
                    self._note(refused=self.stats.refused + 1, said=str(e))
                    return 0
                return sum([await self._store([batch]) for batch in batches])

    async def _keep_house(self) -> None:
        """Seal, forget and trim, from time to time."""
        while True:
            await asyncio.sleep(self._keep_house_s)
            try:
                now_ms = await self._write(partial(self._library.latest_ms, CLOCK))
                if now_ms is not None:
                    await self._write(partial(self._library.seal_due, now_ms))
                    await self._write(partial(self._library.expire, now_ms))
                    await trim(self._bus, dict(self._stored), now_ms - self._window_ms)
            except (LibraryError, BusRefused) as e:
                self._note(said=str(e))
                logger.warning("library: %s", e)

    async def _answer(self, data: bytes) -> bytes:
        try:
            request = msgspec.msgpack.decode(data, type=QueryRequest)
        except msgspec.MsgspecError as e:
            raise LibraryError(f"not a query request: {e}") from None
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, request)

    def _read(self, request: QueryRequest) -> bytes:
        table = self._library.query(
            request.sql, request.as_of_ms, request.limit, min(max(request.timeout_s, 0.1), 300)
        )
        return table_to_bytes(table)

    async def _tell(self, data: bytes) -> bytes:
        return msgspec.msgpack.encode(self.stats)

    async def _write(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)

    def _note(self, **changes: object) -> None:
        self.stats = msgspec.structs.replace(self.stats, **changes)

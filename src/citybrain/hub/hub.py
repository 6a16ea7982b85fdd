"""The hub: the only way to read outside the steps, and the way in for a person's command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Protocol

import pyarrow as pa
from msgspec import Struct

from citybrain.cloud import Bus, BusRefused
from citybrain.hub.access import Decision, Purpose, Reader, decide
from citybrain.hub.error import HubError, HubRefused
from citybrain.hub.record import read_line
from citybrain.hub.switch import REQUEST, RESULT, SwitchResult, request_batch, result_of
from citybrain.library import LibraryError, analyse
from citybrain.model import Batch, Declarations, SwitchRequest

FRAMES = "sim.vehicle"
FRAMES_SUBJECT = "live.vehicle"


class Query(Struct, frozen=True):
    """What to read: a SELECT over dataset tables (docs/query.md), as it was known at `as_of_ms`."""

    sql: str
    as_of_ms: int | None = None
    limit: int = 10_000
    timeout_s: float = 30.0


class Source(Protocol):
    """Where the hub reads: the library of the running city, or an embedded one."""

    async def query(self, sql: str, as_of_ms: int | None, limit: int, timeout_s: float) -> pa.Table:
        """The answer. Raises LibraryError."""
        ...


class Hub:
    """Decides, records, reads: in this order, so that nothing is given without its line in the record of reads.

    `write` stores a batch durably (`Bus.publish` in the running city). Without a bus there is nothing live.
    """

    def __init__(
        self,
        declarations: Declarations,
        source: Source,
        write: Callable[[Batch], Awaitable[object]],
        bus: Bus | None = None,
    ) -> None:
        self._declarations = declarations
        self._source = source
        self._write = write
        self._bus = bus

    async def read(self, reader: Reader, purpose: Purpose, query: Query) -> pa.Table:
        """The rows of a query; the schema's metadata says `truncated` where there are more than `limit`.

        Raises HubRefused when the reader may not, HubError when the query is wrong or the library away.
        """
        try:
            asked = analyse(query.sql, self._declarations)
        except LibraryError as e:
            raise HubError(str(e)) from None
        decision = decide(reader, purpose, asked.fields, self._declarations)
        if not decision.allowed:
            await self._record(reader, purpose, asked.fields, 0, decision)
            raise HubRefused(decision.reason)
        try:
            table = await self._source.query(query.sql, query.as_of_ms, query.limit, query.timeout_s)
        except LibraryError as e:
            raise HubError(str(e)) from None
        await self._record(reader, purpose, asked.fields, table.num_rows, decision)
        return table

    async def follow(self, reader: Reader, purpose: Purpose, dataset: str) -> AsyncGenerator[Batch]:
        """The batches of a dataset as they are stored, from now on. Raises HubRefused, HubError."""
        bus = await self._admit(reader, purpose, dataset)
        async with aclosing(await bus.follow([dataset])) as tail:
            async for stored in tail:
                yield stored.batch

    async def frames(self, reader: Reader, purpose: Purpose) -> AsyncGenerator[bytes]:
        """The live frames of moving vehicles; a slow reader misses some. Raises HubRefused, HubError."""
        bus = await self._admit(reader, purpose, FRAMES)
        async with aclosing(await bus.listen(FRAMES_SUBJECT)) as listener:
            async for frame in listener:
                yield frame

    async def request(
        self, reader: Reader, request: SwitchRequest, *, timeout_s: float = 3.0
    ) -> SwitchResult | None:
        """Give an area to the brain or to its own plans, and wait for what the guard says.

        None: no answer within `timeout_s`; the request stands, and its result still comes. Raises HubRefused,
        HubError when it could not be sent.
        """
        batch = request_batch(request, self._declarations)
        bus = await self._admit(reader, Purpose.OPERATE, REQUEST)
        async with aclosing(await bus.follow([RESULT])) as tail:
            try:
                await bus.publish(batch)
            except (BusRefused, ValueError) as e:
                raise HubError(str(e)) from None
            try:
                async with asyncio.timeout(timeout_s):
                    async for stored in tail:
                        if (result := result_of(stored.batch, request.id)) is not None:
                            return result
            except TimeoutError:
                pass
        return None

    async def _admit(self, reader: Reader, purpose: Purpose, dataset: str) -> Bus:
        """The bus, for a reader who may have the whole dataset; the beginning is a line in the record of reads."""
        if self._bus is None:
            raise HubError("nothing is live while the city does not run: start it with citybrain up")
        declared = self._declarations.get(dataset)
        if declared is None:
            raise HubError(f"no dataset {dataset!r} is declared")
        touched = {dataset: frozenset(f.name for f in declared.fields)}
        decision = decide(reader, purpose, touched, self._declarations)
        await self._record(reader, purpose, touched, 0, decision)
        if not decision.allowed:
            raise HubRefused(decision.reason)
        return self._bus

    async def _record(
        self, reader: Reader, purpose: Purpose, touched: Mapping[str, object], rows: int, decision: Decision
    ) -> None:
        line = read_line(self._declarations, reader, purpose, touched, rows, decision)
        try:
            await self._write(line)
        except (BusRefused, LibraryError) as e:
            raise HubError(f"the record of reads takes no line, so nothing is given: {e}") from None

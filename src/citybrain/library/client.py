"""Asks the library of the running city, over the bus."""

from __future__ import annotations

import msgspec
import pyarrow as pa

from citybrain.cloud import Bus, RequestFailed
from citybrain.library.error import LibraryError
from citybrain.library.library import DEFAULT_LIMIT
from citybrain.library.wire import QUERY, STATS, LibraryStats, QueryRequest, table_from_bytes

GRACE_S = 5.0
"""How much longer than the query itself its answer may be under way."""


class LibraryClient:
    """The library as seen from another process. Only the hub asks it: everyone else asks the hub."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def query(
        self, sql: str, as_of_ms: int | None = None, limit: int = DEFAULT_LIMIT, timeout_s: float = 30
    ) -> pa.Table:
        """The answer to a SELECT, as `Library.query` gives it. Raises LibraryError with one line."""
        request = msgspec.msgpack.encode(QueryRequest(sql, as_of_ms, limit, timeout_s))
        return table_from_bytes(await self._ask(QUERY, request, timeout_s + GRACE_S))

    async def stats(self) -> LibraryStats:
        """How the library fares. Raises LibraryError when it does not answer."""
        return msgspec.msgpack.decode(await self._ask(STATS, b"", GRACE_S), type=LibraryStats)

    async def _ask(self, subject: str, data: bytes, timeout_s: float) -> bytes:
        try:
            return await self._bus.request(subject, data, timeout_s=timeout_s)
        except RequestFailed as e:
            raise LibraryError(str(e)) from None

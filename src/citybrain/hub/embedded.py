"""Reading the data folder of a city that does not run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pyarrow as pa

from citybrain.hub.access import Purpose, Reader
from citybrain.hub.error import HubError
from citybrain.hub.hub import Hub, Query
from citybrain.library import Library, LibraryError
from citybrain.model import Batch, Declarations, wall_ms


class _Embedded:
    """A library in this process, as the hub asks it."""

    def __init__(self, library: Library) -> None:
        self._library = library

    async def query(self, sql: str, as_of_ms: int | None, limit: int, timeout_s: float) -> pa.Table:
        return await asyncio.to_thread(self._library.query, sql, as_of_ms, limit, timeout_s)

    async def write(self, batch: Batch) -> None:
        await asyncio.to_thread(self._library.append, [batch], wall_ms())


async def read_embedded(
    data: Path, declarations: Declarations, reader: Reader, purpose: Purpose, query: Query
) -> pa.Table:
    """As `Hub.read`, on the library of a data folder, which this process owns for the moment.

    Raises HubError where there is none or the city runs, HubRefused as `Hub.read`.
    """
    folder = data / "library"
    if not (folder / "now.duckdb").exists():
        raise HubError(f"{data} holds no records yet: start a city on it with citybrain up")
    try:
        library = await asyncio.to_thread(Library, folder, declarations)
    except LibraryError as e:
        raise HubError(str(e)) from None
    try:
        source = _Embedded(library)
        return await Hub(declarations, source, source.write).read(reader, purpose, query)
    finally:
        await asyncio.to_thread(library.close)

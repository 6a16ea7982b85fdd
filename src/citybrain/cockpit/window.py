"""The cockpit's window on the city: everything that it reads or asks goes through the hub, as one reader."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa
from msgspec import Struct
from sqlglot import exp, select

from citybrain.model import Batch, SwitchRequest

PURPOSE = "traffic-operations"
PAST_ROWS = {"sim.score": 4320, "traffic.link_speed": 20_000}
PAST_ROWS_ELSE = 200


class Reader(Struct, frozen=True):
    name: str


class Query(Struct, frozen=True):
    sql: str
    as_of: datetime | None = None
    limit: int = 10_000


class CityHub(Protocol):
    """What the cockpit needs of the hub."""

    async def read(self, reader: Reader, purpose: str, query: Query) -> pa.Table:
        """The rows of a query. Raises when it is refused or the library is away."""
        ...

    def follow(self, reader: Reader, purpose: str, dataset: str) -> AsyncIterator[Batch]:
        """The batches of a dataset as they come."""
        ...

    def frames(self, reader: Reader, purpose: str) -> AsyncIterator[bytes]:
        """The frames of moving vehicles as they come."""
        ...

    async def request(self, reader: Reader, request: SwitchRequest) -> object:
        """Send a person's command on its way."""
        ...


class HubSilentError(RuntimeError):
    """The hub did not answer, or refused: why, in words."""


class Window:
    """A hub, seen by the cockpit."""

    def __init__(self, hub: CityHub) -> None:
        self._hub = hub
        self._reader = Reader(name="cockpit")

    async def table(self, query: exp.Select, limit: int) -> pa.Table:
        """The rows of a query. Raises HubSilentError whatever the reason."""
        try:
            return await self._hub.read(self._reader, PURPOSE, Query(query.sql("duckdb"), limit=limit))
        except Exception as e:  # a killed library, a refused read, a broken bus: the page goes on without
            raise HubSilentError(str(e) or type(e).__name__) from e

    async def past(self, dataset: str) -> list[Batch]:
        """The newest records of a dataset, oldest first, as one batch. Raises HubSilentError."""
        query = select("*").from_(dataset_table(dataset)).order_by("time DESC")
        table = await self.table(query, PAST_ROWS.get(dataset, PAST_ROWS_ELSE))
        if table.num_rows == 0:
            return []
        rows = table.sort_by("time").combine_chunks().to_batches()[0]
        return [Batch(dataset, f"past/{dataset}", rows)]

    def follow(self, dataset: str) -> AsyncIterator[Batch]:
        return self._hub.follow(self._reader, PURPOSE, dataset)

    def frames(self) -> AsyncIterator[bytes]:
        return self._hub.frames(self._reader, PURPOSE)

    async def request(self, request: SwitchRequest) -> None:
        """Send a switch request. Raises HubSilentError."""
        try:
            await self._hub.request(self._reader, request)
        except Exception as e:
            raise HubSilentError(str(e) or type(e).__name__) from e


def dataset_table(dataset: str) -> exp.Table:
    """The table of a dataset's records in the library."""
    system, noun = dataset.split(".", 1)
    return exp.table_(noun, db=system)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Rows of a table as dicts."""
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows

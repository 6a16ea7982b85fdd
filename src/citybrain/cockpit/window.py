"""The cockpit's window on the city: everything that it reads or asks goes through the hub, as one reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pyarrow as pa
from sqlglot import exp, select

from citybrain.hub import Hub, Purpose, Query, Reader, Role, SwitchResult
from citybrain.model import Batch, SwitchRequest

READER = Reader("cockpit", frozenset({Role.STAFF}))
ANSWER_WITHIN_S = 5.0
PAST_ROWS = {"sim.score": 4320, "sim.event": 200, "city.process": 200, "traffic.order_refusal": 200}
"""How many records of the past the page begins with; of the other datasets it takes the current state."""
NOW_ROWS = 50_000


class HubSilentError(RuntimeError):
    """The hub did not answer, or refused: why, in words."""


class Window:
    """A hub, seen by the cockpit."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def table(self, query: exp.Select, limit: int, purpose: Purpose = Purpose.INSPECT) -> pa.Table:
        """The rows of a query. Raises HubSilentError whatever the reason: the page goes on without."""
        asked = Query(query.sql("duckdb"), limit=limit, timeout_s=ANSWER_WITHIN_S)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S + 1):
                return await self._hub.read(READER, purpose, asked)
        except Exception as e:
            raise HubSilentError(str(e) or type(e).__name__) from e

    async def past(self, dataset: str) -> list[Batch]:
        """What the page begins with of a dataset, oldest first, as one batch. Raises HubSilentError."""
        newest = PAST_ROWS.get(dataset)
        table = dataset_table(dataset, now=newest is None)
        query = select("*").from_(table).order_by("time DESC")
        found = await self.table(query, newest or NOW_ROWS)
        if found.num_rows == 0:
            return []
        rows = found.sort_by("time").replace_schema_metadata(None).combine_chunks().to_batches()[0]
        return [Batch(dataset, f"past/{dataset}", rows)]

    def follow(self, dataset: str) -> AsyncIterator[Batch]:
        """The batches of a dataset from now on."""
        return self._hub.follow(READER, Purpose.INSPECT, dataset)

    def frames(self) -> AsyncIterator[bytes]:
        """The frames of moving vehicles from now on."""
        return self._hub.frames(READER, Purpose.MAP)

    async def request(self, request: SwitchRequest) -> SwitchResult | None:
        """Ask for a switch; None where the guard has not answered yet. Raises HubSilentError."""
        try:
            return await self._hub.request(READER, request)
        except Exception as e:
            raise HubSilentError(str(e) or type(e).__name__) from e


def dataset_table(dataset: str, *, now: bool = False) -> exp.Table:
    """The table of a dataset's records, or of its current state."""
    system, noun = dataset.split(".", 1)
    return exp.table_(noun, db=system, catalog="now" if now else None)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Rows of a table as dicts."""
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows

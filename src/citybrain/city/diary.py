"""The diary of the parent process: what happens to the city's processes, as records at city time."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from types import TracebackType
from typing import Self

import pyarrow as pa

from citybrain.city.outbox import Outbox
from citybrain.cloud import Bus, ProcessEvent
from citybrain.model import Batch, arrow_schema

DATASET = "city.process"
log = logging.getLogger(__name__)


class Diary:
    """Turns process events into rows of `city.process`; `note` may be called from anywhere in the event loop."""

    def __init__(self, bus: Bus, begin_ms: int) -> None:
        self._bus = bus
        self._time_ms = begin_ms
        self._noted_ms = 0
        self._schema = arrow_schema(bus.declarations[DATASET])
        self._outbox = Outbox(bus)
        self._session = time.time_ns()
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._outbox.run()), asyncio.create_task(self._follow())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._outbox.drain(5)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def note(self, event: ProcessEvent) -> None:
        """Write an event down, at the city time of the last tick.

        While the street is dead no tick comes; a millisecond each keeps its events apart and in their order.
        """
        self._noted_ms = max(self._time_ms, self._noted_ms + 1)
        row = {"process": event.process, "time": self._noted_ms, "state": event.state, "detail": event.detail}
        rows = pa.RecordBatch.from_pylist([row], schema=self._schema)
        self._outbox.put([Batch(DATASET, f"{DATASET}/up/{self._session}/{next(self._numbers)}", rows)])

    async def _follow(self) -> None:
        async for stored in await self._bus.follow(("traffic.tick",)):
            self._time_ms = stored.batch.rows.column("time")[-1].cast(pa.int64()).as_py()

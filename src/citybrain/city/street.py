"""The street process: the simulated city, its detectors and signals, the guard and the own plans."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from citybrain.city.outbox import Outbox
from citybrain.city.pace import Pace
from citybrain.city.minutes import Minutes
from citybrain.city.second import Second
from citybrain.city.world import World, open_city, own_world
from citybrain.cloud import Bus, Metrics
from citybrain.guard import Guard
from citybrain.model import Batch, Control, SwitchRequest, Tick

log = logging.getLogger(__name__)

ORDERS = "traffic.signal_order"
REQUESTS = "traffic.switch_request"
SAVE_EVERY_MS = 60_000
LIVE_VEHICLES = "live.vehicle"


class Street:
    """Runs one second after the other at the city's pace and talks to the bus beside it.

    Only the simulator thread touches the city and the guard.
    """

    def __init__(self, world: World, bus: Bus, metrics: Metrics) -> None:
        self.world = world
        self.bus = bus
        self.metrics = metrics
        self.minutes = Minutes(world.plan.folder, "street")
        self.outbox = Outbox(bus)
        self.orders: list[pa.RecordBatch] = []
        self.requests: list[pa.RecordBatch] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="street")

    async def run(self, stop: asyncio.Event, ready: asyncio.Event) -> None:
        """Until `stop`; the last second is saved and sent before it returns."""
        loop = asyncio.get_running_loop()
        self.second = await loop.run_in_executor(self._thread, self._open)
        tasks = [asyncio.create_task(self.outbox.run()), asyncio.create_task(self._listen())]
        pace = Pace(self.world.plan.settings.street.speed)
        ready.set()
        try:
            while not stop.is_set():
                await pace.beat()
                orders, self.orders = self.orders, []
                requests, self.requests = self.requests, []
                batches, frame = await loop.run_in_executor(self._thread, self._live, orders, requests)
                self.outbox.put(batches)
                await self._show(frame)
                self._measure(pace)
                for task in tasks:
                    if task.done():
                        task.result()
        finally:
            await self.outbox.drain(10)
            await loop.run_in_executor(self._thread, self._close)
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            self._thread.shutdown()

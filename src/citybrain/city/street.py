"""The street process: the simulated city, its detectors and signals, the guard and the own plans."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import pyarrow as pa

from citybrain.city.asked import REQUESTS, Asked, asked_since
from citybrain.city.incarnation import next_run
from citybrain.city.loop import ORDERS, Loop
from citybrain.city.minutes import Minutes
from citybrain.city.outbox import Outbox
from citybrain.city.pace import Pace
from citybrain.city.plan import RunPlan
from citybrain.city.process import Process
from citybrain.city.second import Second
from citybrain.city.world import open_scenario, warm_up_s
from citybrain.cloud import Bus, ready
from citybrain.guard import Guard
from citybrain.model import Batch
from citybrain.network import SimulatedCity

Args = TypeVarTuple("Args")
R = TypeVar("R")

log = logging.getLogger(__name__)

RESULTS = "traffic.switch_result"
FRAMES = "live.vehicle"
MINUTE_MS = 60_000
CITY = "city.saved"
"""File of the simulated city in a saved minute."""
LAST_WORDS_S = 10.0


class Street:
    """Runs one second after the other at the city's pace, and never waits for the bus.

    Only the simulator's own thread touches the city and the guard.
    """

    def __init__(self, plan: RunPlan, bus: Bus) -> None:
        self.plan = plan
        self.bus = bus
        self.minutes = Minutes(plan.folder, "street")
        self.outbox = Outbox(bus)
        self.pace = Pace(plan.settings.street.speed)
        self._orders: list[pa.RecordBatch] = []
        self._requests: list[Asked] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="street")
        self._saved_ms = 0

    async def open(self) -> None:
        """Load the simulation, from the newest saved minute where there is one. Raises ScenarioError."""
        self._second = await self._call(self.minutes.restore, self._load)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; the last second is saved and sent before it returns."""
        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(self.outbox.run()), tasks.create_task(self._listen())]
            try:
                while not stop.is_set():
                    await self.pace.beat()
                    await self._beat()
                await self._call(self._save)
                await self.outbox.drain(LAST_WORDS_S)
            finally:
                for task in helpers:
                    task.cancel()
                await self._call(self._second.city.close)
                self._thread.shutdown()

    @property
    def time_ms(self) -> int:
        """City time of the last second."""
        return self._second.guard.time_ms

    async def _beat(self) -> None:
        orders, self._orders = self._orders, []
        requests, self._requests = self._requests, []
        batches, frame = await self._call(self._advance, orders, requests)
        self.outbox.put(batches)
        await self.bus.beat(FRAMES, frame)

    async def _listen(self) -> None:
        """Orders and requests as they are stored; first the requests since the saved minute, once more."""
        stored_now = await self.bus.follow((ORDERS, REQUESTS))
        self._requests += await asked_since(self.bus, self.time_ms)
        async for stored in stored_now:
            if stored.batch.dataset == ORDERS:
                self._orders.append(stored.batch.rows)
            else:
                self._requests.append(Asked(stored.batch.rows))

    # In the simulator's thread.

    def _load(self, saved: Path | None) -> Second:
        plan = self.plan
        net = plan.net()
        run = next_run(plan.city_folder)
        city = SimulatedCity(
            open_scenario(plan),
            net,
            control="guard",
            state=saved / CITY if saved else None,
            run=run,
            sensors=plan.settings.street.sensors,
        )
        guard = Guard(net, city.time_ms, backup_ms=plan.settings.street.backup_s * 1000)
        if saved:
            try:
                guard.load((saved / "guard.bin").read_bytes())
            except (ValueError, OSError):
                city.close()
                raise
            log.info("goes on from the saved minute %s", saved.name)
        second = Second(city, guard, self.bus.declarations, run)
        if not saved:
            loop = Loop(second, net, self.bus.declarations)
            for _ in range(warm_up_s(plan)):
                loop.decide(*loop.advance())
        self._saved_ms = city.time_ms
        return second

    def _advance(self, orders: Sequence[pa.RecordBatch], requests: Sequence[Asked]) -> tuple[list[Batch], bytes]:
        guard = self._second.guard
        asked = [request for rows in requests for request in rows.requests(guard.time_ms)]
        results = [Batch(RESULTS, f"{RESULTS}/{request.id}", guard.switch(request)) for request in asked]
        tick, batches = self._second.advance(orders)
        if tick.time_ms - self._saved_ms >= MINUTE_MS:
            self._save()
        return [*results, *batches], self._second.city.frame(self._second.look())

    def _save(self) -> None:
        city, guard = self._second.city, self._second.guard

        def write(folder: Path) -> None:
            city.save(folder / CITY)
            (folder / "guard.bin").write_bytes(guard.dump())

        try:
            self.minutes.save(city.time_ms, write)
        except OSError as e:
            log.error("this minute could not be saved: %s", e)
        self._saved_ms = city.time_ms

    async def _call(self, work: Callable[[*Args], R], *args: *Args) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)


async def serve(p: Process) -> None:
    """The street process."""
    async with p.bus() as bus:
        street = Street(p.plan, bus)
        await street.open()
        pace, outbox = street.pace, street.outbox
        p.gauge(
            "street_behind_seconds", "By how much the last second of the city came late", lambda: pace.behind_s
        )
        p.gauge("street_waiting_groups", "Groups of batches that the bus has yet to take", lambda: outbox.waiting)
        p.gauge("street_given_up_batches", "Batches that the bus never took", lambda: outbox.given_up)
        p.gauge("street_city_time_seconds", "City time, seconds since 1970 UTC", lambda: street.time_ms / 1000)
        ready("the street is open")
        await street.run(p.stop)

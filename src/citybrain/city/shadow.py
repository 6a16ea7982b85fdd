"""The shadow processes: the same city, demand and seed, behind the street, under SUMO's own actuated control or
under the junctions' own programs."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from citybrain.city.minutes import Minutes
from citybrain.city.outbox import Outbox
from citybrain.city.plan import RunPlan
from citybrain.city.process import Ended, Process
from citybrain.city.shadow_name import SHADOWS
from citybrain.city.street import CITY, LAST_WORDS_S, MINUTE_MS
from citybrain.city.world import open_shadow, warm_up_s
from citybrain.cloud import Bus, ready
from citybrain.model import Batch, Tick
from citybrain.network import SimulatedCity

log = logging.getLogger(__name__)
MOST_SECONDS = 30
"""Seconds of the city in one go while it catches up: it must be able to stop in between."""


class Shadow:
    """Follows the ticks of the street; after a restart it catches up from its own saved minute."""

    def __init__(self, plan: RunPlan, bus: Bus, name: str) -> None:
        self.plan = plan
        self.bus = bus
        self.control = SHADOWS[name]
        self.minutes = Minutes(plan.folder, name)
        self.outbox = Outbox(bus)
        self._target: Tick | None = None
        self._told = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shadow")
        self._saved_ms = 0
        self._time_ms = 0

    async def open(self) -> None:
        """Load the simulation, from the newest saved minute that is not ahead of the street's."""
        self._city = await asyncio.get_running_loop().run_in_executor(self._thread, self._restore)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Raises Ended when the street goes back in time."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            stopped = tasks.create_task(self._stop(stop))
            helpers = [tasks.create_task(self.outbox.run()), tasks.create_task(self._listen()), stopped]
            try:
                while not stop.is_set():
                    await self._told.wait()
                    self._told.clear()
                    while self._target and not stop.is_set() and self._city.time_ms < self._target.time_ms:
                        self.outbox.put(await loop.run_in_executor(self._thread, self._follow, self._target))
                await loop.run_in_executor(self._thread, self._save)
                await self.outbox.drain(LAST_WORDS_S)
            finally:
                for task in helpers:
                    task.cancel()
                await loop.run_in_executor(self._thread, self._city.close)
                self._thread.shutdown()

    @property
    def behind_s(self) -> float:
        """City seconds that it is behind the street."""
        return (self._target.time_ms - self._time_ms) / 1000 if self._target else 0.0

    async def _stop(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._told.set()

    async def _listen(self) -> None:
        async for stored in await self.bus.follow(("traffic.tick",)):
            row = stored.batch.rows.to_pylist()[-1]
            tick = Tick(row["run"], row["seq"], round(row["time"].timestamp() * 1000))
            if self._target is not None and tick.time_ms < self._target.time_ms:
                # The next start of this process goes back too.
                raise Ended(f"the street went back to {row['time']}")
            self._target = tick
            self._told.set()

    # In the simulator's thread.

    def _restore(self) -> SimulatedCity:
        street = Minutes(self.plan.folder, "street").newest()
        return self.minutes.restore(self._load, not_after_ms=street[0] if street else 0)

    def _load(self, saved: Path | None) -> SimulatedCity:
        scenario, net = open_shadow(self.plan, self.control)
        city = SimulatedCity(scenario, net, control=self.control, state=saved / CITY if saved else None)
        if not saved:
            for number in range(warm_up_s(self.plan)):
                city.step()
                city.read(Tick(0, number, city.time_ms))
        self._saved_ms = city.time_ms
        return city

    def _follow(self, target: Tick) -> list[Batch]:
        batches: list[Batch] = []
        for _ in range(MOST_SECONDS):
            if self._city.time_ms >= target.time_ms:
                break
            self._city.step()
            batches += self._city.read(Tick(target.run, target.seq, self._city.time_ms))
        self._time_ms = self._city.time_ms
        if self._time_ms - self._saved_ms >= MINUTE_MS:
            self._save()
        return batches

    def _save(self) -> None:
        try:
            self.minutes.save(self._city.time_ms, lambda folder: self._city.save(folder / CITY))
        except OSError as e:
            log.error("this minute could not be saved: %s", e)
        self._saved_ms = self._city.time_ms


async def serve(p: Process) -> None:
    """The shadow process."""
    async with p.bus() as bus:
        shadow = Shadow(p.plan, bus, p.name)
        await shadow.open()
        p.gauge("shadow_behind_seconds", "City seconds that it is behind the street", lambda: shadow.behind_s)
        ready(f"the shadow city under {shadow.control} follows")
        await shadow.run(p.stop)

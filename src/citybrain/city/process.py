"""The processes of the running city: `python -m citybrain.city.process NAME --data DIR`, started by `up`.

Each connects to the bus, says that it is ready, and runs until it is told to stop or its parent is gone.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvicorn

from citybrain import brain
from citybrain.city.address import Address, read_address
from citybrain.city.errors import NotRunning
from citybrain.city.exposition import Exposition
from citybrain.city.plan import read_plan
from citybrain.city.shadow import Shadow
from citybrain.city.street import Street
from citybrain.city.world import World, open_world
from citybrain.cloud import Bus, BusRunner, DataFolder, Graph
from citybrain.cockpit import make_app
from citybrain.hub import Hub, load_catalogue
from citybrain.library import Library, LibraryClient, LibraryServer

log = logging.getLogger(__name__)
HOUR_MS = 3_600_000


class Process:
    """What a process of the city is given."""

    def __init__(self, data: Path, name: str, ready: Callable[[str], None]) -> None:
        address = read_address(data / "address.json")
        if address is None:
            raise NotRunning(f"no city runs on {data}: this process is started by citybrain up")
        self.name = name
        self.plan = read_plan(data)
        self.folder = DataFolder(data, create=False)
        self.address: Address = address
        self.ready = ready
        self.stop = asyncio.Event()

    def world(self) -> World:
        return open_world(self.plan)

    async def bus(self) -> Bus:
        return await Bus.connect(self.address.bus, load_catalogue(self.plan.folder), name=self.name)


async def street(p: Process) -> None:
    """The simulated city with detectors, guard and lamps."""
    async with await p.bus() as bus:
        runs = Street(p.world(), bus)
        await runs.open()
        p.ready("the street is open")
        await runs.run(p.stop)


async def shadow(p: Process) -> None:
    """The same city under `actuated`."""
    async with await p.bus() as bus:
        runs = Shadow(p.world(), bus)
        await runs.open()
        p.ready("the shadow city follows")
        await runs.run(p.stop)


async def decide(p: Process) -> None:
    """The brain's steps on the bus."""
    world = p.world()
    async with await p.bus() as bus:
        graph = Graph(brain.steps(world.net), world.declarations)
        runner = BusRunner(bus, graph, name="brain", checkpoints=p.folder.checkpoints)
        following = asyncio.Event()
        run = asyncio.create_task(runner.run(ready=following, stop=p.stop))
        waiting = asyncio.create_task(following.wait())
        await asyncio.wait({run, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if following.is_set():
            p.ready("the brain decides")
        await run


async def remember(p: Process) -> None:
    """The library: takes in every record and answers queries."""
    declarations = load_catalogue(p.plan.folder)
    settings = p.plan.settings
    async with await p.bus() as bus:
        library = await asyncio.to_thread(
            Library, p.folder.library, declarations, memory_mb=settings.library.memory_mb
        )
        window_ms = round(settings.bus.log_hours * HOUR_MS)
        server = LibraryServer(library, bus, replay_window_ms=window_ms)
        run = asyncio.create_task(server.run())
        p.ready("the library takes in")
        await _until(p.stop, run)
        await asyncio.to_thread(library.close)


async def cockpit(p: Process) -> None:
    """The page, its API and its live link."""
    world, page = p.world(), p.plan.settings.page
    async with await p.bus() as bus:
        hub = Hub(world.declarations, LibraryClient(bus), bus.publish, bus)
        exposition = Exposition(bus)
        app = make_app(hub, world.net, metrics=exposition.text, zone=p.plan.settings.timezone, hosts=(page.host,))
        port = int(p.address.page.rsplit(":", 1)[1].strip("/"))
        config = uvicorn.Config(app, page.host, port, log_level="warning", ws_max_size=65536, access_log=False)
        server = uvicorn.Server(config)
        tasks = [asyncio.create_task(server.serve()), asyncio.create_task(exposition.run())]
        p.ready("the page answers")
        await _until(p.stop, *tasks)


PROCESSES: dict[str, Callable[[Process], Awaitable[None]]] = {
    "library": remember,
    "brain": decide,
    "street": street,
    "shadow": shadow,
    "cockpit": cockpit,
}
"""In the order in which they start."""


async def _until(stop: asyncio.Event, *tasks: asyncio.Task[None]) -> None:
    """Wait for `stop`, then end the tasks; raise what one of them raised before."""
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    for task in (waiting, *tasks):
        task.cancel()
    await asyncio.gather(waiting, *tasks, return_exceptions=True)
    for task in done - {waiting}:
        task.result()

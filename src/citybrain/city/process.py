"""The processes of the running city: `python -m citybrain.city.process NAME DATA`, started by `up`.

Each connects to the bus, says that it is ready, and runs until it is told to stop or its parent is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from pathlib import Path

import uvicorn
from prometheus_client import Gauge

from citybrain import brain
from citybrain.city.address import Address, read_address
from citybrain.city.errors import EXIT_INPUT, EXIT_INTERNAL, NotRunning, explain
from citybrain.city.plan import read_plan
from citybrain.city.shadow import Rewound, Shadow
from citybrain.city.street import Street
from citybrain.city.world import open_world
from citybrain.cloud import (
    Bus,
    BusRunner,
    DataFolder,
    Graph,
    Metrics,
    MetricsBoard,
    configure_log,
    hide,
    ready,
    watch_parent,
)
from citybrain.cockpit import make_app
from citybrain.hub import Hub, load_catalogue
from citybrain.library import Library, LibraryClient, LibraryServer

log = logging.getLogger(__name__)
HOUR_MS = 3_600_000
RUNNER = "brain"


class Process:
    """What a process of the city is given."""

    def __init__(self, name: str, data: Path) -> None:
        address = read_address(data / "address.json")
        if address is None:
            raise NotRunning(f"no city runs on {data}; this process is started by: citybrain up")
        hide(address.bus_token)
        self.name = name
        self.plan = read_plan(data)
        self.folder = DataFolder(data, create=False)
        self.address: Address = address
        self.metrics = Metrics(name)
        self.stop = asyncio.Event()

    @contextlib.asynccontextmanager
    async def bus(self) -> AsyncGenerator[Bus]:
        """The bus; it is told this process's metrics all the while."""
        declarations = load_catalogue(self.plan.folder)
        async with await Bus.connect(self.address.bus, declarations, name=self.name) as bus:
            telling = asyncio.create_task(self.metrics.tell(bus))
            try:
                yield bus
            finally:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)

    def gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """A figure of `/metrics`, read when it is asked for."""
        Gauge(f"citybrain_{name}", meaning, registry=self.metrics.registry).set_function(value)


async def street(p: Process) -> None:
    """The simulated city with detectors, guard and lamps."""
    world = open_world(p.plan)
    async with p.bus() as bus:
        runs = Street(world, bus)
        await runs.open()
        p.gauge(
            "street_behind_seconds",
            "By how much the last second of the city came late",
            lambda: runs.pace.behind_s,
        )
        p.gauge(
            "street_unacknowledged_groups",
            "Groups of batches that the bus has yet to take",
            lambda: runs.outbox.waiting,
        )
        p.gauge("street_given_up_batches", "Batches that the bus never took", lambda: runs.outbox.given_up)
        p.gauge("street_city_time_seconds", "City time, seconds since 1970 UTC", lambda: runs.time_ms / 1000)
        ready("the street is open")
        await runs.run(p.stop)


async def shadow(p: Process) -> None:
    """The same city under `actuated`."""
    world = open_world(p.plan)
    async with p.bus() as bus:
        runs = Shadow(world, bus)
        await runs.open()
        p.gauge(
            "shadow_behind_seconds", "City seconds that the shadow is behind the street", lambda: runs.behind_s
        )
        ready("the shadow city follows")
        await runs.run(p.stop)


async def decide(p: Process) -> None:
    """The brain's steps on the bus."""
    world = open_world(p.plan)
    async with p.bus() as bus:
        graph = Graph(brain.steps(world.net), world.declarations)
        runner = BusRunner(bus, graph, name=RUNNER, checkpoints=p.folder.checkpoints)
        p.gauge("brain_tick_milliseconds", "Time that the last tick took", lambda: runner.took_ms)
        p.gauge("brain_ticks", "Ticks decided since the start", lambda: runner.invocations)
        p.gauge("brain_waiting_ticks", "Ticks that wait", lambda: runner.waiting_ticks)
        p.gauge("brain_merged_ticks", "Ticks taken together with a later one", lambda: runner.merged_ticks)
        follows = asyncio.Event()
        run = asyncio.create_task(runner.run(ready=follows, stop=p.stop))
        waiting = asyncio.create_task(follows.wait())
        await asyncio.wait({run, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if follows.is_set():
            ready("the brain decides")
        await run


async def library(p: Process) -> None:
    """The city's memory: takes in every record and answers queries."""
    declarations = load_catalogue(p.plan.folder)
    settings = p.plan.settings
    window_ms = round(settings.bus.log_hours * HOUR_MS)
    async with p.bus() as bus:
        memory = await asyncio.to_thread(
            Library, p.folder.library, declarations, memory_mb=settings.library.memory_mb
        )
        server = LibraryServer(memory, bus, replay_window_ms=window_ms)
        p.gauge("library_rows", "Rows stored since the start", lambda: server.stats.rows)
        p.gauge("library_waiting_batches", "Batches that wait to be stored", lambda: server.stats.waiting)
        p.gauge("library_refused_batches", "Batches that do not fit", lambda: server.stats.refused)
        p.gauge("library_commit_milliseconds", "Last commit", lambda: server.stats.last_commit_took_ms)
        ready("the library takes in")
        await _until(p.stop, asyncio.create_task(server.run()))
        await asyncio.to_thread(memory.close)


async def cockpit(p: Process) -> None:
    """The page, its API and its live link."""
    world, page = open_world(p.plan), p.plan.settings.page
    board = MetricsBoard()
    async with p.bus() as bus:
        hub = Hub(world.declarations, LibraryClient(bus), bus.publish, bus)
        app = make_app(
            hub,
            world.net,
            metrics=lambda: board.exposition().decode(),
            zone=p.plan.settings.timezone,
            hosts=(page.host,),
        )
        port = int(p.address.page.rstrip("/").rsplit(":", 1)[1])
        server = _PageServer(
            uvicorn.Config(app, page.host, port, log_config=None, access_log=False, ws_max_size=65536)
        )
        listening = asyncio.create_task(board.listen(bus))
        serving = asyncio.create_task(server.serve())
        waiting = asyncio.create_task(p.stop.wait())
        await asyncio.wait({waiting, serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = server.force_exit = True
        listening.cancel()
        waiting.cancel()
        await serving


class _PageServer(uvicorn.Server):
    """uvicorn under our supervisor: it leaves signals alone and tells when it listens."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            ready("the page answers")


PROCESSES: dict[str, Callable[[Process], Awaitable[None]]] = {
    "library": library,
    "brain": decide,
    "street": street,
    "shadow": shadow,
    "cockpit": cockpit,
}
"""In the order in which they start."""


async def _until(stop: asyncio.Event, task: asyncio.Task[None]) -> None:
    """Wait for `stop`, then end the task; raise what it raised before."""
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    task.cancel()
    await asyncio.gather(waiting, task, return_exceptions=True)
    if task in done:
        task.result()


async def _run(name: str, data: Path) -> None:
    process = Process(name, data)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop.set)
    await PROCESSES[name](process)


def main() -> int:
    """Run the process that the command line names; the exit code."""
    if len(sys.argv) != 3 or sys.argv[1] not in PROCESSES:
        print(f"usage: python -m citybrain.city.process {{{','.join(PROCESSES)}}} DATA", file=sys.stderr)
        return EXIT_INPUT
    name, data = sys.argv[1], Path(sys.argv[2])
    watch_parent()
    configure_log(name, DataFolder(data, create=False).log(name))
    try:
        asyncio.run(_run(name, data))
    except BaseException as e:
        cause = _first(e)
        if isinstance(cause, Rewound):
            log.info("%s", cause)
            return 0
        line, code = explain(cause) if isinstance(cause, Exception) else (type(cause).__name__, EXIT_INTERNAL)
        log.error("%s", line, exc_info=cause)
        print(line, flush=True)
        return code
    return 0


def _first(error: BaseException) -> BaseException:
    """The error behind a group of one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    sys.exit(main())

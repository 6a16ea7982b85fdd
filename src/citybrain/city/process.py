"""The processes of the running city: `python -m citybrain.city.process NAME DATA`, started by `up`.

Each connects to the bus, says that it is ready, and runs until it is told to stop or its parent is gone. A process
loads only the rooms that it works in.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from prometheus_client import Gauge

from citybrain.city.address import Address, read_address
from citybrain.city.errors import EXIT_INPUT, EXIT_INTERNAL, NotRunning, explain
from citybrain.city.plan import read_plan
from citybrain.city.worker_name import WORKERS
from citybrain.cloud import Bus, DataFolder, Metrics, configure_log, hide, watch_parent

PROCESSES = {
    "library": "citybrain.city.memory",
    **dict.fromkeys(WORKERS, "citybrain.city.decider"),
    "street": "citybrain.city.street",
    "shadow": "citybrain.city.shadow",
    "shadow-own": "citybrain.city.shadow",
    "cockpit": "citybrain.city.page",
}
"""The module of each, whose `serve` is the process; the street and what looks on come after what listens."""

log = logging.getLogger(__name__)


class Ended(Exception):
    """A process ends by itself, as it should, and is to be started again."""


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
        async with await Bus.connect(self.address.bus, self.plan.declarations(), name=self.name) as bus:
            telling = asyncio.create_task(self.metrics.tell(bus))
            try:
                yield bus
            finally:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)

    def gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """A figure of `/metrics`, read when it is asked for."""
        Gauge(f"citybrain_{name}", meaning, registry=self.metrics.registry).set_function(value)


async def _run(name: str, data: Path) -> None:
    process = Process(name, data)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop.set)
    await importlib.import_module(PROCESSES[name]).serve(process)


def main() -> int:
    """Run the process that the command line names; the exit code."""
    if len(sys.argv) != 3 or sys.argv[1] not in PROCESSES:
        print(f"usage: python -m citybrain.city.process {{{','.join(PROCESSES)}}} DATA", file=sys.stderr)
        return EXIT_INPUT
    name, data = sys.argv[1], Path(sys.argv[2])
    watch_parent()
    try:
        configure_log(name, DataFolder(data, create=False).log(name))
        asyncio.run(_run(name, data))
    except BaseException as e:
        return _end(_first(e))
    return 0


def _end(error: BaseException) -> int:
    """Say why it ended; the exit code."""
    if isinstance(error, Ended):
        log.info("%s", error)
        return 0
    line, code = explain(error) if isinstance(error, Exception) else (type(error).__name__, EXIT_INTERNAL)
    log.error("%s", line, exc_info=error)
    print(line, flush=True)
    return code


def _first(error: BaseException) -> BaseException:
    """The error behind a group of one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    # One module, whether run or imported: what the processes raise is what is caught here.
    sys.exit(importlib.import_module("citybrain.city.process").main())

"""A connection to a city's bus from the command line, whether the city runs or not."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from citybrain.city.address import read_address
from citybrain.city.errors import NotRunning
from citybrain.cloud import Bus, BusRefused, DataFolder, NatsServer
from citybrain.model import Declarations

RIDE_OUT_S = 5.0


@asynccontextmanager
async def running_bus(data: Path, declarations: Declarations) -> AsyncGenerator[Bus]:
    """The bus of the city that runs on `data`. Raises NotRunning."""
    address = read_address(data / "address.json")
    if address is None:
        raise NotRunning(f"no city runs on {data}; start it with: citybrain up --data {data}")
    try:
        bus = await Bus.connect(address.bus, declarations, name="command line", ride_out_s=RIDE_OUT_S)
    except BusRefused:
        raise NotRunning(
            f"the city on {data} does not answer (process {address.pid}); start it again: citybrain up"
        ) from None
    async with bus:
        yield bus


@asynccontextmanager
async def any_bus(data: Path, declarations: Declarations) -> AsyncGenerator[Bus]:
    """The running city's bus, else a server of our own over the log that the city left. Raises NotRunning."""
    if read_address(data / "address.json") is not None:
        async with running_bus(data, declarations) as bus:
            yield bus
        return
    with DataFolder(data, create=False) as folder:
        server = NatsServer(folder.bus, log=folder.logs / "nats-server.log")
        address = await server.start()
        try:
            async with await Bus.connect(address, declarations, name="command line") as bus:
                yield bus
        finally:
            await server.stop()

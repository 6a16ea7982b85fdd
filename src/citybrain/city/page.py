"""The cockpit's process: the page, its API and its live link, and the metrics of all processes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from citybrain.city.process import Process
from citybrain.cloud import MetricsBoard, ready
from citybrain.cockpit import make_app
from citybrain.hub import Hub
from citybrain.library import LibraryClient

LONGEST_MESSAGE = 65_536


async def serve(p: Process) -> None:
    """Serve the page until told to stop."""
    settings = p.plan.settings
    board = MetricsBoard()
    async with p.bus() as bus:
        hub = Hub(bus.declarations, LibraryClient(bus), bus.publish, bus)
        app = make_app(
            hub,
            p.plan.net(),
            metrics=lambda: board.exposition().decode(),
            zone=settings.timezone,
            hosts=(settings.page.host,),
        )
        port = int(p.address.page.rstrip("/").rsplit(":", 1)[1])
        config = uvicorn.Config(
            app,
            settings.page.host,
            port,
            log_config=None,
            access_log=False,
            ws_max_size=LONGEST_MESSAGE,
            ws_per_message_deflate=False,  # frames are packed already
            timeout_graceful_shutdown=2,  # an open page does not hold up the stop
        )
        server = _PageServer(config)
        listening = asyncio.create_task(board.listen(bus))
        serving = asyncio.create_task(server.serve())
        waiting = asyncio.create_task(p.stop.wait())
        await asyncio.wait({waiting, serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
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

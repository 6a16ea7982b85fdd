"""A running small city: a real bus, library, hub and page server, driven second by second by the test."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from small_city import START_MS, Happenings

from citybrain.cloud import Bus, NatsServer
from citybrain.cockpit import make_app
from citybrain.hub import Hub
from citybrain.library import Library, LibraryClient, LibraryServer
from citybrain.model import Batch, Declarations, RoadNet

T = TypeVar("T")
WITHIN_S = 20.0


class RunningCity:
    """The small city on its own thread. `advance` lets it live; `remember`, `forget` start and end its library."""

    def __init__(self, folder: Path, net: RoadNet, declared: Declarations) -> None:
        self.net = net
        self.happenings = Happenings(net, declared)
        self.second = 0
        self._told = 0
        self._folder = folder
        self._declared = declared
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="small city")
        self._stack = contextlib.AsyncExitStack()
        self._library: asyncio.Task[None] | None = None
        self.port = 0

    def start(self) -> None:
        self._thread.start()
        self.call(self._open())

    def stop(self) -> None:
        self.call(self._stack.aclose())
        self.call(_ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_S)

    def advance(self, seconds: int = 1) -> None:
        """Let the city live so many seconds; what happened is on the bus, and on its way to the pages."""
        for _ in range(seconds):
            self.second += 1
            self.publish(*self.happenings.second(self.second))
            self.call(self._bus.beat("live.vehicle", self.happenings.frame(self.second)))

    def publish(self, *batches: Batch) -> None:
        self.call(self._bus.publish_many(batches))

    def tell(self, dataset: str, **row: Any) -> None:
        """Publish one record, dated now unless it says otherwise."""
        row = {"time": START_MS + self.second * 1000} | row
        self._told += 1
        self.publish(self.happenings.batch(dataset, [row], f"told/{self._told}"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close_page(self) -> None:
        self.call(self._stop_page())

    def open_page(self) -> None:
        self.call(self._start_page())

    def remember(self) -> None:
        self.call(self._start_library())

    def forget(self) -> None:
        self.call(self._stop_library())

    async def _open(self) -> None:
        server = NatsServer(self._folder / "bus", log=self._folder / "nats.log")
        address = await server.start()
        self._stack.push_async_callback(server.stop)
        self._bus = await self._stack.enter_async_context(
            await Bus.connect(address, self._declared, name="small city")
        )
        await self._bus.prepare()
        await self._start_library()
        self._stack.push_async_callback(self._stop_library)
        await self._start_page()
        self._stack.push_async_callback(self._stop_page)

    async def _start_page(self) -> None:
        hub = Hub(self._declared, LibraryClient(self._bus), self._bus.publish, self._bus)
        app = make_app(hub, self.net, metrics=lambda: "small_city_up 1\n", zone="Asia/Shanghai")
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
        )
        server.install_signal_handlers = lambda: None  # the thread is not the main one
        listening = socket.create_server(("127.0.0.1", self.port))
        self.port = listening.getsockname()[1]
        self._page = (server, asyncio.create_task(server.serve([listening])))

    async def _stop_page(self) -> None:
        server, serving = self._page
        server.should_exit = True
        await serving

    async def _start_library(self) -> None:
        self._store = await asyncio.to_thread(Library, self._folder / "library", self._declared)
        self._library = asyncio.create_task(LibraryServer(self._store, self._bus).run())

    async def _stop_library(self) -> None:
        task, self._library = self._library, None
        if task is None:
            return
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(self._store.close)


async def _ended() -> None:
    """Whatever still runs on this loop has come to its end."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)

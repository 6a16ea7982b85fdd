"""Publishing to the log: sent in order, many under way, each settled by its own acknowledgement."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import nats.errors
from nats.aio.msg import Msg

from citybrain.cloud.errors import BusRefused
from citybrain.cloud.wire import Message, encode
from citybrain.model import Batch

if TYPE_CHECKING:
    from citybrain.cloud.bus import Bus

ATTEMPT_S = 3.0
PAUSE_S = 0.1


class _NotStored(Exception):
    """The server's own words why it did not store a message."""


class Publisher:
    """Sends batches and waits for their acknowledgements, at most `in_flight` at a time."""

    def __init__(self, bus: Bus, *, in_flight: int, ride_out_s: float) -> None:
        self._bus = bus
        self._ride_out_s = ride_out_s
        self._slots = asyncio.Semaphore(in_flight)
        self._inbox = bus.client.new_inbox()
        self._numbers = itertools.count()
        self._open: dict[str, asyncio.Future[None]] = {}

    async def start(self) -> None:
        """Listen for acknowledgements."""
        await self._bus.client.subscribe(f"{self._inbox}.*", cb=self._acknowledged)

    async def publish(self, batches: Iterable[Batch]) -> None:
        """Send batches in order and wait until all are on disk. Raises BusRefused, ValueError."""
        waiting: list[asyncio.Task[None]] = []
        try:
            for batch in batches:
                for message in encode(batch, self._bus.declarations):
                    await self._slots.acquire()
                    sent = await self._send(message)
                    waiting.append(asyncio.create_task(self._settle(message, sent)))
        finally:
            results = await asyncio.gather(*waiting, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _send(self, message: Message) -> str:
        """Put a message on the wire; the token of its acknowledgement, "" while there is no connection."""
        if not self._bus.client.is_connected:
            return ""
        token = str(next(self._numbers))
        self._open[token] = asyncio.get_running_loop().create_future()
        try:
            await self._bus.client.publish(
                message.subject, message.payload, reply=f"{self._inbox}.{token}", headers=dict(message.headers)
            )
        except (nats.errors.Error, OSError):
            del self._open[token]
            return ""
        return token

    async def _settle(self, message: Message, token: str) -> None:
        """Wait for the acknowledgement, sending again as long as publishers ride out."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._ride_out_s
        why = "no connection"
        try:
            while True:
                try:
                    if token:
                        async with asyncio.timeout(ATTEMPT_S):
                            await self._open[token]
                        return
                except TimeoutError:
                    why = "no answer"
                except _NotStored as e:
                    why = str(e)
                finally:
                    self._open.pop(token, None)
                left = deadline - loop.time()
                if left <= 0:
                    raise BusRefused(f"the bus refused {message.id} for {self._ride_out_s:.0f} s: {why}")
                await self._pause(min(left, PAUSE_S))
                token = await self._send(message)
        finally:
            self._slots.release()

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt; less where a lost connection comes back sooner."""
        if self._bus.connected.is_set():
            # Also where a lost connection is not noticed everywhere yet: never go round without a wait.
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._bus.connected.wait()
        except TimeoutError:
            return

    def disconnected(self) -> None:
        """What was under way will not be acknowledged any more: it is sent again."""
        for future in self._open.values():
            if not future.done():
                future.set_exception(_NotStored("connection lost"))

    async def _acknowledged(self, msg: Msg) -> None:
        future = self._open.get(msg.subject.rsplit(".", 1)[1])
        if future is None or future.done():
            return
        if (msg.headers or {}).get("Status") == "503":
            future.set_exception(_NotStored("no stream takes it"))
            return
        answer = json.loads(msg.data)
        if "error" in answer:
            future.set_exception(_NotStored(str(answer["error"].get("description", "no reason given"))))
        else:
            future.set_result(None)

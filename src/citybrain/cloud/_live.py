"""Live ends of the bus: transient data, newest wins; and the tail of the log, without gaps."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import TYPE_CHECKING, Self

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from citybrain.cloud import _log
from citybrain.cloud._inbox import Inbox
from citybrain.cloud.errors import BusRefused
from citybrain.cloud.wire import LIVE, Position, Stored, decode

if TYPE_CHECKING:
    from citybrain.cloud.bus import Bus

POLL_S = 60.0
logger = logging.getLogger(__name__)


class Listener:
    """An async iterator over what is sent live under a subject; a slow reader sees the newest `keep` only."""

    def __init__(self, bus: Bus, keep: int) -> None:
        self._bus = bus
        self._newest: deque[bytes] = deque(maxlen=keep)
        self._arrived = asyncio.Event()
        self._subscription: Subscription | None = None
        self.passed_over = 0

    async def open(self, subject: str) -> Self:
        self._subscription = await self._bus.client.subscribe(subject, cb=self._take)
        await self._bus.client.flush()
        return self

    async def aclose(self) -> None:
        """End the subscription."""
        if self._subscription is not None and not self._bus.client.is_closed:
            await self._subscription.unsubscribe()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._newest:
            self._arrived.clear()
            await self._arrived.wait()
        return self._newest.popleft()

    async def _take(self, msg: Msg) -> None:
        self.passed_over += len(self._newest) == self._newest.maxlen
        self._newest.append(msg.data)
        self._arrived.set()


class Tail:
    """An async iterator over the batches of some datasets as they are stored: each once, in order a stream.

    A stream repeats what it has stored under `live.city.…` by core NATS: as fast as a plain subscription, but
    never what the log lacks and never twice. The gap of a lost connection, or of a reader that was too slow, is
    read from the log.
    """

    def __init__(self, bus: Bus, datasets: Collection[str]) -> None:
        self._bus = bus
        self._streams = bus.streams(datasets)
        self._subjects = {s for subjects in self._streams.values() for s in subjects}
        self._seen: dict[str, int] = {}
        self._reconnects = bus.reconnects
        self._inbox = Inbox(bus)
        self.level = asyncio.Event()
        """Cleared while a gap is read from the log."""
        self._entries = self._follow()

    async def open(self, after: Mapping[str, int]) -> Self:
        """Subscribe; what is stored from here on is seen, of the streams in `after` what stands behind that."""
        # One subscription for all, because only within one are messages in order.
        systems = {s.rsplit(".", 1)[0] for s in self._subjects}
        wide = f"{systems.pop()}.>" if len(systems) == 1 else "city.>"
        subject = next(iter(self._subjects)) if len(self._subjects) == 1 else wide
        await self._inbox.open(LIVE + subject)
        for stream in self._streams:
            last = await _log.last_sequence(self._bus, stream)
            self._seen[stream] = min(after.get(stream, last), last)
        self._reconnects -= bool(after)  # the gap is read first
        return self

    async def aclose(self) -> None:
        """End the subscription."""
        await self._entries.aclose()
        await self._inbox.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Stored:
        return await anext(self._entries)

    async def _follow(self) -> AsyncGenerator[Stored]:
        while True:
            if self._bus.reconnects != self._reconnects:
                self.level.clear()
                self._reconnects = self._bus.reconnects
                for stream in self._streams:
                    async for stored in self._gap(stream):
                        yield stored
            self.level.set()
            msg = await self._inbox.next(POLL_S)
            if msg is None or msg.subject.removeprefix(LIVE) not in self._subjects:
                continue
            headers = msg.headers or {}
            stream, sequence = headers.get("Nats-Stream", ""), int(headers.get("Nats-Sequence", "0"))
            if stream in self._seen and int(headers.get("Nats-Last-Sequence", "0")) > self._seen[stream]:
                async for stored in self._gap(stream):
                    yield stored
            if sequence > self._seen.get(stream, sequence):
                self._seen[stream] = sequence
                try:
                    batch = decode(msg.subject, headers, msg.data, self._bus.declarations)
                except ValueError as e:
                    logger.error("passed over %s %d: %s", stream, sequence, e)
                    continue
                yield Stored(batch, Position(stream, sequence))

    async def _gap(self, stream: str) -> AsyncGenerator[Stored]:
        """What the log has behind the last that was seen."""
        while True:
            try:
                async for stored, _ in _log.since(
                    self._bus, stream, self._streams[stream], self._seen[stream] + 1
                ):
                    self._seen[stream] = stored.position.sequence
                    yield stored
                return
            except BusRefused as e:
                logger.info("the gap of %s is read later: %s", stream, e)
                await self._bus.connected.wait()
                await asyncio.sleep(0.1)

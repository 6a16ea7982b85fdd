"""A subscription whose messages wait in order until they are read."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

if TYPE_CHECKING:
    from citybrain.cloud.bus import Bus

MOST_BYTES = 64 * 1024 * 1024
logger = logging.getLogger(__name__)


class Inbox:
    """Messages of one subject, at most 64 MB of them; what comes on top is counted in `lost`.

    Not nats-py's own `next_msg`: that waits by `asyncio.wait_for`, which on Python 3.11 may swallow a
    cancellation.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: deque[Msg] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._subscription: Subscription | None = None
        self.lost = 0

    async def open(self, subject: str) -> Self:
        self._subscription = await self._bus.client.subscribe(subject, cb=self._take)
        self._bus.inboxes.add(self)
        return self

    async def next(self, timeout_s: float) -> Msg | None:
        """The next message; None when none came in time, or when the connection was lost and is back."""
        if not self._waiting:
            self._arrived.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._arrived.wait()
            except TimeoutError:
                return None
            if not self._waiting:
                return None
        msg = self._waiting.popleft()
        self._bytes -= len(msg.data)
        return msg

    def wake(self) -> None:
        """Have `next` return: the connection is back, and what was asked before it broke will not be answered."""
        self._arrived.set()

    async def close(self) -> None:
        """End the subscription."""
        self._bus.inboxes.discard(self)
        if self._subscription is not None and not self._bus.client.is_closed:
            try:
                await self._subscription.unsubscribe()
            except nats.errors.Error as e:
                logger.debug("unsubscribe: %s", e or type(e).__name__)

    async def _take(self, msg: Msg) -> None:
        if self._bytes > MOST_BYTES:
            self.lost += 1
            return
        self._waiting.append(msg)
        self._bytes += len(msg.data)
        self._arrived.set()


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they are done: one cancellation may be swallowed by a wait below."""
    left = {t for t in tasks if not t.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.2)

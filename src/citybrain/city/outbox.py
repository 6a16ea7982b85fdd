"""What a process says to the bus, in order, without ever waiting for it.

A street does not stand still because the bus does: records wait here, in order, up to a bound. Beyond it the
oldest are given up, counted and said aloud; they were never acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from citybrain.cloud import Bus, BusRefused
from citybrain.model import Batch

log = logging.getLogger(__name__)

Group = tuple[Batch, ...]


class Outbox:
    """Groups of batches on their way to the bus; the batches of a group are acknowledged before the next goes."""

    def __init__(self, bus: Bus, bound: int = 600) -> None:
        self.given_up = 0
        """Batches that could not be kept."""
        self._bus = bus
        self._groups: deque[Group] = deque()
        self._bound = bound
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, batches: Sequence[Batch]) -> None:
        """Hand over a group; returns at once."""
        if len(self._groups) >= self._bound:
            lost = self._groups.popleft()
            self.given_up += len(lost)
            log.error("the bus takes nothing: %d batches given up so far", self.given_up)
        self._groups.append(tuple(batches))
        self._idle.clear()
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Groups not acknowledged yet."""
        return len(self._groups)

    async def drain(self, timeout_s: float) -> bool:
        """Wait until all is acknowledged; False when the time ran out."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Send for ever (cancel to stop)."""
        while True:
            while not self._groups:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
            group = self._groups[0]
            try:
                await self._bus.publish_many(group)
            except BusRefused as e:
                log.warning("the bus refuses (%s); %d groups wait", e, len(self._groups))
                continue
            if self._groups and self._groups[0] is group:
                self._groups.popleft()

"""Follows the city through the hub and passes on to the pages what comes. Never gives up: a silent or broken
source leaves the page with what it has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from citybrain.cockpit.audience import Audience
from citybrain.cockpit.frame import frame_head
from citybrain.cockpit.live import CADENCE_S, LiveCity
from citybrain.cockpit.message import JunctionMessage, encode
from citybrain.cockpit.window import Window
from citybrain.model import Batch

_LOG = logging.getLogger(__name__)
_PAUSE_S = (0.5, 1.0, 2.0, 5.0)
_OF_JUNCTIONS = frozenset({"traffic.signal_state", "traffic.movement_queue", "traffic.signal_order"})
FOLLOWED = tuple(d for d in CADENCE_S if d != "sim.vehicle")


class Follower:
    """Joins the window, the live city and the audience."""

    def __init__(self, window: Window, live: LiveCity, audience: Audience) -> None:
        self._window = window
        self._live = live
        self._audience = audience

    async def run(self) -> None:
        """Follow everything until cancelled."""
        async with asyncio.TaskGroup() as group:
            for dataset in FOLLOWED:
                group.create_task(self._lasting(dataset, partial(self._follow, dataset)))
            group.create_task(self._lasting("frames", self._frames))
            group.create_task(self._lasting("the past", self._remember, once=True))
            group.create_task(self._beat())

    def take(self, batch: Batch) -> None:
        """Pass a batch on to the pages."""
        messages = self._live.apply(batch)
        self._audience.texts(encode(m) for m in messages)
        if batch.dataset in _OF_JUNCTIONS:
            self._tell_watchers()

    async def _follow(self, dataset: str) -> None:
        async for batch in self._window.follow(dataset):
            self.take(batch)

    async def _frames(self) -> None:
        async for frame in self._window.frames():
            try:
                head = frame_head(frame)
            except ValueError as e:
                _LOG.warning("a frame was passed over: %s", e)
                continue
            self._live.saw("sim.vehicle", head.time_ms)
            self._audience.frame(frame)

    async def _remember(self) -> None:
        for dataset in FOLLOWED:
            for batch in await self._window.past(dataset):
                self._live.remember(batch)
        self._audience.texts([encode(self._live.hello())])

    async def _beat(self) -> None:
        while True:
            self._audience.newest("seen", encode(self._live.tick()))
            await asyncio.sleep(1.0)

    def _tell_watchers(self) -> None:
        for listener in self._audience.listeners:
            if listener.watch is not None:
                now = self._live.junction(listener.watch)
                listener.put_newest("junction", encode(JunctionMessage(now)))

    async def _lasting(self, what: str, work: Callable[[], Awaitable[None]], once: bool = False) -> None:
        """Do it over and over, with growing pauses after failures. Only cancelling ends it."""
        failures = 0
        while True:
            try:
                await work()
                failures = 0
                if once:
                    return
            except Exception as e:
                failures += 1
                if failures == 1:
                    _LOG.warning("%s: %s; trying again", what, e)
            await asyncio.sleep(_PAUSE_S[min(failures, len(_PAUSE_S) - 1)])

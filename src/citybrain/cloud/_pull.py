"""Reads a JetStream consumer in bulk, without a gap of asking between two bulks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING

import nats.errors
from nats.aio.msg import Msg

from citybrain.cloud._inbox import Inbox
from citybrain.cloud.errors import BusRefused

if TYPE_CHECKING:
    from citybrain.cloud.bus import Bus

BULK = 128
EXPIRES_S = 5.0
HEARTBEAT_S = 1.0
_STATUS = "Status"
_IDLE = "100"


async def pull(
    bus: Bus, stream: str, consumer: str, restore: Callable[[], Awaitable[None]], *, bulk: int = BULK
) -> AsyncGenerator[Msg]:
    """Messages of a pull consumer as they come, for ever; at most twice `bulk` lie here unread.

    `restore` is awaited whenever the server fell silent: it makes the consumer again if that is needed.
    """
    reply = bus.client.new_inbox()
    inbox = await Inbox(bus).open(reply)
    ask = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
    wanted = {
        "batch": bulk,
        "expires": int(EXPIRES_S * 1e9),
        "idle_heartbeat": int(HEARTBEAT_S * 1e9),
    }
    request = json.dumps(wanted).encode()
    due = 0
    try:
        while True:
            if due <= bulk // 2 and bus.client.is_connected:
                await bus.client.publish(ask, request, reply=reply)
                due += bulk
            msg = await inbox.next(2.5 * HEARTBEAT_S)
            if msg is None:
                await _returned(bus, restore)
                due = 0
                continue
            status = (msg.headers or {}).get(_STATUS) if not msg.data else None
            if status is None:
                due -= 1
                yield msg
            elif status != _IDLE:
                left = int((msg.headers or {}).get("Nats-Pending-Messages", bulk))
                due = max(0, due - left)
                if status not in ("404", "408"):
                    await _returned(bus, restore)
    finally:
        await inbox.close()


async def _returned(bus: Bus, restore: Callable[[], Awaitable[None]]) -> None:
    """Wait for the server and have the consumer restored."""
    while True:
        await bus.connected.wait()
        try:
            await restore()
            return
        except (BusRefused, nats.errors.Error, OSError):
            await asyncio.sleep(0.1)

"""Request and reply over the bus, with replies of any size in parts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import nats.errors
from nats.aio.msg import Msg

from citybrain.cloud._inbox import Inbox, end_tasks
from citybrain.cloud.errors import CloudError, RequestFailed

if TYPE_CHECKING:
    from citybrain.cloud.bus import Bus

PART = 1024 * 1024
UNCONFIRMED = 8
"""Parts on the way before the reader must say that it keeps up."""
LARGEST_REQUEST = 4 * 1024 * 1024
ERROR = "Error"
LAST = "Last"
Handler = Callable[[bytes], Awaitable[bytes]]
logger = logging.getLogger(__name__)


async def request(bus: Bus, subject: str, data: bytes, timeout_s: float) -> bytes:
    """The whole answer of who serves `subject`. `timeout_s` bounds the wait for each part.

    Raises RequestFailed: with the words of the other side, or because nobody serves it or nothing came in time.
    """
    if len(data) > LARGEST_REQUEST:
        raise RequestFailed(f"{subject}: a request of {len(data)} bytes, at most {LARGEST_REQUEST}")
    if not bus.client.is_connected:
        raise RequestFailed(f"{subject}: no connection to the bus")
    reply = bus.client.new_inbox()
    inbox = await Inbox(bus).open(reply)
    parts: list[bytes] = []
    try:
        await bus.client.publish(subject, data, reply=reply)
        while True:
            msg = await inbox.next(timeout_s)
            if msg is None:
                raise RequestFailed(f"{subject}: no answer within {timeout_s:.0f} s")
            headers = msg.headers or {}
            if headers.get("Status") == "503":
                raise RequestFailed(f"nobody serves {subject}: is that process running?")
            if ERROR in headers:
                raise RequestFailed(headers[ERROR])
            parts.append(msg.data)
            if msg.reply:
                await bus.client.publish(msg.reply, b"")
            if LAST in headers:
                return b"".join(parts)
    except nats.errors.Error as e:
        raise RequestFailed(f"{subject}: {e or type(e).__name__}") from None
    finally:
        await inbox.close()


async def serve(bus: Bus, subject: str, handler: Handler, *, at_once: int = 16) -> Callable[[], Awaitable[None]]:
    """Answer each request on `subject` with what `handler` returns, up to `at_once` at a time.

    The words of a ValueError or CloudError of `handler` go to who asked; any other error is logged here and told
    as "internal error". Returns what ends the service.
    """
    slots = asyncio.Semaphore(at_once)
    running: set[asyncio.Task[None]] = set()

    async def take(msg: Msg) -> None:
        await slots.acquire()
        task = asyncio.create_task(_answer(bus, msg, handler))
        running.add(task)
        task.add_done_callback(running.discard)
        task.add_done_callback(lambda _: slots.release())

    subscription = await bus.client.subscribe(subject, cb=take)
    await bus.client.flush()

    async def end() -> None:
        if not bus.client.is_closed:
            await subscription.unsubscribe()
        await end_tasks(running)

    return end


async def _answer(bus: Bus, msg: Msg, handler: Handler) -> None:
    try:
        answer = await handler(msg.data)
    except Exception as e:
        words = _words(e)
        if words is None:
            logger.exception("request on %s failed", msg.subject)
        await _send(bus, msg.reply, b"", {ERROR: words or "internal error: see the log of that process"})
        return
    parts = [answer[i : i + PART] for i in range(0, len(answer), PART)] or [b""]
    try:
        for number, part in enumerate(parts, 1):
            if number == len(parts):
                await _send(bus, msg.reply, part, {LAST: str(number)})
            elif number % UNCONFIRMED:
                await _send(bus, msg.reply, part, None)
            else:
                await bus.client.request(msg.reply, part, timeout=10.0)
    except nats.errors.Error as e:
        logger.info("answer on %s not taken: %s", msg.subject, e or type(e).__name__)


async def _send(bus: Bus, reply: str, data: bytes, headers: dict[str, str] | None) -> None:
    if reply and bus.client.is_connected:
        await bus.client.publish(reply, data, headers=headers)


def _words(error: Exception) -> str | None:
    if isinstance(error, (ValueError, CloudError)):
        return " ".join(str(error).split())[:2000] or type(error).__name__
    return None

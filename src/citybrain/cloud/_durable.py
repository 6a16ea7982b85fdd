"""Durable consumers: every batch at least once, in order a stream, until it is acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nats.errors
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from citybrain.cloud._inbox import end_tasks
from citybrain.cloud._pull import pull
from citybrain.cloud.wire import Position, decode
from citybrain.model import Batch

if TYPE_CHECKING:
    from citybrain.cloud.bus import Bus

ACK_WAIT_S = 60.0
UNACKNOWLEDGED = 1024
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A batch of the log for a durable consumer. `ack` also acknowledges all before it in its stream."""

    batch: Batch
    position: Position
    ack: Callable[[], Awaitable[None]]

    @property
    def stream(self) -> str:
        return self.position.stream

    @property
    def sequence(self) -> int:
        return self.position.sequence


async def consume(
    bus: Bus, datasets: Collection[str], durable: str, after: Mapping[str, int]
) -> AsyncGenerator[Delivery]:
    """Deliver every batch of `datasets` at least once, in order a stream.

    Goes on behind the last acknowledged one, or behind the sequence number that `after` gives for a stream (a
    store that keeps its own position in the same transaction as the rows). What is not acknowledged within 60 s,
    or when a consumer of that name starts anew, comes again. At most 1,024 batches a stream wait for their
    acknowledgement. A message that does not fit its declaration is logged and passed over.
    """
    if not _NAME.fullmatch(durable):
        raise ValueError(f"consumer name {durable!r}: letters, digits, - and _ only")
    queue: asyncio.Queue[Delivery | BaseException] = asyncio.Queue(maxsize=64)
    tasks = [
        asyncio.create_task(_feed(bus, stream, subjects, durable, after.get(stream), queue))
        for stream, subjects in bus.streams(datasets).items()
    ]
    try:
        while True:
            item = await queue.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        await end_tasks(tasks)


async def _feed(
    bus: Bus,
    stream: str,
    subjects: list[str],
    durable: str,
    after: int | None,
    queue: asyncio.Queue[Delivery | BaseException],
) -> None:
    async def restore() -> None:
        try:
            await bus.ask(lambda: bus.jetstream.consumer_info(stream, durable))
        except LookupError:
            await _create(bus, stream, subjects, durable, after)

    try:
        await _begin(bus, stream, subjects, durable, after)
        async with contextlib.aclosing(pull(bus, stream, durable, restore)) as messages:
            async for msg in messages:
                delivery = _delivery(bus, msg)
                if delivery is not None:
                    await queue.put(delivery)
    except Exception as e:
        await queue.put(e)


async def _begin(bus: Bus, stream: str, subjects: list[str], durable: str, after: int | None) -> None:
    """Make the consumer anew behind what it acknowledged: what was under way to a dead reader comes again at
    once and in order, instead of after the acknowledgement time and mixed with newer batches."""
    try:
        info = await bus.ask(lambda: bus.jetstream.consumer_info(stream, durable))
        if after is None and info.ack_floor is not None and info.ack_floor.stream_seq:
            after = info.ack_floor.stream_seq
        await bus.ask(lambda: bus.jetstream.delete_consumer(stream, durable))
    except LookupError:
        pass
    await _create(bus, stream, subjects, durable, after)


async def _create(bus: Bus, stream: str, subjects: list[str], durable: str, after: int | None) -> None:
    config = ConsumerConfig(
        durable_name=durable,
        filter_subjects=subjects,
        ack_policy=AckPolicy.ALL,
        ack_wait=ACK_WAIT_S,
        max_ack_pending=UNACKNOWLEDGED,
        deliver_policy=DeliverPolicy.ALL if not after else DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1 if after else None,
    )
    await bus.ask(lambda: bus.jetstream.add_consumer(stream, config))


def _delivery(bus: Bus, msg: Msg) -> Delivery | None:
    position = Position(msg.metadata.stream, msg.metadata.sequence.stream)
    try:
        batch = decode(msg.subject, msg.headers or {}, msg.data, bus.declarations)
    except ValueError as e:
        logger.error("passed over %s %d: %s", position.stream, position.sequence, e)
        return None

    async def ack() -> None:
        try:
            await msg.ack()
        except nats.errors.Error as e:
            logger.debug("acknowledgement of %s: %s", batch.id, e)

    return Delivery(batch, position, ack)

"""Reads the log of the bus: by place, by sequence number, by city time."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Collection, Sequence
from typing import TYPE_CHECKING

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, RawStreamMsg, StreamState
from nats.js.errors import NotFoundError

from citybrain.cloud._pull import pull
from citybrain.cloud.wire import CITY_TIME, Position, Stored, decode

if TYPE_CHECKING:
    from citybrain.cloud.bus import Bus

BACK_MS = 10 * 60_000
"""How far city time may have gone back within the log (a restored city) without being missed."""


async def at(bus: Bus, position: Position) -> Stored:
    """The batch at a place of the log. Raises LookupError, BusRefused."""
    try:
        raw = await bus.ask(lambda: bus.jetstream.get_msg(position.stream, position.sequence, direct=True))
    except LookupError:
        raise LookupError(f"{position.stream} {position.sequence} is not kept any more") from None
    return Stored(decode(raw.subject or "", raw.headers or {}, raw.data or b"", bus.declarations), position)


async def since(
    bus: Bus, stream: str, subjects: Sequence[str], first: int, *, bulk: int = 128
) -> AsyncGenerator[tuple[Stored, int | None]]:
    """Batches of a stream from sequence number `first` to its end now, with their city time."""
    name = bus.client.new_inbox().rsplit(".", 1)[1]
    begin = max(1, first)

    async def create() -> int:
        config = ConsumerConfig(
            name=name,
            filter_subjects=list(subjects),
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=begin,
            inactive_threshold=30.0,
            mem_storage=True,
        )
        return (await bus.jetstream.add_consumer(stream, config)).num_pending or 0

    async def restore() -> None:
        with contextlib.suppress(NotFoundError):
            await bus.jetstream.delete_consumer(stream, name)
        await create()

    if not await bus.ask(create):
        return
    messages = pull(bus, stream, name, restore, bulk=bulk)
    async with contextlib.aclosing(messages):
        async for msg in messages:
            place = Position(stream, msg.metadata.sequence.stream)
            if place.sequence < begin:
                continue
            begin = place.sequence + 1
            headers = msg.headers or {}
            time = headers.get(CITY_TIME)
            batch = decode(msg.subject, headers, msg.data, bus.declarations)
            yield Stored(batch, place), int(time) if time else None
            if msg.metadata.num_pending == 0:
                return


async def around(bus: Bus, dataset: str, from_ms: int, to_ms: int) -> AsyncGenerator[Stored]:
    """Batches of a dataset in the order of the log, at least those with city time in [from_ms, to_ms) and all that
    stands between them."""
    first = await sequence_at(bus, dataset, from_ms - BACK_MS)
    entries = since(bus, bus.stream_of(dataset), [bus.declarations[dataset].bus_subject], first)
    async with contextlib.aclosing(entries):
        async for stored, time in entries:
            if time is not None and time >= to_ms + BACK_MS:
                return
            yield stored


async def between(bus: Bus, datasets: Collection[str], from_ms: int, to_ms: int) -> AsyncGenerator[Stored]:
    """Batches whose newest record lies in [from_ms, to_ms) of city time, stream by stream, in order."""
    for stream, subjects in bus.streams(datasets).items():
        names = [d for d in datasets if bus.stream_of(d) == stream]
        first = min([await sequence_at(bus, d, from_ms - BACK_MS) for d in names])
        entries = since(bus, stream, subjects, first)
        async with contextlib.aclosing(entries):
            async for stored, time in entries:
                if time is not None and time >= to_ms + BACK_MS:
                    break
                if time is not None and from_ms <= time < to_ms:
                    yield stored


async def last_sequence(bus: Bus, stream: str) -> int:
    """Sequence number of the newest batch of a stream, 0 for an empty one."""
    return (await _state(bus, stream)).last_seq


async def sequence_at(bus: Bus, dataset: str, time_ms: int) -> int:
    """Sequence number of the first batch of `dataset` at or after `time_ms` (by halving: city time must not go
    back there); one behind the last of the stream when there is none."""
    stream, subject = bus.stream_of(dataset), bus.declarations[dataset].bus_subject
    state = await _state(bus, stream)
    low, high = state.first_seq, state.last_seq + 1
    while low < high:
        middle = (low + high) // 2
        found = await _next(bus, stream, subject, middle)
        if found is None or found.seq is None or found.seq >= high:
            high = middle
            continue
        time = int((found.headers or {}).get(CITY_TIME, "0"))
        if time >= time_ms:
            high = middle
        else:
            low = found.seq + 1
    found = await _next(bus, stream, subject, low)
    return found.seq if found is not None and found.seq is not None else state.last_seq + 1


async def _state(bus: Bus, stream: str) -> StreamState:
    return (await bus.ask(lambda: bus.jetstream.stream_info(stream))).state


async def _next(bus: Bus, stream: str, subject: str, sequence: int) -> RawStreamMsg | None:
    try:
        return await bus.ask(lambda: bus.jetstream.get_msg(stream, sequence, subject, direct=True, next=True))
    except LookupError:
        return None

"""The bus: a log of batches, one stream an owner, and live subjects beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RePublish, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from citybrain.cloud import _durable, _log, _request
from citybrain.cloud._durable import Delivery
from citybrain.cloud._inbox import Inbox
from citybrain.cloud._live import Listener, Tail
from citybrain.cloud._publish import Publisher
from citybrain.cloud._request import Handler
from citybrain.cloud.errors import BusRefused, CloudError
from citybrain.cloud.server import BusAddress
from citybrain.cloud.wire import LIVE, Position, Stored
from citybrain.model import Batch, Declarations

MOST_STREAMS = 50
RIDE_OUT_S = 10.0
ANSWER_S = 2.0
PAUSE_S = 0.1
IN_FLIGHT = 64
STREAM_BYTES = 4 * 1024**3
DUPLICATES_S = 120.0

_ENDURING: dict[str, Any] = {
    "max_reconnect_attempts": -1,
    "reconnect_time_wait": PAUSE_S,
    "ping_interval": 5,
    "max_outstanding_pings": 2,
    "pending_size": 32 * 1024 * 1024,
}
T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fill:
    """What a stream holds: first and last sequence number, and the share of its allowed bytes that is used."""

    first: int
    last: int
    share: float


class Bus:
    """A connection to the bus. Rides out a server that is away; `connect` makes one."""

    def __init__(
        self,
        client: Client,
        declarations: Declarations,
        *,
        in_flight: int = IN_FLIGHT,
        ride_out_s: float = RIDE_OUT_S,
    ) -> None:
        self.client = client
        self.declarations = declarations
        self.jetstream: JetStreamContext = client.jetstream(timeout=ANSWER_S)
        self.connected = asyncio.Event()
        self.reconnects = 0
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ride_out_s = ride_out_s
        self.inboxes: set[Inbox] = set()
        self._publisher = Publisher(self, in_flight=in_flight, ride_out_s=ride_out_s)

    @classmethod
    async def connect(
        cls,
        address: BusAddress,
        declarations: Declarations,
        *,
        name: str,
        in_flight: int = IN_FLIGHT,
        ride_out_s: float = RIDE_OUT_S,
    ) -> Self:
        """Connect to the bus at `address`, waiting up to `ride_out_s`; `name` is seen in the server's own lists.

        At most `in_flight` batches wait for their acknowledgement at a time. Raises BusRefused.
        """
        client = Client()
        bus = cls(client, declarations, in_flight=in_flight, ride_out_s=ride_out_s)
        try:
            async with asyncio.timeout(ride_out_s):
                await client.connect(
                    servers=[address.url],
                    token=address.token or None,
                    name=name,
                    error_cb=_note_error,
                    disconnected_cb=bus._on_disconnect,
                    reconnected_cb=bus._on_reconnect,
                    **_ENDURING,
                )
        except (TimeoutError, OSError, nats.errors.Error) as e:
            await client.close()
            raise BusRefused(f"no bus at {address.url}: {str(e) or 'no answer'}") from None
        bus.connected.set()
        await bus._publisher.start()
        return bus

    async def close(self) -> None:
        """Close the connection. What was acknowledged stays acknowledged; nothing else is sent."""
        await self.client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """What a request to the server's own interface gives, asked again while the server is away.

        Raises LookupError for what is not there, BusRefused for a refusal or no answer within the time that
        is ridden out.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._ride_out_s
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    await self.connected.wait()
                return await self._unless_lost(call)
            except NotFoundError as e:
                raise LookupError(e.description or "not found") from None
            except (ServiceUnavailableError, nats.errors.Error, OSError) as e:
                if isinstance(e, APIError) and not isinstance(e, ServiceUnavailableError):
                    raise BusRefused(f"the bus refused: {e.description or e}") from None
                if loop.time() >= deadline:
                    raise BusRefused(f"the bus did not answer: {e or type(e).__name__}") from None
            await asyncio.sleep(PAUSE_S)

    async def _unless_lost(self, call: Callable[[], Awaitable[T]]) -> T:
        """What `call` gives; TimeoutError as soon as the connection breaks, since no answer will come then."""
        asking = asyncio.ensure_future(call())
        try:
            waited: set[asyncio.Future[Any]] = {asking, self._lost}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise nats.errors.TimeoutError
            return asking.result()
        finally:
            asking.cancel()

    # streams

    def stream_of(self, dataset: str) -> str:
        """The stream that keeps a dataset: that of its owner. Raises KeyError."""
        return self.declarations[dataset].owner

    def streams(self, datasets: Iterable[str] | None = None) -> dict[str, list[str]]:
        """The subjects of the datasets (default: all that are kept) by stream."""
        found: dict[str, list[str]] = {}
        for name in sorted(self.declarations if datasets is None else datasets):
            dataset = self.declarations[name]
            if dataset.transient:
                if datasets is not None:
                    raise ValueError(f"{name} passes by live and is never stored: listen to it")
                continue
            found.setdefault(dataset.owner, []).append(dataset.bus_subject)
        return found

    async def prepare(self, *, max_bytes: int = STREAM_BYTES, max_age_s: float = 0.0) -> None:
        """Make or widen the stream of each owner. `max_bytes` and `max_age_s` (0: no end) bound each of them; a
        full stream refuses. Raises CloudError."""
        streams = self.streams()
        if len(streams) > MOST_STREAMS:
            raise CloudError(
                f"{len(streams)} owners of datasets, {MOST_STREAMS} streams at most: join some owners"
            )
        for name, subjects in streams.items():
            config = StreamConfig(
                name=name,
                subjects=subjects,
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                discard=DiscardPolicy.NEW,
                max_bytes=max_bytes,
                max_age=max_age_s,
                duplicate_window=DUPLICATES_S,
                allow_direct=True,
                republish=RePublish(src="city.>", dest=f"{LIVE}city.>"),
            )
            await self._prepare_stream(name, config)

    async def _prepare_stream(self, name: str, config: StreamConfig) -> None:
        try:
            await self.ask(lambda: self.jetstream.stream_info(name))
        except LookupError:
            await self.ask(lambda: self.jetstream.add_stream(config))
        else:
            await self.ask(lambda: self.jetstream.update_stream(config))

    async def fill(self, stream: str) -> Fill:
        """How full a stream is. Raises BusRefused."""
        try:
            info = await self.jetstream.stream_info(stream)
        except (APIError, nats.errors.Error) as e:
            raise BusRefused(f"stream {stream} does not tell its state: {e or type(e).__name__}") from None
        most = info.config.max_bytes or 0
        return Fill(info.state.first_seq, info.state.last_seq, info.state.bytes / most if most > 0 else 0.0)

    async def trim(self, stream: str, sequence: int) -> None:
        """Forget what stands before `sequence` in a stream: the caller has it elsewhere. Raises BusRefused."""
        await self.ask(lambda: self.jetstream.purge_stream(stream, seq=sequence))

    # publishing

    async def publish(self, batch: Batch) -> None:
        """Publish a batch and wait until it is on disk. Twice the same id is stored once. Raises BusRefused."""
        await self.publish_many((batch,))

    async def publish_many(self, batches: Iterable[Batch]) -> None:
        """Publish batches, sent in order, and wait until all are on disk.

        Rides out `ride_out_s` of refusals or absence of the server, then raises BusRefused; a batch that had to be
        sent again may then stand behind later ones.
        """
        await self._publisher.publish(batches)

    # live

    async def beat(self, subject: str, data: bytes) -> None:
        """Send transient data to whoever listens now. Without a connection it is gone, as it would be stale."""
        if self.client.is_connected:
            try:
                await self.client.publish(subject, data)
            except (nats.errors.Error, OSError) as e:
                logger.debug("a beat on %s is lost: %s", subject, e or type(e).__name__)

    async def listen(self, subject: str, *, keep: int = 16) -> Listener:
        """What `beat` sends under `subject` from now on; a slow listener sees the newest `keep` only."""
        return await Listener(self, keep).open(subject)

    async def follow(self, datasets: Collection[str], *, after: Mapping[str, int] | None = None) -> Tail:
        """Batches of the datasets as they are stored, each once, in order a stream, without gaps: from now on, or
        behind the sequence number that `after` gives for a stream."""
        return await Tail(self, datasets).open(after or {})

    # the log

    def consume(
        self, datasets: Collection[str], durable: str, *, after: Mapping[str, int] | None = None
    ) -> AsyncGenerator[Delivery]:
        """Every batch of the datasets, from the oldest that is kept or where `durable` last acknowledged; see
        `_durable.consume`."""
        return _durable.consume(self, datasets, durable, after or {})

    def log(self, datasets: Collection[str], from_ms: int, to_ms: int) -> AsyncGenerator[Stored]:
        """Kept batches whose newest record lies in [from_ms, to_ms) of city time, in order a stream."""
        return _log.between(self, datasets, from_ms, to_ms)

    def log_from(self, dataset: str, from_ms: int, to_ms: int) -> AsyncGenerator[Stored]:
        """Kept batches of one dataset in the order of the log, from before `from_ms` of city time to behind
        `to_ms`, with all that lies between (city time may have gone back by up to 10 minutes)."""
        return _log.around(self, dataset, from_ms, to_ms)

    async def at(self, position: Position) -> Stored:
        """The batch at a place of the log. Raises LookupError when it is not kept any more."""
        return await _log.at(self, position)

    async def sequence_at(self, dataset: str, time_ms: int) -> int:
        """The sequence number, in its stream, of the first batch of a dataset at or after a city time."""
        return await _log.sequence_at(self, dataset, time_ms)

    # asking

    async def request(self, subject: str, data: bytes, *, timeout_s: float = 30.0) -> bytes:
        """Ask who serves `subject`; answers of any size come whole. Raises RequestFailed."""
        return await _request.request(self, subject, data, timeout_s)

    async def serve(self, subject: str, handler: Handler) -> Callable[[], Awaitable[None]]:
        """Answer requests on `subject`; call what is returned to end. See `_request.serve`."""
        return await _request.serve(self, subject, handler)

    async def _on_disconnect(self) -> None:
        self.connected.clear()
        self._publisher.disconnected()
        if not self._lost.done():
            self._lost.set_result(None)
        logger.info("bus: disconnected")

    async def _on_reconnect(self) -> None:
        self.reconnects += 1
        self._lost = asyncio.get_running_loop().create_future()
        self.connected.set()
        for inbox in self.inboxes:
            inbox.wake()
        logger.info("bus: connected again")


async def _note_error(error: Exception) -> None:
    logger.debug("bus: %s", error or type(error).__name__)

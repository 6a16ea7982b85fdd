"""Replay: feeds a graph exactly what the log says that it was fed, and compares what comes out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from citybrain.cloud.bus import Bus
from citybrain.cloud.checkpoint import Checkpoint, Checkpoints
from citybrain.cloud.errors import CloudError
from citybrain.cloud.graph import Graph, digest
from citybrain.cloud.invocation import INVOCATION, START, Invocation, from_batch
from citybrain.model import Batch, State, Tick

AHEAD = 32
HORIZON_MS = 1 << 50
"""Further from any city time than a city lives."""


class ReplayError(CloudError):
    """The log does not hold what this replay needs."""


class Log(Protocol):
    """Where logged invocations and their inputs are read."""

    def invocations(self, runner: str, from_ms: int, to_ms: int) -> AsyncGenerator[Invocation]:
        """Invocations of a runner, each once, in the order of the log: from the first to the last with city time
        in [from_ms, to_ms), with those between whose time lies elsewhere because a restored city went back."""
        ...

    async def inputs(self, invocation: Invocation) -> Sequence[Batch]:
        """What an invocation read, in order. Raises LookupError when some of it is not kept any more."""
        ...


class BusLog:
    """The log that the bus itself keeps."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def invocations(self, runner: str, from_ms: int, to_ms: int) -> AsyncGenerator[Invocation]:
        seen: set[str] = set()
        between: list[Invocation] = []
        begun = False
        async with contextlib.aclosing(self._bus.log_from(INVOCATION, from_ms, to_ms)) as entries:
            async for stored in entries:
                if stored.batch.id in seen:
                    continue
                seen.add(stored.batch.id)
                for invocation in from_batch(stored.batch):
                    if invocation.runner != runner:
                        continue
                    within = from_ms <= invocation.tick.time_ms < to_ms
                    if within or begun:
                        between.append(invocation)
                    if within:
                        begun = True
                        for one in between:
                            yield one
                        between.clear()

    async def inputs(self, invocation: Invocation) -> Sequence[Batch]:
        found = await asyncio.gather(*(self._bus.at(p) for p in invocation.positions))
        for stored, wanted in zip(found, invocation.inputs, strict=True):
            if stored.batch.id != wanted:
                raise LookupError(f"{stored.position} holds {stored.batch.id}, not {wanted}")
        return [s.batch for s in found]


@dataclass(frozen=True, slots=True)
class Difference:
    """A tick whose outputs came out otherwise: digests of what was logged and of what was made now."""

    tick: Tick
    logged: str
    made: str


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay found. `equal` of `invocations` came out bit-equal."""

    runner: str
    checkpoint: str
    """The state that it began with: the name of a checkpoint, or "start"."""
    warmed: int
    """Invocations fed before the stretch that was asked for."""
    invocations: int
    equal: int
    inputs: int
    outputs: int
    first_difference: Difference | None


Watch = Callable[[Invocation, Sequence[Batch]], None]


async def replay(
    log: Log,
    graph: Graph,
    runner: str,
    from_ms: int,
    to_ms: int,
    checkpoints: Path,
    *,
    watch: Watch | None = None,
) -> ReplayReport:
    """Decide [from_ms, to_ms) of city time again, beginning with the nearest checkpoint not after it.

    `watch` sees each invocation of the stretch and the batches that were made for it now. Raises ReplayError.
    """
    kept = Checkpoints(checkpoints, runner)
    begun = await _nearest(log, kept, from_ms, to_ms)
    entries = log.invocations(runner, begun.tick.time_ms if begun else -HORIZON_MS, to_ms)
    states: dict[str, State] | None = begun.load() if begun else None
    count = _Count()
    async with contextlib.aclosing(_with_inputs(log, entries, begun)) as steps:
        async for invocation, read in steps:
            states = _state(invocation, states, graph, kept)
            outcome = await asyncio.to_thread(graph.run, states, invocation.tick, read)
            states = dict(outcome.states)
            if not from_ms <= invocation.tick.time_ms < to_ms:
                count.warmed += 1
                continue
            count.compare(invocation, outcome.batches)
            if watch is not None:
                watch(invocation, outcome.batches)
    return count.report(runner, begun.name if begun else START)


@dataclass(slots=True)
class _Count:
    warmed: int = 0
    invocations: int = 0
    equal: int = 0
    inputs: int = 0
    outputs: int = 0
    first: Difference | None = None

    def compare(self, invocation: Invocation, batches: Sequence[Batch]) -> None:
        made = digest(batches)
        self.invocations += 1
        self.inputs += len(invocation.inputs)
        self.outputs += len(batches)
        self.equal += made == invocation.digest
        if made != invocation.digest and self.first is None:
            self.first = Difference(invocation.tick, invocation.digest, made)

    def report(self, runner: str, begun: str) -> ReplayReport:
        return ReplayReport(
            runner, begun, self.warmed, self.invocations, self.equal, self.inputs, self.outputs, self.first
        )


async def _nearest(log: Log, kept: Checkpoints, from_ms: int, to_ms: int) -> Checkpoint | None:
    """The newest checkpoint before the first invocation of the stretch, in the order of the log."""
    async with contextlib.aclosing(log.invocations(kept.runner, from_ms, to_ms)) as entries:
        async for first in entries:
            return max((c for c in kept.all() if c.tick < first.tick), key=lambda c: c.tick, default=None)
    return None


def _state(
    invocation: Invocation, states: dict[str, State] | None, graph: Graph, kept: Checkpoints
) -> dict[str, State]:
    """What the invocation ran on."""
    if invocation.state == START:
        return graph.start()
    if invocation.state is not None:
        return kept.named(invocation.state).load()
    if states is None:
        raise ReplayError(
            f"no checkpoint of {invocation.runner} is kept from before {invocation.tick.time_ms}: "
            "replay a later stretch"
        )
    return states


async def _with_inputs(
    log: Log, entries: AsyncGenerator[Invocation], begun: Checkpoint | None
) -> AsyncGenerator[tuple[Invocation, Sequence[Batch]]]:
    """Invocations behind the checkpoint with what they read, some of them ahead of need."""
    found = begun is None
    ahead: list[Invocation] = []
    async with contextlib.aclosing(entries):
        async for invocation in entries:
            if not found:
                found = begun is not None and invocation.tick == begun.tick
                continue
            ahead.append(invocation)
            if len(ahead) == AHEAD:
                for pair in await _read(log, ahead):
                    yield pair
                ahead.clear()
    if not found and begun is not None:
        raise ReplayError(
            f"the log does not hold the invocation of checkpoint {begun.name}: replay a later stretch"
        )
    for pair in await _read(log, ahead):
        yield pair


async def _read(log: Log, invocations: Sequence[Invocation]) -> list[tuple[Invocation, Sequence[Batch]]]:
    try:
        return list(zip(invocations, await asyncio.gather(*map(log.inputs, invocations)), strict=True))
    except LookupError as e:
        raise ReplayError(f"an input is not kept any more: {e}: replay a later stretch") from None

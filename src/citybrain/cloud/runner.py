"""The two runners of a graph: in process, and on the bus."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from citybrain.cloud._inbox import end_tasks
from citybrain.cloud._live import Tail
from citybrain.cloud._log import BACK_MS
from citybrain.cloud.bus import Bus
from citybrain.cloud.checkpoint import KEEP, Checkpoint, Checkpoints
from citybrain.cloud.errors import BusRefused, CheckpointError
from citybrain.cloud.graph import Graph, Outcome, digest
from citybrain.cloud.invocation import START, TICK, Invocation, ticks_of, to_batch
from citybrain.cloud.replay import HORIZON_MS, BusLog
from citybrain.cloud.wire import Stored
from citybrain.model import Batch, State, Tick

CHECKPOINT_MS = 5 * 60_000
BEHIND_MS = 3_000
FORGET_MS = 60_000
"""Inputs this much older than the tick are not worth catching up on."""

logger = logging.getLogger(__name__)


class LocalRunner:
    """Runs a graph in process: trials, replays, what-if."""

    def __init__(self, graph: Graph, states: dict[str, State] | None = None) -> None:
        self.graph = graph
        self.states = states or graph.start()

    def run(self, tick: Tick, inputs: Sequence[Batch]) -> tuple[Batch, ...]:
        """What the steps write at `tick`, having read `inputs` (what arrived since the last tick, in order)."""
        wanted = set(self.graph.reads)
        outcome = self.graph.run(self.states, tick, [b for b in inputs if b.dataset in wanted])
        self.states = dict(outcome.states)
        return outcome.batches


@dataclass(slots=True)
class _Due:
    """A tick that waits for its invocation, with what arrived before it."""

    tick: Tick
    inputs: list[Stored] = field(default_factory=list)


class BusRunner:
    """Runs a graph on the bus: at each tick on what came before it, published with the line that replays it.

    After a crash it feeds itself again what the log says since the newest checkpoint, so its state is the one that
    it died with; outputs have deterministic ids, so nothing is doubled. When it falls more than 3 s of city time
    behind, the ticks that wait are taken together as one invocation at the newest of them, and logged as such.
    """

    def __init__(
        self,
        bus: Bus,
        graph: Graph,
        *,
        name: str,
        checkpoints: Path,
        clock: str | None = None,
        keep: int = KEEP,
        behind_ms: int = BEHIND_MS,
        checkpoint_ms: int = CHECKPOINT_MS,
    ) -> None:
        self.bus = bus
        self.graph = graph
        self.name = name
        self.clock = clock
        self.invocations = 0
        self.merged_ticks = 0
        self.took_ms = 0.0
        self.waiting_ticks = 0
        self.last: Tick | None = None
        self._checkpoints = Checkpoints(checkpoints, name, keep=keep)
        self._behind_ms = behind_ms
        self._checkpoint_ms = checkpoint_ms
        self._states: dict[str, State] = {}
        self._state_name: str | None = START
        self._kept: Tick | None = None
        self._positions: dict[str, int] = {}
        self._due: deque[_Due] = deque()
        self._arrived = asyncio.Event()

    async def run(self, *, ready: asyncio.Event | None = None, stop: asyncio.Event | None = None) -> None:
        """Run until `stop` is set, then keep a checkpoint. `ready` is set once it follows the bus."""
        await self._recover()
        tail = await self.bus.follow({*self.graph.reads, TICK}, after=self._positions)
        stopping = asyncio.create_task((stop or asyncio.Event()).wait())
        tasks = [asyncio.create_task(self._collect(tail)), asyncio.create_task(self._work(tail))]
        if ready is not None:
            ready.set()
        try:
            await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            await end_tasks([stopping, *tasks])
            await tail.aclose()
            if self.last is not None and self._kept != self.last:
                self._checkpoints.write(self.last, self._states)

    # collecting

    async def _collect(self, tail: Tail) -> None:
        """Join what comes with the tick after it."""
        wanted = set(self.graph.reads)
        inputs: list[Stored] = []
        newest = self.last
        async for stored in tail:
            if stored.batch.dataset in wanted:
                inputs.append(stored)
            if stored.batch.dataset != TICK:
                continue
            for tick in ticks_of(stored.batch, self.clock):
                if newest is not None and newest.run == tick.run and newest.seq >= tick.seq:
                    continue
                newest = tick
                self._due.append(_Due(tick, inputs))
                inputs = []
                self._forget(tick)
                self._arrived.set()

    def _forget(self, newest: Tick) -> None:
        """Let go what waits too long, so that an hour of absence is not caught up on in memory."""
        while newest.time_ms - self._due[0].tick.time_ms > FORGET_MS:
            self._due.popleft()
            self.merged_ticks += 1

    def _take(self) -> tuple[Tick, list[Stored], int]:
        """The next tick and its inputs; all that wait as one when too far behind."""
        self.waiting_ticks = len(self._due)
        oldest, newest = self._due[0].tick, self._due[-1].tick
        if newest.time_ms - oldest.time_ms <= self._behind_ms:
            due = self._due.popleft()
            return due.tick, due.inputs, 1
        waiting = list(self._due)
        self._due.clear()
        self.merged_ticks += len(waiting)
        logger.warning("%s is behind: %d ticks are taken together", self.name, len(waiting))
        return newest, [s for d in waiting for s in d.inputs], len(waiting)

    # working

    async def _work(self, tail: Tail) -> None:
        while True:
            await tail.level.wait()
            while not self._due:
                self._arrived.clear()
                await self._arrived.wait()
            await self._invoke(*self._take())

    async def _invoke(self, tick: Tick, inputs: list[Stored], ticks: int) -> None:
        began = time.perf_counter()
        outcome, made = await asyncio.to_thread(self._decide, tick, [s.batch for s in inputs])
        self.took_ms = (time.perf_counter() - began) * 1000
        keeps = self._kept is None or abs(tick.time_ms - self._kept.time_ms) >= self._checkpoint_ms
        if keeps:
            await asyncio.to_thread(self._checkpoints.write, tick, outcome.states)
            self._kept = tick
        invocation = Invocation(
            runner=self.name,
            tick=tick,
            inputs=tuple(s.batch.id for s in inputs),
            positions=tuple(s.position for s in inputs),
            outputs=tuple(b.id for b in outcome.batches),
            digest=made,
            checkpoint=keeps,
            took_ms=self.took_ms,
            state=self._state_name,
            ticks=ticks,
        )
        await self._publish([*outcome.batches, to_batch(invocation, self.bus.declarations)])
        self._states = dict(outcome.states)
        self._state_name = None
        self.last = tick
        self.invocations += 1

    def _decide(self, tick: Tick, inputs: Sequence[Batch]) -> tuple[Outcome, str]:
        outcome = self.graph.run(self._states, tick, inputs)
        return outcome, digest(outcome.batches)

    async def _publish(self, batches: Sequence[Batch]) -> None:
        """Publish until the bus takes it: an invocation that may be in the log must be in it."""
        while True:
            try:
                await self.bus.publish_many(batches)
                return
            except BusRefused as e:
                logger.error("%s: %s", self.name, e)

    # coming back

    async def _recover(self) -> None:
        """Take up the state of the last invocation in the log: a checkpoint, and what was logged after it."""
        log = BusLog(self.bus)
        for checkpoint in reversed(self._checkpoints.all()):
            since_ms = checkpoint.tick.time_ms - BACK_MS
            logged = [i async for i in log.invocations(self.name, since_ms, HORIZON_MS)]
            places = [n for n, i in enumerate(logged) if i.tick == checkpoint.tick]
            if not places:
                # Its tick never came into the log, so nothing may go on from it.
                checkpoint.file.unlink(missing_ok=True)
                continue
            try:
                await self._feed(checkpoint, logged[places[0] :])
            except (CheckpointError, LookupError) as e:
                logger.warning("%s: %s", self.name, e)
                continue
            logger.info("%s goes on from %s and %d ticks", self.name, checkpoint.name, len(logged) - places[0] - 1)
            return
        self._states, self._state_name = self.graph.start(), START

    async def _feed(self, checkpoint: Checkpoint, logged: Sequence[Invocation]) -> None:
        """Run again what was logged after `checkpoint`; `logged[0]` is the checkpoint's own invocation."""
        states = checkpoint.load()
        expected = self.graph.start()
        if {k: set(v) for k, v in states.items()} != {k: set(v) for k, v in expected.items()}:
            raise CheckpointError(f"checkpoint {checkpoint.name} is of other steps")
        log = BusLog(self.bus)
        runner = LocalRunner(self.graph, states)
        for invocation in logged[1:]:
            inputs = await log.inputs(invocation)
            made = await asyncio.to_thread(runner.run, invocation.tick, inputs)
            if digest(made) != invocation.digest:
                logger.warning("%s: tick %s comes out otherwise than logged", self.name, invocation.tick)
        self._states, self._state_name = runner.states, None
        self.last, self._kept = logged[-1].tick, checkpoint.tick
        for invocation in logged:
            for p in invocation.positions:
                self._positions[p.stream] = max(self._positions.get(p.stream, 0), p.sequence)

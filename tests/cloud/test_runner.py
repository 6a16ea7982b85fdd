"""One graph, three ways: in process, on the bus, replayed. All bit-equal, also after crashes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steps import Smooth, steps

from citybrain.cloud import (
    Bus,
    BusLog,
    BusRunner,
    Graph,
    LocalRunner,
    NatsServer,
    ReplayError,
    digest,
    kept,
    replay,
)
from citybrain.cloud.invocation import Invocation, from_batch
from citybrain.model import Batch, Declarations, State, Tick, arrow_schema

Go = Callable[[Coroutine[Any, Any, None]], None]
Make = Callable[..., Batch]
Plan = list[tuple[Tick, list[Batch]]]

values = st.lists(st.none() | st.floats(-1e6, 1e6), max_size=4)
seconds = st.lists(st.lists(values, max_size=3), min_size=1, max_size=25)


def planned(declarations: Declarations, drawn: Sequence[Sequence[Sequence[float | None]]], back: bool) -> Plan:
    """Batches of readings and the tick after them, a second apart; `back`: the city is restored on the way."""
    plan: Plan = []
    run, time = 1, 1_000_000
    for seq, second in enumerate(drawn):
        if back and seq == len(drawn) // 2:
            run, time = 2, time - 5_000
        time += 1000
        tick = Tick(run, seq, time)
        plan.append((tick, [_readings(declarations, tick, n, v) for n, v in enumerate(second)]))
    return plan


def _readings(declarations: Declarations, tick: Tick, number: int, drawn: Sequence[float | None]) -> Batch:
    columns = {
        "place": [f"p{i}" for i in range(len(drawn))],
        "time": [tick.time_ms] * len(drawn),
        "value": list(drawn),
    }
    rows = pa.RecordBatch.from_pydict(columns, schema=arrow_schema(declarations["test.reading"]))
    return Batch("test.reading", tick.batch_id("test.reading", f"street{number}"), rows)


def tick_batch(declarations: Declarations, tick: Tick) -> Batch:
    row = {"source": "street", "time": tick.time_ms, "run": tick.run, "seq": tick.seq}
    rows = pa.RecordBatch.from_pylist([row], schema=arrow_schema(declarations["traffic.tick"]))
    return Batch("traffic.tick", tick.batch_id("traffic.tick", "street"), rows)


class City:
    """A street that publishes a plan, and a runner on the bus."""

    def __init__(self, bus: Bus, folder: Path, **settings: Any) -> None:
        self.bus = bus
        self.graph = Graph(steps(bus.declarations), bus.declarations)
        self.folder = folder / "checkpoint"
        self.settings = settings
        self.runner: BusRunner

    @asynccontextmanager
    async def running(self, *, kill: bool = False) -> Any:
        self.runner = BusRunner(self.bus, self.graph, name="brain", checkpoints=self.folder, **self.settings)
        ready, stop = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(self.runner.run(ready=ready, stop=stop))
        await ready.wait()
        yield
        if kill:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        else:
            stop.set()
            await task

    async def drive(self, plan: Plan) -> None:
        for tick, batches in plan:
            await self.bus.publish_many([*batches, tick_batch(self.bus.declarations, tick)])

    async def drive_in_step(self, plan: Plan) -> None:
        """Each tick waits for the runner's line of the one before."""
        lines = await self.bus.follow(["city.invocation"])
        for step in plan:
            await self.drive([step])
            await anext(lines)
        await lines.aclose()

    async def orders(self) -> list[Batch]:
        return [s.batch async for s in self.bus.log(["test.level", "test.order"], 0, 1 << 50)]


def in_process(city: City, plan: Plan) -> list[Batch]:
    runner = LocalRunner(city.graph)
    return [b for tick, batches in plan for b in runner.run(tick, batches)]


def split(batches: Sequence[Batch]) -> list[str]:
    return [digest([b for b in batches if b.dataset == d]) for d in ("test.level", "test.order")]


@asynccontextmanager
async def bus_in(folder: Path, declarations: Declarations) -> Any:
    async with (
        NatsServer(folder / "bus", log=folder / "nats.log") as server,
        await Bus.connect(server.address, declarations, name="test") as bus,
    ):
        await bus.prepare()
        yield bus


@given(drawn=seconds, back=st.booleans())
@settings(max_examples=12, deadline=None)
def test_bus_process_and_replay_are_bit_equal(
    declarations: Declarations, drawn: list[list[list[float | None]]], back: bool
) -> None:
    plan = planned(declarations, drawn, back)

    async def work(folder: Path) -> None:
        async with bus_in(folder, declarations) as bus:
            city = City(bus, folder)
            async with city.running():
                await city.drive_in_step(plan)
            assert split(await city.orders()) == split(in_process(city, plan))
            report = await replay(BusLog(bus), city.graph, "brain", 0, 1 << 50, city.folder)
            assert (report.invocations, report.equal, report.checkpoint) == (len(plan), len(plan), "start")
            assert report.inputs == sum(len(b) for _, b in plan)
            assert report.first_difference is None

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(work(Path(folder)))


def test_a_killed_runner_takes_up_the_state_that_it_died_with(
    tmp_path: Path, declarations: Declarations, go: Go
) -> None:
    plan = planned(declarations, [[[float(n), None, n / 3]] for n in range(40)], back=False)

    async def work() -> None:
        async with bus_in(tmp_path, declarations) as bus:
            city = City(bus, tmp_path, checkpoint_ms=10_000)
            for begin in (0, 13, 26):
                async with city.running(kill=True):
                    await city.drive_in_step(plan[begin : begin + 13])
            async with city.running():
                await city.drive_in_step(plan[39:])
            assert split(await city.orders()) == split(in_process(city, plan))
            middle, end = plan[20][0].time_ms, plan[30][0].time_ms
            report = await replay(BusLog(bus), city.graph, "brain", middle, end, city.folder)
            assert (report.invocations, report.equal) == (10, 10)
            assert int(report.checkpoint.split("-")[2]) + 1 + report.warmed == 20

    go(work())


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, declarations: Declarations, go: Go) -> None:
    plan = planned(declarations, [[[float(n), n / 3]] for n in range(30)], back=False)

    async def work() -> None:
        async with bus_in(tmp_path, declarations) as bus:
            city = City(bus, tmp_path, checkpoint_ms=5_000)
            damages = (lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:40] + b"x" * 40 + b[80:])
            for begin, damage in zip((0, 10, 20), damages, strict=True):
                async with city.running():
                    await city.drive_in_step(plan[begin : begin + 10])
                newest = max(city.folder.iterdir(), key=lambda f: int(f.stem.split("-")[2]))
                newest.write_bytes(damage(newest.read_bytes()))
            async with city.running():
                pass
            assert split(await city.orders()) == split(in_process(city, plan))
            assert city.runner.last == plan[-1][0]

    go(work())


def test_steps_with_another_memory_begin_anew(tmp_path: Path, declarations: Declarations, go: Go) -> None:
    plan = planned(declarations, [[[float(n)]] for n in range(10)], back=False)

    async def work() -> None:
        async with bus_in(tmp_path, declarations) as bus:
            city = City(bus, tmp_path)
            async with city.running():
                await city.drive_in_step(plan[:5])
            city.graph = Graph(steps(declarations)[1:], declarations)
            async with city.running():
                await city.drive_in_step(plan[5:])
            report = await replay(BusLog(bus), city.graph, "brain", plan[5][0].time_ms, 1 << 50, city.folder)
            assert (report.invocations, report.equal) == (5, 5)

    go(work())


def test_ticks_missed_while_it_was_away_are_one_invocation_that_replays(
    tmp_path: Path, declarations: Declarations, go: Go
) -> None:
    plan = planned(declarations, [[[float(n)], [n / 7]] for n in range(40)], back=False)

    async def work() -> None:
        async with bus_in(tmp_path, declarations) as bus:
            city = City(bus, tmp_path)
            async with city.running(kill=True):
                await city.drive_in_step(plan[:10])
            await city.drive(plan[10:30])
            lines = await bus.follow(["city.invocation"])
            async with city.running():
                await anext(lines)
                await city.drive_in_step(plan[30:])
            await lines.aclose()
            assert city.runner.merged_ticks == 20
            report = await replay(BusLog(bus), city.graph, "brain", 0, 1 << 50, city.folder)
            assert (report.invocations, report.equal) == (21, 21)
            assert report.inputs == 80

    go(work())


class Held(Smooth):
    """Its first tick waits to be let go."""

    def __init__(self, declarations: Declarations) -> None:
        super().__init__(declarations)
        self.let_go = threading.Event()

    def run(self, state: State, tick: Tick, inputs: Sequence[Batch]) -> tuple[State, pa.RecordBatch | None]:
        self.let_go.wait(20)
        return super().run(state, tick, inputs)


def test_a_slow_runner_takes_ticks_together_and_no_reading_is_lost(
    tmp_path: Path, declarations: Declarations, go: Go
) -> None:
    plan = planned(declarations, [[[float(n)]] for n in range(12)], back=False)

    async def work() -> None:
        async with bus_in(tmp_path, declarations) as bus:
            city = City(bus, tmp_path)
            held = Held(declarations)
            city.graph = Graph([held], declarations)
            lines = await bus.follow(["city.invocation"])
            async with city.running():
                await city.drive(plan)
                held.let_go.set()
                logged: list[Invocation] = []
                while sum(i.ticks for i in logged) < 12:
                    logged.extend(from_batch((await anext(lines)).batch))
            await lines.aclose()
            assert [i for invocation in logged for i in invocation.inputs] == [b.id for _, (b,) in plan]
            assert logged[-1].tick == plan[-1][0]
            assert len(logged) < 12
            report = await replay(BusLog(bus), city.graph, "brain", 0, 1 << 50, city.folder)
            assert report.equal == report.invocations == len(logged)

    go(work())


def test_another_decision_is_told_with_its_tick(tmp_path: Path, declarations: Declarations, go: Go) -> None:
    plan = planned(declarations, [[[float(n)]] for n in range(10)], back=False)

    async def work() -> None:
        async with bus_in(tmp_path, declarations) as bus:
            city = City(bus, tmp_path)
            async with city.running():
                await city.drive_in_step(plan)
            fewer = Graph(steps(declarations)[1:], declarations)
            report = await replay(BusLog(bus), fewer, "brain", plan[0][0].time_ms, 1 << 50, city.folder)
            assert report.equal == 1
            assert report.first_difference is not None
            assert report.first_difference.tick == plan[1][0]
            await bus.trim("traffic-police", 5)
            with pytest.raises(ReplayError, match="not kept any more"):
                await replay(BusLog(bus), city.graph, "brain", 0, 1 << 50, city.folder)

    go(work())


def test_the_bus_is_killed_while_the_runner_works(tmp_path: Path, declarations: Declarations, go: Go) -> None:
    plan = planned(declarations, [[[float(n)]] for n in range(60)], back=False)

    async def work() -> None:
        server = NatsServer(tmp_path / "bus", log=tmp_path / "nats.log")
        async with kept(server) as address, await Bus.connect(address, declarations, name="test") as bus:
            await bus.prepare()
            city = City(bus, tmp_path)
            async with city.running():
                for begin in range(0, 60, 20):
                    await city.drive_in_step(plan[begin : begin + 20])
                    os.kill(server.pid, signal.SIGKILL)
            assert split(await city.orders()) == split(in_process(city, plan))

    go(work())


CHILD = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from steps import steps
from citybrain.cloud import Bus, BusAddress, BusRunner, Graph
from citybrain.model import read_declarations
async def main():
    declarations = read_declarations([Path(f) for f in sys.argv[5:]])
    bus = await Bus.connect(BusAddress(sys.argv[2], sys.stdin.readline().strip()), declarations, name="brain")
    graph = Graph(steps(declarations), declarations)
    ready = asyncio.Event()
    runner = BusRunner(bus, graph, name="brain", checkpoints=Path(sys.argv[3]), checkpoint_ms=int(sys.argv[4]))
    task = asyncio.create_task(runner.run(ready=ready))
    await ready.wait()
    print("ready", flush=True)
    await task
asyncio.run(main())
"""


def test_a_runner_killed_by_the_system_doubles_and_loses_nothing(
    tmp_path: Path, declarations: Declarations, declared_in: list[Path], go: Go
) -> None:
    plan = planned(declarations, [[[float(n), None]] for n in range(60)], back=False)

    async def work() -> None:
        async with bus_in(tmp_path, declarations) as bus:
            city = City(bus, tmp_path)
            lines = await bus.follow(["city.invocation"])

            def start() -> subprocess.Popen[str]:
                here = str(Path(__file__).parent)
                url = f"nats://{bus.client.connected_url.netloc.rpartition('@')[2]}"
                child = subprocess.Popen(
                    [sys.executable, "-c", CHILD, here, url, str(city.folder), "7000", *map(str, declared_in)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                assert child.stdin is not None
                child.stdin.write(f"{bus.client.options['token']}\n")
                child.stdin.flush()
                return child

            for begin in range(0, 60, 20):
                with start() as child:
                    assert child.stdout is not None
                    assert await asyncio.to_thread(child.stdout.readline) == "ready\n"
                    for step in plan[begin : begin + 20]:
                        await city.drive([step])
                        await anext(lines)
                    child.kill()
            await lines.aclose()
            orders = await city.orders()
            assert len({b.id for b in orders}) == len(orders)
            assert split(orders) == split(in_process(city, plan))

    go(work())

"""Laptop and city decide alike: the real brain's orders on the bus, in process and in replay are bit-equal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from citybrain import brain
from citybrain.city.loop import Loop
from citybrain.city.second import Second
from citybrain.cloud import Bus, BusLog, BusRunner, Graph, NatsServer, digest, replay
from citybrain.guard import Guard
from citybrain.hub import load_catalogue
from citybrain.model import Batch, Declarations, RoadNet, Tick
from citybrain.network import SimulatedCity, read_scenario
from tests.city.running import SHARED

COLOGNE = SHARED / "cologne8"
SECONDS = 90
FAR_MS = 1 << 50


@pytest.mark.skipif(not COLOGNE.is_dir(), reason=f"{COLOGNE} is not there (set CITYBRAIN_DATA)")
def test_bus_process_and_replay_order_the_same(tmp_path: Path) -> None:
    declared = load_catalogue(None)
    net, seconds = _in_process(declared)
    logged, equal = asyncio.run(_on_the_bus(tmp_path, net, declared, seconds))
    assert logged == [digest(made) for _, _, made in seconds]
    assert equal == SECONDS
    orders = {b.id for _, _, made in seconds for b in made if b.dataset == "traffic.signal_order"}
    assert len(orders) == SECONDS


Decided = list[tuple[Tick, list[Batch], tuple[Batch, ...]]]


def _in_process(declared: Declarations) -> tuple[RoadNet, Decided]:
    scenario = read_scenario(COLOGNE)
    net = scenario.net()
    decided: Decided = []
    with SimulatedCity(scenario, net) as city:
        loop = Loop(Second(city, Guard(net, city.time_ms), declared, 1), net, declared)
        for _ in range(SECONDS):
            tick, batches = loop.advance()
            decided.append((tick, batches, loop.decide(tick, batches)))
    return net, decided


async def _on_the_bus(
    folder: Path, net: RoadNet, declared: Declarations, seconds: Decided
) -> tuple[list[str], int]:
    """The digest of each tick's outputs as the bus runner logged it, and how many replay finds equal."""
    async with (
        NatsServer(folder / "bus", log=folder / "nats.log") as server,
        await Bus.connect(server.address, declared, name="test") as bus,
    ):
        await bus.prepare()
        graph = Graph(brain.steps(net), declared)
        runner = BusRunner(bus, graph, name="brain", checkpoints=folder / "checkpoint", behind_ms=FAR_MS)
        ready, stop = asyncio.Event(), asyncio.Event()
        running = asyncio.create_task(runner.run(ready=ready, stop=stop))
        await ready.wait()
        lines = await bus.follow(["city.invocation"])
        logged: list[str] = []
        for _, batches, _ in seconds:
            await bus.publish_many(batches)
        async for stored in lines:
            logged += stored.batch.rows.column("digest").to_pylist()
            if len(logged) == SECONDS:
                break
        await lines.aclose()
        stop.set()
        await running
        again = Graph(brain.steps(net), declared)
        report = await replay(BusLog(bus), again, "brain", -FAR_MS, FAR_MS, folder / "checkpoint")
        return logged, report.equal

"""Several workers decide as one brain does: on real networks, over the bus, in replay, and in a running city."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx
import pyarrow as pa
import pytest

from citybrain.brain import parts
from citybrain.city.loop import ORDERS
from citybrain.city.second import Second
from citybrain.city.worker import runner_name, worker_graph
from citybrain.cloud import Bus, BusLog, BusRunner, LocalRunner, NatsServer, replay
from citybrain.guard import Guard
from citybrain.hub import load_catalogue
from citybrain.model import Batch, Declarations, RoadNet, Tick
from citybrain.network import SimulatedCity, read_scenario
from tests.city.odd_networks import configuration, two_junctions
from tests.city.running import SHARED, RunningCity, until

FAR_MS = 1 << 50
KEYS = ("junction", "zone", "movement")
Seconds = list[tuple[Tick, list[Batch], tuple[Batch, ...]]]


def record(folder: Path, seconds: int, scale: float = 1.0) -> tuple[RoadNet, Seconds]:
    """A city under one brain with detectors as they are; what it read and made, each second."""
    scenario, declared = read_scenario(folder, scale=scale), load_catalogue(None)
    net = scenario.net()
    brain = LocalRunner(worker_graph(net, declared, 1, 1))
    found: Seconds = []
    with SimulatedCity(scenario, net, sensors="field") as city:
        second = Second(city, Guard(net, city.time_ms), declared, 1)
        orders: list[pa.RecordBatch] = []
        for _ in range(seconds):
            tick, batches = second.advance(orders)
            made = brain.run(tick, batches)
            orders = [b.rows for b in made if b.dataset == ORDERS]
            found.append((tick, batches, made))
    return net, found


def tables(batches: Sequence[Batch]) -> dict[str, pa.Table]:
    """All rows of each dataset, in the order of their ids."""
    found: dict[str, list[pa.RecordBatch]] = {}
    for batch in batches:
        found.setdefault(batch.dataset, []).append(batch.rows)
    return {
        name: pa.Table.from_batches(rows).sort_by([(k, "ascending") for k in KEYS if k in rows[0].schema.names])
        for name, rows in found.items()
    }


def network(name: str, folder: Path) -> Path:
    if name == "two":
        return configuration(folder, two_junctions(folder))
    if not (SHARED / name).is_dir():
        pytest.skip(f"{SHARED / name} is not there (set CITYBRAIN_DATA)")
    return SHARED / name


@pytest.mark.parametrize(
    ("name", "seconds", "scale", "counts"),
    [
        ("two", 130, 1.0, (2, 3)),
        ("cologne8", 200, 1.0, (2, 5)),
        pytest.param("hangzhou4x4", 200, 1.0, (3, 7), marks=pytest.mark.long),
        pytest.param("nanchang859", 130, 0.25, (2, 4), marks=pytest.mark.long),
    ],
)
def test_workers_decide_together_what_one_brain_does(
    name: str, seconds: int, scale: float, counts: tuple[int, ...], tmp_path: Path
) -> None:
    net, recorded = record(network(name, tmp_path), seconds, scale)
    for count in counts:
        workers = [LocalRunner(worker_graph(net, load_catalogue(None), k, count)) for k in range(1, count + 1)]
        for tick, batches, expected in recorded:
            made = [b for worker in workers for b in worker.run(tick, batches)]
            assert tables(made) == tables(expected)


def test_two_workers_on_the_bus_and_in_replay(tmp_path: Path) -> None:
    net, recorded = record(network("two", tmp_path), 60)
    declared = load_catalogue(None)
    ordered, equal = asyncio.run(_on_the_bus(tmp_path, net, declared, recorded))
    for (_, _, expected), made in zip(recorded, ordered, strict=True):
        assert tables(made) == tables([b for b in expected if b.dataset == ORDERS])
    assert equal == [len(recorded)] * 2


async def _on_the_bus(
    folder: Path, net: RoadNet, declared: Declarations, recorded: Seconds
) -> tuple[list[list[Batch]], list[int]]:
    """The orders of each second as both workers gave them to the bus, and how many ticks of each replay finds
    equal. The second worker is stopped half way and goes on from its checkpoint."""
    async with (
        NatsServer(folder / "bus", log=folder / "nats.log") as server,
        await Bus.connect(server.address, declared, name="test") as bus,
    ):
        await bus.prepare()
        said = await bus.follow([ORDERS])
        half = len(recorded) // 2
        found: dict[int, list[Batch]] = {}
        first_stop, first = await _worker(bus, net, declared, 1, folder)
        for stretch in (recorded[:half], recorded[half:]):
            second_stop, second = await _worker(bus, net, declared, 2, folder)
            for tick, batches, _ in stretch:
                await bus.publish_many(batches)
                found[tick.time_ms] = []
            missing = 2 * len(stretch)
            async for stored in said:
                found[stored.batch.rows.column("time")[0].cast(pa.int64()).as_py()].append(stored.batch)
                missing -= 1
                if not missing:
                    break
            second_stop.set()
            await second
        first_stop.set()
        await first
        await said.aclose()
        equal = []
        for k in (1, 2):
            graph = worker_graph(net, declared, k, 2)
            name = runner_name(k, 2)
            equal.append((await replay(BusLog(bus), graph, name, -FAR_MS, FAR_MS, folder / "kept")).equal)
        return list(found.values()), equal


async def _worker(
    bus: Bus, net: RoadNet, declared: Declarations, number: int, folder: Path
) -> tuple[asyncio.Event, asyncio.Task[None]]:
    graph, name = worker_graph(net, declared, number, 2), runner_name(number, 2)
    runner = BusRunner(bus, graph, name=name, checkpoints=folder / "kept", behind_ms=FAR_MS)
    ready, stop = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(runner.run(ready=ready, stop=stop))
    await ready.wait()
    return stop, task


@pytest.mark.long
def test_a_city_of_two_workers_runs_and_one_that_is_killed_comes_back(tmp_path: Path) -> None:
    config = network("cologne8", tmp_path) / "cologne8.sumocfg"
    (tmp_path / "city.toml").write_text(f'[street]\nscenario = "{config}"\n\n[brain]\nworkers = 2\n')
    arguments = ("--city", str(tmp_path), "--speed", "5", "--no-shadow")
    controlled = "SELECT junction, arg_max(control, time) AS control FROM traffic.signal_state GROUP BY junction"

    def all_under_the_brain() -> bool:
        return [r["control"] for r in city.query(controlled)] == ["brain"] * 8

    with RunningCity(tmp_path / "data", *arguments) as city:
        until(all_under_the_brain)
        (now,) = city.query("SELECT max(time) AS time FROM traffic.tick")
        pid = city.kill("brain-2")
        until(lambda: city.pid("brain-2") != pid)
        silent = "SELECT DISTINCT junction FROM traffic.signal_state WHERE control = 'silence'"
        silent += f" AND time > TIMESTAMPTZ '{now['time']}'"
        until(lambda: city.query(silent))
        until(all_under_the_brain)
        theirs = parts(read_scenario(config).net(), 2)[1].own
        assert {r["junction"] for r in city.query(silent)} <= theirs
        done = city.citybrain("replay")
        assert done.returncode == 0, done.stderr + done.stdout
        assert "brain_1_of_2: " in done.stdout and "brain_2_of_2: " in done.stdout
        metrics = httpx.get(city.page + "/metrics", timeout=10).raise_for_status().text
        assert 'citybrain_brain_ticks{process="brain-2"}' in metrics
        assert city.get("/healthz")["ok"]
        runners = {r["runner"] for r in city.query("SELECT DISTINCT runner FROM city.invocation")}
        assert runners == {"brain_1_of_2", "brain_2_of_2"}

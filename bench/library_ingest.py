"""Bus → library: records per second that are durable, beside a plain DuckDB insert of the same batches.

`python bench/library_ingest.py [--rows 2000000] [--batch 500] [--sensors 20000]`. The publisher runs in a process
of its own, nats-server in another; all share the machine. Synthetic readings shaped as `traffic.lane_reading`.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import platform
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from citybrain.cloud import Bus, BusAddress, NatsServer
from citybrain.library import Library, LibraryClient, LibraryServer
from citybrain.model import Batch, Declarations, arrow_schema, read_declarations

DATASET = "traffic.lane_reading"
START_MS = 1_772_000_000_000
SEED = 7


def declared() -> Declarations:
    package = Path(__file__).parents[1] / "src" / "citybrain"
    found = read_declarations(sorted(package.glob("*/datasets")))
    return Declarations({DATASET: found[DATASET], "traffic.tick": found["traffic.tick"]})


def batches(rows: int, size: int, sensors: int) -> Iterator[Batch]:
    """`rows` readings in batches of `size`: every sensor once a second of city time."""
    rng = np.random.default_rng(SEED)
    schema = arrow_schema(declared()[DATASET])
    zones = pa.array([f"lane{i:06d}_0" for i in range(sensors)])
    junctions = pa.array([f"junction{i // 12:05d}" for i in range(sensors)])
    for begin in range(0, rows, size):
        index = np.arange(begin, begin + size)
        pick = pa.array(index % sensors)
        counts = [rng.integers(0, 12, size) for _ in range(4)]
        flags = [rng.random(size) < p for p in (0.3, 0.2)]
        columns = {
            "zone": zones.take(pick),
            "junction": junctions.take(pick),
            "time": pa.array(START_MS + index // sensors * 1000, pa.timestamp("ms", tz="UTC")),
            "period_s": np.ones(size),
            "count": counts[0],
            "halted": counts[1],
            "mean_speed_mps": rng.random(size) * 14,
            "entered": counts[2],
            "passed": counts[3],
            "stop_occupied": flags[0],
            "upstream_occupied": flags[1],
            "healthy": np.ones(size, dtype=bool),
        }
        yield Batch(DATASET, f"bench/{begin}", pa.RecordBatch.from_pydict(columns, schema=schema))


def publish(address: BusAddress, rows: int, size: int, sensors: int) -> None:
    """The publisher's process."""

    async def work() -> None:
        made = list(batches(rows, size, sensors))
        async with await Bus.connect(address, declared(), name="publisher", ride_out_s=300) as bus:
            await bus.publish_many(made)

    asyncio.run(work())


class Counting(Library):
    """A library that says when the first commit begins and when all records are stored."""

    def __init__(
        self, folder: Path, declarations: Declarations, rows: int, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(folder, declarations)
        self.began, self.ended = asyncio.Event(), asyncio.Event()
        self._left = rows
        self._loop = loop

    def append(self, batches: Sequence[Batch], received_ms: int) -> int:
        self._loop.call_soon_threadsafe(self.began.set)
        stored = super().append(batches, received_ms)
        self._left -= stored
        if self._left == 0:
            self._loop.call_soon_threadsafe(self.ended.set)
        return stored


async def through_the_bus(folder: Path, rows: int, size: int, sensors: int) -> tuple[float, float]:
    """Records per second from the first commit's begin to the last, and this process's CPU seconds."""
    async with (
        NatsServer(folder / "bus", log=folder / "nats.log") as nats,
        await Bus.connect(nats.address, declared(), name="library") as bus,
    ):
        await bus.prepare()
        library = Counting(folder / "library", declared(), rows, asyncio.get_running_loop())
        serving = asyncio.create_task(LibraryServer(library, bus).run())
        publisher = multiprocessing.get_context("spawn").Process(
            target=publish, args=(nats.address, rows, size, sensors)
        )
        publisher.start()
        await library.began.wait()
        began, cpu = time.perf_counter(), time.process_time()
        await library.ended.wait()
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        table = await LibraryClient(bus).query(f"SELECT count(*) AS n FROM {DATASET}")
        assert table.column("n").to_pylist() == [rows]
        await asyncio.to_thread(publisher.join)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        library.close()
    return rows / took, cpu


def plain(folder: Path, rows: int, size: int, sensors: int) -> float:
    """The baseline: the same batches, joined to the same 250 ms worth, one durable transaction each, no ids, no
    current state, no bus."""
    made = list(batches(rows, size, sensors))
    con = duckdb.connect(str(folder / "plain.duckdb"), config={"threads": 2, "memory_limit": "256MB"})
    con.register("shape", made[0].rows.slice(0, 0))
    con.execute("CREATE TABLE readings AS SELECT * FROM shape")
    joined = max(1, 25_000 // size)
    began = time.perf_counter()
    for i in range(0, len(made), joined):
        con.register("incoming", pa.Table.from_batches([b.rows for b in made[i : i + joined]]))
        con.execute("INSERT INTO readings SELECT * FROM incoming")
    took = time.perf_counter() - began
    con.close()
    return rows / took


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--sensors", type=int, default=20_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = plain(folder, given.rows, given.batch, given.sensors)
        rate, cpu = asyncio.run(through_the_bus(folder, given.rows, given.batch, given.sensors))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"bus → library, {platform.machine()}, {os.cpu_count()} cores, seed {SEED}, synthetic readings")
    print(f"  {given.rows:,} records in batches of {given.batch}, {given.sensors:,} sensors")
    spent = f"library {cpu / given.rows * 1e6:.2f} s CPU a million"
    print(f"  bus → library, durable       {rate:>12,.0f} records/s   {spent}")
    print(f"  plain DuckDB insert, durable {base:>12,.0f} records/s   ratio {rate / base:.2f}")
    print(f"  peak memory of this process (both runs and the made batches) {peak:,.0f} MB")


if __name__ == "__main__":
    main()

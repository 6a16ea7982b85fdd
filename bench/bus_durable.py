"""The bus: records per second that are on disk, beside appending the same bytes to a file with fsync; and how long
one batch takes to be acknowledged and to reach a follower.

`python bench/bus_durable.py [--rows 500000] [--batch 500]`. Publisher and follower share one process, nats-server
has its own. Synthetic readings.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from citybrain.cloud import Bus, NatsServer
from citybrain.model import Batch, Declarations, arrow_schema, read_declarations, to_bytes

DATASET = "traffic.lane_reading"
SEED = 7
ROUND_TRIPS = 200


def declared() -> Declarations:
    return read_declarations(sorted((Path(__file__).parents[1] / "src" / "citybrain").glob("*/datasets")))


def made(declarations: Declarations, rows: int, size: int) -> list[Batch]:
    """Batches of `size` readings each."""
    rng = np.random.default_rng(SEED)
    schema = arrow_schema(declarations[DATASET])
    names = [f"lane{i:06d}_0" for i in range(size)]
    batches = []
    for number in range(rows // size):
        counts = rng.integers(0, 12, (4, size))
        columns = {
            "zone": names,
            "junction": names,
            "time": np.full(size, number * 1000),
            "period_s": np.ones(size),
            "count": counts[0],
            "halted": counts[1],
            "mean_speed_mps": rng.random(size) * 14,
            "entered": counts[2],
            "passed": counts[3],
            "stop_occupied": rng.random(size) < 0.3,
            "upstream_occupied": rng.random(size) < 0.2,
            "healthy": np.ones(size, dtype=bool),
        }
        arrays = [pa.array(columns[f.name]).cast(f.type) for f in schema]
        batches.append(Batch(DATASET, f"bench/{number}", pa.RecordBatch.from_arrays(arrays, schema=schema)))
    return batches


def appended(file: Path, batches: list[Batch]) -> float:
    """Seconds to append the same bytes to a file, fsync after each batch."""
    began = time.perf_counter()
    with file.open("wb", buffering=0) as out:
        for batch in batches:
            out.write(to_bytes(batch.rows))
            os.fsync(out.fileno())
    return time.perf_counter() - began


async def measure(folder: Path, rows: int, size: int) -> None:
    declarations = declared()
    batches = made(declarations, rows, size)
    async with (
        NatsServer(folder / "bus", log=folder / "nats.log") as server,
        await Bus.connect(server.address, declarations, name="bench", ride_out_s=120) as bus,
    ):
        await bus.prepare()
        began = time.perf_counter()
        await bus.publish_many(batches)
        bus_s = time.perf_counter() - began
        file_s = await asyncio.to_thread(appended, folder / "file", batches)
        tail = await bus.follow([DATASET])
        acknowledged, arrived = [], []
        for number in range(ROUND_TRIPS):
            batch = Batch(DATASET, f"trip/{number}", batches[0].rows)
            began = time.perf_counter()
            publishing = asyncio.create_task(bus.publish(batch))
            await anext(tail)
            arrived.append((time.perf_counter() - began) * 1000)
            await publishing
            acknowledged.append((time.perf_counter() - began) * 1000)
        await tail.aclose()
    total = sum(b.rows.num_rows for b in batches)
    print(f"bus, batches of {size}: {total / bus_s:,.0f} records/s durable (synthetic, seed {SEED})")
    print(f"file, fsync each batch: {total / file_s:,.0f} records/s; ratio bus / file {file_s / bus_s:.2f}")
    for what, times in (("acknowledged", acknowledged), ("at a follower", arrived)):
        p50, p99 = np.percentile(times, [50, 99])
        print(f"one batch {what}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--batch", type=int, default=500)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), given.rows, given.batch))


if __name__ == "__main__":
    main()

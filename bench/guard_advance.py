"""What the guard costs a second: a whole city settled, and a whole city whose brain never rests. And what it costs
to ask SUMO for the lamps of all junctions, which are read back each second.

    python bench/guard_advance.py [folder of a scenario]

Without a folder: nanchang859 of the shared data.
"""

from __future__ import annotations

import os
import platform
import random
import sys
from pathlib import Path
from time import process_time

import pyarrow as pa

from citybrain.guard import Guard
from citybrain.model import RoadNet
from citybrain.network import SimulatedCity, read_scenario

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[2] / "shared" / "data"))
T0 = 1_767_571_200_000
SECONDS = 300
WARM_UP = 60


def order_rows(net: RoadNet, time_ms: int, stages: list[int]) -> pa.RecordBatch:
    """One order a junction that may be controlled."""
    able = [(j.id, s) for j, s in zip(net.junctions, stages, strict=True) if j.refused is None]
    columns = [[j for j, _ in able], [time_ms] * len(able), [s for _, s in able]]
    return pa.RecordBatch.from_arrays([pa.array(c) for c in columns], names=["junction", "time", "stage"])


def milliseconds(net: RoadNet, hold_s: int) -> list[float]:
    """Processor time of each second: orders, advance, lamps read back and rows, with a new stage ordered each
    `hold_s`."""
    rng = random.Random(1)
    guard = Guard(net, T0)
    stages = [0] * len(net.junctions)
    took = []
    for second in range(WARM_UP + SECONDS):
        stages = [
            rng.randrange(max(len(j.stages), 1)) if rng.random() < 1 / hold_s else s
            for j, s in zip(net.junctions, stages, strict=True)
        ]
        rows = order_rows(net, guard.time_ms, stages)
        begin = process_time()
        guard.orders(rows, "brain")
        guard.advance(guard.time_ms + 1000)
        guard.read_back(guard.lamps, guard.time_ms)
        guard.state_rows(guard.time_ms)
        guard.refusal_rows()
        if second >= WARM_UP:
            took.append((process_time() - begin) * 1000)
    return sorted(took)


def reading(folder: Path) -> list[float]:
    """Time of each reading of all lamps from SUMO."""
    scenario = read_scenario(folder)
    took = []
    with SimulatedCity(scenario, scenario.net()) as city:
        for _ in range(SECONDS):
            begin = process_time()
            city.lamps()
            took.append((process_time() - begin) * 1000)
    return sorted(took)


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "nanchang859"
    if not folder.is_dir():
        print(f"{folder} is absent: nothing to measure")
        return
    net = read_scenario(folder).net()
    load = os.getloadavg()[0]
    print(
        f"{folder.name}, {len(net.junctions)} junctions, {SECONDS} s, seed 1, synthetic orders; "
        f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}"
    )
    print(f"{'processor ms a second':26}{'median':>9}{'mean':>9}{'p99':>9}{'÷ a second':>12}")
    for name, hold_s in (
        ("settled", 1_000_000_000),
        ("a new stage each 20 s", 20),
        ("each second", 1),
        ("lamps read from SUMO", 0),
    ):
        took = milliseconds(net, hold_s) if hold_s else reading(folder)
        mean = sum(took) / len(took)
        p99 = took[int(len(took) * 0.99)]
        print(f"{name:26}{took[len(took) // 2]:9.2f}{mean:9.2f}{p99:9.2f}{mean / 1000:12.4f}", flush=True)


if __name__ == "__main__":
    main()

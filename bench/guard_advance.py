"""What the guard costs a second: a whole city settled, and a whole city whose brain never rests.

    PYTHONPATH=src python bench/guard_advance.py ../shared/data/nanchang859
"""

from __future__ import annotations

import json
import platform
import random
import sys
from pathlib import Path
from time import perf_counter

import pyarrow as pa

from citybrain.guard import Guard
from citybrain.model import RoadNet
from citybrain.network import read_scenario

T0 = 1_767_571_200_000
SECONDS = 300
WARM_UP = 60


def order_rows(net: RoadNet, time_ms: int, stages: list[int]) -> pa.RecordBatch:
    """One order a junction that may be controlled."""
    able = [(j.id, s) for j, s in zip(net.junctions, stages, strict=True) if j.refused is None]
    columns = [[j for j, _ in able], [time_ms] * len(able), [s for _, s in able]]
    return pa.RecordBatch.from_arrays([pa.array(c) for c in columns], names=["junction", "time", "stage"])


def milliseconds(net: RoadNet, hold_s: int) -> list[float]:
    """Time of each second: orders, advance and rows, when every junction is ordered a new stage each `hold_s`."""
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
        begin = perf_counter()
        guard.orders(rows, "brain")
        guard.advance(guard.time_ms + 1000)
        guard.state_rows(guard.time_ms)
        guard.refusal_rows()
        if second >= WARM_UP:
            took.append((perf_counter() - begin) * 1000)
    return sorted(took)


def main() -> None:
    """Print one JSON line a case."""
    net = read_scenario(Path(sys.argv[1])).net()
    for name, hold_s in (("settled", 1_000_000_000), ("a new stage each 20 s", 20), ("each second", 1)):
        took = milliseconds(net, hold_s)
        case = {
            "bench": "guard_advance",
            "case": name,
            "junctions": len(net.junctions),
            "median_ms": round(took[len(took) // 2], 3),
            "mean_ms": round(sum(took) / len(took), 3),
            "p99_ms": round(took[int(len(took) * 0.99)], 3),
            "machine": platform.processor() or platform.machine(),
            "seed": 1,
        }
        print(json.dumps(case))


if __name__ == "__main__":
    main()

"""The whole loop in process against bare SUMO: a city of 859 signals at a quarter of its demand.

    python bench/trial_overhead.py [folder of a scenario] [seconds] [scale]

Without arguments: nanchang859 of the shared data, 1800 s, scale 0.25. The ratio compares the processor time of
the whole run with that of SUMO's own steps within the same run; bare SUMO under the network's own programs is run
before it for comparison.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

import msgspec

from citybrain.city.trial import Controller, TrialPlan
from citybrain.city.trial_runs import run_plans
from citybrain.network import read_scenario

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[2] / "shared" / "data"))
TARGET = 1.25


def main() -> None:
    """Print one JSON line a run."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "nanchang859"
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1800.0
    if not folder.is_dir():
        print(f"{folder} is absent: nothing to measure")
        return
    scenario = read_scenario(folder, scale=float(sys.argv[3]) if len(sys.argv) > 3 else 0.25)
    scenario = msgspec.structs.replace(scenario, end_s=scenario.begin_s + seconds)
    controllers: tuple[Controller, ...] = ("own", "brain")
    for result in run_plans([TrialPlan(scenario, c, 1) for c in controllers]):
        line = {
            "bench": "trial_overhead",
            "scenario": result.scenario,
            "controller": result.controller,
            "scale": result.scale,
            "seed": result.seed,
            "seconds": result.seconds,
            "wall_s": round(result.wall_s, 1),
            "cpu_s": round(result.cpu_s, 1),
            "simulator_s": round(result.simulator_s, 1),
            "ratio": round(result.overhead, 3),
            "target": TARGET,
            "decision_ms": round(result.decision_ms, 2),
            "mean_delay_s": round(result.score.mean_delay_s, 1),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

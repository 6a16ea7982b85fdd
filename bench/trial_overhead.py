"""The whole loop in process against bare SUMO: a city of 859 signals at a quarter of its demand.

    python bench/trial_overhead.py [folder of a scenario] [seconds] [scale]

Without arguments: nanchang859 of the shared data, 1800 s, scale 0.25. Two runs at the same time, one a core: SUMO
alone under the network's own programs, and SUMO with detectors, brain and guard. Both are asked for SUMO's outputs
of a trial, but not to reckon emissions, which would make SUMO dearer. Processor time, not wall time, so that
others on the machine weigh on both alike. Two ratios:

- `÷ own steps`: the whole run over SUMO's steps within it: what we add to the same traffic;
- `÷ bare`: the whole run over the run of SUMO alone. A better controller leaves fewer vehicles on the road, which
  makes SUMO itself cheaper, so this one is lower. It differs from run to run, as what SUMO alone takes does: the
  target is held against the sums of all seeds.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path

import msgspec

from citybrain.city.trial import TrialResult
from citybrain.city.trial_plan import Controller, TrialPlan
from citybrain.city.trial_runs import run_plans
from citybrain.city.trial_store import TrialStore
from citybrain.network import Scenario, read_scenario

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[2] / "shared" / "data"))
CONTROLLERS: tuple[Controller, ...] = ("fixed", "brain")
TARGET = 1.25
SEEDS = (1, 2, 3)


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "nanchang859"
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1800.0
    if not folder.is_dir():
        print(f"{folder} is absent: nothing to measure")
        return
    scenario = read_scenario(folder, scale=float(sys.argv[3]) if len(sys.argv) > 3 else 0.25)
    scenario = msgspec.structs.replace(scenario, end_s=scenario.begin_s + seconds)
    print(
        f"{folder.name}, scale {scenario.scale:g}, {seconds:g} s, simulated; {platform.machine()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    heads = f"{'seed':6}{'run':12}{'processor s':>12}{'SUMO steps s':>14}{'÷ own steps':>13}{'÷ bare':>9}"
    print(f"{heads}{'mean delay s':>14}", flush=True)
    bare_s = loop_s = 0.0
    for seed in SEEDS:
        bare, ours = pair(scenario, seed)
        bare_s, loop_s = bare_s + bare.cpu_s, loop_s + ours.cpu_s
        for name, run in (("bare SUMO", bare), ("whole loop", ours)):
            print(
                f"{seed:<6}{name:12}{run.cpu_s:12.1f}{run.simulator_s:14.1f}{run.overhead:13.3f}"
                f"{run.cpu_s / bare.cpu_s:9.3f}{run.score.mean_delay_s:14.1f}"
            )
        rest_ms = (ours.cpu_s - ours.simulator_s) / seconds * 1000
        print(f"      beyond SUMO's steps {rest_ms:.1f} ms a simulated second", flush=True)
    print(f"÷ bare over all seeds: {loop_s / bare_s:.3f}   (target: at most {TARGET})")


def pair(scenario: Scenario, seed: int) -> list[TrialResult]:
    """SUMO alone and the whole loop, side by side."""
    plans = [TrialPlan(scenario, c, seed, emissions=False) for c in CONTROLLERS]
    with tempfile.TemporaryDirectory(prefix="citybrain-bench-") as kept:
        return run_plans(plans, TrialStore(Path(kept)), jobs=2)


if __name__ == "__main__":
    main()

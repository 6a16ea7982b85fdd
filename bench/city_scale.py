"""A whole city's signals on one core: what a control cycle takes, what the loop adds to SUMO, and its memory.

    python bench/city_scale.py [seconds] [folder of a scenario] [scale]

Without arguments: nanchang859 of the shared data at its whole demand, 1200 s, seed 1, field sensors. SUMO's own
program and the whole loop in process run at the same time, each in a process of its own, over the same demand.

- A control cycle is all that our side thinks in a second: orders into the guard, guard, its records, all steps of
  the brain. Processor time, so that others on the machine do not count.
- `÷ bare`: processor time of the whole loop (SUMO within it, detectors, brain, guard, lamps) over that of the
  `sumo` program with nothing of ours, under the network's own programs; reading the files counts in neither.
- Memory is the peak of what is resident in each process; beside SUMO's is the difference.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from time import process_time
from typing import TypeVar

import msgspec
import pyarrow as pa
import sumo
from msgspec import Struct

from citybrain.city.loop import Loop
from citybrain.city.second import Second
from citybrain.guard import Guard
from citybrain.hub import load_catalogue
from citybrain.network import Scenario, SimulatedCity, read_scenario

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[2] / "shared" / "data"))
WARM_UP_S = 10
"""The first seconds, in which everything is seen for the first time, count as worst, not as usual."""
SEED = 1
MB_OF_KB = 1024
R = TypeVar("R")


class Cost(Struct, frozen=True):
    """Processor time and peak memory of a process; milliseconds of each control cycle where there are any."""

    cpu_s: float
    peak_mb: float
    guard_ms: tuple[float, ...] = ()
    brain_ms: tuple[float, ...] = ()

    @property
    def cycle_ms(self) -> list[float]:
        """Guard and brain of each second."""
        return [g + b for g, b in zip(self.guard_ms, self.brain_ms, strict=True)]


class TimedGuard(Guard):
    """A guard that adds up the processor time of what the street calls each second."""

    spent_s = 0.0

    def orders(self, rows: pa.RecordBatch, source: str) -> None:
        self._timed(lambda: super(TimedGuard, self).orders(rows, source))

    def advance(self, time_ms: int) -> Sequence[tuple[str, str]]:
        return self._timed(lambda: super(TimedGuard, self).advance(time_ms))

    def state_rows(self, time_ms: int) -> pa.RecordBatch | None:
        return self._timed(lambda: super(TimedGuard, self).state_rows(time_ms))

    def refusal_rows(self) -> pa.RecordBatch | None:
        return self._timed(super().refusal_rows)

    def _timed(self, work: Callable[[], R]) -> R:
        begin = process_time()
        try:
            return work()
        finally:
            self.spent_s += process_time() - begin


def drive(pipe: Connection, scenario: Scenario) -> None:
    """The whole loop, in a process of its own."""
    net, declared = scenario.net(), load_catalogue(None)
    guard_ms, brain_ms = [], []
    with SimulatedCity(scenario, net, sensors="field", score=False) as city:
        guard = TimedGuard(net, city.time_ms)
        loop = Loop(Second(city, guard, declared, 1), net, declared)
        cpu = process_time()
        while not city.finished:
            before_s = guard.spent_s
            tick, batches = loop.advance()
            guard_ms.append((guard.spent_s - before_s) * 1000)
            begin = process_time()
            loop.decide(tick, batches)
            brain_ms.append((process_time() - begin) * 1000)
        cpu_s = process_time() - cpu
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MB_OF_KB
    pipe.send(Cost(cpu_s, peak_mb, tuple(guard_ms), tuple(brain_ms)))


def sumo_alone(scenario: Scenario, end_s: float) -> subprocess.Popen[bytes]:
    """Start SUMO's own program over the scenario, with the options of our runs and nothing else of ours."""
    options = {
        "net-file": str(scenario.net_file),
        "route-files": ",".join(map(str, scenario.route_files)),
        "additional-files": ",".join(map(str, scenario.additional_files)),
        "begin": str(scenario.begin_s),
        "end": str(end_s),
        "step-length": str(scenario.step_s),
        "seed": str(scenario.seed),
        "scale": str(scenario.scale),
        "time-to-teleport": "600",
        "device.tripinfo.probability": "1",
        "no-step-log": "true",
        "no-warnings": "true",
        "xml-validation": "never",
    } | dict(scenario.options)
    words = [part for key, value in options.items() if value for part in (f"--{key}", value)]
    return subprocess.Popen([str(Path(sumo.SUMO_HOME) / "bin" / "sumo"), *words], stdout=subprocess.DEVNULL)


def cost_of(process: subprocess.Popen[bytes]) -> Cost:
    """Wait for a child's end; what it took. Raises RuntimeError where it failed."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"sumo ended with {process.returncode}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / MB_OF_KB)


def measure(scenario: Scenario) -> tuple[Cost, Cost]:
    """Bare SUMO (without what it takes to read its files) and the whole loop."""
    assert scenario.end_s is not None
    reading = cost_of(sumo_alone(scenario, scenario.begin_s))
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=drive, args=(its, scenario))
    process.start()
    its.close()
    bare = cost_of(sumo_alone(scenario, scenario.end_s))
    ours: Cost = mine.recv()
    process.join()
    return msgspec.structs.replace(bare, cpu_s=bare.cpu_s - reading.cpu_s), ours


def main() -> None:
    """Print the tables."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1200.0
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else DATA / "nanchang859"
    if not folder.is_dir():
        print(f"{folder} is absent: nothing to measure")
        return
    scenario = read_scenario(folder, scale=float(sys.argv[3]) if len(sys.argv) > 3 else 1.0)
    end_s = scenario.begin_s + seconds
    scenario = msgspec.structs.replace(scenario, end_s=end_s, seed=SEED, loops=False)
    bare, ours = measure(scenario)
    print(
        f"{folder.name}, {len(scenario.net().junctions)} signals, scale {scenario.scale:g}, {seconds:g} s, "
        f"seed {SEED}, field sensors, simulated; {platform.machine()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}\n"
    )
    print(f"{'processor ms a second':24}{'median':>9}{'mean':>9}{'p99':>9}{'worst':>9}")
    for name, took in (("guard", ours.guard_ms), ("brain", ours.brain_ms), ("control cycle", ours.cycle_ms)):
        usual = sorted(took[WARM_UP_S:])
        p99 = usual[math.ceil(len(usual) * 0.99) - 1]
        mean = sum(usual) / len(usual)
        print(f"{name:24}{usual[len(usual) // 2]:9.1f}{mean:9.1f}{p99:9.1f}{max(took):9.1f}")
    print("target: 100 ms\n")
    print(f"{'run':24}{'processor s':>12}{'÷ bare':>9}{'peak MB':>9}{'beside SUMO':>13}")
    print(f"{'sumo':24}{bare.cpu_s:12.1f}{1.0:9.2f}{bare.peak_mb:9.0f}")
    more_mb = ours.peak_mb - bare.peak_mb
    print(
        f"{'whole loop':24}{ours.cpu_s:12.1f}{ours.cpu_s / bare.cpu_s:9.2f}{ours.peak_mb:9.0f}{more_mb:10.0f} MB"
    )
    print("targets: at most 1.25, at most 1024 MB")


if __name__ == "__main__":
    main()

"""A whole city's signals on one core: what a control cycle takes, what the loop adds to SUMO, and its memory.

    python bench/city_scale.py [seconds] [folder of a scenario] [scale]

Without arguments: nanchang859 of the shared data at its whole demand, 1200 s, seed 1, field sensors. SUMO's own
program and the whole loop in process run at the same time, each in a process of its own, over the same demand.

- A control cycle is all that our side thinks in a second: orders into the guard, guard, its records, all steps of
  the brain. Processor time, so that others on the machine do not count.
- `÷ bare`: processor time of the whole loop (SUMO within it, detectors, brain, guard, lamps) over that of the
  `sumo` program with nothing of ours, under the network's own programs; reading the files counts in neither.
- Memory is the peak of what is resident in each process; beside SUMO's is the difference.
- Workers: two minutes more, fed to one brain and to several workers that begin anew, with the steps that measure,
  as in the running city; and whether the orders of all workers together are bit for bit those of the one.
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

from citybrain.city.loop import ORDERS, Loop
from citybrain.city.second import Second
from citybrain.city.worker import worker_graph
from citybrain.cloud import LocalRunner
from citybrain.guard import Guard
from citybrain.hub import load_catalogue
from citybrain.model import Batch, Declarations, RoadNet
from citybrain.network import Scenario, SimulatedCity, read_scenario

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[2] / "shared" / "data"))
WARM_UP_S = 10
"""The first seconds, in which everything is seen for the first time, count as worst, not as usual."""
SEED = 1
WORKERS, WORKERS_S = (1, 2, 4), 120
MB_OF_KB = 1024
R = TypeVar("R")


class Shared(Struct, frozen=True):
    """What a tick costs each of several workers, and whether they order what one brain does."""

    tick_ms: tuple[float, ...]
    same: bool


class Cost(Struct, frozen=True):
    """Processor time and peak memory of a process; of the loop also each control cycle in ms, and `workers`."""

    cpu_s: float
    peak_mb: float
    guard_ms: tuple[float, ...] = ()
    brain_ms: tuple[float, ...] = ()
    workers: tuple[Shared, ...] = ()

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


def drive(pipe: Connection, scenario: Scenario, seconds: int) -> None:
    """The whole loop, in a process of its own."""
    net, declared = scenario.net(), load_catalogue(None)
    guard_ms, brain_ms = [], []
    with SimulatedCity(scenario, net, sensors="field", score=False) as city:
        guard = TimedGuard(net, city.time_ms)
        loop = Loop(Second(city, guard, declared, 1), net, declared)
        cpu = process_time()
        for _ in range(seconds):
            before_s = guard.spent_s
            tick, batches = loop.advance()
            guard_ms.append((guard.spent_s - before_s) * 1000)
            begin = process_time()
            loop.decide(tick, batches)
            brain_ms.append((process_time() - begin) * 1000)
        cpu_s = process_time() - cpu
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MB_OF_KB
        shared = share(loop, net, declared)
    pipe.send(Cost(cpu_s, peak_mb, tuple(guard_ms), tuple(brain_ms), shared))


def share(loop: Loop, net: RoadNet, declared: Declarations) -> tuple[Shared, ...]:
    """Let the city go on, and have its junctions decided by several workers beside the brain that drives it."""
    runners = [[LocalRunner(worker_graph(net, declared, k + 1, n)) for k in range(n)] for n in WORKERS]
    spent_s, same = [[0.0] * n for n in WORKERS], [True] * len(WORKERS)
    for _ in range(WORKERS_S):
        tick, batches = loop.advance()
        loop.decide(tick, batches)
        orders = []
        for at, workers in enumerate(runners):
            made: list[Batch] = []
            for k, worker in enumerate(workers):
                begin = process_time()
                made += worker.run(tick, batches)
                spent_s[at][k] += process_time() - begin
            rows = [b.rows for b in made if b.dataset == ORDERS]
            orders.append(pa.Table.from_batches(rows).sort_by("junction"))
            same[at] &= orders[at].equals(orders[0])
    return tuple(Shared(tuple(s * 1000 / WORKERS_S for s in w), ok) for w, ok in zip(spent_s, same, strict=True))


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


def measure(scenario: Scenario, seconds: int) -> tuple[Cost, Cost]:
    """Bare SUMO (without what it takes to read its files) and the whole loop."""
    reading = cost_of(sumo_alone(scenario, scenario.begin_s))
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=drive, args=(its, scenario, seconds))
    process.start()
    its.close()
    bare = cost_of(sumo_alone(scenario, scenario.begin_s + seconds))
    ours: Cost = mine.recv()
    process.join()
    return msgspec.structs.replace(bare, cpu_s=bare.cpu_s - reading.cpu_s), ours


def main() -> None:
    """Print the tables."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 1200
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else DATA / "nanchang859"
    if not folder.is_dir():
        print(f"{folder} is absent: nothing to measure")
        return
    scenario = read_scenario(folder, scale=float(sys.argv[3]) if len(sys.argv) > 3 else 1.0)
    scenario = msgspec.structs.replace(scenario, end_s=None, seed=SEED, loops=False)
    bare, ours = measure(scenario, seconds)
    print(
        f"{folder.name}, {len(scenario.net().junctions)} signals, scale {scenario.scale:g}, {seconds} s, "
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
    print("targets: at most 1.25, at most 1024 MB\n")
    print(f"{'workers':24}{'ms a tick of each':>28}{'of all':>9}   orders")
    for count, shared in zip(WORKERS, ours.workers, strict=True):
        each, word = " ".join(f"{ms:.1f}" for ms in shared.tick_ms), "the same" if shared.same else "OTHER"
        print(f"{count:<24}{each:>28}{sum(shared.tick_ms):9.1f}   {word}")


if __name__ == "__main__":
    main()

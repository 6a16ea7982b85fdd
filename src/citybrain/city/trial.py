"""A trial: one controller over one scenario in process, as fast as it goes, scored by SUMO's own output."""

from __future__ import annotations

import gc
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time

from msgspec import Struct

from citybrain import brain
from citybrain.city.loop import Loop
from citybrain.city.second import Second
from citybrain.city.trial_arterial import find_arterial
from citybrain.city.trial_output import measured
from citybrain.city.trial_plan import MODES, Controller, Sensors, TrialPlan
from citybrain.city.trial_score import Score, read_score
from citybrain.guard import Guard
from citybrain.hub import load_catalogue
from citybrain.model import RoadNet, Step
from citybrain.network import Scenario, SimulatedCity

TELL_S = 60
DECISION_S = 10
"""How often the baselines decide, as in the papers that they come from."""

Progress = Callable[[float, float | None], None]
"""Called now and then with the city seconds done and, where known, to do."""


class TrialResult(Struct, frozen=True):
    """What came of a run. `sensors`: what its controller saw. `outputs`: folder of SUMO's own outputs, "" where
    they were not kept. `cpu_s` is processor time, `simulator_s` that part of it which SUMO's own steps took;
    `tick_ms` wall time in which a tick is decided for all junctions (mean and 99th percentile, 0 where SUMO
    decides). `refusals`: orders that the guard did not carry out as they stood."""

    network: str
    controller: Controller
    seed: int
    sensors: Sensors
    scale: float
    begin_s: float
    seconds: float
    junctions: int
    score: Score
    outputs: str
    wall_s: float
    cpu_s: float
    simulator_s: float
    tick_ms: float
    tick_p99_ms: float
    refusals: int

    @property
    def decision_ms(self) -> float:
        """Wall time of a decision a junction."""
        return self.tick_ms / self.junctions if self.junctions else 0.0

    @property
    def real_time_factor(self) -> float:
        """City seconds a second."""
        return self.seconds / self.wall_s if self.wall_s else math.inf

    @property
    def overhead(self) -> float:
        """Processor time of the whole run over that of SUMO's own steps within it."""
        return self.cpu_s / self.simulator_s if self.simulator_s else math.inf


class _Decider:
    """Steps in process behind the guard: the brain's or a baseline's."""

    def __init__(self, city: SimulatedCity, net: RoadNet, steps: Sequence[Step]) -> None:
        declarations = load_catalogue(None)
        self._loop = Loop(Second(city, Guard(net, city.time_ms), declarations, 1), net, declarations, steps)
        self.took_ms: list[float] = []
        self.refusals = 0

    def step(self) -> None:
        """One second of the city: orders, lamps, traffic, readings, decisions."""
        tick, batches = self._loop.advance()
        begin = perf_counter()
        self._loop.decide(tick, batches)
        self.took_ms.append((perf_counter() - begin) * 1000)
        self.refusals += sum(b.rows.num_rows for b in batches if b.dataset == "traffic.order_refusal")


def run_trial(
    scenario: Scenario,
    net: RoadNet,
    controller: Controller,
    seed: int,
    *,
    sensors: Sensors = "clean",
    begin_s: float | None = None,
    end_s: float | None = None,
    outputs: Path | None = None,
) -> TrialResult:
    """Run one controller over a scenario in this process: see `run_plan`."""
    plan = TrialPlan(scenario, controller, seed, sensors, begin_s, end_s)
    if outputs is not None:
        outputs.mkdir(parents=True, exist_ok=True)
        return run_plan(plan, net, outputs)
    with tempfile.TemporaryDirectory(prefix="citybrain-trial-") as folder:
        return run_plan(plan, net, Path(folder))


def run_plan(
    plan: TrialPlan, net: RoadNet, outputs: Path, progress: Progress = lambda done, whole: None
) -> TrialResult:
    """Do a run in this process (SUMO allows one at a time); `outputs`: where SUMO's own outputs are kept.

    `fixed`: the network's programs as SUMO runs them; `actuated`, `delay_based`: SUMO's controllers on the real
    stages; `wave`, `max_pressure` (deciding each 10 s), `wave_1s` and `brain`: steps behind our guard.
    Raises ScenarioError, ScoreError, OSError.
    """
    settled = plan.settled()
    scenario = measured(settled, net, find_arterial(net), outputs, emissions=plan.emissions)
    steps = _steps(plan.controller, net)
    with SimulatedCity(
        scenario, net, control=MODES[plan.controller], sensors=plan.seen, score=False, outputs=outputs
    ) as city:
        thinking = _Decider(city, net, steps) if steps else None
        gc.freeze()  # as a running city does: the network is not garbage
        wall, cpu = perf_counter(), process_time()
        try:
            seconds = _run(city, thinking.step if thinking else city.step, scenario, progress)
        finally:
            gc.unfreeze()
        wall_s, cpu_s = perf_counter() - wall, process_time() - cpu
    took = sorted(thinking.took_ms) if thinking else []
    return TrialResult(
        network=scenario.name,
        controller=plan.controller,
        seed=plan.seed,
        sensors=plan.seen,
        scale=scenario.scale,
        begin_s=scenario.begin_s,
        seconds=seconds,
        junctions=len(net.junctions),
        score=read_score(outputs),
        outputs=str(outputs),
        wall_s=wall_s,
        cpu_s=cpu_s,
        simulator_s=city.simulator_s,
        tick_ms=sum(took) / len(took) if took else 0.0,
        tick_p99_ms=took[int(len(took) * 0.99)] if took else 0.0,
        refusals=thinking.refusals if thinking else 0,
    )


def _steps(controller: Controller, net: RoadNet) -> tuple[Step, ...]:
    if controller == "brain":
        return brain.steps(net)
    if controller == "max_pressure":
        return brain.baseline_steps(net, "max_pressure", DECISION_S)
    if controller == "wave" or controller == "wave_1s":
        return brain.baseline_steps(net, "wave", DECISION_S if controller == "wave" else 1)
    return ()


def _run(city: SimulatedCity, step: Callable[[], None], scenario: Scenario, progress: Progress) -> float:
    whole = None if scenario.end_s is None else scenario.end_s - scenario.begin_s
    seconds = 0.0
    while not city.finished:
        step()
        seconds += 1
        if seconds % TELL_S == 0:
            progress(seconds, whole)
    return seconds

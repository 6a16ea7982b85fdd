"""A trial: one controller over one scenario in process, as fast as it goes, scored by SUMO's own trip output."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Literal, get_args

import msgspec
from msgspec import Struct

from citybrain import brain
from citybrain.city.loop import Loop
from citybrain.city.second import Second
from citybrain.city.trial_score import Score, read_score
from citybrain.guard import Guard
from citybrain.hub import load_catalogue
from citybrain.model import RoadNet, Step
from citybrain.network import Scenario, SignalMode, SimulatedCity

Controller = Literal["fixed", "actuated", "delay_based", "wave", "wave_1s", "max_pressure", "brain"]
CONTROLLERS: tuple[Controller, ...] = get_args(Controller)
Sensors = Literal["clean", "field"]
TELL_S = 60
DECISION_S = 10
"""How often the baselines decide, as in the papers that they come from."""
_MODES: dict[Controller, SignalMode] = {
    "fixed": "own",
    "actuated": "actuated",
    "delay_based": "delay_based",
    "wave": "guard",
    "wave_1s": "guard",
    "max_pressure": "guard",
    "brain": "guard",
}

Progress = Callable[[float, float | None], None]
"""Called now and then with the city seconds done and, where known, to do."""


class TrialPlan(Struct, frozen=True):
    """One run: a controller over a scenario with one seed, from `begin_s` to `end_s` (None: as the scenario)."""

    scenario: Scenario
    controller: Controller
    seed: int
    sensors: Sensors = "clean"
    begin_s: float | None = None
    end_s: float | None = None


class TrialResult(Struct, frozen=True):
    """What came of a run. `cpu_s` is processor time, `simulator_s` that part of it which SUMO's own steps took;
    `decision_ms` wall time of a tick of the brain (mean and 99th percentile, 0 without the brain)."""

    scenario: str
    controller: Controller
    seed: int
    sensors: Sensors
    scale: float
    begin_s: float
    seconds: float
    score: Score
    wall_s: float
    cpu_s: float
    simulator_s: float
    decision_ms: float
    decision_p99_ms: float
    refusals: int

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
    progress: Progress = lambda done, whole: None,
) -> TrialResult:
    """Run one controller over a scenario in this process (SUMO allows one run a process at a time).

    `fixed`: the network's programs as SUMO runs them; `actuated`, `delay_based`: SUMO's controllers on the real
    stages; `wave`, `max_pressure` (deciding each 10 s), `wave_1s` and `brain`: steps behind our guard. `sensors`
    are the brain's; the baselines always see clean counts. `outputs`: where SUMO's trip output is kept.
    Raises ScenarioError.
    """
    scenario = msgspec.structs.replace(scenario, seed=seed, loops=False)
    if begin_s is not None:
        scenario = msgspec.structs.replace(scenario, begin_s=begin_s)
    if end_s is not None:
        scenario = msgspec.structs.replace(scenario, end_s=end_s)
    with tempfile.TemporaryDirectory(prefix="citybrain-trial-") as folder:
        kept = outputs or Path(folder)
        steps = _steps(controller, net)
        seen = sensors if controller == "brain" else "clean"
        with SimulatedCity(
            scenario, net, control=_MODES[controller], sensors=seen, score=False, outputs=kept
        ) as city:
            thinking = _Decider(city, net, steps) if steps else None
            wall, cpu = perf_counter(), process_time()
            seconds = _run(city, thinking.step if thinking else city.step, scenario, progress)
            wall_s, cpu_s = perf_counter() - wall, process_time() - cpu
        score = read_score(kept)
    took = sorted(thinking.took_ms) if thinking else []
    return TrialResult(
        scenario=scenario.name,
        controller=controller,
        seed=seed,
        sensors=sensors,
        scale=scenario.scale,
        begin_s=scenario.begin_s,
        seconds=seconds,
        score=score,
        wall_s=wall_s,
        cpu_s=cpu_s,
        simulator_s=city.simulator_s,
        decision_ms=sum(took) / len(took) if took else 0.0,
        decision_p99_ms=took[int(len(took) * 0.99)] if took else 0.0,
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

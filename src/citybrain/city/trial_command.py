"""`citybrain trial`: controllers against each other on one network."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import get_args

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from citybrain.city.settings import SettingsError
from citybrain.city.trial import CONTROLLERS, Controller, Sensors, TrialPlan, TrialResult
from citybrain.city.trial_runs import run_plans
from citybrain.city.trial_table import trial_table
from citybrain.network import read_scenario


def run_trials(
    network: Path,
    controllers: str,
    seeds: int,
    scale: float,
    sensors: str,
    seconds: int | None,
    jobs: int,
    json: Path | None,
) -> None:
    """Run each controller with each seed (1, 2, …), print the table, write `json` (one object a line and run).

    Raises SettingsError, ScenarioError, TrialError.
    """
    scenario = read_scenario(network, scale=scale)
    end_s = None if seconds is None else scenario.begin_s + seconds
    plans = [
        TrialPlan(scenario, controller, seed, _sensors(sensors), end_s=end_s)
        for controller in _controllers(controllers)
        for seed in range(1, seeds + 1)
    ]
    if json is not None:
        json.touch()  # an hour of runs must not end at a folder that is missing
    results = _run(plans, jobs)
    if json is not None:
        json.write_text("".join(_line(r) + "\n" for r in results), encoding="utf-8")
    Console().print(trial_table(results))


def _run(plans: list[TrialPlan], jobs: int) -> list[TrialResult]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bars:
        tasks = [bars.add_task(f"{p.controller}, seed {p.seed}", total=None, start=False) for p in plans]

        def tell(index: int, share: float) -> None:
            bars.start_task(tasks[index])
            if not math.isnan(share):
                bars.update(tasks[index], total=1.0, completed=share)

        return run_plans(plans, jobs=jobs, progress=tell)


def _line(result: TrialResult) -> str:
    table = msgspec.to_builtins(result)
    table["score"] |= {"mean_delay_s": result.score.mean_delay_s, "mean_travel_s": result.score.mean_travel_s}
    table |= {"real_time_factor": result.real_time_factor, "overhead": result.overhead}
    return msgspec.json.encode(table).decode()


def _controllers(text: str) -> list[Controller]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    found = [c for c in CONTROLLERS if c in names]
    unknown = [n for n in names if n not in CONTROLLERS]
    if unknown or not found:
        what = f"{unknown[0]!r} is none" if unknown else "none is given"
        raise SettingsError(f"--controllers: {what}; choose from {', '.join(CONTROLLERS)}")
    return found


def _sensors(text: str) -> Sensors:
    for sensors in get_args(Sensors):
        if text == sensors:
            found: Sensors = sensors
            return found
    raise SettingsError(f"--sensors {text!r}: choose from {', '.join(get_args(Sensors))}")

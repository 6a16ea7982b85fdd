"""`citybrain trial`: controllers against each other on one network."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from citybrain.city.settings import SettingsError
from citybrain.city.trial import TrialResult
from citybrain.city.trial_city import TrialCity, open_trial_city, rule_words
from citybrain.city.trial_line import trial_line
from citybrain.city.trial_plan import CONTROLLERS, Controller, Sensors, TrialPlan
from citybrain.city.trial_report import plotting, write_report
from citybrain.city.trial_runs import run_plans
from citybrain.city.trial_store import TrialStore, default_folder
from citybrain.city.trial_table import trial_table
from citybrain.model import RoadNet
from citybrain.network import Scenario, apply_rules


class TrialWish(Struct, frozen=True):
    """What a person asked for; texts as they stand on the command line. None: as the city says."""

    network: Path
    controllers: str
    seeds: int = 1
    scale: float | None = None
    sensors: str | None = None
    begin: str | None = None
    end: str | None = None
    jobs: int = 1
    fresh: bool = False
    json: Path | None = None
    out: Path | None = None
    report: Path | None = None


def run_trials(wish: TrialWish) -> list[TrialResult]:
    """Run each controller with each seed (1, 2, …), print the table, write JSON (one object a line and run) and
    the report. Raises SettingsError, ScenarioError, RuleError, TrialError, OSError."""
    store = TrialStore(wish.out or default_folder())
    city = open_trial_city(wish.network, store.folder / "days", wish.scale)
    begin_s, end_s = _stretch(city.scenario, wish.begin, wish.end)
    sensors = city.sensors if wish.sensors is None else _sensors(wish.sensors)
    plans = [
        TrialPlan(city.scenario, controller, seed, sensors, begin_s, end_s, rules=city.rules)
        for controller in _controllers(wish.controllers)
        for seed in range(1, wish.seeds + 1)
    ]
    if wish.json is not None:
        wish.json.touch()  # an hour of runs must not end at a folder that is missing
    if wish.report is not None:
        plotting()
        wish.report.mkdir(parents=True, exist_ok=True)
    net = _net(city, store.networks)
    results = run_shown(plans, store, jobs=wish.jobs, fresh=wish.fresh)
    if wish.json is not None:
        wish.json.write_text("".join(trial_line(r, city.rules) + "\n" for r in results), encoding="utf-8")
    console = Console()
    console.print(trial_table(results, console.width))
    for line in rule_words(city.rules):
        Console().print(f"rule of city.toml: {line}", markup=False, highlight=False, soft_wrap=True)
    if wish.report is not None:
        page = write_report(results, net, wish.report, rule_words(city.rules))
        Console().print(f"report: {page}", markup=False, highlight=False, soft_wrap=True)
    return results


def run_shown(
    plans: Sequence[TrialPlan], store: TrialStore, *, jobs: int = 1, fresh: bool = False
) -> list[TrialResult]:
    """`run_plans` with a bar a run on the terminal. Raises as it does."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bars:
        names = [f"{p.scenario.name}, {p.controller}, seed {p.seed}" for p in plans]
        tasks = [bars.add_task(name, total=None, start=False, visible=False) for name in names]

        def tell(index: int, share: float) -> None:
            bars.start_task(tasks[index])
            bars.update(tasks[index], visible=share != 1.0)
            if not math.isnan(share):
                bars.update(tasks[index], total=1.0, completed=share)

        try:
            return run_plans(plans, store, jobs=jobs, fresh=fresh, progress=tell)
        except KeyboardInterrupt:
            bars.console.print("Stopped. What is finished is kept; the same command goes on from there.")
            raise


def _net(city: TrialCity, cache: Path) -> RoadNet:
    """The network under its rules: what they cannot hold is told before anything runs."""
    return apply_rules(city.scenario.net(cache), city.rules, city.scenario.timezone)


def _stretch(scenario: Scenario, begin: str | None, end: str | None) -> tuple[float, float | None]:
    """Begin and end in seconds of the simulation; an end "+S" counts from the begin. Raises SettingsError."""
    begin_s = scenario.begin_s if begin is None else _number("--begin", begin)
    after_s = begin_s if end is not None and end.startswith("+") else 0.0
    end_s = scenario.end_s if end is None else after_s + _number("--end", end)
    if end_s is not None and end_s <= begin_s:
        raise SettingsError(f"--end is {end_s:g} s, not after the begin at {begin_s:g} s")
    if end_s is None and scenario.days is not None:
        raise SettingsError("the default city never ends: give --end, like --end +3600")
    return begin_s, end_s


def _number(option: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1e9:
        raise SettingsError(f"{option} {text!r}: give seconds of the simulation, like 28800")
    return value


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

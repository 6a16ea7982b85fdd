"""The city of a trial: a scenario as it stands, or one of a `city.toml` with its plans and rules."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
from msgspec import Struct

from citybrain.city.locate import DEFAULT, locate
from citybrain.city.settings import FILE
from citybrain.city.trial_plan import MODES, Sensors, TrialPlan
from citybrain.city.up import first_day
from citybrain.model import JunctionRule, RoadNet
from citybrain.network import (
    Scenario,
    apply_rules,
    default_city,
    own_programs,
    read_scenario,
    under_rules,
    write_plans,
)

OWN_PLANS = "own-plans.add.xml"
DAYS = "days"
A_MONDAY = date(2026, 1, 5)
"""The day of a city that names none: a trial must be the same tomorrow."""


class TrialCity(Struct, frozen=True):
    """What a trial runs, and the rules of its `city.toml`; none for a bare scenario."""

    scenario: Scenario
    rules: tuple[JunctionRule, ...] = ()
    sensors: Sensors = "field"


def open_trial_city(network: Path, days: Path, scale: float | None = None) -> TrialCity:
    """The city at `network`: a .sumocfg, a folder with a network and routes, a city's folder or its city.toml.

    `days`: folder for the generated demand of the default city. `scale`: None as the city says. Raises
    ScenarioError, SettingsError, OSError.
    """
    if network.suffix != ".toml" and not (network / FILE).is_file():
        return TrialCity(read_scenario(network, scale=1.0 if scale is None else scale))
    city = locate(str(network), Path())
    street = city.settings.street
    share = street.scale if scale is None else scale
    day = A_MONDAY if street.day is None else first_day(city)
    if city.scenario == DEFAULT:
        scenario = msgspec.structs.replace(default_city.build(days, day, street.seed), scale=share)
    else:
        scenario = read_scenario(Path(city.scenario), scale=share, day=day, timezone=city.settings.timezone)
    plans = tuple(Path(p) for p in street.plans)
    scenario = msgspec.structs.replace(scenario, additional_files=(*scenario.additional_files, *plans))
    return TrialCity(scenario, city.settings.junction, street.sensors)


def laid_out(plan: TrialPlan, cache: Path, folder: Path) -> tuple[TrialPlan, RoadNet]:
    """The run with its rules in force, and its network under them; files that SUMO needs for it go to `folder`.

    `fixed` runs the own plans of the rules, `actuated` and `delay_based` keep their stages and greens, everybody
    behind the guard has all of them. Raises ScenarioError, RuleError, OSError.
    """
    if plan.scenario.days is not None:  # of its own, as runs side by side would write the same files
        plan = msgspec.structs.replace(plan, scenario=msgspec.structs.replace(plan.scenario, days=folder / DAYS))
    net = plan.scenario.net(cache)
    if not plan.rules:
        return plan, net
    ruled = apply_rules(net, plan.rules, plan.scenario.timezone)
    if MODES[plan.controller] == "guard":
        return plan, ruled
    if MODES[plan.controller] != "own":
        return plan, under_rules(net, ruled)
    return _with_own_plans(plan, net, ruled, folder), ruled


def _with_own_plans(plan: TrialPlan, net: RoadNet, ruled: RoadNet, folder: Path) -> TrialPlan:
    programs = own_programs(net, ruled)
    if not programs:
        return plan
    write_plans(programs, folder / OWN_PLANS)
    files = (*plan.scenario.additional_files, folder / OWN_PLANS)
    return msgspec.structs.replace(plan, scenario=msgspec.structs.replace(plan.scenario, additional_files=files))


def rule_words(rules: tuple[JunctionRule, ...]) -> list[str]:
    """Each rule in a line: for whom, and the keys that it sets."""
    lines = []
    for rule in rules:
        table = msgspec.to_builtins(rule)
        said = {k: v for k, v in table.items() if k not in ("id", "area") and v not in (None, ())}
        keys = ", ".join(k if isinstance(v, dict | list | tuple) else f"{k} {v}" for k, v in said.items())
        lines.append(f"{rule.id or rule.area}: {keys}")
    return lines

"""The scenario that a plan names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec

from citybrain.city.locate import DEFAULT
from citybrain.city.plan import RunPlan
from citybrain.model import RoadNet
from citybrain.network import (
    Scenario,
    SignalMode,
    apply_rules,
    default_city,
    own_programs,
    read_scenario,
    under_rules,
    write_plans,
)

WARM_UP_S = 15 * 60
"""The default city begins this much before 07:00, so that its streets are not empty when it opens."""


def open_scenario(plan: RunPlan, progress: Callable[[str], None] = lambda _: None) -> Scenario:
    """The plan's scenario with the signal plans of its settings; the default city's day files are made where they
    are missing. Raises ScenarioError."""
    scenario = _scenario(plan, progress)
    plans = tuple(Path(p) for p in plan.settings.street.plans)
    return msgspec.structs.replace(scenario, additional_files=(*scenario.additional_files, *plans))


def city_net(plan: RunPlan, scenario: Scenario, cache: Path | None = None) -> RoadNet:
    """The road network under the limits of the settings. Raises ScenarioError, RuleError."""
    return apply_rules(scenario.net(cache), plan.settings.junction, plan.settings.timezone)


def open_shadow(plan: RunPlan, control: SignalMode) -> tuple[Scenario, RoadNet]:
    """The scenario and the network of a shadow city, whose signals SUMO controls by itself: under the same limits
    and own plans as the street's. Raises ScenarioError, OSError."""
    scenario, ruled = open_scenario(plan), plan.net()
    net = scenario.net(plan.city_folder)
    if control != "own":
        return scenario, under_rules(net, ruled)
    programs = own_programs(net, ruled)
    if not programs:
        return scenario, ruled
    file = plan.city_folder / "own-plans.add.xml"
    write_plans(programs, file)
    return msgspec.structs.replace(scenario, additional_files=(*scenario.additional_files, file)), ruled


def _scenario(plan: RunPlan, progress: Callable[[str], None]) -> Scenario:
    street, day = plan.settings.street, date.fromisoformat(plan.day)
    if plan.scenario != DEFAULT:
        return read_scenario(
            Path(plan.scenario),
            seed=street.seed,
            scale=street.scale,
            day=day,
            timezone=plan.settings.timezone,
            loops=True,
        )
    folder = plan.city_folder / "days"
    folder.mkdir(parents=True, exist_ok=True)
    scenario = default_city.build(folder, day, street.seed, lambda what, share: progress(f"{what} ({share:.0%})"))
    return msgspec.structs.replace(scenario, begin_s=scenario.begin_s - WARM_UP_S, scale=street.scale)


def warm_up_s(plan: RunPlan) -> int:
    """Seconds of city time that pass before the city opens for the first time."""
    return WARM_UP_S if plan.scenario == DEFAULT else 0

"""What every process of a run needs: the plan, the declarations, the scenario and its network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from citybrain.city.locate import DEFAULT
from citybrain.city.plan import RunPlan
from citybrain.hub import load_catalogue
from citybrain.model import Declarations, RoadNet
from citybrain.network import Scenario, default_city, read_scenario


@dataclass(frozen=True)
class World:
    """A run's plan with what it names, read in."""

    plan: RunPlan
    declarations: Declarations
    scenario: Scenario
    net: RoadNet


def open_world(plan: RunPlan, progress: Callable[[str], None] = lambda _: None) -> World:
    """Read declarations, scenario and network (from the cache of the data folder where they are unchanged).

    `progress` is told what is being done. Raises ScenarioError, DeclarationError.
    """
    progress("reading the declarations")
    declarations = load_catalogue(plan.folder)
    progress("reading the scenario")
    scenario = open_scenario(plan, progress)
    progress("reading the road network")
    net = scenario.net(plan.folder / "city")
    return World(plan, declarations, scenario, net)


def open_scenario(plan: RunPlan, progress: Callable[[str], None] = lambda _: None) -> Scenario:
    """The plan's scenario; the default city's day files are made where they are missing."""
    street, day = plan.settings.street, date.fromisoformat(plan.day)
    if plan.scenario == DEFAULT:
        folder = plan.folder / "city" / "days"
        folder.mkdir(parents=True, exist_ok=True)
        scenario = default_city.build(
            folder, day, street.seed, lambda what, share: progress(f"{what} ({share:.0%})")
        )
        return msgspec.structs.replace(scenario, scale=street.scale)
    return read_scenario(
        Path(plan.scenario),
        seed=street.seed,
        scale=street.scale,
        day=day,
        timezone=plan.settings.timezone,
        loops=True,
    )

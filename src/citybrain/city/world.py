"""The scenario that a plan names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec

from citybrain.city.locate import DEFAULT
from citybrain.city.plan import RunPlan
from citybrain.network import Scenario, default_city, read_scenario

WARM_UP_S = 15 * 60
"""The default city begins this much before 07:00, so that its streets are not empty when it opens."""


def open_scenario(plan: RunPlan, progress: Callable[[str], None] = lambda _: None) -> Scenario:
    """The plan's scenario; the default city's day files are made where they are missing. Raises ScenarioError."""
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

"""Which run: a controller over a scenario, with a seed and with what it sees."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec
from msgspec import Struct

from citybrain.model import JunctionRule
from citybrain.network import Scenario, SignalMode

Controller = Literal["fixed", "actuated", "delay_based", "wave", "wave_1s", "max_pressure", "brain"]
CONTROLLERS: tuple[Controller, ...] = get_args(Controller)
Sensors = Literal["clean", "field"]
MODES: dict[Controller, SignalMode] = {
    "fixed": "own",
    "actuated": "actuated",
    "delay_based": "delay_based",
    "wave": "guard",
    "wave_1s": "guard",
    "max_pressure": "guard",
    "brain": "guard",
}
"""Who sets the lamps in the simulator: the network's own programs, SUMO's controllers, or our guard."""


class TrialPlan(Struct, frozen=True):
    """One run: a controller over a scenario with one seed, from `begin_s` to `end_s` (None: as the scenario).

    `sensors` are the brain's: baselines see clean counts, SUMO's controllers have SUMO's own detectors.
    `emissions`: whether SUMO reckons CO₂, at about a sixth more processor time. `rules`: an engineer's, from
    `city.toml`, read in the scenario's time zone.
    """

    scenario: Scenario
    controller: Controller
    seed: int
    sensors: Sensors = "clean"
    begin_s: float | None = None
    end_s: float | None = None
    emissions: bool = True
    rules: tuple[JunctionRule, ...] = ()

    @property
    def seen(self) -> Sensors:
        """What this controller sees."""
        return self.sensors if self.controller == "brain" else "clean"

    def settled(self) -> Scenario:
        """The scenario as it runs: with the seed, begin and end of this run, once."""
        scenario = msgspec.structs.replace(self.scenario, seed=self.seed, loops=False)
        if self.begin_s is not None:
            scenario = msgspec.structs.replace(scenario, begin_s=self.begin_s)
        if self.end_s is not None:
            scenario = msgspec.structs.replace(scenario, end_s=self.end_s)
        return scenario

"""The default city: a real road network carried by the eclipse-sumo wheel, with synthetic traffic.

Berlin-Adlershof (OpenStreetMap, by way of SUMO's demand-responsive-transport game). Nothing of it is shipped
with this package: the network is read where the wheel has put it. The demand is synthetic: drawn from date and
seed, not measured.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import sumo

from citybrain.network.day_file import day_file, silent
from citybrain.network.demand import Progress
from citybrain.network.scenario import Scenario, ScenarioError, midnight

NAME = "Berlin-Adlershof"
TIMEZONE = "Europe/Berlin"
BEGIN_S = 7 * 3600.0


def network_file() -> Path:
    """Where the wheel has put the network. Raises ScenarioError."""
    file = Path(sumo.SUMO_HOME) / "tools" / "game" / "DRT" / "osm.net.xml"
    if not file.is_file():
        raise ScenarioError(f"{file}: no such file: install the eclipse-sumo package again")
    return file


def build(folder: Path, day: date, seed: int = 1, progress: Progress = silent) -> Scenario:
    """The default city beginning at 07:00 of `day`; the day files are made in `folder` as they are needed.

    The same date and seed give the same files. Raises ScenarioError, OSError.
    """
    scenario = Scenario(
        name=NAME,
        net_file=network_file(),
        route_files=(),
        additional_files=(),
        begin_s=BEGIN_S,
        end_s=None,
        step_s=1.0,
        options=(("time-to-teleport", "300"),),
        epoch=midnight(day, TIMEZONE),
        timezone=TIMEZONE,
        loops=False,
        seed=seed,
        scale=1.0,
        days=folder,
    )
    day_file(scenario, day, 0, progress)
    return scenario

"""Day files of the default city: one day's demand and events."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from msgspec import Struct

from citybrain.network.event import CityEvent
from citybrain.network.scenario import Scenario

DAY_S = 86_400


class DayFile(Struct, frozen=True):
    """A day's routes and events."""

    routes: Path
    events: tuple[CityEvent, ...]


def day_file(scenario: Scenario, day: date, number: int) -> DayFile:
    """The day file of `day`, the `number`-th day of the scenario; made if it is not there."""
    raise NotImplementedError

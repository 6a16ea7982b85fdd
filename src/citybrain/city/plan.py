"""The plan of a run: what the parent worked out and every process of the city reads."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from citybrain.city.settings import Settings, SettingsError

FILE = "run-plan.json"


class RunPlan(Struct, frozen=True):
    """Everything that a process of the running city needs to know. No secrets: the bus token is in address.json."""

    settings: Settings
    data: str
    """The data folder."""
    scenario: str
    """"default", or the absolute path of a SUMO configuration or folder."""
    day: str
    """Date of city second 0."""
    run: int
    """Incarnations of the city so far, this one included."""

    @property
    def folder(self) -> Path:
        return Path(self.data)


def write_plan(plan: RunPlan) -> None:
    """Keep the plan in its data folder."""
    target = plan.folder / FILE
    part = target.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(plan)))
    part.replace(target)


def read_plan(data: Path) -> RunPlan:
    """The plan of the last run on that data folder. Raises SettingsError where there is none."""
    try:
        return msgspec.json.decode((data / FILE).read_bytes(), type=RunPlan)
    except FileNotFoundError:
        raise SettingsError(
            f"{data}: no city has run here yet; start one with: citybrain up --data {data}"
        ) from None
    except msgspec.MsgspecError as e:
        raise SettingsError(f"{data / FILE}: unreadable ({e}); start the city again: citybrain up") from None

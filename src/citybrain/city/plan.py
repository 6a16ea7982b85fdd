"""The plan of a run: what was worked out before the city starts, and what every process of it reads.

`run-plan.json` names the city; beside the network's cache lie its declarations and its road network as prepared
(`city/*.bin`), so that a process needs no room that it does not work in.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from citybrain.city.settings import Settings, SettingsError
from citybrain.cloud import atomic_write
from citybrain.model import Dataset, Declarations, RoadNet

FILE = "run-plan.json"
T = TypeVar("T")


class RunPlan(Struct, frozen=True):
    """A run of a city. No secrets: the bus token is in address.json."""

    settings: Settings
    data: str
    """The data folder."""
    scenario: str
    """"default", or the absolute path of a SUMO configuration or folder."""
    day: str
    """Date of city second 0."""

    @property
    def folder(self) -> Path:
        return Path(self.data)

    @property
    def city_folder(self) -> Path:
        return self.folder / "city"

    def declarations(self) -> Declarations:
        """The declarations as prepared. Raises SettingsError."""
        datasets = self._prepared("declarations.bin", list[Dataset])
        return Declarations({d.id: d for d in datasets})

    def net(self) -> RoadNet:
        """The road network as prepared. Raises SettingsError."""
        return self._prepared("net.bin", RoadNet)

    def opens_ms(self) -> int:
        """City time at which the city opens for the first time. Raises SettingsError."""
        return self._prepared("opens.bin", int)

    def prepare(self, declarations: Declarations, net: RoadNet, opens_ms: int) -> None:
        """Keep what the processes read."""
        self.city_folder.mkdir(exist_ok=True, mode=0o700)
        atomic_write(self.city_folder / "declarations.bin", msgspec.msgpack.encode(list(declarations.values())))
        atomic_write(self.city_folder / "net.bin", msgspec.msgpack.encode(net))
        atomic_write(self.city_folder / "opens.bin", msgspec.msgpack.encode(opens_ms))

    def _prepared(self, name: str, kind: type[T]) -> T:
        file = self.city_folder / name
        try:
            return msgspec.msgpack.decode(file.read_bytes(), type=kind)
        except (OSError, msgspec.MsgspecError) as e:
            raise SettingsError(f"{file}: unreadable ({e}); start the city again: citybrain up") from None


def write_plan(plan: RunPlan) -> None:
    """Keep the plan in its data folder."""
    atomic_write(plan.folder / FILE, msgspec.json.format(msgspec.json.encode(plan)))


def read_plan(data: Path) -> RunPlan:
    """The plan of the last run on that data folder. Raises SettingsError where there is none."""
    try:
        plan = msgspec.json.decode((data / FILE).read_bytes(), type=RunPlan)
        # A folder may have been moved, or restored elsewhere, since it ran.
        return msgspec.structs.replace(plan, data=str(data.absolute()))
    except FileNotFoundError:
        raise SettingsError(
            f"{data}: no city has run here yet; start one with: citybrain up --data {data}"
        ) from None
    except msgspec.MsgspecError as e:
        raise SettingsError(f"{data / FILE}: unreadable ({e}); start the city again: citybrain up") from None

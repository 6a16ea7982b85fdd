"""From `--city` and `--data` to a city: its settings, its scenario and its data folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from citybrain.city.settings import FILE, Settings, SettingsError, checked, read_settings
from citybrain.model import Text

DEFAULT = "default"
_STREET = ("speed", "scale", "seed", "sensors", "shadow")


class City(Struct, frozen=True):
    """A city as it lies on the disk."""

    settings: Settings
    scenario: str
    """"default", or the absolute path of a SUMO configuration or of a folder with a network and routes."""
    data: Path


def locate(city: str | None, data: Path) -> City:
    """The city at `--city` (none: `city.toml` of this folder, else the default city). Raises SettingsError."""
    if city is None and Path(FILE).is_file():
        city = "."
    if city is None:
        return City(Settings(), DEFAULT, _folder(data, "berlin"))
    path = Path(city).expanduser()
    if not path.exists():
        raise SettingsError(
            f"--city {city}: there is nothing; give a folder with {FILE}, a .sumocfg or a folder of both"
        )
    file = path if path.suffix == ".toml" else path / FILE
    if file.is_file():
        settings = _absolute(read_settings(file), file.resolve().parent)
        return City(settings, _scenario(settings, file), _folder(data, file.resolve().parent.name))
    name = path.resolve().stem
    settings = Settings(name=Text(name, name), timezone="UTC")
    return City(settings, str(path.resolve()), _folder(data, name))


def _absolute(settings: Settings, folder: Path) -> Settings:
    """`settings` with its token file and its signal plans, which are relative to `city.toml`, found."""
    bus, street = settings.bus, settings.street
    if bus.token_file is not None:
        bus = msgspec.structs.replace(bus, token_file=str(folder / bus.token_file))
    for plan in street.plans:
        if not (folder / plan).is_file():
            raise SettingsError(f"{folder / FILE}: street.plans {plan!r} does not exist")
    street = msgspec.structs.replace(street, plans=tuple(str(folder / p) for p in street.plans))
    return msgspec.structs.replace(settings, bus=bus, street=street)


def with_wishes(city: City, wishes: Mapping[str, object]) -> City:
    """`city` with what the command line asks for in place of its settings. Raises SettingsError."""
    table = msgspec.to_builtins(city.settings)
    table["street"] |= {k: v for k, v in wishes.items() if k in _STREET}
    table["page"] |= {k: v for k, v in wishes.items() if k == "port"}
    try:
        settings = msgspec.convert(table, Settings)
    except msgspec.ValidationError as e:
        raise SettingsError(f"{_option(str(e))}; every option: citybrain up --help") from None
    return msgspec.structs.replace(city, settings=checked(settings, "command line"))


def _option(error: str) -> str:
    """An error about `$.street.sensors` as one about `--sensors`."""
    what, _, where = error.partition(" - at ")
    return f"--{where.strip('`').rpartition('.')[2]}: {what}" if where else what


def _scenario(settings: Settings, file: Path) -> str:
    if settings.street.scenario == DEFAULT:
        return DEFAULT
    path = (file.parent / settings.street.scenario).resolve()
    if not path.exists():
        raise SettingsError(f"{file}: street.scenario {settings.street.scenario!r} does not exist")
    return str(path)


def _folder(data: Path, name: str) -> Path:
    return (Path("data") / name if data == Path() else data).absolute()

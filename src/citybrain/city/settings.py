"""`city.toml`: everything that may be set about a city. docs/city-toml.md has a line for each."""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from msgspec import Meta, Struct

from citybrain.model import JunctionRule, Text

FILE = "city.toml"
Port = Annotated[int, Meta(ge=0, le=65535)]
Shadow = Literal["actuated", "own"]
MOST_WORKERS = 16
Speed = Annotated[float, Meta(gt=0, le=100)]


class SettingsError(ValueError):
    """A setting that cannot stand: names the file, the setting and what to write."""


class StreetSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the street comes from."""

    scenario: str = "default"
    """"default", or the path (from city.toml) of a SUMO configuration or of a folder with a network and routes."""
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 1
    speed: Speed = 1.0
    """City seconds a second."""
    scale: Annotated[float, Meta(gt=0, le=10)] = 1.0
    """Share of the demand that drives."""
    sensors: Literal["clean", "field"] = "field"
    """"clean", or "field": detectors that fail and miscount as real ones do."""
    backup_s: Annotated[int, Meta(ge=1, le=65_535)] = 3
    """After this time without an order a junction runs its own plan (NTCIP 1202 unitBackupTime, 0: never)."""
    day: str | None = None
    """Date of the first day (2026-11-22); today where none is given."""
    plans: Annotated[tuple[str, ...], Meta(max_length=64)] = ()
    """Paths of SUMO additional files whose signal programs take the place of the network's."""
    shadow: bool | tuple[Shadow, ...] = True
    """Run the same city under another control beside it: true is ["actuated"]."""
    ab_days: bool = False
    """Every other day the whole city runs its own plans, for a fair comparison with the brain."""

    @property
    def shadows(self) -> tuple[Shadow, ...]:
        """The shadow cities that run."""
        if isinstance(self.shadow, bool):
            return ("actuated",) if self.shadow else ()
        return tuple(dict.fromkeys(self.shadow))


class PageSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the page answers."""

    host: str = "127.0.0.1"
    port: Port = 8600
    """0: any free port."""


class BusSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The bus: embedded, or an outside server."""

    url: str | None = None
    """nats://host:port of an outside server; none: a server of our own on loopback."""
    token_file: str | None = None
    """File that holds the outside server's token."""
    log_hours: Annotated[float, Meta(gt=0, le=24 * 366)] = 24.0
    """City hours of the log that replay can reach."""
    log_gb: Annotated[float, Meta(gt=0, le=100_000)] = 4.0


class BrainSettings(Struct, frozen=True, forbid_unknown_fields=True):
    workers: Annotated[int, Meta(ge=1, le=MOST_WORKERS)] = 1
    """Processes that decide, each for a part of the junctions."""


class LibrarySettings(Struct, frozen=True, forbid_unknown_fields=True):
    memory_mb: Annotated[int, Meta(ge=64)] = 256
    """What DuckDB may use."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """A city."""

    name: Text = Text("Berlin-Adlershof", "柏林阿德勒斯霍夫")
    timezone: str = "Europe/Berlin"
    street: StreetSettings = StreetSettings()
    page: PageSettings = PageSettings()
    bus: BusSettings = BusSettings()
    brain: BrainSettings = BrainSettings()
    library: LibrarySettings = LibrarySettings()
    junction: Annotated[tuple[JunctionRule, ...], Meta(max_length=10_000)] = ()
    """Limits for junctions; where two speak of the same, the later counts."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def read_settings(file: Path) -> Settings:
    """Read a `city.toml`. Raises SettingsError in one line."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as e:
        raise SettingsError(f"{file}: cannot be read: {e.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise SettingsError(f"{file}: not TOML: {e}") from None
    try:
        settings = msgspec.convert(table, Settings)
    except msgspec.ValidationError as e:
        table_words = "{ en = …, zh = … }" if "$.name" in str(e) else "a table of settings"
        what = str(e).replace("Expected `object`", f"Expected {table_words}")
        raise SettingsError(f"{file}: {what}; every setting is in docs/city-toml.md") from None
    return checked(settings, str(file))


def checked(settings: Settings, where: str) -> Settings:
    """`settings`, or SettingsError on what the types cannot say."""
    if settings.timezone not in available_timezones():
        raise SettingsError(f"{where}: no timezone {settings.timezone!r}; write one like Asia/Shanghai")
    if _is_every_address(settings.page.host):
        raise SettingsError(
            f"{where}: page.host {settings.page.host!r}: name the address that the page is reached under, "
            "as requests for any other are refused"
        )
    if settings.bus.url is None and settings.bus.token_file is not None:
        raise SettingsError(f"{where}: bus.token_file goes with bus.url")
    return settings


def _is_every_address(host: str) -> bool:
    try:
        return not host or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False

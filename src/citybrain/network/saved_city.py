"""Saved minutes of a simulated city: SUMO's state and what the adapter remembers, in one file.

A zip with `city.msgpack` (`Kept`) and `state.xml.gz` (SUMO's own state). Written whole or not at all.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import msgspec
from msgspec import Struct

from citybrain.network.event import EventMemory
from citybrain.network.lane_sensor import SensorMemory
from citybrain.network.link_probe import ProbeMemory
from citybrain.network.scenario import ScenarioError
from citybrain.network.traffic_score import ScoreMemory

FORMAT = 1
_CITY, _STATE = "city.msgpack", "state.xml.gz"


class Kept(Struct):
    """What the adapter remembers beside SUMO's state. `offset_ms`: city time minus simulation time."""

    format: int
    digest: str
    scenario: str
    offset_ms: int
    time_ms: int
    lamps: dict[str, str]
    lanes: SensorMemory | None
    probes: ProbeMemory
    score: ScoreMemory | None
    events: EventMemory


def write_saved(path: Path, state: Path, kept: Kept) -> None:
    """Write a saved minute in place of `path`. Raises OSError."""
    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as out:
        out.writestr(_CITY, msgspec.msgpack.encode(kept))
        out.write(state, _STATE)
    with part.open("rb+") as written:
        os.fsync(written.fileno())
    part.replace(path)


def read_saved(path: Path, folder: Path) -> tuple[Kept, Path]:
    """The saved minute at `path`; SUMO's state is unpacked into `folder`. Raises ScenarioError."""
    try:
        with zipfile.ZipFile(path) as file:
            head = msgspec.msgpack.decode(file.read(_CITY), type=_Head)
            if head.format != FORMAT:
                other = f"format {head.format}, not {FORMAT}"
                raise ScenarioError(f"{path}: saved by another version ({other}): remove it to begin anew")
            kept = msgspec.msgpack.decode(file.read(_CITY), type=Kept)
            state = folder / _STATE
            state.write_bytes(file.read(_STATE))
    except FileNotFoundError:
        raise ScenarioError(f"{path}: no such file") from None
    except (OSError, KeyError, zipfile.BadZipFile, msgspec.DecodeError, msgspec.ValidationError) as e:
        raise ScenarioError(f"{path}: not a saved minute ({e}): remove it to begin anew") from None
    return kept, state


def saved_time(path: Path) -> int:
    """City time of a saved minute in milliseconds since 1970 UTC. Raises ScenarioError."""
    try:
        with zipfile.ZipFile(path) as file:
            return msgspec.msgpack.decode(file.read(_CITY), type=_Head).time_ms
    except (OSError, KeyError, zipfile.BadZipFile, msgspec.DecodeError, msgspec.ValidationError) as e:
        raise ScenarioError(f"{path}: not a saved minute ({e}): remove it to begin anew") from None


class _Head(Struct):
    format: int
    time_ms: int

"""Scenarios: what a simulated city runs, read from any SUMO configuration or folder."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from citybrain.model import RoadNet
from citybrain.network.additional_file import detectors_named, only_detectors
from citybrain.network.netfile import Attributes, NetError, scan_xml
from citybrain.network.road_net import read_net

DEFAULT_DAY = date(2026, 1, 5)
"""A Monday: the day of a scenario whose files name none."""
_PASSED = (
    "time-to-teleport",
    "time-to-impatience",
    "no-internal-links",
    "lateral-resolution",
    "lanechange.",
    "collision.",
    "ignore-",
    "max-depart-delay",
    "max-num-vehicles",
    "route-steps",
    "extrapolate-departpos",
    "device.rerouting.",
    "routing-algorithm",
    "weights.",
    "default.",
    "tls.",
    "eager-insert",
    "random-depart-offset",
    "step-method.ballistic",
    "pedestrian.",
    "scale-suffix",
    "emergencydecel.",
    "overhead-",
)
"""Options of a configuration that say how traffic behaves. Those that write files or open ports are left out."""
_FILES = ("net-file", "route-files", "additional-files")
_SHORT = {"n": "net-file", "r": "route-files", "a": "additional-files", "b": "begin", "e": "end"}


class ScenarioError(ValueError):
    """A scenario that cannot run: one line naming the file and what to do."""


class Scenario(Struct, frozen=True):
    """What a simulated city runs. Simulation second 0 is `epoch`."""

    name: str
    net_file: Path
    route_files: tuple[Path, ...]
    additional_files: tuple[Path, ...]
    begin_s: float
    end_s: float | None
    step_s: float
    options: tuple[tuple[str, str], ...]
    epoch: datetime
    timezone: str
    loops: bool
    """True: begins anew when its demand is over, city time going on."""
    seed: int
    scale: float
    detector_files: tuple[Path, ...] = ()
    """Files of detectors that the signal programs ask."""
    days: Path | None = None
    """Folder of generated day files (the default city): the demand of each day comes from there."""

    def net(self, cache: Path | None = None) -> RoadNet:
        """The road network, with the signal programs of the additional files. Raises ScenarioError."""
        try:
            return read_net(self.net_file, cache, additional=self.additional_files, name=self.name)
        except NetError as e:
            raise ScenarioError(str(e)) from None


def midnight(day: date, timezone: str) -> datetime:
    """Local midnight at the beginning of `day`. Raises ScenarioError on an unknown time zone."""
    if timezone == "UTC":
        return datetime.combine(day, time(), UTC)
    try:
        return datetime.combine(day, time(), ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, ValueError):
        raise ScenarioError(f"unknown time zone {timezone!r}: write one such as Europe/Berlin") from None


def read_scenario(
    path: Path,
    *,
    seed: int = 1,
    scale: float = 1.0,
    day: date | None = None,
    timezone: str = "UTC",
    loops: bool = False,
) -> Scenario:
    """The scenario of a .sumocfg, or of a folder that holds one or a network and its routes.

    Raises ScenarioError in one line.
    """
    if not path.exists():
        raise ScenarioError(f"{path}: no such file or folder: give a .sumocfg or a folder that holds one")
    if not 0 < scale <= 100:
        raise ScenarioError(f"scale {scale} is out of range: give a number above 0 and at most 100")
    config = _find_config(path) if path.is_dir() else path
    found = _read_config(config) if config is not None else _of_folder(path)
    files = [_files(found.get(key, ""), config or path) for key in _FILES]
    name = path.name.split(".")[0] if path.is_dir() or config is None else config.name.split(".")[0]
    if len(files[0]) != 1:
        raise ScenarioError(f'{config or path}: names no network: add <net-file value="….net.xml"/>')
    step_s = _seconds(found, "step-length", 1.0, config or path) or 1.0
    if round(1000 / (step_s * 1000), 6) % 1:
        raise ScenarioError(f"{config or path}: step-length is {step_s:g}: give one that divides a second")
    additional, detectors = _additional(files[0][0], files[2])
    return Scenario(
        name=path.name if path.is_dir() else name,
        net_file=files[0][0],
        route_files=files[1],
        additional_files=additional,
        detector_files=detectors,
        begin_s=_seconds(found, "begin", 0.0, config or path) or 0.0,
        end_s=_seconds(found, "end", None, config or path),
        step_s=step_s,
        options=tuple((k, v) for k, v in found.items() if k.startswith(_PASSED)),
        epoch=midnight(day or DEFAULT_DAY, timezone),
        timezone=timezone,
        loops=loops,
        seed=seed,
        scale=scale * (_seconds(found, "scale", 1.0, config or path) or 1.0),
    )


def _find_config(folder: Path) -> Path | None:
    configs = sorted(folder.glob("*.sumocfg"))
    if len(configs) > 1:
        names = ", ".join(c.name for c in configs)
        raise ScenarioError(f"{folder}: holds several configurations ({names}): name one of them")
    return configs[0] if configs else None


def _read_config(config: Path) -> dict[str, str]:
    found: dict[str, str] = {}

    def start(tag: str, attributes: Attributes) -> None:
        value = attributes.get("value", attributes.get("v"))
        if value is not None:
            found[_SHORT.get(tag, tag)] = value

    try:
        root = scan_xml(config, start)
    except NetError as e:
        raise ScenarioError(str(e)) from None
    if root not in ("configuration", "sumoConfiguration"):
        raise ScenarioError(f"{config}: not a SUMO configuration (its root is <{root}>): give a .sumocfg file")
    return found


def _of_folder(folder: Path) -> dict[str, str]:
    nets = sorted([*folder.glob("*.net.xml"), *folder.glob("*.net.xml.gz")])
    routes = sorted([*folder.glob("*.rou.xml"), *folder.glob("*.rou.xml.gz")])
    if len(nets) != 1:
        what = "no network (*.net.xml)" if not nets else "several networks"
        raise ScenarioError(f"{folder}: holds {what} and no .sumocfg: give a folder with one of them")
    if not routes:
        raise ScenarioError(f"{folder}: holds no routes (*.rou.xml): add them beside {nets[0].name}")
    return {"net-file": nets[0].name, "route-files": ",".join(r.name for r in routes)}


def _files(text: str, beside: Path) -> tuple[Path, ...]:
    base = beside if beside.is_dir() else beside.parent
    names = [n.strip() for n in text.split(",")]
    if len(names) == 1 and not (base / names[0]).is_file():
        names = text.split()
    found = []
    for name in filter(None, names):
        file = (base / name).resolve()
        if not file.is_file():
            raise ScenarioError(f"{beside}: names {name}, but there is no such file: put it at {file}")
        found.append(file)
    return tuple(found)


def _seconds(found: dict[str, str], key: str, default: float | None, file: Path) -> float | None:
    """A number, or a time as 7200, 02:00:00 or 1:02:00:00. A negative one counts as not given."""
    text = found.get(key)
    if text is None:
        return default
    try:
        parts = [float(p) for p in text.split(":")]
    except ValueError:
        raise ScenarioError(f"{file}: {key} is {text!r}: give a number") from None
    value = 0.0
    for part in parts if len(parts) < 4 else [parts[0] * 24 + parts[1], *parts[2:]]:
        value = value * 60 + part
    return value if value >= 0 else default


def _additional(net: Path, files: tuple[Path, ...]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The additional files, and apart from them those of detectors that a signal program asks. Files that only
    make detectors for somebody to read are left out."""
    try:
        detectors = [f for f in files if only_detectors(f)]
        others = tuple(f for f in files if f not in detectors)
        return others, tuple(detectors_named(detectors, (net, *others)))
    except NetError as e:
        raise ScenarioError(str(e)) from None

"""From what a person names to a road network under its limits, and what its files say of signal programs."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from citybrain.city.locate import DEFAULT, locate
from citybrain.city.settings import FILE
from citybrain.model import RoadNet
from citybrain.network import (
    NetError,
    SignalNote,
    apply_rules,
    default_city,
    read_net,
    read_scenario,
    signal_notes,
)


class PlanSource(Struct, frozen=True):
    """A network and the notes of its signals."""

    net: RoadNet
    notes: dict[str, SignalNote]


def open_network(network: Path) -> PlanSource:
    """The network of a .net.xml, a .sumocfg, a folder with a network and routes, or a city with its city.toml.

    Raises NetError, ScenarioError, RuleError, SettingsError in one line.
    """
    if not network.exists():
        raise NetError(f"{network}: no such file or folder: give a .net.xml, a .sumocfg or a city's folder")
    if network.name.endswith((".net.xml", ".net.xml.gz")):
        return PlanSource(read_net(network), signal_notes(network))
    if network.suffix != ".toml" and not (network / FILE).is_file():
        scenario = read_scenario(network)
        return PlanSource(scenario.net(), signal_notes(scenario.net_file, scenario.additional_files))
    city = locate(str(network), Path())
    plans = tuple(Path(p) for p in city.settings.street.plans)
    if city.scenario == DEFAULT:
        file, additional = default_city.network_file(), plans
    else:
        scenario = read_scenario(Path(city.scenario))
        file, additional = scenario.net_file, (*scenario.additional_files, *plans)
    net = read_net(file, additional=additional, name=city.settings.name.en)
    return PlanSource(
        apply_rules(net, city.settings.junction, city.settings.timezone), signal_notes(file, additional)
    )

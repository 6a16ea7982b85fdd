"""`citybrain check`: everything that can be known before a city starts."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from citybrain.city.address import read_address
from citybrain.city.errors import EXIT_DIFFERENCE, explain
from citybrain.city.locate import City, locate
from citybrain.city.network_report import network_report
from citybrain.city.plan import RunPlan
from citybrain.city.plan_show import group_lines
from citybrain.city.up import first_day, page_url
from citybrain.city.world import city_net, open_scenario
from citybrain.cloud import DataFolder, find_nats_server
from citybrain.hub import load_catalogue
from citybrain.model import RoadNet


class CheckFailed(RuntimeError):
    """What is wrong, and what to do."""


def run_check(city: str | None, data: Path) -> int:
    """Print a line a check; the exit code is 1 if any failed."""
    console = Console(highlight=False, soft_wrap=True)
    found = locate(city, data)
    nets: list[RoadNet] = []
    checks: list[tuple[str, Callable[[], str]]] = [
        ("settings", lambda: f"{found.settings.name.en}, {found.settings.timezone}"),
        ("declarations", lambda: f"{len(load_catalogue(None))} datasets"),
        (
            "bus server",
            lambda: "outside: " + found.settings.bus.url if found.settings.bus.url else find_nats_server(),
        ),
        ("page", _page),
        ("port", lambda: _port(found)),
        ("data folder", lambda: _data(found)),
        ("network", lambda: _network(found, nets)),
    ]
    failed = 0
    for name, check in checks:
        try:
            line, mark = check(), "ok  "
        except Exception as e:
            line, mark = explain(e)[0] if not isinstance(e, CheckFailed) else str(e), "FAIL"
            failed += 1
        console.print(f"{mark}  {name}: {line}", markup=False)
    for net in nets:
        console.print(network_report(net))
        for line in group_lines(net):
            console.print(line, markup=False)
    return EXIT_DIFFERENCE if failed else 0


def _page() -> str:
    if not resources.files("citybrain.cockpit").joinpath("static", "index.html").is_file():
        raise CheckFailed("the page is not built; install again: pip install -e .")
    return "built"


def _port(city: City) -> str:
    page = city.settings.page
    running = read_address(city.data / "address.json")
    if running is not None:
        return f"the city runs at {running.page}"
    return f"{page_url(page)} is free"


def _data(city: City) -> str:
    if not city.data.exists():
        return f"{city.data} (new)"
    folder = DataFolder(city.data, create=False)
    folder.check_space()
    return f"{city.data}, {folder.free_bytes() // 2**30} GB free"


def _network(city: City, nets: list[RoadNet]) -> str:
    with TemporaryDirectory(prefix="citybrain-check-") as spare:
        # A data folder begins with `up`; what the default city makes before it is made elsewhere.
        data = str(city.data) if (city.data / "format.json").is_file() else spare
        plan = RunPlan(city.settings, data, city.scenario, first_day(city).isoformat())
        scenario = open_scenario(plan)
        net = city_net(plan, scenario)
    nets.append(net)
    refused = sum(j.refused is not None for j in net.junctions)
    if not net.junctions:
        raise CheckFailed(f"{scenario.net_file} has no signalised junction; there is nothing to control")
    return f"{scenario.net_file.name}: {len(net.junctions)} signalised junctions, {refused} on their own plan"

"""`citybrain check`: everything that can be known before a city starts."""

from __future__ import annotations

import socket
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from rich.console import Console

from citybrain.city.address import read_address
from citybrain.city.errors import EXIT_DIFFERENCE, explain
from citybrain.city.locate import City, locate
from citybrain.city.network_report import network_report
from citybrain.city.plan import RunPlan
from citybrain.city.up import first_day
from citybrain.city.world import open_scenario
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
    if not port_is_free(page.host, page.port):
        raise CheckFailed(f"{page.host}:{page.port} is in use; set page.port in city.toml or give --port 0")
    return f"{page.host}:{page.port} is free"


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _data(city: City) -> str:
    if not city.data.exists():
        return f"{city.data} (new)"
    folder = DataFolder(city.data, create=False)
    folder.check_space()
    return f"{city.data}, {folder.free_bytes() // 2**30} GB free"


def _network(city: City, nets: list[RoadNet]) -> str:
    plan = RunPlan(city.settings, str(city.data), city.scenario, first_day(city).isoformat())
    scenario = open_scenario(plan)
    net = scenario.net()
    nets.append(net)
    refused = sum(j.refused is not None for j in net.junctions)
    if not net.junctions:
        raise CheckFailed(f"{scenario.net_file} has no signalised junction; there is nothing to control")
    return f"{scenario.net_file.name}: {len(net.junctions)} signalised junctions, {refused} on their own plan"

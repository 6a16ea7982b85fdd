"""`citybrain up`: starts the processes of a city in order, watches them, stops them all."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path

from rich.console import Console
from rich.status import Status

from citybrain.city.address import Address, write_address
from citybrain.city.diary import Diary
from citybrain.city.locate import City, locate, with_wishes
from citybrain.city.minutes import Minutes
from citybrain.city.plan import RunPlan, read_plan, write_plan
from citybrain.city.process import PROCESSES
from citybrain.city.settings import Settings, SettingsError
from citybrain.city.world import World, open_world
from citybrain.cloud import (
    Bus,
    BusAddress,
    Child,
    DataFolder,
    NatsServer,
    Registers,
    StoppedBefore,
    Supervisor,
    configure_log,
    hide,
    kept,
)
from citybrain.model import from_ms, to_ms
from citybrain.network import road_records

GB = 1024**3
STREET_READY_S = 300.0
"""A large city takes its time to load; a saved minute of it too."""


def run_city(city: str | None, data: Path, wishes: Mapping[str, object]) -> None:
    """Run the city until Ctrl-C. Raises what `explain` knows."""
    found = with_wishes(locate(city, data), wishes)
    console = Console(highlight=False, soft_wrap=True)
    with DataFolder(found.data) as folder:
        configure_log("up", folder.log("up"))
        try:
            asyncio.run(_run(found, folder, console))
        finally:
            folder.address.unlink(missing_ok=True)


def today(settings: Settings) -> date:
    """The date of the first day: as set, else today in the city."""
    if settings.street.day is None:
        return datetime.now(settings.zone).date()
    try:
        return date.fromisoformat(settings.street.day)
    except ValueError:
        raise SettingsError(f"street.day {settings.street.day!r}: write a date like 2026-11-22") from None


async def _run(city: City, folder: DataFolder, console: Console) -> None:
    console.print(f"City Brain: {city.settings.name.en} · {city.settings.name.zh}", markup=False)
    with console.status("looking at the data folder") as status:
        plan = _plan(city, folder)
        world = await asyncio.to_thread(open_world, plan, lambda what: status.update(what))
        page = f"http://{plan.settings.page.host}:{_page_port(plan.settings)}/"
    async with _bus_server(plan, folder) as address:
        hide(address.token)
        write_address(folder, Address(address.url, address.token, page, os.getpid()))
        async with await Bus.connect(address, world.declarations, name="up") as bus:
            await bus.prepare(max_bytes=round(plan.settings.bus.log_gb * GB))
            await _describe(world, folder, bus)
            async with Diary(bus, to_ms(world.scenario.epoch)) as diary:
                await _live(world, folder, page, console, diary)
    console.print("stopped; the next start goes on from here")


async def _live(world: World, folder: DataFolder, page: str, console: Console, diary: Diary) -> None:
    """Start the processes and wait for Ctrl-C. Raises ProcessError when one keeps dying."""
    async with Supervisor(folder.logs, on_event=diary.note) as supervisor:
        try:
            with console.status("starting") as status:
                await _start(world.plan, supervisor, status)
        except StoppedBefore:
            return
        _tell(world, folder, page, console)
        await supervisor.wait()
        with console.status("stopping: this moment is saved"):
            await supervisor.stop()


def _plan(city: City, folder: DataFolder) -> RunPlan:
    """The plan of this run: it goes on from the last one, or begins anew where demand or street changed."""
    scenario, settings = city.scenario, city.settings
    try:
        last: RunPlan | None = read_plan(folder.path)
    except SettingsError:
        last = None
    if last is not None and last.scenario != scenario:
        raise SettingsError(
            f"{folder.path} holds another city ({last.scenario}); choose another folder with --data"
        )
    day = today(settings).isoformat()
    if last is not None and settings.street.day is None:
        day = last.day
    plan = RunPlan(settings, str(folder.path), scenario, day, (last.run if last else 0) + 1)
    if last is not None and _demand(last) != _demand(plan):
        for name in ("street", "shadow"):
            Minutes(folder.path, name).forget()
    write_plan(plan)
    return plan


def _demand(plan: RunPlan) -> tuple[object, ...]:
    street = plan.settings.street
    return (plan.day, street.seed, street.scale)


def _page_port(settings: Settings) -> int:
    """The port of the page; a free one for 0. Raises SettingsError when it is in use."""
    page = settings.page
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((page.host, page.port))
        except OSError as e:
            raise SettingsError(
                f"the page cannot listen on {page.host}:{page.port} ({e.strerror}): "
                "stop what runs there, or take another port with --port (0: any free one)"
            ) from None
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def _bus_server(plan: RunPlan, folder: DataFolder) -> AsyncGenerator[BusAddress]:
    settings = plan.settings.bus
    if settings.url is not None:
        try:
            token = Path(settings.token_file).read_text(encoding="utf-8").strip() if settings.token_file else ""
        except OSError as e:
            raise SettingsError(f"bus.token_file {settings.token_file}: {e.strerror}") from None
        yield BusAddress(settings.url, token)
        return
    async with kept(NatsServer(folder.bus, log=folder.log("nats-server"))) as address:
        yield address


async def _describe(world: World, folder: DataFolder, bus: Bus) -> None:
    """Write the road network into its registers; what changed leaves to the bus."""
    with Registers(folder.registers, world.declarations) as registers:
        await registers.write_all([(b.dataset, b.rows) for b in road_records(world.net)])
        await registers.drain(bus)


async def _start(plan: RunPlan, supervisor: Supervisor, status: Status) -> None:
    for name in PROCESSES:
        if name == "shadow" and not plan.settings.street.shadow:
            continue
        status.update(f"starting {name}")
        command = (sys.executable, "-m", "citybrain.city.process", name, plan.data)
        await supervisor.start(Child(name, command, ready_s=STREET_READY_S))


def _tell(world: World, folder: DataFolder, page: str, console: Console) -> None:
    net, saved = world.net, Minutes(folder.path, "street").newest()
    refused = sum(j.refused is not None for j in net.junctions)
    console.print(
        f"{len(net.links)} links, {len(net.junctions)} signalised junctions"
        + (f" ({refused} stay on their own plan)" if refused else "")
        + (
            f"; goes on from {from_ms(saved[0]).astimezone(world.plan.settings.zone):%Y-%m-%d %H:%M}"
            if saved
            else ""
        ),
        markup=False,
    )
    console.print(f"\n  the page:  {page}\n  the data:  {folder.path}\n  Ctrl-C stops it\n", markup=False)

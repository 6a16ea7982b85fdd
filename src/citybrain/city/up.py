"""`citybrain up`: starts the processes of a city in order, watches them, stops them all."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.status import Status

from citybrain.city.ab_days import alternate
from citybrain.city.address import Address, write_address
from citybrain.city.diary import Diary
from citybrain.city.errors import EXIT_INPUT, EXIT_INTERNAL, PreparationFailed
from citybrain.city.locate import DEFAULT, City, locate, with_wishes
from citybrain.city.minutes import Minutes
from citybrain.city.plan import RunPlan, read_plan, write_plan
from citybrain.city.process import PROCESSES
from citybrain.city.settings import PageSettings, Settings, SettingsError
from citybrain.city.shadow_name import SHADOWS
from citybrain.city.worker_name import WORKERS
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
from citybrain.model import Level, from_ms

GB = 1024**3
FRIDAY = 4
READY_S = 300.0
"""A large city takes its time to load; a saved minute of it too."""


def run_city(city: str | None, data: Path, wishes: Mapping[str, object]) -> None:
    """Run the city until Ctrl-C. Raises what `explain` knows."""
    found = with_wishes(locate(city, data), wishes)
    console = Console(highlight=False, soft_wrap=True)
    with DataFolder(found.data) as folder:
        configure_log("up", folder.log("up"))
        for part in ("server", "supervisor"):
            logging.getLogger(f"citybrain.cloud.{part}").addHandler(_Terminal(console))
        try:
            asyncio.run(_run(found, folder, console))
        finally:
            folder.address.unlink(missing_ok=True)


class _Terminal(logging.Handler):
    """Says on the terminal what the log says of processes that die and of a bus that cannot write."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        time = datetime.fromtimestamp(record.created).astimezone()
        self._console.print(f"{time:%H:%M:%S}  {record.getMessage()}", markup=False)


def first_day(city: City) -> date:
    """The date of the first day: as set, else today; for the default city the last working day until today."""
    text = city.settings.street.day
    if text is None:
        day = datetime.now(city.settings.zone).date()
        weekend = max(0, day.weekday() - FRIDAY) if city.scenario == DEFAULT else 0
        return day - timedelta(days=weekend)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"street.day {text!r}: write a date like 2026-11-22") from None


async def _run(city: City, folder: DataFolder, console: Console) -> None:
    console.print(f"City Brain: {city.settings.name.en} · {city.settings.name.zh}", markup=False)
    page = page_url(city.settings.page)
    plan = _plan(city, folder)
    with console.status("preparing") as status:
        await _prepare(plan, folder.logs / "prepare.log", status)
    declarations = plan.declarations()
    async with _bus_server(plan, folder) as address:
        hide(address.token)
        write_address(folder, Address(address.url, address.token, page, os.getpid()))
        async with await Bus.connect(address, declarations, name="up") as bus:
            await bus.prepare(max_bytes=round(plan.settings.bus.log_gb * GB))
            with Registers(folder.registers, declarations) as registers:
                await registers.drain(bus)
            saved = Minutes(folder.path, "street").newest()
            async with Diary(bus, saved[0] if saved else plan.opens_ms()) as diary, _alternating(plan, bus):
                await _live(plan, folder, page, console, diary)
    console.print("stopped; the next start goes on from here")


@asynccontextmanager
async def _alternating(plan: RunPlan, bus: Bus) -> AsyncGenerator[None]:
    """The A/B days, where they are wanted, all the while."""
    if not plan.settings.street.ab_days:
        yield
        return
    area = next(a.id for a in plan.net().areas if a.level is Level.CITY)
    task = asyncio.create_task(alternate(bus, area, plan.settings.zone))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _live(plan: RunPlan, folder: DataFolder, page: str, console: Console, diary: Diary) -> None:
    """Start the processes and wait for Ctrl-C. Raises ProcessError when one keeps dying."""
    async with Supervisor(folder.logs, on_event=diary.note) as supervisor:
        try:
            with console.status("starting") as status:
                await _start(plan, supervisor, status)
        except StoppedBefore:
            return
        _tell(plan, page, console)
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
    day = first_day(city).isoformat()
    if last is not None and settings.street.day is None:
        day = last.day
    plan = RunPlan(settings, str(folder.path), scenario, day)
    if last is not None and _demand(last) != _demand(plan):
        for name in ("street", *SHADOWS):
            Minutes(folder.path, name).forget()
    write_plan(plan)
    return plan


def _demand(plan: RunPlan) -> tuple[object, ...]:
    street = plan.settings.street
    return (plan.day, street.seed, street.scale)


def page_url(page: PageSettings) -> str:
    """Where the page will answer, on a free port for 0. Raises SettingsError where it cannot listen."""
    try:
        family, kind, _, _, where = socket.getaddrinfo(page.host, page.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            port: int = probe.getsockname()[1]
    except socket.gaierror:
        raise SettingsError(f"page.host {page.host!r}: no such address: write one of this machine") from None
    except OSError as e:
        raise SettingsError(
            f"the page cannot listen on {page.host}:{page.port} ({e.strerror}): "
            "stop what runs there, or take another port with --port (0: any free one)"
        ) from None
    return f"http://{f'[{page.host}]' if ':' in page.host else page.host}:{port}/"


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
    async with kept(NatsServer(folder.bus, log=folder.logs / "nats-server.log")) as address:
        yield address


async def _prepare(plan: RunPlan, log: Path, status: Status) -> None:
    """Have a process work out what the others read. Raises PreparationFailed with its last line.

    Ctrl-C is for this process alone, which then ends the other.
    """
    command = (sys.executable, "-m", "citybrain.city.prepare", plan.data)
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=stderr, start_new_session=True
        )
    assert process.stdout is not None
    line = ""
    try:
        async for raw in process.stdout:
            line = raw.decode(errors="replace").strip()
            status.update(line)
        code = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if code:
        reason = line or "the city could not be prepared"
        raise PreparationFailed(f"{reason}: see {log}" if code == EXIT_INTERNAL else reason, max(code, EXIT_INPUT))


async def _start(plan: RunPlan, supervisor: Supervisor, status: Status) -> None:
    """Start all at once: each waits for what it needs on the bus."""
    waiting = {name for name in PROCESSES if _wanted(plan.settings, name)}

    async def start(name: str) -> None:
        command = (sys.executable, "-m", "citybrain.city.process", name, plan.data)
        await supervisor.start(Child(name, command, ready_s=READY_S))
        waiting.discard(name)
        status.update(f"starting {', '.join(sorted(waiting))}")

    results = await asyncio.gather(*map(start, sorted(waiting)), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _wanted(settings: Settings, name: str) -> bool:
    """Whether the city has that process."""
    if name in WORKERS:
        return WORKERS[name] <= settings.brain.workers
    return name not in SHADOWS or SHADOWS[name] in settings.street.shadows


def _tell(plan: RunPlan, page: str, console: Console) -> None:
    net, saved = plan.net(), Minutes(plan.folder, "street").newest()
    refused = sum(j.refused is not None for j in net.junctions)
    console.print(
        f"{len(net.links)} links, {len(net.junctions)} signalised junctions"
        + (f" ({refused} stay on their own plan)" if refused else "")
        + (f"; goes on from {from_ms(saved[0]).astimezone(plan.settings.zone):%Y-%m-%d %H:%M}" if saved else ""),
        markup=False,
    )
    console.print(f"\n  the page:  {page}\n  the data:  {plan.folder}\n  Ctrl-C stops it\n", markup=False)

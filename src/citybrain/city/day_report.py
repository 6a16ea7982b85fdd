"""`citybrain report`: what was gained on a day against the shadow cities, and what happened to control."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path

import msgspec
import pyarrow as pa
from rich.console import Console
from rich.table import Table
from sqlglot import exp, parse_one

from citybrain.city.address import read_address
from citybrain.city.connect import running_bus
from citybrain.city.day_page import day_page
from citybrain.city.locate import City, locate
from citybrain.city.query import person
from citybrain.city.settings import SettingsError
from citybrain.cloud import DataFolder, atomic_write
from citybrain.cockpit import (
    AbReport,
    Comparison,
    DayReport,
    Gain,
    Span,
    ab_report,
    day_report,
    day_span,
    weeks_until,
)
from citybrain.hub import Hub, Purpose, Query, load_catalogue, read_embedded
from citybrain.library import LibraryClient
from citybrain.model import Declarations, from_ms

FORMS = (".html", ".json")
NAMES = {"actuated": "actuated (SUMO's own)", "own_plan": "the own plan"}


def run_report(day: str | None, city: str | None, data: Path, out: Path | None, ab: bool) -> None:
    """Print the report of a day, or write it to a file; with `ab` that of the A/B days up to it.

    Raises SettingsError, HubError, HubRefused.
    """
    if ab and out is not None and out.suffix == ".html":
        raise SettingsError(f"--out {out}: the comparison of A/B days is written as .json")
    if out is not None and out.suffix not in FORMS:
        raise SettingsError(f"--out {out}: name a file that ends in {' or '.join(FORMS)}")
    found = locate(city, data)
    wanted = None if day is None else _date(day)
    console = Console(highlight=False, soft_wrap=True)
    if ab:
        date_, weeks = asyncio.run(_read_ab(found, wanted))
        if out is None:
            _print_ab(date_, weeks, console)
        else:
            atomic_write(out, msgspec.json.format(msgspec.json.encode(weeks)))
        return
    date_, report = asyncio.run(_read(found, wanted))
    if out is None:
        _print(found, date_, report, console)
        return
    if out.suffix == ".html":
        text = day_page(found.settings.name, date_, found.settings.zone, report).encode()
    else:
        text = msgspec.json.format(msgspec.json.encode(report))
    atomic_write(out, text)
    console.print(f"the report of {date_} is in {out}", markup=False)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"--day {text!r}: write a date like 2026-11-22") from None


async def _read(city: City, day: date | None) -> tuple[date, DayReport]:
    """The report of a day; of the last one that was scored where none is named."""
    async with _reader(city.data) as read:
        day = day or await read.last_day(city)
        report = await day_report(read, _span(day, city))
    if not report.scored_hours:
        raise SettingsError(f"--day {day}: nothing was scored on that day; without --day: the last one that was")
    return day, report


async def _read_ab(city: City, day: date | None) -> tuple[date, AbReport]:
    """The A/B days of the weeks until a day; until the last one that was scored where none is named."""
    async with _reader(city.data) as read:
        day = day or await read.last_day(city)
        return day, await ab_report(read, weeks_until(_span(day, city)), city.settings.zone)


def _span(day: date, city: City) -> Span:
    try:
        return day_span(day, city.settings.zone)
    except OverflowError:
        raise SettingsError(f"--day {day}: too far away") from None


class _Reading:
    """Reads through the hub, of a running city or of its folder."""

    def __init__(self, data: Path, declarations: Declarations, hub: Hub | None) -> None:
        self._data = data
        self._declarations = declarations
        self._hub = hub

    async def __call__(self, query: exp.Select, limit: int) -> pa.Table:
        asked = Query(query.sql("duckdb"), limit=limit)
        if self._hub is not None:
            return await self._hub.read(person(), Purpose.SCORE, asked)
        return await read_embedded(self._data, self._declarations, person(), Purpose.SCORE, asked)

    async def last_day(self, city: City) -> date:
        """The day of the newest score. Raises SettingsError where there is none."""
        newest = parse_one("SELECT max(time) AS time FROM sim.score", dialect="duckdb")
        assert isinstance(newest, exp.Select)
        time: datetime | None = (await self(newest, 1)).column("time")[0].as_py()
        if time is None:
            raise SettingsError(f"{city.data}: nothing has been scored yet: let the city run for a while")
        return time.astimezone(city.settings.zone).date()


@asynccontextmanager
async def _reader(data: Path) -> AsyncGenerator[_Reading]:
    if data.is_dir():
        DataFolder(data, create=False)  # refuses the folder of another version
    declarations = load_catalogue(data if data.is_dir() else None)
    if read_address(data / "address.json") is None:
        yield _Reading(data, declarations, None)
        return
    async with running_bus(data, declarations) as bus:
        yield _Reading(data, declarations, Hub(declarations, LibraryClient(bus), bus.publish, bus))


def _print(city: City, day: date, report: DayReport, console: Console) -> None:
    hours = f"{report.scored_hours:.1f} h scored"
    console.print(f"{city.settings.name.en}, {day}, simulated: {hours}", markup=False)
    for comparison in report.comparisons:
        console.print(f"\nagainst {NAMES[comparison.against]}: {gain_words(comparison)}", markup=False)
        if words := more_words(comparison):
            console.print(words, markup=False)
        console.print(_hours(city, comparison))
    if not report.comparisons:
        console.print("no shadow city ran: nothing to compare with (street.shadow in city.toml)")
    console.print(f"\nwho decided: {control_words(report)}", markup=False)
    for what, counts in (("refused orders", report.refusals), ("processes that died", report.processes)):
        told = ", ".join(f"{c.what} {c.n}" for c in counts) or "none"
        console.print(f"{what}: {told}", markup=False)
    console.print(f"silences of the brain: {report.silences.n} at {report.silences.junctions} junctions")
    console.print(f"commands of people: {len(report.commands)}")


def _print_ab(day: date, report: AbReport, console: Console) -> None:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("brain on", "own plan on", "hours", "delay", "own", "saved", "veh", "own", "alike h", "saved"):
        table.add_column(name, justify="left" if "on" in name else "right", no_wrap=True)
    for p in report.pairs:
        vehicles = ("–" if n is None else str(n) for n in (p.brain_veh, p.own_veh))
        alike = "–" if p.alike_gain is None else f"{p.alike_gain:+.1%}"
        delays = (f"{p.hours:.1f}", f"{p.brain_delay_s:.1f}", f"{p.own_delay_s:.1f}", f"{p.gain:+.1%}")
        table.add_row(str(p.brain), str(p.own_plan), *delays, *vehicles, f"{p.alike_hours:.1f}", alike)
    console.print(f"A/B days until {day}, simulated: {len(report.pairs)} pairs of days at the same times of day")
    if report.gain is None:
        console.print(
            "none yet: it takes a day of each with street.ab_days (city.toml), both weekdays or both weekend"
        )
        return
    console.print(table)
    console.print(f"delay saved by the brain: {interval_words(report.gain)}", markup=False)
    console.print("own plans run at fixed times here: a program that lets traffic decide does better by itself")
    if report.alike_gain is not None:
        words = interval_words(report.alike_gain)
        console.print(f"over hours in which about as many vehicles arrived (within 10 %): {words}", markup=False)


def interval_words(gain: Gain) -> str:
    """The mean of some pairs and its interval."""
    if gain.low is None or gain.high is None:
        return f"{gain.mean:+.1%}; one pair says nothing of the spread"
    return f"{gain.mean:+.1%}, between {gain.low:+.1%} and {gain.high:+.1%} with 95 % confidence"


def gain_words(comparison: Comparison) -> str:
    """Mean delay of both and what is saved, with the worst and the best hour."""
    delays = f"mean delay {comparison.live.delay_s:.1f} s against {comparison.other.delay_s:.1f} s"
    if comparison.gain is None or comparison.least is None or comparison.most is None:
        return delays
    return f"{delays}: {comparison.gain:+.1%} saved (hours from {comparison.least:+.1%} to {comparison.most:+.1%})"


def more_words(comparison: Comparison) -> str:
    """Stops, travel time and CO₂ of both, and what is saved of each; empty where none was recorded."""
    live, other = comparison.live, comparison.other
    said = (
        ("stops", live.stops, other.stops, comparison.stops_gain, "d"),
        ("travel time s", live.travel_s, other.travel_s, comparison.travel_gain, ".1f"),
        ("CO₂ kg", live.co2_kg, other.co2_kg, comparison.co2_gain, ".1f"),
    )
    return "; ".join(
        f"{name} {ours:{form}} against {others:{form}}" + ("" if gain is None else f": {gain:+.1%}")
        for name, ours, others, gain, form in said
        if ours is not None and others is not None
    )


def control_words(report: DayReport) -> str:
    """Part of the junctions' time by who decided."""
    return ", ".join(f"{name} {share:.1%}" for name, share in report.control.items()) or "unknown"


def _hours(city: City, comparison: Comparison) -> Table:
    caption = "delay and trip (travel time) in s, longest queue in m, veh: vehicles that arrived"
    table = Table(box=None, padding=(0, 1, 0, 0), caption=caption, caption_justify="left")
    paired = ("stops", "shadow", "trip", "shadow", "queue", "shadow", "veh", "shadow")
    for name in ("hour", "delay", "shadow", "saved", *paired):
        table.add_column(name, justify="left" if name == "hour" else "right", no_wrap=True)
    for pair in comparison.hours:
        live, other = pair.live, pair.other
        values = [
            value
            for pair_of in (
                (live.stops, other.stops),
                (live.travel_s, other.travel_s),
                (live.longest_queue_m, other.longest_queue_m),
                (live.arrived_veh, other.arrived_veh),
            )
            for value in pair_of
        ]
        table.add_row(
            f"{from_ms(pair.begin_ms).astimezone(city.settings.zone):%H:%M}",
            f"{live.delay_s:.1f}",
            f"{other.delay_s:.1f}",
            "–" if pair.gain is None else f"{pair.gain:+.1%}",
            *("–" if value is None else f"{value:.0f}" for value in values),
        )
    return table

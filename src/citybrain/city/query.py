"""`citybrain query`: the city's memory, asked through the hub, whether the city runs or not."""

from __future__ import annotations

import asyncio
import getpass
import re
import sys
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from citybrain.city.address import read_address
from citybrain.city.connect import running_bus
from citybrain.city.locate import locate
from citybrain.city.settings import SettingsError
from citybrain.cloud import DataFolder
from citybrain.hub import (
    FORMATS,
    Catalogue,
    Hub,
    Purpose,
    Query,
    Reader,
    Role,
    load_catalogue,
    read_embedded,
    write_table,
)
from citybrain.library import LibraryClient
from citybrain.model import Declarations, parse_time, to_ms

WIDEST_CELL = 60
SHOW = re.compile(r"\s*show\s+(tables|datasets)\s*;?\s*", re.I)


def run_query(
    sql: str,
    city: str | None,
    data: Path,
    *,
    as_of: str | None,
    form: str,
    output: Path | None,
    limit: int,
    purpose: str,
) -> None:
    """Ask and print. Raises SettingsError on wrong options, HubRefused and HubError as the hub does."""
    if form not in ("table", *FORMATS):
        raise SettingsError(f"--format {form!r}: write table, {', '.join(FORMATS)}")
    if form == "parquet" and output is None:
        raise SettingsError("--format parquet needs a file: --output rows.parquet")
    if purpose not in set(Purpose):
        raise SettingsError(f"--purpose {purpose!r}: write one of {', '.join(Purpose)}")
    folder = locate(city, data).data
    text = sys.stdin.read() if sql == "-" else sql
    if SHOW.fullmatch(text):
        _show_datasets(load_catalogue(folder if folder.is_dir() else None))
        return
    table = asyncio.run(_read(folder, Query(text, _as_of(as_of), limit), Purpose(purpose)))
    _give(table, form, output)


def person() -> Reader:
    """Who sits at this command line."""
    return Reader(f"{getpass.getuser()} (command line)", frozenset({Role.STAFF}))


async def _read(folder: Path, query: Query, purpose: Purpose) -> pa.Table:
    if folder.is_dir():
        DataFolder(folder, create=False)  # refuses the folder of another version
    declarations = load_catalogue(folder if folder.is_dir() else None)
    if read_address(folder / "address.json") is None:
        return await read_embedded(folder, declarations, person(), purpose, query)
    async with running_bus(folder, declarations) as bus:
        hub = Hub(declarations, LibraryClient(bus), bus.publish, bus)
        return await hub.read(person(), purpose, query)


def _as_of(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return to_ms(parse_time(text))
    except ValueError as e:
        raise SettingsError(f"--as-of {text!r}: {e}") from None


def _give(table: pa.Table, form: str, output: Path | None) -> None:
    if form == "table":
        _print(table)
    else:
        with nullcontext(sys.stdout.buffer) if output is None else output.open("wb") as out:
            write_table(table, form, out)
        if output is not None or _cut(table):
            where = "" if output is None else f" in {output}"
            line = f"{table.num_rows} rows{where}{_cut(table)}"
            Console(stderr=True).print(line, markup=False, highlight=False, soft_wrap=True)


def _print(table: pa.Table) -> None:
    shown = Table(show_edge=False)
    for name, kind in zip(table.column_names, table.schema.types, strict=True):
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        shown.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in table.to_pylist():
        shown.add_row(*(_cell(v) for v in row.values()))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 240)
    console.print(shown)
    console.print(f"{table.num_rows} rows{_cut(table)}", markup=False)


def _cut(table: pa.Table) -> str:
    """What to say where there are more rows than were asked for."""
    cut = (table.schema.metadata or {}).get(b"truncated") == b"true"
    return ", cut: raise --limit to see more" if cut else ""


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds" if value.microsecond else "seconds")
    text = str(value).replace("[", "\\[")
    return text if len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 1] + "…"


def _show_datasets(declarations: Declarations) -> None:
    shown = Table(show_edge=False)
    for name in ("dataset", "title", "名称", "owner", "grade", "cadence"):
        shown.add_column(name)
    for entry in Catalogue(declarations).entries(person(), Purpose.INSPECT):
        d = entry.dataset
        cadence = "live only" if d.transient else "on change" if d.cadence_s is None else f"{d.cadence_s:g} s"
        shown.add_row(d.id, d.title.en, d.title.zh, d.owner, d.grade, cadence)
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(shown)

"""`citybrain`: the command line. Each command is a composition of `citybrain.city`."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from citybrain import __version__
from citybrain.city.errors import EXIT_INTERNAL, explain

app = typer.Typer(
    name="citybrain",
    help="The open City Brain: a city's data, streets and signals in one picture.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
city_app = typer.Typer(help="Bring in an own city.", no_args_is_help=True)
app.add_typer(city_app, name="city")
plan_app = typer.Typer(help="Signal plans: look at them, bring in others.", no_args_is_help=True)
app.add_typer(plan_app, name="plan")

Data = Annotated[Path, typer.Option("--data", help="The city's data folder.", show_default="data/<city>")]
CityPath = Annotated[
    str | None,
    typer.Option("--city", help="A folder with city.toml, a .sumocfg, or a folder with a network and routes."),
]
NO_DATA = Path()
"""Stands for: the folder that belongs to the city."""


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"citybrain {__version__}")
        raise typer.Exit


@app.command()
def up(
    city: CityPath = None,
    data: Data = NO_DATA,
    speed: Annotated[float | None, typer.Option(help="City seconds a second.", min=0.1, max=100)] = None,
    scale: Annotated[
        float | None, typer.Option(help="Share of the demand that drives.", min=0.001, max=10)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of demand, driving and sensors.", min=0)] = None,
    sensors: Annotated[str | None, typer.Option(help="clean, or field: with failures and miscounts.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the page; 0: any free one.", min=0, max=65535)] = None,
    shadow: Annotated[bool | None, typer.Option(help="Run the shadow city beside it.")] = None,
) -> None:
    """Run a city: the default one, or the one at --city. Ctrl-C stops it; the next start goes on from there."""
    from citybrain.city.up import run_city

    wishes = {"speed": speed, "scale": scale, "seed": seed, "sensors": sensors, "port": port, "shadow": shadow}
    run_city(city, data, {k: v for k, v in wishes.items() if v is not None})


@app.command()
def query(
    sql: Annotated[
        str, typer.Argument(help='Like: SELECT * FROM traffic.signal_order LIMIT 5 ("-": read stdin).')
    ],
    city: CityPath = None,
    data: Data = NO_DATA,
    as_of: Annotated[str | None, typer.Option(help="What was known then: 2026-11-22T07:30:00+01:00.")] = None,
    format: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write (parquet needs one).")
    ] = None,
    limit: Annotated[int, typer.Option(help="Rows at most.", min=1, max=10_000_000)] = 1000,
    purpose: Annotated[
        str, typer.Option(help="Why you read: it is written into the record of reads.")
    ] = "inspect",
) -> None:
    """Ask the city's memory, whether it runs or not. `citybrain query "SHOW TABLES"` lists the datasets."""
    from citybrain.city.query import run_query

    run_query(sql, city, data, as_of=as_of, form=format, output=output, limit=limit, purpose=purpose)


@app.command()
def replay(
    city: CityPath = None,
    data: Data = NO_DATA,
    begin: Annotated[
        str | None, typer.Option("--from", help="City time; default: ten minutes before --to.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="City time; default: the end of the log.")] = None,
) -> None:
    """Decide a stretch of the log again and compare.

    Every order must come out bit for bit the same.
    """
    from citybrain.city.replay import run_replay

    raise typer.Exit(run_replay(city, data, begin, end))


@app.command()
def check(city: CityPath = None, data: Data = NO_DATA) -> None:
    """Check everything that can be known before a start.

    That is: settings, declarations, network, page, port and data folder.
    """
    from citybrain.city.check import run_check

    raise typer.Exit(run_check(city, data))


@app.command()
def switch(
    control: Annotated[
        str, typer.Argument(help="on (the brain), off (own plans), advise, approve, hold, flash, preempt, release")
    ],
    who: Annotated[str, typer.Option(help="Who asks for it.")],
    why: Annotated[str, typer.Option(help="The reason, for the record.")],
    area: Annotated[str, typer.Option(help="Area: city, a district or a junction.")] = "city",
    until: Annotated[str | None, typer.Option(help="City time; default: until further notice.")] = None,
    stage: Annotated[int | None, typer.Option(help="Stage held or first, or proposal approved.", min=0)] = None,
    lock: Annotated[bool, typer.Option("--lock", help="Nobody else may change it until --until.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Override somebody else's lock.")] = False,
    city: CityPath = None,
    data: Data = NO_DATA,
) -> None:
    """Say who decides the signals of an area, hold a stage, set flashing or ask for priority.

    An area is the city, a district, a street or a junction; all but on, off and advise need one junction.
    """
    from citybrain.city.switch import run_switch

    run_switch(control, who, why, area, until, stage, lock, force, city, data)


@app.command()
def report(
    day: Annotated[str | None, typer.Option(help="Date, city time; default: the last one scored.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write: report.html or report.json.")] = None,
    ab: Annotated[bool, typer.Option("--ab", help="Days of the brain against days of the own plans.")] = False,
    city: CityPath = None,
    data: Data = NO_DATA,
) -> None:
    """What was gained on a day against the shadow cities.

    And what happened to control: refusals, silences, commands of people.
    """
    from citybrain.city.day_report import run_report

    run_report(day, city, data, out, ab)


@app.command()
def trial(
    network: Annotated[
        Path, typer.Argument(help="A .sumocfg, a folder with a network and routes, or a city's folder.")
    ],
    controllers: Annotated[
        str,
        typer.Option(help="Of: fixed, actuated, delay_based, wave, wave_1s, max_pressure, brain."),
    ] = "fixed,actuated,delay_based,wave,max_pressure,brain",
    seeds: Annotated[int, typer.Option(help="How many seeds.", min=1, max=100)] = 1,
    scale: Annotated[
        float | None,
        typer.Option(help="Share of the demand.", min=0.001, max=10, show_default="1, or as city.toml says"),
    ] = None,
    sensors: Annotated[
        str | None,
        typer.Option(
            help="What the brain sees: field (with failures and miscounts) or clean.",
            show_default="field, or as city.toml says",
        ),
    ] = None,
    begin: Annotated[str | None, typer.Option(help="Second of the simulation; default: as the scenario.")] = None,
    end: Annotated[
        str | None, typer.Option(help="Second of the simulation, or +S after the begin; default: all demand.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Runs at a time.", min=1, max=64)] = 1,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run again what is kept.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write one JSON object a run to this file.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep runs and SUMO's outputs here.", show_default="the user's cache")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for a page with plots (needs the extra `report`).")
    ] = None,
) -> None:
    """Run controllers over a network and compare them.

    All figures are recomputed from SUMO's own outputs, which are kept. An interrupted trial goes on where it was.
    """
    from citybrain.city.trial_command import TrialWish, run_trials

    run_trials(
        TrialWish(
            network=network,
            controllers=controllers,
            seeds=seeds,
            scale=scale,
            sensors=sensors,
            begin=begin,
            end=end,
            jobs=jobs,
            fresh=fresh,
            json=json,
            out=out,
            report=report,
        )
    )


@city_app.command("import")
def city_import(
    source: Annotated[Path, typer.Argument(help="A .sumocfg or a folder with a network and routes.")],
    folder: Annotated[Path, typer.Argument(help="Folder of the new city.")],
    name: Annotated[str | None, typer.Option(help="What the city is called.")] = None,
    name_zh: Annotated[str | None, typer.Option(help="What it is called in Chinese.")] = None,
    timezone: Annotated[str, typer.Option(help="IANA zone of city time.")] = "UTC",
) -> None:
    """Make a city folder (city.toml and what it names) from a simulation scenario."""
    from citybrain.city.importing import import_city

    import_city(source, folder, name, name_zh, timezone)


@plan_app.command("show")
def plan_show(
    network: Annotated[Path, typer.Argument(help="A .net.xml, a .sumocfg, or a folder with city.toml.")],
    junction: Annotated[str | None, typer.Option(help="Id of one junction, shown in full.")] = None,
) -> None:
    """Show stages, plans, change times and limits of junctions.

    And which of them cannot be controlled, and why.
    """
    from citybrain.city.plan_show import show_plans

    show_plans(network, junction)


@plan_app.command("import")
def plan_import(
    file: Annotated[Path, typer.Argument(help="Synchro UTDF (.csv), or SUMO programs: static or NEMA (.xml).")],
    network: Annotated[Path, typer.Argument(help="A .net.xml, a .sumocfg, or a folder with city.toml.")],
    out: Annotated[Path, typer.Option(help="SUMO additional file to write.")] = Path("plans.add.xml"),
    match: Annotated[list[str] | None, typer.Option(help="INTID=junction; may be given again.")] = None,
) -> None:
    """Bring in signal plans for a network's junctions.

    The file that it writes goes into city.toml as street.plans. Exit code 1: some were left out.
    """
    from citybrain.city.plan_import import run_import

    raise typer.Exit(run_import(file, network, out, match or []))


def main() -> NoReturn:
    """Run the command line; any failure is one line that says what to do."""
    try:
        app()
    except Exception as e:
        line, code = explain(e)
        Console(stderr=True).print(f"citybrain: {line}", markup=False, highlight=False, soft_wrap=True)
        if code == EXIT_INTERNAL:
            file = Path.cwd() / "citybrain-error.log"
            file.write_text(traceback.format_exc(), encoding="utf-8")
            Console(stderr=True).print(f"  the whole story is in {file}", markup=False, soft_wrap=True)
        sys.exit(code)
    sys.exit(0)


if __name__ == "__main__":
    main()

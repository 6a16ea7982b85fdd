"""`citybrain replay`: the brain decides a stretch of the log again."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from citybrain import brain
from citybrain.city.connect import any_bus
from citybrain.city.decider import RUNNER
from citybrain.city.errors import EXIT_DIFFERENCE, NotRunning
from citybrain.city.locate import locate
from citybrain.city.plan import RunPlan, read_plan
from citybrain.city.settings import SettingsError
from citybrain.cloud import BusLog, DataFolder, Graph, ReplayReport, replay
from citybrain.model import from_ms, parse_time, to_ms

STRETCH_MS = 10 * 60_000
FAR_MS = 1 << 50


def run_replay(city: str | None, data: Path, begin: str | None, end: str | None) -> int:
    """Replay and say what came out. The exit code: 0 bit-equal, 1 a difference."""
    folder = locate(city, data).data
    if folder.is_dir():
        DataFolder(folder, create=False)  # refuses the folder of another version
    plan = read_plan(folder)
    from_ms_, to_ms_ = _instant(begin, "--from"), _instant(end, "--to")
    if from_ms_ is not None and to_ms_ is not None and from_ms_ >= to_ms_:
        raise SettingsError("--from must lie before --to")
    report = asyncio.run(_replay(plan, from_ms_, to_ms_))
    return _tell(report)


async def _replay(plan: RunPlan, begin_ms: int | None, end_ms: int | None) -> ReplayReport:
    folder = DataFolder(plan.folder, create=False)
    declarations = plan.declarations()
    net = plan.net()
    graph = Graph((*brain.steps(net), *brain.measure_steps(net)), declarations)
    async with any_bus(folder.path, declarations) as bus:
        log = BusLog(bus)
        if end_ms is None:
            last = [i.tick.time_ms async for i in log.invocations(RUNNER, (begin_ms or -FAR_MS), FAR_MS)]
            if not last:
                raise NotRunning(f"the log of {folder.path} holds no decision of the brain yet")
            end_ms = max(last) + 1
        if begin_ms is None:
            begin_ms = end_ms - STRETCH_MS
        seconds = (end_ms - begin_ms) / 1000
        with Progress(transient=True, disable=not sys.stdout.isatty()) as progress:
            task = progress.add_task("deciding again", total=seconds)
            return await replay(
                log,
                graph,
                RUNNER,
                begin_ms,
                end_ms,
                folder.checkpoints,
                watch=lambda i, _: progress.update(task, completed=(i.tick.time_ms - begin_ms) / 1000),
            )


def _tell(report: ReplayReport) -> int:
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{report.invocations} ticks from {report.checkpoint} ({report.warmed} before them), "
        f"{report.inputs} batches read, {report.outputs} written",
        markup=False,
    )
    if report.invocations == 0:
        console.print("nothing lies in that stretch of the log")
        return EXIT_DIFFERENCE
    if report.first_difference is None:
        console.print("every order came out bit for bit the same")
        return 0
    at = from_ms(report.first_difference.tick.time_ms).isoformat()
    console.print(f"{report.invocations - report.equal} ticks came out otherwise, the first at {at}", markup=False)
    return EXIT_DIFFERENCE


def _instant(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        return to_ms(parse_time(text))
    except ValueError as e:
        raise SettingsError(f"{option} {text!r}: {e}") from None

"""`citybrain replay`: the brain decides a stretch of the log again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from citybrain.city.connect import any_bus
from citybrain.city.errors import EXIT_DIFFERENCE, NotRunning
from citybrain.city.locate import locate
from citybrain.city.plan import RunPlan, read_plan
from citybrain.city.settings import SettingsError
from citybrain.city.worker import runner_name, worker_graph
from citybrain.cloud import BusLog, DataFolder, Invocation, ReplayReport, replay
from citybrain.model import Batch, from_ms, parse_time, to_ms

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
    return _tell(asyncio.run(_replay(plan, from_ms_, to_ms_)))


async def _replay(plan: RunPlan, begin_ms: int | None, end_ms: int | None) -> list[ReplayReport]:
    """A report for each worker of the brain."""
    folder = DataFolder(plan.folder, create=False)
    net, declarations, workers = plan.net(), plan.declarations(), plan.settings.brain.workers
    async with any_bus(folder.path, declarations) as bus:
        log = BusLog(bus)
        if end_ms is None:
            end_ms = await _last_ms(log, runner_name(1, workers), begin_ms or -FAR_MS) + 1
        stretch = end_ms - STRETCH_MS if begin_ms is None else begin_ms, end_ms
        reports = []
        with Progress(transient=True, disable=not sys.stdout.isatty()) as progress:
            for worker in range(1, workers + 1):
                runner, graph = runner_name(worker, workers), worker_graph(net, declarations, worker, workers)
                watch = _shown(progress, *stretch)
                reports.append(await replay(log, graph, runner, *stretch, folder.checkpoints, watch=watch))
        return reports


def _shown(progress: Progress, begin_ms: int, end_ms: int) -> Callable[[Invocation, Sequence[Batch]], None]:
    """A bar that goes on with each tick."""
    task = progress.add_task("deciding again", total=(end_ms - begin_ms) / 1000)
    return lambda i, _: progress.update(task, completed=(i.tick.time_ms - begin_ms) / 1000)


async def _last_ms(log: BusLog, runner: str, from_ms_: int) -> int:
    """City time of the newest decision. Raises NotRunning."""
    times = [i.tick.time_ms async for i in log.invocations(runner, from_ms_, FAR_MS)]
    if not times:
        raise NotRunning("the log holds no decision of the brain as it is set now")
    return max(times)


def _tell(reports: Sequence[ReplayReport]) -> int:
    console = Console(highlight=False, soft_wrap=True)
    for report in reports:
        console.print(
            f"{report.runner + ': ' if len(reports) > 1 else ''}"
            f"{report.invocations} ticks from {report.checkpoint} ({report.warmed} before them), "
            f"{report.inputs} batches read, {report.outputs} written",
            markup=False,
        )
    if any(report.invocations == 0 for report in reports):
        console.print("nothing lies in that stretch of the log")
        return EXIT_DIFFERENCE
    others = [r.first_difference for r in reports if r.first_difference is not None]
    if not others:
        console.print("every order came out bit for bit the same")
        return 0
    at = from_ms(min(d.tick.time_ms for d in others)).isoformat()
    count = sum(r.invocations - r.equal for r in reports)
    console.print(f"{count} ticks came out otherwise, the first at {at}", markup=False)
    return EXIT_DIFFERENCE


def _instant(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        return to_ms(parse_time(text))
    except ValueError as e:
        raise SettingsError(f"{option} {text!r}: {e}") from None

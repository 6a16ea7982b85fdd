"""A process of the brain: its steps on the bus, for all junctions or for a worker's part of them."""

from __future__ import annotations

import asyncio

from citybrain.city.process import Process
from citybrain.city.worker import runner_name, worker_graph
from citybrain.city.worker_name import WORKERS
from citybrain.cloud import BusRunner, ready

BEHIND_S = 3.0
"""Wall seconds behind the street from which on waiting ticks are taken together."""


async def serve(p: Process) -> None:
    """Decide at each tick, until told to stop."""
    worker, workers = WORKERS[p.name], p.plan.settings.brain.workers
    graph = worker_graph(p.plan.net(), p.plan.declarations(), worker, workers)
    name = runner_name(worker, workers)
    async with p.bus() as bus:
        behind_ms = round(BEHIND_S * 1000 * p.plan.settings.street.speed)
        runner = BusRunner(bus, graph, name=name, checkpoints=p.folder.checkpoints, behind_ms=behind_ms)
        p.gauge("brain_tick_milliseconds", "Time that the last tick took", lambda: runner.took_ms)
        p.gauge("brain_ticks", "Ticks decided since the start", lambda: runner.invocations)
        p.gauge("brain_waiting_ticks", "Ticks that wait", lambda: runner.waiting_ticks)
        p.gauge("brain_merged_ticks", "Ticks taken together with a later one", lambda: runner.merged_ticks)
        follows = asyncio.Event()
        run = asyncio.create_task(runner.run(ready=follows, stop=p.stop))
        waiting = asyncio.create_task(follows.wait())
        await asyncio.wait({run, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if follows.is_set():
            ready("the brain decides")
        await run

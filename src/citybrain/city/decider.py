"""The brain's process: its steps on the bus."""

from __future__ import annotations

import asyncio

from citybrain import brain
from citybrain.city.process import Process
from citybrain.cloud import BusRunner, Graph, ready

RUNNER = "brain"
BEHIND_S = 3.0
"""Wall seconds behind the street from which on waiting ticks are taken together."""


async def serve(p: Process) -> None:
    """Decide at each tick, until told to stop."""
    net = p.plan.net()
    graph = Graph((*brain.steps(net), *brain.measure_steps(net)), p.plan.declarations())
    async with p.bus() as bus:
        behind_ms = round(BEHIND_S * 1000 * p.plan.settings.street.speed)
        runner = BusRunner(bus, graph, name=RUNNER, checkpoints=p.folder.checkpoints, behind_ms=behind_ms)
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

"""The library's process: the one owner of the city's memory."""

from __future__ import annotations

import asyncio

from citybrain.city.process import Process
from citybrain.cloud import ready
from citybrain.library import Library, LibraryServer

HOUR_MS = 3_600_000


async def serve(p: Process) -> None:
    """Take in every record and answer queries, until told to stop."""
    settings = p.plan.settings
    async with p.bus() as bus:
        memory_mb = settings.library.memory_mb
        library = await asyncio.to_thread(Library, p.folder.library, p.plan.declarations(), memory_mb=memory_mb)
        server = LibraryServer(library, bus, replay_window_ms=round(settings.bus.log_hours * HOUR_MS))
        p.gauge("library_rows", "Rows stored since the start", lambda: server.stats.rows)
        p.gauge("library_waiting_batches", "Batches that wait to be stored", lambda: server.stats.waiting)
        p.gauge("library_refused_batches", "Batches that do not fit", lambda: server.stats.refused)
        p.gauge("library_commit_milliseconds", "Last commit", lambda: server.stats.last_commit_took_ms)
        run = asyncio.create_task(server.run())
        waiting = asyncio.create_task(p.stop.wait())
        ready("the library takes in")
        done, _ = await asyncio.wait({waiting, run}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        run.cancel()
        await asyncio.gather(waiting, run, return_exceptions=True)
        await asyncio.to_thread(library.close)
        if run in done:
            run.result()

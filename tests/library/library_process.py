"""Child process of the server tests: a library on the bus, `python library_process.py FOLDER URL TOKEN [LIMIT]`.

Prints "ready" when it serves. LIMIT: no file may grow beyond that many bytes (as a full disk refuses) until a line
comes on standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import sys
from pathlib import Path

from library_city import declared

from citybrain.cloud import Bus, BusAddress
from citybrain.library import Library, LibraryServer


async def main(folder: Path, address: BusAddress, limit: int | None) -> None:
    declarations = declared(folder / "declarations")
    async with await Bus.connect(address, declarations, name="library") as bus:
        with Library(folder / "library", declarations) as library:
            serving = asyncio.create_task(LibraryServer(library, bus, group_s=0.05, keep_house_s=0.2).run())
            if limit is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                await asyncio.to_thread(sys.stdin.readline)
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving


if __name__ == "__main__":
    asyncio.run(
        main(Path(sys.argv[1]), BusAddress(sys.argv[2], sys.argv[3]), int(sys.argv[4]) if sys.argv[4:] else None)
    )

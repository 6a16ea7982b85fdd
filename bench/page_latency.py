"""From the street to the page: the age of each live frame when a page's socket has it, at speed 1."""

from __future__ import annotations

import os
import platform
import struct
import sys
import time

from websockets.sync.client import connect

from _city import running

FRAMES = 120
MADE_AT = 28
"""Where a live frame holds the wall time at which it was made (docs: citybrain.network.frame)."""


def main() -> int:
    """Print the distribution over two minutes, with the page's own round trip to the server as the baseline."""
    with running() as city, connect(city.page.replace("http", "ws") + "/ws/live", origin=city.page) as socket:
        ages: list[float] = []
        while len(ages) < FRAMES:
            message = socket.recv(timeout=30)
            if isinstance(message, bytes) and len(message) > 40:
                (made_ms,) = struct.unpack_from("<d", message, MADE_AT)
                ages.append(time.time() * 1000 - made_ms)
        began = time.perf_counter()
        socket.ping().wait(10)
        ping_ms = (time.perf_counter() - began) * 1000
    ages = sorted(ages[5:])
    load = os.getloadavg()[0]
    print(
        f"default city, seed 1, speed 1, simulated; {platform.machine()}, {os.cpu_count()} cores, load {load:.1f}"
    )
    print(f"{'frames':>8}{'p50 ms':>10}{'p90 ms':>10}{'p99 ms':>10}{'max ms':>10}{'ping ms':>10}")
    marks = (0.5, 0.9, 0.99)
    row = [ages[int(len(ages) * m)] for m in marks] + [ages[-1], ping_ms]
    print(f"{len(ages):8}" + "".join(f"{v:10.1f}" for v in row) + "   (target: p99 under 1000)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

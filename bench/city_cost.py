"""What the running city costs beside its simulator, in real time: processor and resident memory a process.

    python bench/city_cost.py

The ratio of a city is the time that passed in it over the time on the wall: 1 is real time held. `street` and
`shadow` are the two processes that simulate (the street's holds detectors and guard too) and are not counted.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import httpx
from websockets.sync.client import connect

from _city import SHARED, City, running

SETTLE_S = 40
FILL_S = 300
"""A whole city needs longer until its streets are full."""
WATCH_S = 60
SIMULATORS = ("street", "shadow")


def watch(name: str, limit: float, *arguments: str, settle_s: float = SETTLE_S) -> None:
    """Run a city at speed 1 with one page open and print its table."""
    with running(*arguments) as city, page(city):
        time.sleep(settle_s)
        before, began, city_began = cpu(city), time.monotonic(), city_time_s(city)
        time.sleep(WATCH_S)
        after, took, city_took = cpu(city), time.monotonic() - began, city_time_s(city) - city_began
        print(
            f"\n{name}: {took:.0f} s watched after {settle_s:.0f} s, {city_took:.0f} s of the city passed "
            f"(real time: ratio {city_took / took:.3f})"
        )
        print(f"{'process':16}{'% of a core':>12}{'MB resident':>13}")
        memory = {k: p.memory_info().rss / 2**20 for k, p in city.parts().items()}
        for key in sorted(after):
            share = (after[key] - before.get(key, 0.0)) / took * 100
            print(f"{key:16}{share:12.1f}{memory.get(key, 0):13.0f}")
        beyond = sum(after[k] - before.get(k, 0.0) for k in after if k not in SIMULATORS) / took
        print(f"{'beyond SUMO':16}{beyond * 100:12.1f}   (target: at most {limit:.0%} of a core)")
        print(
            f"{'all':16}{'':12}{sum(memory.values()):13.0f}   (target for the default city: under 1500 MB)",
            flush=True,
        )


@contextmanager
def page(city: City) -> Iterator[None]:
    """A page that takes the live frames, as a browser would."""
    with connect(city.page.replace("http", "ws") + "/ws/live", origin=city.page) as socket:
        drain = Thread(target=lambda: [None for _ in socket], daemon=True)
        drain.start()
        yield
    drain.join()


def cpu(city: City) -> dict[str, float]:
    """Processor seconds of each process so far."""
    used = {}
    for name, process in city.parts().items():
        times = process.cpu_times()
        used[name] = times.user + times.system
    return used


def city_time_s(city: City) -> float:
    """City time, seconds since 1970."""
    return float(httpx.get(city.page + "/healthz", timeout=10).json()["city_time_ms"]) / 1000


def main() -> int:
    """The default city, and two of the shared networks where they are at hand."""
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}; seed 1; simulated; speed 1", flush=True)
    watch("default city", 0.2)
    if (SHARED / "cologne8").is_dir():
        watch("cologne8", 0.2, "--city", str(SHARED / "cologne8"))
    if (SHARED / "nanchang859").is_dir():
        watch(
            "nanchang859, a quarter of its demand",
            0.6,
            "--city",
            str(SHARED / "nanchang859"),
            "--scale",
            "0.25",
            settle_s=FILL_S,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

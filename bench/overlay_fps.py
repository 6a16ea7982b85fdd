"""How smoothly the page draws a large city: pictures a second, first map, age of a frame when it is drawn.

    python bench/overlay_fps.py [seconds]

20,000 vehicles and 1,296 signals (5,184 heads) on a synthetic grid, one frame a second through a real bus and hub
into headless Chromium without a GPU, while the map stands still. Synthetic; seed 1.
"""

from __future__ import annotations

import asyncio
import math
import os
import platform
import shutil
import socket
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import uvicorn
from playwright.async_api import Page, async_playwright

from citybrain.cloud import Bus, NatsServer
from citybrain.cockpit import make_app
from citybrain.hub import Hub, load_catalogue
from citybrain.library import LibraryClient
from citybrain.model import (
    Area,
    Junction,
    Lane,
    Level,
    Link,
    MapProjection,
    Movement,
    OwnPlan,
    PlanPhase,
    RoadNet,
    Stage,
    Zone,
    wall_ms,
)

SIDE = 36
BLOCK_M = 250.0
VEHICLES = 20_000
SIDES = ((0, 1), (1, 0), (0, -1), (-1, 0))
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
COUNT = """seconds => new Promise(done => {
  const overlay = document.querySelector('cb-app').map.overlay;
  const [drawn, begin] = [overlay.drawn, performance.now()];
  const gaps = [];
  let last = begin;
  const next = now => {
    gaps.push(now - last);
    last = now;
    if (now - begin < seconds * 1000) return requestAnimationFrame(next);
    gaps.sort((a, b) => a - b);
    done([(overlay.drawn - drawn) / (now - begin) * 1000, gaps[Math.floor(gaps.length * 0.99)]]);
  };
  requestAnimationFrame(next);
})"""
PACE = """seconds => new Promise(done => {
  const begin = performance.now();
  let count = 0;
  const next = now => {
    count++;
    return now - begin < seconds * 1000 ? requestAnimationFrame(next) : done([count / seconds, 0]);
  };
  requestAnimationFrame(next);
})"""
AGES = """() => {
  const { city } = document.querySelector('cb-app');
  window.ages = [];
  city.on('frame', () => requestAnimationFrame(() => window.ages.push(Date.now() - city.timeMs)));
}"""


def grid() -> RoadNet:
    """SIDE × SIDE signals, a lane each way between neighbours."""
    links = {link.id: link for link in _links()}
    junctions = tuple(_junction(x, y, links) for y in range(SIDE) for x in range(SIDE))
    end = (SIDE - 1) * BLOCK_M
    unit = 1000.0 / (40_075_016.0 * math.cos(math.radians(30.25)))
    y0 = 0.5 - math.asinh(math.tan(math.radians(30.25))) / (2 * math.pi)
    projection = MapProjection("local", 0, 0, 1000.0, (0.8337, unit, 0, 0, 0, 0), (y0, 0, -unit, 0, 0, 0), 0.0)
    city = Area("city", Level.CITY, "Grid", "网格")
    return RoadNet("f" * 40, "Grid", projection, (0, 0, end, end), tuple(links.values()), junctions, (city,), "")


def _links() -> Iterator[Link]:
    for y in range(SIDE):
        for x in range(SIDE):
            for dx, dy in SIDES:
                if 0 <= x + dx < SIDE and 0 <= y + dy < SIDE:
                    ax, ay = x * BLOCK_M + dx * 12 + dy * 1.6, y * BLOCK_M + dy * 12 - dx * 1.6
                    shape = ((ax, ay), (ax + dx * (BLOCK_M - 24), ay + dy * (BLOCK_M - 24)))
                    name = f"{x}.{y}>{x + dx}.{y + dy}"
                    lane = Lane(f"{name}_0", 0, BLOCK_M - 24, 13.9, shape)
                    street = f"Street {y}" if dx else f"Road {x}"
                    yield Link(
                        name, street, f"{x}.{y}", f"{x + dx}.{y + dy}", BLOCK_M - 24, 13.9, (lane,), shape,
                        2 if (y if dx else x) % 6 == 0 else 4,
                    )  # fmt: skip


def _junction(x: int, y: int, links: dict[str, Link]) -> Junction:
    name = f"J{x}.{y}"
    zones, movements = [], []
    for dx, dy in SIDES:
        into, out = f"{x + dx}.{y + dy}>{x}.{y}", f"{x}.{y}>{x - dx}.{y - dy}"
        if into in links and out in links:
            lane = f"{into}_0"
            zones.append(Zone(lane, name, 100.0, 13.9, ()))
            place = len(movements)
            movements.append(
                Movement(f"{name}:{into}>{out}", into, out, "s", (lane,), (place,), (f"{out}_0",), 226, False)
            )
    count = max(1, len(movements))
    lamps = ("Gr" * count)[:count]
    plan = OwnPlan("0", (PlanPhase(lamps, 30, 0),), 0)
    empty = ((),) * count
    return Junction(
        name, name, (x * BLOCK_M, y * BLOCK_M), "city", tuple(zones), tuple(movements), (Stage(0, lamps, ()),),
        plan, empty, empty, (3.0,) * count, 1.0, 5.0, 120.0,
    )  # fmt: skip


class Traffic:
    """Vehicles that run along links; `frame` moves them a second on."""

    def __init__(self, net: RoadNet) -> None:
        rng = np.random.default_rng(1)
        shapes = np.array([link.shape for link in net.links])
        pick = rng.integers(0, len(shapes), VEHICLES)
        self._from, self._to = shapes[pick, 0], shapes[pick, 1]
        self._at = rng.random(VEHICLES)
        self._speed = rng.choice([0.0, 0.04, 0.06], VEHICLES)
        delta = self._to - self._from
        self._heading = (np.arctan2(delta[:, 0], delta[:, 1]) % (2 * np.pi) / (2 * np.pi) * 255).astype("u1")
        self._kind = rng.choice(6, VEHICLES, p=[0.85, 0.05, 0.05, 0.01, 0.03, 0.01]).astype("u1")
        self._lamps = sum(j.signal_links for j in net.junctions)
        self._bounds = net.bounds
        self._beat = 0

    def frame(self) -> bytes:
        self._beat += 1
        self._at = (self._at + self._speed) % 1.0
        x, y = (self._from + (self._to - self._from) * self._at[:, None]).T
        x0, y0, x1, y1 = self._bounds
        letters = np.where(np.arange(self._lamps) // 2 % 2 == self._beat // 10 % 2, ord("G"), ord("r"))
        head = struct.pack("<IHHdIII12x", 0x31464243, 1, 0, float(wall_ms()), 1, VEHICLES, self._lamps)
        return b"".join(
            (
                head,
                np.arange(VEHICLES, dtype="<u4").tobytes(),
                ((x - x0) / (x1 - x0) * 65535).astype("<u2").tobytes(),
                ((y - y0) / (y1 - y0) * 65535).astype("<u2").tobytes(),
                self._heading.tobytes(),
                (self._speed * BLOCK_M * 4).astype("u1").tobytes(),
                self._kind.tobytes(),
                letters.astype("u1").tobytes(),
            )
        )


async def measure(page: Page, url: str, seconds: float) -> list[tuple[str, str]]:
    """The rows of the table."""
    first = []
    for _ in range(3):
        await page.goto(url)
        await page.wait_for_selector(".map-box[data-ready]", timeout=60_000)
        first.append(await page.evaluate("Object.values({...document.querySelector('.map-box').dataset})"))
    sketched, ready = (sorted(int(f[i]) for f in first)[1] for i in (0, 1))
    await page.evaluate(AGES)
    await page.wait_for_timeout(2000)
    idle = await page.context.new_page()
    empty, _ = await idle.evaluate(PACE, seconds / 2)
    await idle.close()
    await page.bring_to_front()
    rows = [("an empty page, for comparison", f"{empty:.1f} pictures/s")]
    rows += [("first map (roads drawn), median of 3", f"{sketched} ms"), ("labels and lanes too", f"{ready} ms")]
    for name, zoom in (("whole city, 20,000 in view", 0), ("district (zoom + 2)", 2), ("street (zoom + 5)", 5)):
        if zoom:
            await page.evaluate("z => document.querySelector('cb-app').map.zoomBy(z)", zoom)
            await page.wait_for_timeout(3000)
        fps, worst = await page.evaluate(COUNT, seconds)
        rows.append((name, f"{fps:.1f} pictures/s, 99 % within {worst:.0f} ms"))
        if zoom:
            await page.evaluate("z => document.querySelector('cb-app').map.zoomBy(-z)", zoom)
            await page.wait_for_timeout(1500)
    ages = sorted(await page.evaluate("window.ages"))
    rows.append(
        (
            f"age of a frame when drawn, {len(ages)} frames",
            f"median {ages[len(ages) // 2]:.0f}, most {ages[-1]:.0f} ms",
        )
    )
    return rows


async def publish(bus: Bus, traffic: Traffic) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        await bus.beat("live.vehicle", traffic.frame())
        due += 1.0
        await asyncio.sleep(max(0.0, due - loop.time()))


async def run(folder: Path, seconds: float) -> list[tuple[str, str]]:
    declared = load_catalogue(folder)
    server = NatsServer(folder / "bus", log=folder / "nats.log")
    address = await server.start()
    listening = socket.create_server(("127.0.0.1", 0))
    try:
        async with await Bus.connect(address, declared, name="bench") as bus:
            await bus.prepare()
            net = grid()
            hub = Hub(declared, LibraryClient(bus), bus.publish, bus)
            web = uvicorn.Server(
                uvicorn.Config(make_app(hub, net), log_level="error", timeout_graceful_shutdown=1)
            )
            serving = asyncio.create_task(web.serve([listening]))
            moving = asyncio.create_task(publish(bus, Traffic(net)))
            path = (
                os.environ.get("CITYBRAIN_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
            )
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
                context = await browser.new_context(viewport={"width": 1440, "height": 900})
                page = await context.new_page()
                rows = await measure(page, f"http://127.0.0.1:{listening.getsockname()[1]}/", seconds)
                await browser.close()
            moving.cancel()
            web.should_exit = True
            await serving
            return rows
    finally:
        await server.stop()


def main() -> None:
    """Print the table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 6.0
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(run(Path(folder), seconds))
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, no GPU, 1440 x 900; synthetic, seed 1")
    for name, value in rows:
        print(f"  {name:44} {value}")


if __name__ == "__main__":
    main()

"""A/B days: fair turns, asked for once a day through the hub, also after a restart."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from citybrain.city.ab_days import alternate, arm, request_of
from citybrain.cloud import Bus, NatsServer
from citybrain.hub import load_catalogue
from citybrain.library import Library, LibraryServer
from citybrain.model import Batch, Control, Tick, arrow_schema, to_ms

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 9)
HOUR_MS = 3_600_000
DECLARED = load_catalogue(None)


def midnight_ms(day: date) -> int:
    return to_ms(datetime.combine(day, datetime.min.time(), BERLIN))


def test_each_weekday_gets_both_arms_in_turn_and_neighbours_differ() -> None:
    days = [MONDAY + timedelta(days=n) for n in range(28)]
    turns = Counter((d.weekday(), arm(d)) for d in days)
    assert set(turns.values()) == {2}
    for day in days:
        assert arm(day) is not arm(day + timedelta(days=7))
    week = [arm(d) for d in days[:7]]
    assert all(a is not b for a, b in itertools.pairwise(week))


def test_a_day_of_the_own_plans_ends_at_its_midnight_also_when_clocks_change() -> None:
    own = next(d for d in (date(2026, 10, 25), date(2026, 11, 1)) if arm(d) is Control.OWN_PLAN)
    found = request_of(own, BERLIN, "city", midnight_ms(own))
    assert found is not None
    assert (found.control, found.area, found.until_ms) == (
        Control.OWN_PLAN,
        "city",
        midnight_ms(own + timedelta(days=1)),
    )
    assert request_of(own + timedelta(days=7), BERLIN, "city", 0) is None, "the brain decides anyway"


@asynccontextmanager
async def running(folder: Path) -> AsyncGenerator[Bus]:
    """A bus with a library behind it."""
    async with (
        NatsServer(folder / "bus", log=folder / "nats.log") as nats,
        await Bus.connect(nats.address, DECLARED, name="test") as bus,
    ):
        await bus.prepare()
        with Library(folder / "library", DECLARED) as library:
            serving = asyncio.create_task(LibraryServer(library, bus, group_s=0.01).run())
            yield bus
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


def batch(dataset: str, name: str, **row: Any) -> Batch:
    return Batch(dataset, name, pa.RecordBatch.from_pylist([row], schema=arrow_schema(DECLARED[dataset])))


class Street:
    """Says what time it is, and answers what is asked of it."""

    def __init__(self, bus: Bus) -> None:
        self.asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._bus = bus

    async def listen(self) -> None:
        async for stored in await self._bus.follow(["traffic.switch_request"]):
            for row in stored.batch.rows.to_pylist():
                names = ("request", "time", "area", "control", "until")
                answer = {n: row[n] for n in names} | {"accepted": True, "reason": "", "junctions": 4}
                await self._bus.publish(batch("traffic.switch_result", f"result/{row['request']}", **answer))
                self.asked.put_nowait(row)

    async def tick(self, at_ms: int) -> None:
        tick = Tick(1, at_ms // 1000, at_ms)
        row = {"source": "street", "time": at_ms, "run": 1, "seq": tick.seq}
        await self._bus.publish(batch("traffic.tick", tick.batch_id("traffic.tick", "street"), **row))

    async def asked_next(self, *times_ms: int) -> dict[str, Any]:
        """The next that is asked, from those moments on: a second more each time that nothing is."""
        for at_ms in times_ms:
            await self.tick(at_ms)
        later_ms = times_ms[-1]
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(TimeoutError):
                    return await asyncio.wait_for(self.asked.get(), 0.2)
                later_ms += 1000
                await self.tick(later_ms)


def test_the_running_city_is_asked_once_a_day_of_the_own_plans(tmp_path: Path) -> None:
    first = MONDAY if arm(MONDAY) is Control.OWN_PLAN else MONDAY + timedelta(days=1)
    days = [midnight_ms(first + timedelta(days=n)) for n in range(5)]

    async def work() -> None:
        async with running(tmp_path) as bus:
            street = Street(bus)
            listening = asyncio.create_task(street.listen())
            alternating = asyncio.create_task(alternate(bus, "city", BERLIN))
            asked = await street.asked_next(days[0], days[0] + HOUR_MS)
            assert (asked["request"], asked["control"], asked["who"]) == (f"ab/{first}", "own_plan", "A/B days")
            asked = await street.asked_next(days[0] + 2 * HOUR_MS, days[1], days[1] + HOUR_MS, days[2])
            assert asked["request"] == f"ab/{first + timedelta(days=2)}", "the day between is the brain's"
            alternating.cancel()
            await asyncio.gather(alternating, return_exceptions=True)
            alternating = asyncio.create_task(alternate(bus, "city", BERLIN))
            asked = await street.asked_next(days[2] + 13 * HOUR_MS, days[3], days[4])
            assert asked["request"] == f"ab/{first + timedelta(days=4)}", "a restart does not ask again"
            for task in (listening, alternating):
                task.cancel()
            await asyncio.gather(listening, alternating, return_exceptions=True)

    asyncio.run(work())

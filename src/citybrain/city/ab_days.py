"""A/B days: on every other day the whole city runs its own plans, so that the brain is held against them fairly.

The arms alternate by day and change places each week, so that each weekday gets both in turn. A person's later
command counts over it, as over any other.
"""

from __future__ import annotations

import logging
from contextlib import aclosing
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlglot import exp, select

from citybrain.cloud import Bus
from citybrain.hub import Hub, HubError, HubRefused, Purpose, Query, Reader, Role
from citybrain.library import LibraryClient
from citybrain.model import Control, SwitchRequest, from_ms, to_ms

WHO = "A/B days"
READER = Reader(WHO, frozenset({Role.STAFF}))
ANSWER_S = 5.0

log = logging.getLogger(__name__)


def arm(day: date) -> Control:
    """Who decides on a day: brain on Monday, own plan on Tuesday, …; a week later the other way round."""
    week, weekday = divmod(day.toordinal() - 1, 7)
    return Control.OWN_PLAN if (week + weekday) % 2 else Control.BRAIN


def request_of(day: date, zone: ZoneInfo, area: str, now_ms: int) -> SwitchRequest | None:
    """The command of a day, until its midnight; None on a day of the brain. Its id is the day's."""
    if arm(day) is Control.BRAIN:
        return None
    midnight = to_ms(datetime.combine(day + timedelta(days=1), datetime.min.time(), zone))
    return SwitchRequest(
        id=f"ab/{day}",
        area=area,
        control=Control.OWN_PLAN,
        who=WHO,
        why="comparison of the own plans with the brain (street.ab_days)",
        requested_ms=now_ms,
        until_ms=midnight,
    )


async def alternate(bus: Bus, area: str, zone: ZoneInfo) -> None:
    """Ask for each day's arm in an area as the city's clock comes to it, until cancelled."""
    hub = Hub(bus.declarations, LibraryClient(bus), bus.publish, bus)
    done: date | None = None
    async with aclosing(await bus.follow(("traffic.tick",))) as ticks:
        async for stored in ticks:
            now_ms = to_ms(stored.batch.rows.column("time")[-1].as_py())
            day = from_ms(now_ms).astimezone(zone).date()
            if day == done:
                continue
            request = request_of(day, zone, area, now_ms)
            if request is None or await _asked(hub, request):
                done = day


async def _asked(hub: Hub, request: SwitchRequest) -> bool:
    """Ask, unless it was asked already before a restart; False where it must be tried again."""
    named = exp.column("request").eq(exp.Literal.string(request.id))
    known = select("count(*) AS n").from_("traffic.switch_request").where(named)
    try:
        found = await hub.read(READER, Purpose.OPERATE, Query(known.sql("duckdb"), timeout_s=ANSWER_S))
        if found.column("n")[0].as_py():
            return True
        result = await hub.request(READER, request)
    except (HubError, HubRefused) as e:
        log.warning("the day's arm could not be asked for: %s; the next second tries again", e)
        return False
    log.info("%s: own plans, %s", request.id, "no answer yet" if result is None else result.reason or "accepted")
    return True

"""A stretch of one day in city time, as the page asks for it."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlglot import exp

from citybrain.cockpit.problem import RequestError
from citybrain.model import to_ms

_HOUR = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")


class Span(Struct, frozen=True):
    """From `begin_ms` until `end_ms`, city time in milliseconds since 1970 UTC."""

    begin_ms: int
    end_ms: int

    def holds(self, column: str = "time") -> exp.Condition:
        """The condition that a time lies in it: after its begin, as a measure is dated at its end."""
        after = exp.GT(this=exp.column(column), expression=_instant(self.begin_ms))
        return exp.and_(after, exp.LTE(this=exp.column(column), expression=_instant(self.end_ms)))


def read_span(day: str, begin: str, end: str, zone: str) -> Span:
    """The span of a day (2026-11-22) from one hour (07:00) to a later one (24:00: midnight), on the city's clock.

    Raises RequestError naming what does not fit.
    """
    date_ = read_day(day)
    first, last = _at(date_, begin, zone, "begin"), _at(date_, end, zone, "end")
    if first >= last:
        raise RequestError(422, "end: later than begin", "end_before_begin")
    return Span(first, last)


def read_day(text: str) -> date:
    """A date like 2026-11-22. Raises RequestError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RequestError(422, "day: a date like 2026-11-22", "no_such_day") from None


def day_span(day: date, zone: ZoneInfo) -> Span:
    """A day from midnight to midnight on the clock of that zone. Raises OverflowError on the last day there is."""
    midnights = (datetime.combine(day + timedelta(days=n), datetime.min.time(), zone) for n in (0, 1))
    return Span(*map(to_ms, midnights))


def _at(day: date, hour: str, zone: str, name: str) -> int:
    if not _HOUR.fullmatch(hour):
        raise RequestError(422, f"{name}: an hour like 07:30", "no_such_hour")
    try:
        over = hour == "24:00"
        at = datetime.combine(day + timedelta(days=over), datetime.min.time(), ZoneInfo(zone))
        return to_ms(at if over else at.replace(hour=int(hour[:2]), minute=int(hour[3:])))
    except OverflowError:
        raise RequestError(422, f"day: {day} is too far away", "no_such_day") from None


def _instant(ms: int) -> exp.Expression:
    return exp.Anonymous(this="to_timestamp", expressions=[exp.Literal.number(ms / 1000)])

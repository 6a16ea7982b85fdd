"""A/B days: days of the brain against days of the own plans, in pairs of the same weekday a week apart.

Two days are compared at the same times of day, so that a day of which a part is missing is not favoured. A day
enters one pair only, so that pairs are independent and their spread means something.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from math import sqrt
from statistics import fmean, stdev
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlglot import exp, select

from citybrain.cockpit.day_report import Read, Row
from citybrain.cockpit.span import Span
from citybrain.cockpit.window import dataset_table, rows_of
from citybrain.model import from_ms

BUCKET_MS = 300_000
SPAN_DAYS = 28
"""So far back the states of the signals are kept, from which a day's arm is told."""
BUCKETS_MAX = (SPAN_DAYS + 2) * 288 * 2
ARM = 0.9
"""A stretch counts for an arm when that decided for at least this part of the junctions' time."""
LEAST = 12
"""Stretches (an hour) that a pair must have in common."""


class Day(Struct, frozen=True):
    """A day under one arm: mean delay in s of its five-minute stretches, by their number since midnight."""

    day: date
    brain: bool
    delay_s: dict[int, float]


class AbPair(Struct, frozen=True):
    """A day of the brain and one of the own plans, a week apart, over `hours` at the same times of day."""

    brain: date
    own_plan: date
    hours: float
    brain_delay_s: float
    own_delay_s: float

    @property
    def gain(self) -> float:
        """Part of the delay that the brain saves."""
        return 1 - self.brain_delay_s / self.own_delay_s


class AbReport(Struct, frozen=True):
    """All pairs, with the mean of their gains and its standard error; None where there are too few."""

    pairs: tuple[AbPair, ...]
    gain: float | None
    error: float | None


def weeks_until(last: Span) -> Span:
    """The weeks that end with a day."""
    return Span(last.end_ms - SPAN_DAYS * 86_400_000, last.end_ms)


async def ab_report(read: Read, span: Span, zone: ZoneInfo) -> AbReport:
    """The A/B comparison of the days in a span. Raises whatever `read` raises."""
    delays = rows_of(await read(_delays(span), BUCKETS_MAX))
    arms = {r["bucket"]: r for r in rows_of(await read(_arms(span), BUCKETS_MAX))}
    found = pairs_of(days_of(delays, arms, zone))
    gains = [p.gain for p in found]
    error = stdev(gains) / sqrt(len(gains)) if len(gains) > 1 else None
    return AbReport(found, fmean(gains) if gains else None, error)


def days_of(delays: Iterable[Row], arms: dict[int, Row], zone: ZoneInfo) -> list[Day]:
    """Days that had one arm only, from rows of five-minute stretches."""
    stretches: dict[date, dict[bool, dict[int, float]]] = defaultdict(lambda: {True: {}, False: {}})
    for row in delays:
        at = from_ms(row["bucket"] * BUCKET_MS).astimezone(zone)
        arm = _arm(arms.get(row["bucket"]))
        if arm is not None:
            stretches[at.date()][arm][at.hour * 12 + at.minute // 5] = row["delay_s"]
    return [
        Day(day, brain, both[brain])
        for day, both in sorted(stretches.items())
        for brain in (True, False)
        if len(both[brain]) >= LEAST and len(both[not brain]) < LEAST
    ]


def pairs_of(days: Iterable[Day]) -> tuple[AbPair, ...]:
    """Days of unlike arms a week apart, each in one pair, the earliest first."""
    left = {d.day: d for d in days}
    pairs = []
    for day in sorted(left):
        a, b = left.get(day), left.get(day + timedelta(days=7))
        if a is None or b is None or a.brain == b.brain:
            continue
        common = sorted(a.delay_s.keys() & b.delay_s.keys())
        brain, own = (a, b) if a.brain else (b, a)
        own_delay_s = fmean(own.delay_s[k] for k in common) if common else 0.0
        if len(common) < LEAST or own_delay_s <= 0:
            continue
        brain_delay_s = fmean(brain.delay_s[k] for k in common)
        pairs.append(AbPair(brain.day, own.day, len(common) / 12, brain_delay_s, own_delay_s))
        del left[a.day], left[b.day]
    return tuple(pairs)


def _arm(row: Row | None) -> bool | None:
    """Whether the brain decided in a stretch; None where neither arm clearly did."""
    if row is None:
        return None
    return True if row["brain"] >= ARM else False if row["own_plan"] >= ARM else None


def _bucket() -> str:
    return f"epoch_ms(time) // {BUCKET_MS} AS bucket"


def _delays(span: Span) -> exp.Select:
    query = select(_bucket(), "avg(mean_delay_s) AS delay_s", dialect="duckdb").from_(dataset_table("sim.score"))
    return query.where(span.holds()).where("city = 'live'").group_by("bucket").order_by("bucket")


def _arms(span: Span) -> exp.Select:
    shares = [f"avg(CASE WHEN control = '{arm}' THEN 1.0 ELSE 0.0 END) AS {arm}" for arm in ("brain", "own_plan")]
    query = select(_bucket(), *shares, dialect="duckdb").from_(dataset_table("traffic.signal_state"))
    return query.where(span.holds()).where("epoch_ms(time) % 10000 = 0").group_by("bucket").order_by("bucket")

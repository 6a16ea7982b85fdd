"""A/B days: days of the brain against days of the own plans, in pairs.

Paired are days of unlike arms a week apart; what is left over, with the nearest of the same kind (Monday to
Friday, or the weekend) within six days. Two days are compared at the same times of day, so that a day of which a
part is missing is not favoured, and once more over only those hours in which about as many vehicles arrived, so
that a busy day is not held against a quiet one. A day enters one pair only, so that pairs are independent and
their spread means something.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
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
"""A stretch counts for an arm when that decided for at least this part of the controllable junctions' time."""
SETTLES = 3
"""Stretches before it in which it must have, too: the delay of a moment is that of the last quarter of an hour."""
LEAST = 12
"""Stretches (an hour) that a pair must have in common."""
AN_HOUR = 12
ALIKE = 0.1
"""Hours are alike in demand where the lesser number of vehicles is within this part of the greater."""
APART_DAYS = 7
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16)
"""Student's t, two-sided 95 %, for 1, 2, … degrees of freedom: as many as pairs in the span can have."""


class Day(Struct, frozen=True):
    """A day under one arm, by its five-minute stretches (their number since midnight): mean delay in s, and how
    many vehicles arrived where that is known."""

    day: date
    brain: bool
    delay_s: dict[int, float]
    arrived: dict[int, int]


class AbPair(Struct, frozen=True):
    """A day of the brain and one of the own plans, over `hours` at the same times of day. `gain`: part of the
    delay that the brain saves. `alike_…`: the same over hours of like demand; None where those are too few or
    unknown."""

    brain: date
    own_plan: date
    hours: float
    brain_delay_s: float
    own_delay_s: float
    gain: float
    brain_veh: int | None
    own_veh: int | None
    alike_hours: float
    alike_gain: float | None


class Gain(Struct, frozen=True):
    """Mean of the gains of `pairs` pairs; with two, between `low` and `high` with 95 % confidence (Student)."""

    pairs: int
    mean: float
    low: float | None
    high: float | None


class AbReport(Struct, frozen=True):
    """All pairs; None where there is none."""

    pairs: tuple[AbPair, ...]
    gain: Gain | None
    alike_gain: Gain | None


def weeks_until(last: Span) -> Span:
    """The weeks that end with a day."""
    return Span(last.end_ms - SPAN_DAYS * 86_400_000, last.end_ms)


async def ab_report(read: Read, span: Span, zone: ZoneInfo) -> AbReport:
    """The A/B comparison of the days in a span. Raises whatever `read` raises."""
    delays = rows_of(await read(_delays(span), BUCKETS_MAX))
    arms = {r["bucket"]: r for r in rows_of(await read(_arms(span), BUCKETS_MAX))}
    pairs = pairs_of(days_of(delays, arms, zone))
    alike = [p.alike_gain for p in pairs if p.alike_gain is not None]
    return AbReport(pairs, gain_of([p.gain for p in pairs]), gain_of(alike))


def gain_of(gains: Sequence[float]) -> Gain | None:
    """The mean of some pairs' gains, and its 95 % interval by Student's t; None without any."""
    if not gains:
        return None
    mean, n = fmean(gains), len(gains)
    if n < 2:
        return Gain(n, mean, None, None)
    off = STUDENT[min(n - 1, len(STUDENT)) - 1] * stdev(gains) / sqrt(n)
    return Gain(n, mean, mean - off, mean + off)


def days_of(delays: Iterable[Row], arms: dict[int, Row], zone: ZoneInfo) -> list[Day]:
    """Days that had one arm only, from rows of five-minute stretches."""
    decided = {bucket: _arm(row) for bucket, row in arms.items()}
    stretches: dict[date, dict[bool, dict[int, Row]]] = defaultdict(lambda: {True: {}, False: {}})
    for row in delays:
        arm = decided.get(row["bucket"])
        if arm is not None and all(decided.get(row["bucket"] - k) is arm for k in range(1, SETTLES + 1)):
            at = from_ms(row["bucket"] * BUCKET_MS).astimezone(zone)
            stretches[at.date()][arm][at.hour * AN_HOUR + at.minute // 5] = row
    return [
        Day(
            day,
            brain,
            {k: row["delay_s"] for k, row in both[brain].items()},
            {k: row["arrived"] for k, row in both[brain].items() if row["arrived"] is not None},
        )
        for day, both in sorted(stretches.items())
        for brain in (True, False)
        if len(both[brain]) >= LEAST and len(both[not brain]) < LEAST
    ]


def pairs_of(days: Iterable[Day]) -> tuple[AbPair, ...]:
    """Days of unlike arms, each in one pair: first those a week apart, then the nearest of the same kind."""
    left = {d.day: d for d in days}
    pairs: list[AbPair] = []
    for apart in (APART_DAYS, *range(1, APART_DAYS)):
        for day in sorted(left):
            a, b = left.get(day), left.get(day + timedelta(days=apart))
            if a is None or b is None or a.brain == b.brain or _weekend(a) != _weekend(b):
                continue
            pair = _pair(a, b) if a.brain else _pair(b, a)
            if pair is not None:
                pairs.append(pair)
                del left[a.day], left[b.day]
    return tuple(sorted(pairs, key=lambda p: min(p.brain, p.own_plan)))


def _weekend(day: Day) -> bool:
    return day.day.weekday() >= 5


def _pair(brain: Day, own: Day) -> AbPair | None:
    """The pair over the times of day that both have; None where they are too few, or without any delay."""
    common = sorted(brain.delay_s.keys() & own.delay_s.keys())
    gain = _gain(brain, own, common)
    if gain is None:
        return None
    alike = [k for k in common if _alike(brain, own, k // AN_HOUR)]
    return AbPair(
        brain=brain.day,
        own_plan=own.day,
        hours=len(common) / AN_HOUR,
        brain_delay_s=fmean(brain.delay_s[k] for k in common),
        own_delay_s=fmean(own.delay_s[k] for k in common),
        gain=gain,
        brain_veh=_vehicles(brain, common),
        own_veh=_vehicles(own, common),
        alike_hours=len(alike) / AN_HOUR,
        alike_gain=_gain(brain, own, alike),
    )


def _gain(brain: Day, own: Day, stretches: Sequence[int]) -> float | None:
    if len(stretches) < LEAST:
        return None
    own_s = fmean(own.delay_s[k] for k in stretches)
    return 1 - fmean(brain.delay_s[k] for k in stretches) / own_s if own_s > 0 else None


def _alike(brain: Day, own: Day, hour: int) -> bool:
    """Whether about as many vehicles arrived in that hour of both days, as far as both have it."""
    stretches = range(hour * AN_HOUR, (hour + 1) * AN_HOUR)
    common = [k for k in stretches if k in brain.delay_s and k in own.delay_s]
    one, other = _vehicles(brain, common), _vehicles(own, common)
    return one is not None and other is not None and abs(one - other) <= ALIKE * max(one, other)


def _vehicles(day: Day, stretches: Sequence[int]) -> int | None:
    found = [day.arrived.get(k) for k in stretches]
    known = [n for n in found if n is not None]
    return sum(known) if len(known) == len(found) else None


def _arm(row: Row | None) -> bool | None:
    """Whether the brain decided in a stretch; None where neither arm clearly did."""
    if row is None:
        return None
    return True if row["brain"] >= ARM else False if row["own_plan"] >= ARM else None


def _bucket() -> str:
    return f"epoch_ms(time) // {BUCKET_MS} AS bucket"


def _delays(span: Span) -> exp.Select:
    # A stretch of which a part was not recorded says nothing of how many arrived.
    arrived = "CASE WHEN count(trips) = 30 THEN sum(trips)::BIGINT END AS arrived"
    columns = (_bucket(), "avg(mean_delay_s) AS delay_s", arrived)
    query = select(*columns, dialect="duckdb").from_(dataset_table("sim.score"))
    return query.where(span.holds()).where("city = 'live'").group_by("bucket").order_by("bucket")


def _arms(span: Span) -> exp.Select:
    shares = [f"avg(CASE WHEN control = '{arm}' THEN 1.0 ELSE 0.0 END) AS {arm}" for arm in ("brain", "own_plan")]
    query = select(_bucket(), *shares, dialect="duckdb").from_(dataset_table("traffic.signal_state"))
    held = query.where(span.holds()).where("epoch_ms(time) % 10000 = 0").where("control <> 'refused'")
    return held.group_by("bucket").order_by("bucket")

"""The past of the vital signs: from the library through the hub, or from memory while the library is away."""

from __future__ import annotations

from msgspec import Struct
from sqlglot import exp, select

from citybrain.cockpit.live import LiveCity
from citybrain.cockpit.record import METRICS, Score
from citybrain.cockpit.window import HubSilentError, Window, dataset_table, rows_of

POINTS = 720
HOURS_MAX = 24 * 31


class Series(Struct, frozen=True):
    """A metric of one city over time."""

    time: tuple[int, ...]
    value: tuple[float | None, ...]


class History(Struct, frozen=True):
    """A metric of the living city and its shadow. `source`: library, or memory while the library is away."""

    metric: str
    bucket_s: int
    source: str
    live: Series
    shadow: Series


class Vitals(Struct, frozen=True):
    """The newest scores and what came before."""

    time: int | None
    live: tuple[Score, ...]
    shadow: tuple[Score, ...]


def vitals(live: LiveCity) -> Vitals:
    """The vital signs from memory: at most `POINTS` moments and the newest of each."""
    return Vitals(live.time_ms, *_thinned(live.scores("live"), live.scores("shadow")))


async def history(window: Window, live: LiveCity, metric: str, hours: float) -> History:
    """`metric` (one of METRICS) over the last `hours` of city time, in buckets so that at most POINTS remain."""
    bucket_s = max(10, round(hours * 3600 / POINTS / 10) * 10)
    end = live.time_ms
    if end is not None:
        try:
            query = _query(metric, end - round(hours * 3_600_000), bucket_s)
            rows = rows_of(await window.table(query, 4 * POINTS))
        except HubSilentError:
            rows = []
        if rows:
            series = {c: _series([(r["t"], r["v"]) for r in rows if r["city"] == c]) for c in ("live", "shadow")}
            return History(metric, bucket_s, "library", series["live"], series["shadow"])
    begin = (end or 0) - hours * 3_600_000
    both = _thinned(live.scores("live"), live.scores("shadow"))
    kept = [_series([(s.time, getattr(s, metric)) for s in scores if s.time >= begin]) for scores in both]
    return History(metric, bucket_s, "memory", *kept)


def _query(metric: str, since_ms: int, bucket_s: int) -> exp.Select:
    """Means of buckets; times as milliseconds since 1970 UTC."""
    if metric not in METRICS:
        raise ValueError(f"no metric {metric!r}")
    at, bucket = exp.func("epoch_ms", exp.column("time")), exp.Literal.number(bucket_s * 1000)
    begin = exp.Mul(this=exp.IntDiv(this=at, expression=bucket), expression=bucket)
    mean = exp.func("avg", exp.column(metric))
    return (
        select("city", begin.as_("t"), mean.as_("v"))
        .from_(dataset_table("sim.score"))
        .where(exp.GTE(this=at.copy(), expression=exp.Literal.number(since_ms)))
        .group_by("city", "t")
        .order_by("t")
    )


def _series(points: list[tuple[int, float | None]]) -> Series:
    return Series(tuple(t for t, _ in points), tuple(v for _, v in points))


def _thinned(*cities: tuple[Score, ...]) -> tuple[tuple[Score, ...], ...]:
    """Scores of the same moments for each city, at most POINTS, and its newest: where one lacks what the other
    has, neither makes a line."""
    moments = sorted({s.time for scores in cities for s in scores})
    step = -(-len(moments) // POINTS) or 1
    shown = set(moments[::-1][::step])
    return tuple(tuple(s for s in scores if s.time in shown or s is scores[-1]) for scores in cities)

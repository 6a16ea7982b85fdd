"""The report of a day: what was gained against the shadow cities, and what happened to control.

Cities are compared over the moments, 10 s apart, at which both were scored: an hour that one of them missed
counts for neither. All figures of `sim.score` are simulation truth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pyarrow as pa
from msgspec import Struct
from sqlglot import exp, select

from citybrain.cockpit.span import Span
from citybrain.cockpit.window import dataset_table, rows_of

HOUR_MS = 3_600_000
SAMPLES_AN_HOUR = 360
SHADOWS = {"shadow": "actuated", "own": "own_plan"}
"""Which control the city of that label is under."""
SCORED = (
    *("mean_delay_s", "delay_index", "in_transit", "waiting", "halted", "longest_queue_m"),
    *("stops", "trips", "travel_s", "co2_kg"),
)
SCORES_MAX = 3 * 26 * SAMPLES_AN_HOUR
LINES_MAX = 500

Read = Callable[[exp.Select, int], Awaitable[pa.Table]]
Row = dict[str, Any]


class Figures(Struct, frozen=True):
    """How the traffic of a city fared, over some moments."""

    delay_s: float
    delay_index: float
    in_transit_veh: float
    waiting_veh: float
    halted_veh: float
    longest_queue_m: float
    stops: int | None
    """How often vehicles came to stand. This and what follows: None where not all of it was recorded."""
    co2_kg: float | None
    arrived_veh: int | None
    travel_s: float | None
    """Mean travel time of those that arrived, waiting to enter included."""


class HourPair(Struct, frozen=True):
    """An hour of both cities; `samples` moments at which both were scored."""

    begin_ms: int
    samples: int
    live: Figures
    other: Figures

    @property
    def gain(self) -> float | None:
        """Part of the other's delay that is saved; None where it had none."""
        return saved(self.live.delay_s, self.other.delay_s)


def saved(ours: float | None, others: float | None) -> float | None:
    """Part of the other's that is saved; None where one is not known or the other had none."""
    return None if ours is None or not others or others < 0 else 1 - ours / others


class Comparison(Struct, frozen=True):
    """A day against one shadow city."""

    against: str
    """actuated or own_plan."""
    hours: tuple[HourPair, ...]
    live: Figures
    """Over all moments compared."""
    other: Figures
    gain: float | None
    """Part of the mean delay that is saved; so for stops, travel time and CO₂."""
    stops_gain: float | None
    travel_gain: float | None
    co2_gain: float | None
    least: float | None
    """Gain in delay of the worst hour."""
    most: float | None


class Count(Struct, frozen=True):
    """How often something happened, at how many junctions."""

    what: str
    n: int
    junctions: int


class SignalHour(Struct, frozen=True):
    """What detectors and lamps said of all signals in an hour."""

    begin_ms: int
    cycles: int
    split_failures: int
    on_green_share: float | None
    walk_wait_s: float | None


class Command(Struct, frozen=True):
    """What a person commanded."""

    time_ms: int
    area: str
    control: str
    stage: int | None
    who: str
    why: str
    accepted: bool | None
    reason: str


class DayReport(Struct, frozen=True):
    """A day, from `begin_ms` to `end_ms` of city time."""

    begin_ms: int
    end_ms: int
    scored_hours: float
    """Hours of the day in which the living city was scored."""
    comparisons: tuple[Comparison, ...]
    signals: tuple[SignalHour, ...]
    control: dict[str, float]
    """Part of the junctions' time by who decided."""
    silences: Count
    refusals: tuple[Count, ...]
    processes: tuple[Count, ...]
    commands: tuple[Command, ...]


async def day_report(read: Read, span: Span) -> DayReport:
    """The report of a span of one day. Raises whatever `read` raises."""
    scores = rows_of(await read(_scores(span), SCORES_MAX))
    at: dict[str, dict[int, Row]] = defaultdict(dict)
    for row in scores:
        at[row["city"]][row["at"]] = row
    compared = (compare(at["live"], at[label], name, span.begin_ms) for label, name in SHADOWS.items())
    return DayReport(
        begin_ms=span.begin_ms,
        end_ms=span.end_ms,
        scored_hours=len(at["live"]) / SAMPLES_AN_HOUR,
        comparisons=tuple(c for c in compared if c is not None),
        signals=tuple(SignalHour(**r) for r in rows_of(await read(_signals(span), 26))),
        control=await _control(read, span),
        silences=Count("silence", **rows_of(await read(_silences(span), 1))[0]),
        refusals=tuple(Count(**r) for r in rows_of(await read(_refusals(span), LINES_MAX))),
        processes=tuple(Count(junctions=0, **r) for r in rows_of(await read(_processes(span), LINES_MAX))),
        commands=await _commands(read, span),
    )


def compare(live: dict[int, Row], other: dict[int, Row], against: str, begin_ms: int) -> Comparison | None:
    """The rows of two cities by their time, over the moments that both have; None where they share none."""
    both = sorted(live.keys() & other.keys())
    if not both:
        return None
    hours: dict[int, list[int]] = defaultdict(list)
    for at in both:
        hours[(at - begin_ms - 1) // HOUR_MS].append(at)
    pairs = tuple(_pair(live, other, ats, begin_ms + k * HOUR_MS) for k, ats in sorted(hours.items()))
    ours, others = (_figures([c[t] for t in both]) for c in (live, other))
    gains = [p.gain for p in pairs if p.gain is not None]
    return Comparison(
        against=against,
        hours=pairs,
        live=ours,
        other=others,
        gain=saved(ours.delay_s, others.delay_s),
        stops_gain=saved(ours.stops, others.stops),
        travel_gain=saved(ours.travel_s, others.travel_s),
        co2_gain=saved(ours.co2_kg, others.co2_kg),
        least=min(gains, default=None),
        most=max(gains, default=None),
    )


def _pair(live: dict[int, Row], other: dict[int, Row], ats: Sequence[int], begin_ms: int) -> HourPair:
    figures = (_figures([city[t] for t in ats]) for city in (live, other))
    return HourPair(begin_ms, len(ats), *figures)


def _figures(rows: Sequence[Row]) -> Figures:
    def mean(name: str) -> float:
        return sum(float(r[name]) for r in rows) / len(rows)

    def whole(name: str) -> float | None:
        values = [r[name] for r in rows]
        return None if None in values else sum(values)

    stops, arrived, travel_s = (whole(name) for name in ("stops", "trips", "travel_s"))
    return Figures(
        delay_s=mean("mean_delay_s"),
        delay_index=mean("delay_index"),
        in_transit_veh=mean("in_transit"),
        waiting_veh=mean("waiting"),
        halted_veh=mean("halted"),
        longest_queue_m=max(r["longest_queue_m"] for r in rows),
        stops=None if stops is None else int(stops),
        co2_kg=whole("co2_kg"),
        arrived_veh=None if arrived is None else int(arrived),
        travel_s=travel_s / arrived if travel_s is not None and arrived else None,
    )


def _of(dataset: str, span: Span, *columns: str) -> exp.Select:
    return select(*columns, dialect="duckdb").from_(dataset_table(dataset)).where(span.holds())


def _scores(span: Span) -> exp.Select:
    return _of("sim.score", span, "city", "epoch_ms(time) AS at", *SCORED).order_by("time")


def _signals(span: Span) -> exp.Select:
    """All movements together, by hours since the begin of the day."""
    hour = f"{span.begin_ms} + {HOUR_MS} * ((epoch_ms(time) - {span.begin_ms + 1}) // {HOUR_MS})"
    return (
        _of(
            "traffic.movement_measure",
            span,
            f"{hour} AS begin_ms",
            "sum(cycles)::BIGINT AS cycles",
            "coalesce(sum(split_failures), 0)::BIGINT AS split_failures",
            "sum(on_green_share * arrivals_vph) / nullif(sum(arrivals_vph), 0) AS on_green_share",
            "avg(walk_wait_s) AS walk_wait_s",
        )
        .group_by("begin_ms")
        .order_by("begin_ms")
    )


async def _control(read: Read, span: Span) -> dict[str, float]:
    """From the states that are written each 10 s; those written at a change come in between."""
    query = _of("traffic.signal_state", span, "control", "count(*) AS n")
    rows = rows_of(await read(query.where("epoch_ms(time) % 10000 = 0").group_by("control"), LINES_MAX))
    total = sum(r["n"] for r in rows)
    return {r["control"]: r["n"] / total for r in sorted(rows, key=lambda r: -r["n"])}


def _silences(span: Span) -> exp.Select:
    before = "lag(control) OVER (PARTITION BY junction ORDER BY time) AS before"
    states = _of("traffic.signal_state", span, "junction", "control", before).subquery("states")
    counted = select("count(*) AS n", "count(DISTINCT junction) AS junctions").from_(states)
    return counted.where("control = 'silence' AND before <> 'silence'")


def _refusals(span: Span) -> exp.Select:
    columns = ("split_part(reason, ':', 1) AS what", "count(*) AS n", "count(DISTINCT junction) AS junctions")
    return _of("traffic.order_refusal", span, *columns).group_by("what").order_by("n DESC", "what")


def _processes(span: Span) -> exp.Select:
    query = _of("city.process", span, "process AS what", "count(*) AS n").where("state = 'died'")
    return query.group_by("what").order_by("n DESC", "what")


async def _commands(read: Read, span: Span) -> tuple[Command, ...]:
    names = ("request", "epoch_ms(time) AS time_ms", "area", "control", "stage", "who", "why")
    asked = rows_of(await read(_of("traffic.switch_request", span, *names).order_by("time"), LINES_MAX))
    query = _of("traffic.switch_result", span, "request", "accepted", "reason")
    answers = {r["request"]: r for r in rows_of(await read(query, LINES_MAX))}
    blank: Row = {"accepted": None, "reason": ""}
    told = ((a, answers.get(a.pop("request"), blank)) for a in asked)
    return tuple(Command(**a, accepted=b["accepted"], reason=b["reason"]) for a, b in told)

"""Signal performance measures of a junction over a stretch of a day: per movement, in time, and cycle by cycle.

What each measure is, and where its definition comes from: docs/measures.md.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlglot import exp, select

from citybrain.cockpit.group import GroupShare, GroupView, group_view, members_of, movements_within, shares_of
from citybrain.cockpit.problem import RequestError
from citybrain.cockpit.span import Span
from citybrain.cockpit.window import HubSilentError, Window, dataset_table, rows_of
from citybrain.hub import Purpose, write_table
from citybrain.model import Junction, RoadNet

MEASURE = "traffic.movement_measure"
CYCLE = "traffic.movement_cycle"
PERIODS_MAX = 288
"""Five-minute periods of a day."""
CYCLES_MAX = 4_000
MEANS = (
    ("volume_vph", None),
    ("arrivals_vph", None),
    ("on_green_share", "arrivals_vph"),
    ("delay_s", "arrivals_vph"),
    ("standing_s", "volume_vph"),
    ("cycle_s", "cycles"),
    ("green_share", "cycles"),
    ("walk_wait_s", "cycles"),
    ("seen", None),
)
"""Measures whose mean over periods is shown, and what each period weighs; None: all the same."""

Row = dict[str, Any]


class Summary(Struct, frozen=True):
    """A movement over the whole span; None where nothing is known."""

    movement: str
    cycles: int
    split_failures: int | None
    queue_veh: float | None
    volume_vph: float | None
    arrivals_vph: float | None
    on_green_share: float | None
    platoon_ratio: float | None
    delay_s: float | None
    standing_s: float | None
    cycle_s: float | None
    green_share: float | None
    walk_wait_s: float | None
    seen: float | None


class Period(Struct, frozen=True):
    """Five minutes of one movement, dated at their end."""

    time: int
    cycles: int
    volume_vph: float | None
    on_green_share: float | None
    green_share: float | None
    split_failures: int | None
    queue_veh: float | None
    delay_s: float | None
    walk_wait_s: float | None


class Cycle(Struct, frozen=True):
    """A cycle of one movement, from the begin of its red to the begin of the next; `offsets_s` are arrivals at the
    stop line, seconds after the begin."""

    begin: int
    green: int
    yellow: int
    time: int
    offsets_s: tuple[float, ...]
    split_failed: bool | None


class Measures(Struct, frozen=True):
    """A junction's movements over a span; `series` and `cycles` are those of `movement`."""

    begin: int
    end: int
    summaries: tuple[Summary, ...]
    movement: str | None
    series: tuple[Period, ...]
    cycles: tuple[Cycle, ...]
    group: GroupView | None
    """The coordination group of the junction, if it is in one."""


async def measures(window: Window, net: RoadNet, junction: Junction, span: Span, movement: str | None) -> Measures:
    """The measures of a junction; of the busiest movement where none is named. Raises RequestError."""
    if movement is not None and movement not in {m.id for m in junction.movements}:
        raise RequestError(404, "no such movement at this junction")
    rows = rows_of(await _asked(window, _of(MEASURE, junction, span), PERIODS_MAX * len(junction.movements)))
    by_movement: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_movement[row["movement"]].append(row)
    span_s = (span.end_ms - span.begin_ms) / 1000
    summaries = tuple(_summary(m.id, by_movement[m.id], span_s) for m in junction.movements if by_movement[m.id])
    chosen = movement or _busiest(summaries)
    return Measures(
        begin=span.begin_ms,
        end=span.end_ms,
        summaries=summaries,
        movement=chosen,
        series=tuple(_period(r) for r in by_movement[chosen or ""]),
        cycles=await _cycles(window, junction, span, chosen),
        group=await _group(window, net, junction, span),
    )


async def measures_csv(window: Window, junction: Junction, span: Span) -> bytes:
    """The records behind them as CSV, for other tools. Raises RequestError."""
    query = _of(MEASURE, junction, span)
    table = await _asked(window, query, PERIODS_MAX * len(junction.movements), Purpose.EXPORT)
    out = io.BytesIO()
    write_table(table, "csv", out)
    return out.getvalue()


def _of(dataset: str, junction: Junction, span: Span) -> exp.Select:
    of = exp.column("junction").eq(exp.Literal.string(junction.id))
    return select("*").from_(dataset_table(dataset)).where(of).where(span.holds()).order_by("time", "movement")


async def _asked(window: Window, query: exp.Select, limit: int, purpose: Purpose = Purpose.INSPECT) -> Any:
    try:
        return await window.table(query, limit, purpose)
    except HubSilentError as e:
        raise RequestError(
            503, f"the library does not answer, and measures come from it: {e}", "library"
        ) from None


async def _cycles(window: Window, junction: Junction, span: Span, movement: str | None) -> tuple[Cycle, ...]:
    if movement is None:
        return ()
    query = _of(CYCLE, junction, span).where(exp.column("movement").eq(exp.Literal.string(movement)))
    return tuple(_cycle(row) for row in rows_of(await _asked(window, query, CYCLES_MAX)))


async def _group(window: Window, net: RoadNet, junction: Junction, span: Span) -> GroupView | None:
    members = members_of(net, junction)
    if not members:
        return None
    within = movements_within(net, members)
    rows = rows_of(await _asked(window, shares_of(MEASURE, within, span), len(members))) if within else []
    return group_view(members, [GroupShare(**row) for row in rows])


def _summary(movement: str, rows: Sequence[Row], span_s: float) -> Summary:
    """Of one movement. A cycle longer than the span (who has green nearly always) says nothing of the span."""
    rows = [r | {"cycle_s": None} if (r["cycle_s"] or 0.0) > span_s else r for r in rows]
    means = {name: _mean(rows, name, weight) for name, weight in MEANS}
    on_green, green = means["on_green_share"], means["green_share"]
    return Summary(
        movement=movement,
        cycles=sum(r["cycles"] for r in rows),
        split_failures=_fold(sum, rows, "split_failures"),
        queue_veh=_fold(max, rows, "queue_veh"),
        platoon_ratio=on_green / green if on_green is not None and green else None,
        **means,
    )


def _fold(how: Callable[[list[Any]], Any], rows: Sequence[Row], name: str) -> Any:
    known = [r[name] for r in rows if r[name] is not None]
    return how(known) if known else None


def _mean(rows: Sequence[Row], name: str, weight: str | None) -> float | None:
    """The mean over periods, each as heavy as `weight` says; None where nothing is known or weighs anything."""
    known = [(r[name], 1.0 if weight is None else r[weight] or 0.0) for r in rows if r[name] is not None]
    total = sum(w for _, w in known)
    return sum(v * w for v, w in known) / total if total else None


def _busiest(summaries: Sequence[Summary]) -> str | None:
    best = max(summaries, key=lambda s: s.volume_vph or 0.0, default=None)
    return None if best is None else best.movement


def _period(row: Row) -> Period:
    plain = {name: row[name] for name in Period.__struct_fields__}
    return Period(**(plain | {"time": _ms(row["time"])}))


def _cycle(row: Row) -> Cycle:
    begin, green, yellow, end = (_ms(row[n]) for n in ("begin", "green", "yellow", "time"))
    offsets = json.loads(row["offsets_s"] or "[]")
    return Cycle(begin, green, yellow, end, tuple(offsets), row["split_failed"])


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)

"""The junction panel's answer: what a junction is, what it does now, and what it was refused."""

from __future__ import annotations

import contextlib

from msgspec import Struct
from sqlglot import exp, select

from citybrain.cockpit.decision import KEPT
from citybrain.cockpit.geometry import heading_deg
from citybrain.cockpit.live import LiveCity
from citybrain.cockpit.record import JunctionNow, Refusal
from citybrain.cockpit.window import HubSilentError, Window, dataset_table, rows_of
from citybrain.model import Junction, Lane, Link, Priority, RoadNet

REFUSALS_SHOWN = 50
PAST_MS = 20 * 60_000
"""So far back the decisions of a junction are looked for."""


class MovementView(Struct, frozen=True):
    """A movement in the words that the page needs. `heading` is where its traffic heads, degrees from north."""

    id: str
    heading: int
    turn: str
    street: str
    always_green: bool
    links: tuple[int, ...]
    zones: tuple[str, ...]
    storage_m: float
    """Longest stretch that its detectors see."""


class StageView(Struct, frozen=True):
    """A stage: its lamps and the movements that it lets go."""

    lamps: str
    movements: tuple[int, ...]
    further: bool
    """Its program does not show it."""


class PhaseView(Struct, frozen=True):
    """A phase of the junction's own plan; `stage` -1 lies between stages."""

    stage: int
    duration_s: float


class LimitsView(Struct, frozen=True):
    """What an engineer has laid down for the junction, or its program has made of it."""

    max_green_s: float | None
    walk_s: float
    group: str
    priorities: tuple[Priority, ...]
    remarks: tuple[str, ...]


class JunctionView(Struct, frozen=True):
    """A junction as the panel shows it."""

    id: str
    name: str
    district: str
    refused: str | None
    advisory: bool
    """Under advice unless somebody says otherwise."""
    min_green_s: float
    max_red_s: float
    all_red_s: float
    cycle_s: float
    movements: tuple[MovementView, ...]
    stages: tuple[StageView, ...]
    plan: tuple[PhaseView, ...]
    limits: LimitsView
    now: JunctionNow
    refusals: tuple[Refusal, ...]


async def junction_view(net: RoadNet, junction: Junction, live: LiveCity, window: Window) -> JunctionView:
    """The panel's answer for a junction."""
    if len(live.decisions.of(junction.id)) < KEPT:
        await _remember_decisions(junction.id, live, window)
    wanted = {m.from_link for m in junction.movements}
    links = {link.id: link for link in net.links if link.id in wanted}
    lanes = {lane.id: lane for link in links.values() for lane in link.lanes}
    return JunctionView(
        id=junction.id,
        name=junction.name,
        district=junction.district,
        refused=junction.refused,
        advisory=junction.advisory,
        min_green_s=junction.min_green_s,
        max_red_s=junction.max_red_s,
        all_red_s=junction.all_red_s,
        cycle_s=junction.plan.cycle_s,
        movements=_movements(junction, links, lanes),
        stages=tuple(StageView(s.lamps, s.movements, s.further) for s in junction.stages),
        plan=tuple(PhaseView(p.stage, p.duration_s) for p in junction.plan.phases),
        limits=LimitsView(
            max_green_s=junction.max_green_s,
            walk_s=junction.walk_s,
            group=junction.group,
            priorities=junction.priorities,
            remarks=junction.remarks,
        ),
        now=live.junction(junction.id),
        refusals=await _refusals(junction.id, live, window),
    )


def _movements(junction: Junction, links: dict[str, Link], lanes: dict[str, Lane]) -> tuple[MovementView, ...]:
    length = {zone.id: zone.length_m for zone in junction.zones}
    views = []
    for movement in junction.movements:
        into = [lanes[z].shape for z in movement.zones if z in lanes]
        link = links.get(movement.from_link)
        shape = into[0] if into else link.shape if link else ()
        views.append(
            MovementView(
                id=movement.id,
                heading=round(heading_deg(shape, True)) % 360 if shape else 0,
                turn=movement.turn,
                street=link.name if link else "",
                always_green=movement.always_green,
                links=movement.signal_links,
                zones=movement.zones,
                storage_m=max((length.get(z, 0.0) for z in movement.zones), default=0.0),
            )
        )
    return tuple(views)


async def _remember_decisions(junction: str, live: LiveCity, window: Window) -> None:
    """Fill up the list of decisions from the library, if it answers."""
    since = exp.Literal.number(((live.time_ms or 0) - PAST_MS) / 1000)
    query = (
        select("*")
        .from_(dataset_table("traffic.signal_order"))
        .where(exp.column("junction").eq(exp.Literal.string(junction)))
        .where(
            exp.GTE(this=exp.column("time"), expression=exp.Anonymous(this="to_timestamp", expressions=[since]))
        )
        .order_by("time")
    )
    with contextlib.suppress(HubSilentError):
        found = await window.table(query, PAST_MS // 1000)
        for rows in found.combine_chunks().to_batches()[:1]:
            live.decisions.remember(junction, rows)


async def _refusals(junction: str, live: LiveCity, window: Window) -> tuple[Refusal, ...]:
    """Newest first: those in memory, and those of the library if it answers."""
    query = (
        select("junction", "epoch_ms(time) AS time", "source", "stage", "reason")
        .from_(dataset_table("traffic.order_refusal"))
        .where(exp.column("junction").eq(exp.Literal.string(junction)))
        .order_by("time DESC")
    )
    fresh = live.refusals(junction)
    try:
        kept = tuple(Refusal(**row) for row in rows_of(await window.table(query, REFUSALS_SHOWN)))
    except HubSilentError:
        kept = ()
    every = sorted({*fresh, *kept}, key=lambda r: (-r.time, r.stage, r.reason))
    return tuple(every[:REFUSALS_SHOWN])

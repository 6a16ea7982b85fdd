"""A coordination group over a stretch of a day: who comes to a junction from another of it, on green or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from sqlglot import exp, select

from citybrain.cockpit.span import Span
from citybrain.cockpit.window import dataset_table
from citybrain.model import Junction, Link, RoadNet

LINKS_MAX = 30
"""So many links at most lie between two neighbours of a group."""


class GroupMember(Struct, frozen=True):
    """A junction of a group: its own plan, and the movements that come to it from another of the group. Shares are
    over their arrivals; None where nothing is known or nobody comes from there."""

    junction: str
    name: str
    plan_cycle_s: float
    plan_offset_s: float
    arrivals_vph: float | None
    on_green_share: float | None
    platoon_ratio: float | None


class GroupView(Struct, frozen=True):
    """A group. `one_cycle`: whether the own plans have the same cycle, without which offsets mean nothing."""

    name: str
    members: tuple[GroupMember, ...]
    one_cycle: bool
    on_green_share: float | None


class GroupShare(Struct, frozen=True):
    """Sums over the periods of a span, of the movements of one junction that come from its group."""

    junction: str
    periods: int
    arrivals: float
    on_green: float
    green: float


def members_of(net: RoadNet, junction: Junction) -> list[Junction]:
    """The junctions of its group; none where it has none."""
    return [j for j in net.junctions if junction.group and j.group == junction.group]


def movements_within(net: RoadNet, members: Sequence[Junction]) -> list[str]:
    """The movements that come from one of the junctions to another: along links on which nobody else can join or
    leave but at nodes with one way on."""
    ways = _Ways(net)
    left_by = {j.id: {link for m in j.movements for link in ways.ahead(m.to_link)} for j in members}
    return [
        m.id
        for j in members
        for m in j.movements
        if m.from_link and any(m.from_link in links for other, links in left_by.items() if other != j.id)
    ]


def shares_of(dataset: str, movements: Sequence[str], span: Span) -> exp.Select:
    """Sums by junction of what came on green, weighed by arrivals; periods without counts do not count."""
    counted = "arrivals_vph IS NOT NULL AND on_green_share IS NOT NULL AND green_share IS NOT NULL"
    columns = (
        "junction",
        "count(DISTINCT time) AS periods",
        "sum(arrivals_vph) AS arrivals",
        "sum(on_green_share * arrivals_vph) AS on_green",
        "sum(green_share * arrivals_vph) AS green",
    )
    query = select(*columns, dialect="duckdb").from_(dataset_table(dataset))
    named = exp.column("movement").isin(*(exp.Literal.string(m) for m in movements))
    return query.where(named).where(span.holds()).where(counted).group_by("junction")


def group_view(members: Sequence[Junction], shares: Sequence[GroupShare]) -> GroupView:
    """The group with what was counted."""
    by_junction = {s.junction: s for s in shares}
    arrivals = sum(s.arrivals for s in shares)
    return GroupView(
        name=members[0].group,
        members=tuple(_member(j, by_junction.get(j.id)) for j in members),
        one_cycle=len({round(j.plan.cycle_s, 1) for j in members}) == 1,
        on_green_share=sum(s.on_green for s in shares) / arrivals if arrivals else None,
    )


def _member(junction: Junction, share: GroupShare | None) -> GroupMember:
    known = share if share is not None and share.arrivals > 0 else None
    return GroupMember(
        junction=junction.id,
        name=junction.name,
        plan_cycle_s=junction.plan.cycle_s,
        plan_offset_s=junction.plan.offset_s,
        arrivals_vph=None if share is None or not share.periods else share.arrivals / share.periods,
        on_green_share=None if known is None else known.on_green / known.arrivals,
        platoon_ratio=None if known is None or not known.green else known.on_green / known.green,
    )


class _Ways:
    """The links that follow each other where there is one way on."""

    def __init__(self, net: RoadNet) -> None:
        self._links = {link.id: link for link in net.links}
        self._signals = {m.from_link for j in net.junctions for m in j.movements}
        self._leaving: dict[str, list[Link]] = {}
        for link in net.links:
            self._leaving.setdefault(link.from_node, []).append(link)

    def ahead(self, first: str) -> Iterator[str]:
        """The link and those after it, up to the next signal or the next node with a choice."""
        at = self._links.get(first)
        for _ in range(LINKS_MAX):
            if at is None:
                return
            yield at.id
            if at.id in self._signals:
                return
            on = [x for x in self._leaving.get(at.to_node, ()) if x.to_node != at.from_node]
            at = on[0] if len(on) == 1 else None

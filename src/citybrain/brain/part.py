"""A network cut into parts, one a worker, so that all workers together decide bit for bit what one would.

What is decided at a junction depends on its own detectors and lamps and, through the estimate, on its neighbours:
how full its exits are, and how many vehicles pass the stop lines at their ends (the fit of turning shares). Both
come from the lanes one junction further on, and what the estimate says of a lane depends on no junction but its
own. So a part is some junctions and the fringe that they lead into; the fringe is estimated and never ordered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from citybrain.model import Junction, RoadNet

ELSEWHERE = "another worker decides it"


@dataclass(frozen=True, slots=True)
class Part:
    """A worker's part: the network of its junctions and their fringe (which is `refused`), and the ids of its own
    junctions."""

    net: RoadNet
    own: frozenset[str]


def parts(net: RoadNet, count: int) -> tuple[Part, ...]:
    """The network cut into `count` parts by place, about equal in lanes; who shares a link stays together.

    The same network is always cut the same way. Where there are fewer junctions than parts, some have none.
    """
    groups = _groups(net.junctions)
    group_of = {at: group for group in groups for at in group}
    ahead = _ahead(net)
    found = []
    for mine in _cut([_Piece(net, group) for group in groups], count):
        own = {at for piece in mine for at in piece.group}
        fringe = {at for one in own for next_one in ahead[one] for at in group_of[next_one]} - own
        junctions = [
            j if at in own else msgspec.structs.replace(j, refused=ELSEWHERE)
            for at, j in enumerate(net.junctions)
            if at in own or at in fringe
        ]
        part = msgspec.structs.replace(net, junctions=tuple(junctions))
        found.append(Part(part, frozenset(net.junctions[at].id for at in own)))
    return tuple(found)


class _Piece:
    """Junctions (`group`, their places) that stay together, where they lie and how many lanes they have."""

    def __init__(self, net: RoadNet, group: Sequence[int]) -> None:
        self.group = group
        self.point = net.junctions[group[0]].point
        self.lanes = sum(len(net.junctions[at].zones) for at in group)


def _cut(pieces: Sequence[_Piece], count: int) -> list[Sequence[_Piece]]:
    """Halve by place, across the longer side, again and again: neighbours mostly stay in one part."""
    if count == 1:
        return [pieces]
    sides = [[p.point[axis] for p in pieces] or [0.0] for axis in (0, 1)]
    axis = max((0, 1), key=lambda a: max(sides[a]) - min(sides[a]))
    ordered = sorted(pieces, key=lambda p: (p.point[axis], p.group[0]))
    left, total = count // 2, sum(p.lanes for p in ordered)
    at, lanes = 0, 0
    while at < len(ordered) and (lanes + ordered[at].lanes / 2) * count <= total * left:
        lanes += ordered[at].lanes
        at += 1
    return [*_cut(ordered[:at], left), *_cut(ordered[at:], count - left)]


def _groups(junctions: Sequence[Junction]) -> list[tuple[int, ...]]:
    """Places of the junctions that share a link, to it or from it, joined over and over, in order."""
    leader = list(range(len(junctions)))

    def lead(at: int) -> int:
        while leader[at] != at:
            at = leader[at]
        return at

    for users in _users(junctions).values():
        for at in users[1:]:
            one, other = sorted((lead(users[0]), lead(at)))
            leader[other] = one
    found: dict[int, list[int]] = defaultdict(list)
    for at in range(len(junctions)):
        found[lead(at)].append(at)
    return [tuple(group) for group in found.values()]


def _users(junctions: Sequence[Junction]) -> Mapping[tuple[str, str], list[int]]:
    """The junctions that share an approach lane, or take vehicles from one link or lead them into one."""
    users: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, junction in enumerate(junctions):
        for zone in junction.zones:
            users["lane", zone.id].append(at)
        for movement in junction.movements:
            if movement.turn != "p":
                users["from", movement.from_link].append(at)
                users["into", movement.to_link].append(at)
    return users


def _ahead(net: RoadNet) -> list[set[int]]:
    """For each junction the places of those whose detectors see its exits."""
    watched: dict[str, set[int]] = defaultdict(set)
    for at, junction in enumerate(net.junctions):
        for zone in junction.zones:
            for lane in (zone.id, *(reach.lane for reach in zone.reaches)):
                watched[lane].add(at)
    lanes_of = {link.id: [lane.id for lane in link.lanes] for link in net.links}

    def exits(junction: Junction) -> Iterable[str]:
        for movement in junction.movements:
            yield from movement.exit_lanes
            yield from lanes_of.get(movement.to_link, ())

    return [{at for lane in exits(j) for at in watched.get(lane, ())} for j in net.junctions]

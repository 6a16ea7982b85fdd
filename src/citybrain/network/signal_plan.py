"""Signal programs: stages, the junction's own plan, conflicts and change times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from citybrain.model import OwnPlan, PlanPhase
from citybrain.network.netfile import ConnectionRow, NetRows, ProgramRow

YELLOW_RANGE_S = (3.0, 6.0)
REACTION_S = 1.0
DECELERATION_MPS2 = 3.0
WALK_MPS = 1.2
ALL_RED_RANGE_S = (1.0, 2.0)
VEHICLE_M = 6.0
SHORT_S = 5.0
"""A phase shorter than this that only takes green away belongs to the change between two stages."""
GREEN = frozenset("Gg")


@dataclass(frozen=True, slots=True)
class Foes:
    """For each signal link, the links that conflict with it and those of them that it gives way to."""

    conflicts: tuple[tuple[int, ...], ...]
    yields: tuple[tuple[int, ...], ...]
    complete: bool
    """False: a link has no entry in its node's right-of-way matrix."""


class RightOfWay:
    """The right-of-way matrices of a network: `<request>` rows of its nodes, by connection.

    The i-th request of a node belongs to the i-th of its internal lanes; a connection whose path has a waiting
    point inside the junction is listed there with the part after it. In a network without internal lanes the
    requests follow the node's incoming lanes and, lane by lane, their connections.
    """

    def __init__(self, rows: NetRows) -> None:
        self._rows = rows
        self._place = {
            lane: (node.id, i)
            for node in rows.nodes.values()
            if node.kind != "internal"
            for i, lane in enumerate(node.internal_lanes)
        }
        self._order = _connection_order(rows)
        self._after = {c.source: c.via for c in rows.connections if c.from_edge.startswith(":") and c.via}

    def place(self, connection: ConnectionRow) -> tuple[str, int] | None:
        """Node and index of a connection in that node's matrix; None where the network does not say."""
        for lane in (connection.via, self._after.get(connection.via, ""), connection.target):
            found = self._place.get(lane)
            if found is not None and found[1] < len(self._rows.nodes[found[0]].requests):
                return found
        return self._order.get(id(connection))

    def foes(self, connections: Sequence[ConnectionRow], links: int) -> Foes:
        """Conflicts between the signal links 0 … links - 1 that control `connections`."""
        by_node: dict[str, dict[int, int]] = {}
        complete = True
        for c in connections:
            place = self.place(c)
            if place is None:
                complete = False
            else:
                by_node.setdefault(place[0], {})[place[1]] = c.signal_link
        conflicts: list[set[int]] = [set() for _ in range(links)]
        yields: list[set[int]] = [set() for _ in range(links)]
        for node, link_at in by_node.items():
            requests = self._rows.nodes[node].requests
            for i, mine in link_at.items():
                response, foes = requests[i]
                for j, other in link_at.items():
                    if other == mine:
                        continue
                    if _bit(foes, j):
                        conflicts[mine].add(other)
                        conflicts[other].add(mine)
                    if _bit(response, j):
                        yields[mine].add(other)
        return Foes(
            tuple(tuple(sorted(c)) for c in conflicts),
            tuple(tuple(sorted(y & c)) for y, c in zip(yields, conflicts, strict=True)),
            complete,
        )


def _connection_order(rows: NetRows) -> dict[int, tuple[str, int]]:
    """Node and index of each connection (by identity) of nodes without internal lanes."""
    leaving: dict[str, list[ConnectionRow]] = {}
    for c in rows.connections:
        if not c.via and not c.from_edge.startswith(":"):
            leaving.setdefault(c.source, []).append(c)
    order: dict[int, tuple[str, int]] = {}
    for node in rows.nodes.values():
        if node.internal_lanes or not node.requests:
            continue
        there = [c for lane in node.incoming_lanes for c in leaving.get(lane, ())]
        if len(there) == len(node.requests):
            order |= {id(c): (node.id, i) for i, c in enumerate(there)}
    return order


def _bit(text: str, index: int) -> bool:
    return index < len(text) and text[-1 - index] == "1"


def always_green(program: ProgramRow) -> frozenset[int]:
    """Signal links that are green in every phase."""
    if not program.phases:
        return frozenset()
    links = range(min(len(state) for state, _ in program.phases))
    return frozenset(i for i in links if all(state[i] in GREEN for state, _ in program.phases))


def stages_and_plan(program: ProgramRow, crossings: frozenset[int]) -> tuple[tuple[str, ...], OwnPlan]:
    """The lamps of each stage, in order of first appearance, and the plan with its phases marked.

    A stage is a phase in which a link that is not always green has green and none has yellow. Not a stage: an
    all-red; a phase that only ends the walk of crossings while the vehicles of its neighbour keep green; one
    shorter than 5 s that only takes green away from its neighbour.
    """
    free = always_green(program)
    lamps = [_clean(state) for state, _ in program.phases]
    green = [frozenset(i for i, c in enumerate(state) if c in GREEN) - free for state in lamps]
    found: list[str] = []
    marks: list[int] = []
    for i, (state, _) in enumerate(program.phases):
        if "y" in state or "u" in state or not green[i] or _ends_stage(i, program, lamps, green, crossings):
            marks.append(-1)
            continue
        if lamps[i] not in found:
            found.append(lamps[i])
        marks.append(found.index(lamps[i]))
    phases = tuple(
        PlanPhase(state, duration, mark) for (state, duration), mark in zip(program.phases, marks, strict=True)
    )
    return tuple(found), OwnPlan(program.id, phases, program.offset)


def _clean(state: str) -> str:
    return "".join(c if c in GREEN else "r" for c in state)


def _ends_stage(
    i: int,
    program: ProgramRow,
    lamps: Sequence[str],
    green: Sequence[frozenset[int]],
    crossings: frozenset[int],
) -> bool:
    """Whether phase `i` only takes green away from the phase before or after it, as part of a change."""
    duration = program.phases[i][1]
    for j in (i - 1, (i + 1) % len(lamps)):
        state = program.phases[j][0]
        if "y" in state or "u" in state or not green[i] < green[j]:
            continue
        if any(lamps[i][k] != lamps[j][k] for k in green[i]):
            continue
        if duration < SHORT_S or green[j] - green[i] <= crossings:
            return True
    return False


def yellow_times(
    program: ProgramRow, links: int, speeds: Mapping[int, float], crossing_m: Mapping[int, float]
) -> tuple[float, ...]:
    """Yellow of each signal link in seconds, within 3 … 6 s.

    The program's own where it has one, else the kinematic Y = t + v / (2 a) of the Institute of Transportation
    Engineers with t = 1 s and a = 3 m/s². A crossing's is its clearance: its length at 1.2 m/s.
    """
    own = _own_yellow(program, links)
    result = []
    for i in range(links):
        if own[i] > 0:
            value = own[i]
        elif i in crossing_m:
            value = crossing_m[i] / WALK_MPS
        else:
            value = REACTION_S + speeds.get(i, 0.0) / (2 * DECELERATION_MPS2)
        result.append(round(_clamp(value, YELLOW_RANGE_S), 1))
    return tuple(result)


def _own_yellow(program: ProgramRow, links: int) -> list[float]:
    longest = [0.0] * links
    run = [0.0] * links
    for state, duration in (*program.phases, *program.phases):
        for i, letter in enumerate(state[:links]):
            run[i] = run[i] + duration if letter == "y" else 0.0
            longest[i] = max(longest[i], run[i])
    whole = sum(d for _, d in program.phases)
    return [y if y < whole else 0.0 for y in longest]


def all_red_time(program: ProgramRow, clearing: Sequence[tuple[float, float]]) -> float:
    """All-red in whole seconds: the program's shortest after a yellow where it has one (1 … 3 s), else the
    clearance R = (W + L) / v of the Institute of Transportation Engineers, cut to whole seconds within 1 … 2 s,
    where W is the way to the middle of the junction, at which paths cross. `clearing`: (path metres, speed m/s)
    of the links.
    """
    if not program.phases:
        return ALL_RED_RANGE_S[1]
    free = always_green(program)
    phases = program.phases
    own = [
        duration
        for (before, _), (state, duration) in zip((phases[-1], *phases), phases, strict=False)
        if duration > 0 and "y" in before and all(c in "rs" or i in free for i, c in enumerate(state))
    ]
    if own:
        return _clamp(min(own), (1.0, 3.0))
    need = max(((w / 2 + VEHICLE_M) / max(v, 1.0) for w, v in clearing), default=0.0)
    return float(int(_clamp(need, ALL_RED_RANGE_S)))


def refusal(program: ProgramRow, links: int, stages: Sequence[str], foes: Foes) -> str | None:
    """Why the brain may not control the junction of this program; None where it may."""
    lengths = {len(state) for state, _ in program.phases}
    letters = {c for state, _ in program.phases for c in state}
    if not program.phases:
        return "its signal program has no phases"
    if len(lengths) > 1 or lengths != {links}:
        return f"its program's lamp strings have {sorted(lengths)} letters for {links} signal links"
    if letters & set("oO"):
        return "its program has blinking lamps"
    if not foes.complete:
        return "the network says nothing about its conflicts"
    if len(stages) < 2:
        return f"its program has {len(stages)} stage{'s' if len(stages) != 1 else ''}: nothing to decide"
    for n, lamps in enumerate(stages):
        clash = _clash(lamps, foes)
        if clash:
            i, j = clash
            return f"stage {n} of its program gives the conflicting links {i} and {j} the way at once"
    return None


def _clash(lamps: str, foes: Foes) -> tuple[int, int] | None:
    """Two conflicting links that are green together without one giving way to the other: the guard's own rule."""
    for i, letter in enumerate(lamps):
        for j in foes.conflicts[i]:
            covered = (letter == "g" and j in foes.yields[i]) or (lamps[j] == "g" and i in foes.yields[j])
            if j > i and letter in GREEN and lamps[j] in GREEN and not covered:
                return i, j
    return None


def _clamp(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])

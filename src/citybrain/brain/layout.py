"""A road network laid out as arrays, so that a tick costs the same few array operations for 8 or 859 junctions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from citybrain.brain.ids import Ids, Places
from citybrain.model import Junction, Movement, RoadNet, Zone

VEHICLE_M = 7.5
"""Length of road that a standing vehicle takes, gap included."""
SATURATION_VPS = 0.5
"""Discharge of one lane while green: a headway of 2 s (HCM 7th ed., ch. 19: 1,900 pc/h base, less for turns)."""
SHORT_EXIT_VEH = 6
"""Exits shorter than this many vehicles never count as blocked: a single passing platoon fills them."""
_COVERED = 0.9

_R = TypeVar("_R")

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MovementPart:
    """Some movements (`at`, their places) and the zones that feed them: `zone` feeds the `movement`-th of them."""

    at: Places
    zone: Places
    movement: Places
    share: Floats

    def sums(self, per_zone: Floats) -> Floats:
        """Sum of a zone quantity over the zones of each of the movements by share, shapes (Z,) → (len(at),)."""
        found = np.bincount(self.movement, per_zone[self.zone] * self.share, minlength=len(self.at))
        return found.astype(np.float64, copy=False)

    def latest(self, per_zone: Places, never: int) -> Places:
        """The greatest over the zones of each of the movements, `never` where there are none."""
        found = np.full(len(self.at), never, np.int64)
        np.maximum.at(found, self.movement, per_zone[self.zone])
        return found


class Layout:
    """Junctions (J), zones (Z) and movements (M) of a network in junction order, and who belongs to whom.

    `pairs` join zones with the movements that they feed; `share` is the part of a zone's vehicles that a movement
    is taken to have: a lane shared by n movements that have to wait counts 1/n for each, and a movement that is
    always green counts only on lanes of its own. Padded tables have one column a place within the junction (K the
    greatest number of movements, S of stages); their padding points at movement M, an extra one that never waits.
    """

    def __init__(self, net: RoadNet, whole: RoadNet | None = None) -> None:
        """`net` may be a part of a `whole` network: its tables are then as wide as those of the whole, so that
        sums over them run in the same order."""
        self.net = net
        self._once: dict[Callable[[Layout, pa.RecordBatch], Any], tuple[pa.RecordBatch, Any]] = {}
        self.junctions = Ids([j.id for j in net.junctions])
        zones = [z for j in net.junctions for z in j.zones]
        movements = [m for j in net.junctions for m in j.movements]
        self.zones = Ids([z.id for z in zones])
        self.movements = Ids([m.id for m in movements])
        self.zone_junction = _owners([len(j.zones) for j in net.junctions])
        self.movement_junction = _owners([len(j.movements) for j in net.junctions])
        self.capacity = np.array([max(1.0, z.length_m / VEHICLE_M) for z in zones], np.float64)
        self.always_green = np.array([m.always_green for m in movements], np.bool_)
        self.pair_zone, self.pair_movement, self.share = _pairs(zones, movements)
        self.exit_zone, self.exit_movement, self.exit_known = _exits(net, zones, movements)
        everything = np.arange(len(self.movements), dtype=np.int64)
        self._all = MovementPart(everything, self.pair_zone, self.pair_movement, self.share)
        widest = (whole or net).junctions
        self.most_zones = max((1, *(len(j.zones) for j in widest if j.refused is None and j.stages)))
        """Of any junction that may be controlled."""
        width = max((1, *(len(j.movements) for j in widest)))
        self._lay_out_stages(net, width, max((1, *(len(j.stages) for j in widest))))

    def _lay_out_stages(self, net: RoadNet, width: int, stages: int) -> None:
        count = len(net.junctions)
        self.slots = np.full((count, width), len(self.movements), np.int64)
        self.lets = np.zeros((count, stages, width), np.float64)
        """(J, S, K): 1 where the stage lets the movement go."""
        self.stage_count = np.array([len(j.stages) for j in net.junctions], np.int64)
        self.first_link = np.full((count, width), -1, np.int64)
        self.signal_links = np.array([j.signal_links for j in net.junctions], np.int64)
        self.min_green_ms = np.array([round(j.min_green_s * 1000) for j in net.junctions], np.int64)
        self.max_red_ms = np.array([round(j.max_red_s * 1000) for j in net.junctions], np.int64)
        change = [_yellow_s(j) + fmean(j.clearing_s or (j.all_red_s,)) for j in net.junctions]
        self.change_ms = np.array([round(s * 1000) for s in change], np.int64)
        clear = [max(j.yellow_s, default=0.0) + j.all_red_s for j in net.junctions]
        visit = np.array([round(s * 1000) for s in clear], np.int64) + self.min_green_ms
        self.round_ms = visit * np.array([_round_stages(j) for j in net.junctions], np.int64)
        """(J,): what one round takes at most that gives every movement its minimum green."""
        self.controllable = np.array([j.refused is None and bool(j.stages) for j in net.junctions], np.bool_)
        first = 0
        for at, junction in enumerate(net.junctions):
            for slot, movement in enumerate(junction.movements):
                self.slots[at, slot] = first + slot
                self.first_link[at, slot] = movement.signal_links[0] if movement.signal_links else -1
            for stage in junction.stages:
                for slot in stage.movements:
                    self.lets[at, stage.index, slot] = 1.0
            first += len(junction.movements)
        self.waits_here = self.slots < len(self.movements)
        self.waits_here &= ~np.append(self.always_green, True)[self.slots]
        """(J, K): real movements that have to wait for a stage."""

    def once(self, read: Callable[[Layout, pa.RecordBatch], _R], rows: pa.RecordBatch) -> _R:
        """What `read` makes of rows that several steps take in a tick, worked out once. The memory changes no
        result; who takes it writes into none of it."""
        held = self._once.get(read)
        if held is None or held[0] is not rows:
            held = self._once[read] = rows, read(self, rows)
        found: _R = held[1]
        return found

    def to_movements(self, per_zone: Floats) -> Floats:
        """Sum of a zone quantity over the zones of each movement by share, shapes (Z,) → (M,)."""
        return self._all.sums(per_zone)

    def part(self, movements: Flags) -> MovementPart:
        """The movements where the flag holds, to sum for them alone."""
        if movements.all():
            return self._all
        at = np.flatnonzero(movements)
        place = np.cumsum(movements) - 1
        pairs = np.flatnonzero(movements[self.pair_movement])
        return MovementPart(at, self.pair_zone[pairs], place[self.pair_movement[pairs]], self.share[pairs])

    def zone_has(self, per_movement: Flags) -> Flags:
        """Whether a flag holds for any movement of the zone, shapes (M,) → (Z,)."""
        found = np.zeros(len(self.zones), np.bool_)
        found[self.pair_zone[per_movement[self.pair_movement]]] = True
        return found


def _round_stages(junction: Junction) -> int:
    """Number of stages in a small set that lets every movement go (greedy cover)."""
    left = {m for stage in junction.stages for m in stage.movements}
    left -= {m for m in left if all(m in stage.movements for stage in junction.stages)}
    count = 0
    while left:
        left -= max((set(stage.movements) & left for stage in junction.stages), key=len)
        count += 1
    return count


def _yellow_s(junction: Junction) -> float:
    """The longest yellow of vehicles: they keep their green while a crossing takes longer to clear."""
    walks = {link for m in junction.movements if m.turn == "p" for link in m.signal_links}
    return max((s for link, s in enumerate(junction.yellow_s) if link not in walks), default=0.0)


def _owners(counts: list[int]) -> Places:
    return np.repeat(np.arange(len(counts), dtype=np.int64), counts)


def _pairs(zones: list[Zone], movements: list[Movement]) -> tuple[Places, Places, Floats]:
    place = {z.id: i for i, z in enumerate(zones)}
    pairs = [(place[z], at) for at, m in enumerate(movements) for z in m.zones if z in place]
    waiting: dict[int, int] = {}
    for zone, at in pairs:
        waiting[zone] = waiting.get(zone, 0) + (not movements[at].always_green)
    kept = [(z, at) for z, at in pairs if not (movements[at].always_green and waiting[z])]
    users: dict[int, int] = {}
    for zone, _ in kept:
        users[zone] = users.get(zone, 0) + 1
    share = np.array([1.0 / users[z] for z, _ in kept], np.float64)
    zone_of = np.array([z for z, _ in kept], np.int64)
    return zone_of, np.array([at for _, at in kept], np.int64), share


def _exits(net: RoadNet, zones: list[Zone], movements: list[Movement]) -> tuple[Places, Places, Flags]:
    """Pairs (zone, movement) where the zone's detectors see the whole exit lane of the movement, and whether all
    exit lanes of a movement are seen. What is not seen is never taken for blocked."""
    length = {lane.id: lane.length_m for link in net.links for lane in link.lanes}
    seen: dict[str, int] = {}
    for at, zone in enumerate(zones):
        for reach in zone.reaches:
            if reach.end_m - reach.begin_m >= _COVERED * length.get(reach.lane, float("inf")):
                seen[reach.lane] = at
    known = np.array([_is_seen(m, seen) for m in movements], np.bool_)
    pairs = list(_exit_pairs(movements, seen, known))
    return (
        np.array([z for z, _ in pairs], np.int64),
        np.array([at for _, at in pairs], np.int64),
        known,
    )


def _is_seen(movement: Movement, seen: dict[str, int]) -> bool:
    long_enough = movement.exit_length_m >= SHORT_EXIT_VEH * VEHICLE_M
    return long_enough and bool(movement.exit_lanes) and all(lane in seen for lane in movement.exit_lanes)


def _exit_pairs(movements: list[Movement], seen: dict[str, int], known: Flags) -> Iterator[tuple[int, int]]:
    for at, movement in enumerate(movements):
        if known[at]:
            for lane in movement.exit_lanes:
                yield seen[lane], at

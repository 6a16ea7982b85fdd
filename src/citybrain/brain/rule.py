"""The rule by which a stage is chosen, for all junctions at once. docs/decisions.md tells it in words.

Shapes: J junctions, S stages, K places for movements and L for lanes within a junction, H horizons. Every constant
is a property of vehicles, lamps or detectors; none belongs to a network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from citybrain.brain.discharge import Outflow
from citybrain.brain.ids import Places
from citybrain.brain.lanes import Lanes
from citybrain.brain.layout import Flags, Floats, Layout
from citybrain.model import Why

WHY: tuple[Why, ...] = tuple(Why)
"""Codes of reasons in the arrays: places in this tuple."""
HORIZONS_S = (4.0, 8.0, 12.0, 16.0, 24.0)
"""How long a green is thought on: from a few vehicles to all that stand in 100 m."""
REACH_S = 3.0
"""Who comes near counts in a running green if he can be at the stop line this long after its end: readings are
late and the yellow is used."""
START_UP_S = 2.0
"""What a standing queue loses when it starts (HCM 7th ed., ch. 19)."""
LEAD = 1.1
"""Another stage must promise this many times what the running one does: estimates are not exact."""
SERVED_VEH = 0.3
"""A stage with fewer vehicles than this in sight serves nobody."""
UNSEEN_VEH = 0.5
"""What a movement with long red counts at least: somebody may be there whom no detector sees."""
EARLY_S = 10.0
"""How long before it must, a movement with long red begins to count."""
NO_DATA_S = 15.0
"""Readings older than this, at every movement, are no data."""
NEVER_MS = 1 << 62


@dataclass(frozen=True, slots=True)
class Rules:
    """What a decision knows of junctions beforehand; the tables are those of `Layout` and `Lanes`.

    `lets` (J, S, K): 1 where the stage lets the movement go; `greens` (J, S, L): place of the lane's
    green among those of all lanes, -1 where it has red.
    `hold_ms` (J, S): minimum green of each stage, the walk included where it lets pedestrians go.
    """

    lets: Floats
    greens: Places
    waits_here: Flags
    stage_count: Places
    hold_ms: Places
    max_green_ms: Places
    max_red_ms: Places
    change_ms: Places
    round_ms: Places

    def at(self, places: Places) -> Rules:
        """Those of some junctions."""
        return Rules(*(getattr(self, name).take(places, axis=0) for name in self.__slots__))


def rules_of(layout: Layout, lanes: Lanes, places: Places) -> Rules:
    """The rules of some junctions of a network and their lanes."""
    longest = [layout.net.junctions[j].max_green_s for j in places.tolist()]
    return Rules(
        layout.lets[places],
        lanes.greens,
        layout.waits_here[places],
        layout.stage_count[places],
        np.maximum(layout.min_green_ms[places, None], _walks(layout, places)),
        np.array([NEVER_MS if s is None else round(s * 1000) for s in longest], np.int64),
        layout.max_red_ms[places],
        layout.change_ms[places],
        layout.round_ms[places],
    )


def _walks(layout: Layout, places: Places) -> Places:
    """(J, S): how long pedestrians must have green in each stage, milliseconds; 0 where none get it there."""
    walks = np.zeros(layout.lets[places].shape[:2], np.int64)
    for at, j in enumerate(places.tolist()):
        junction = layout.net.junctions[j]
        walkers = {m for m, way in enumerate(junction.movements) if way.turn == "p" and not way.always_green}
        for stage in junction.stages:
            if walkers.intersection(stage.movements):
                walks[at, stage.index] = -(-round(junction.walk_s * 1000) // 1000) * 1000
    return walks


@dataclass(frozen=True, slots=True)
class Sight:
    """What a decision sees.

    Of movements (J, K): vehicles (queue and approaching), seconds that somebody has waited, seconds of red,
    whether the exit is blocked. Of lanes (J, L): vehicles with an exit that is not blocked, which part of them
    is too far away for a green of each of HORIZONS_S, as how many each of them counts; and what a lane lets out
    in each of its greens (G + 1,; the last is red). Of junctions (J,): whether any reading is younger than
    NO_DATA_S, stage shown (-1 while lamps change), the stage that it goes to, and for how long it has shown this
    in ms.
    """

    vehicles: Floats
    waited_s: Floats
    red_s: Floats
    shut: Flags
    lane_vehicles: Floats
    lane_too_far: tuple[Floats, ...]
    lane_weight: Floats
    outflow: Outflow
    fresh: Flags
    stage: Places
    next_stage: Places
    shown_ms: Places


@dataclass(frozen=True, slots=True)
class Choice:
    """Stage wanted and reason (place in WHY), shape (J,)."""

    stage: Places
    why: npt.NDArray[np.int8]


def choose(rules: Rules, sight: Sight) -> Choice:
    """The stage that each junction shall show next.

    Stages are compared only where the lamps are free to change and somebody could gain by it: elsewhere the
    comparison could only end with the stage that is shown.
    """
    now = np.where(sight.stage >= 0, sight.stage, sight.next_stage)
    now = np.clip(now, 0, np.maximum(rules.stage_count - 1, 0))
    seen = np.where(rules.waits_here, sight.vehicles, 0.0)
    free = np.where(sight.shut, 0.0, seen)
    unseen = _unseen(rules, sight)
    lets = rules.lets[np.arange(len(now)), now]
    own = np.einsum("jk,jk->j", lets, free)

    stage, why = now.copy(), np.full(len(now), WHY.index(Why.HOLD_SERVING), np.int8)
    why[own < SERVED_VEH] = WHY.index(Why.HOLD_EMPTY)
    held = (sight.stage < 0) | (sight.shown_ms < rules.hold_ms[np.arange(len(now)), now])
    others = rules.waits_here & (lets == 0.0) & ((free > 0.0) | (unseen > 0.0) | (sight.waited_s > 0.0))
    at = np.flatnonzero(~held & others.any(axis=1))
    rivals = Rivals(
        now[at],
        unseen[at],
        free[at],
        seen[at],
        own[at] < SERVED_VEH,
        sight.shown_ms[at] >= rules.max_green_ms[at],
        sight.lane_vehicles[at],
        tuple(part[at] for part in sight.lane_too_far),
        sight.lane_weight[at],
        sight.outflow.of(rules.greens[at]),
    )
    _compare(rules.at(at), rivals, stage, why, at)
    why[~sight.fresh] = WHY.index(Why.NO_DATA)
    stage[held] = now[held]
    why[held] = WHY.index(Why.HOLD_MIN_GREEN)
    why[sight.stage < 0] = WHY.index(Why.HOLD_CHANGING)
    return Choice(stage, why)


@dataclass(frozen=True, slots=True)
class Rivals:
    """Junctions where another stage may be worth the change: the running one (R,); of movements (R, K) what they
    count though nobody is seen, vehicles with an exit that is not blocked, and all; whether the running stage
    serves nobody, or has had its maximum green (R,); of lanes what `Sight` says."""

    now: Places
    unseen: Floats
    free: Floats
    seen: Floats
    empty: Flags
    over: Flags
    lane_vehicles: Floats
    lane_too_far: tuple[Floats, ...]
    lane_weight: Floats
    outflow: Outflow


def _compare(rules: Rules, r: Rivals, stage: Places, why: npt.NDArray[np.int8], at: Places) -> None:
    """Write the stages and reasons of the junctions `at` where another stage takes over."""
    rows = np.arange(len(at))
    held, others = promised(rules, r)
    best = np.argmax(others, axis=1)
    serves = _let(rules, r.free, best) >= SERVED_VEH
    leads = others[rows, best] > LEAD * held
    wins = leads & serves
    full = _let(rules, r.seen, r.now) >= SERVED_VEH

    def take(where: Flags, to: Places, reason: Why) -> None:
        stage[at[where]] = to[where]
        why[at[where]] = WHY.index(reason)

    take(wins, best, Why.LONGEST_QUEUE)
    take(wins & r.empty, best, Why.ONLY_DEMAND)
    take(wins & r.empty & full, best, Why.EXIT_BLOCKED)
    take(r.over & ~wins & serves, best, Why.MAX_GREEN)
    take(leads & r.empty & ~wins, best, Why.MAX_RED)


def promised(rules: Rules, r: Rivals) -> tuple[Floats, Floats]:
    """Vehicles a second that the running stage promises (J,), and each other stage (J, S; -1 for the running one).

    Over a green of H seconds a stage serves the lesser of the vehicles and what `Outflow` lets out of each of its
    lanes. The running stage does so in H; another pays the change and the start-up first, in which the lanes that
    have green in both go on. Each stage is given the horizon that suits it best. Vehicles count by the weight of
    their lane. Who comes near is served by the running stage only if he can be at the stop line by then; for
    another, he can by its green.
    """
    rows = np.arange(len(r.now))
    lost_s = rules.change_ms / 1000.0 + START_UP_S
    green = rules.greens >= 0
    more_s = np.where(green & green[rows, r.now][:, None, :], lost_s[:, None, None], 0.0)
    unseen = np.einsum("jsk,jk->js", rules.lets, r.unseen)
    running = r.outflow.of(rows, r.now)
    others: Floats = np.zeros(rules.lets.shape[:2])
    held: Floats = np.zeros(len(rows))
    for horizon_s, too_far in zip(HORIZONS_S, r.lane_too_far, strict=True):
        served = np.minimum(r.lane_vehicles[:, None, :], r.outflow.out(horizon_s + more_s))
        counted = np.einsum("jsl,jl->js", served, r.lane_weight)
        others = np.maximum(others, (counted + unseen) / (horizon_s + lost_s[:, None]))
        own = np.minimum(r.lane_vehicles * (1.0 - too_far), running.out(horizon_s))
        held = np.maximum(held, np.einsum("jl,jl->j", own, r.lane_weight) / horizon_s)
    others[np.arange(others.shape[1]) >= rules.stage_count[:, None]] = -1.0
    others[rows, r.now] = -1.0
    return held, others


def _unseen(rules: Rules, sight: Sight) -> Floats:
    """What movements with long red count besides who is seen: UNSEEN_VEH, rising over EARLY_S before the moment
    from which one round through the stages would still be in time for the maximum red. The guard keeps that of
    everybody, seen or not, and an idle moment is the cheapest time for it."""
    latest_s = (rules.max_red_ms - rules.round_ms)[:, None] / 1000.0
    unseen = UNSEEN_VEH * np.clip((sight.red_s - latest_s) / EARLY_S + 1.0, 0.0, 1.0)
    return np.where(rules.waits_here & ~sight.shut, unseen, 0.0)


def _let(rules: Rules, vehicles: Floats, stage: Places) -> Floats:
    """Vehicles of the movements that a stage of each junction lets go, (J, K), (J,) → (J,)."""
    lets = rules.lets[np.arange(len(stage)), stage]
    total: Floats = np.einsum("jk,jk->j", lets, vehicles)
    return total

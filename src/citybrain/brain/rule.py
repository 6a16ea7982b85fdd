"""The rule by which a stage is chosen, for all junctions at once. docs/decisions.md tells it in words.

Shapes: J junctions, S stages, K places for movements within a junction. Every constant is a property of vehicles,
lamps or detectors; none belongs to a network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from citybrain.brain.ids import Places
from citybrain.brain.layout import Flags, Floats, Layout
from citybrain.model import Why

WHY: tuple[Why, ...] = tuple(Why)
"""Codes of reasons in the arrays: places in this tuple."""
HORIZONS_S = np.array((4.0, 8.0, 12.0, 16.0, 24.0))
"""How long a green is thought on: from a few vehicles to all that stand in 100 m."""
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


_MOST_LATE = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """What a decision knows of junctions beforehand; the tables are those of `Layout`.

    `hasty`: a maximum red so short that it may be due the moment that somebody comes.
    """

    lets: Floats
    flow: Floats
    waits_here: Flags
    stage_count: Places
    min_green_ms: Places
    max_red_ms: Places
    change_ms: Places
    round_ms: Places
    hasty: Flags

    def at(self, places: Places) -> Rules:
        """Those of some junctions."""
        return Rules(*(getattr(self, name).take(places, axis=0) for name in self.__slots__))


def rules_of(layout: Layout, places: Places) -> Rules:
    """The rules of some junctions of a network."""
    soonest = layout.change_ms + (layout.change_ms + layout.min_green_ms) * _MOST_LATE
    return Rules(
        layout.lets,
        layout.flow,
        layout.waits_here,
        layout.stage_count,
        layout.min_green_ms,
        layout.max_red_ms,
        layout.change_ms,
        layout.round_ms,
        layout.max_red_ms <= soonest,
    ).at(places)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a decision sees: per movement (J, K) vehicles (queue and approaching), seconds that somebody has
    waited, seconds of red, whether the exit is blocked; per junction (J,) whether any reading is younger than
    NO_DATA_S, stage shown (-1 while lamps change), the stage that it goes to, and for how long it has shown this
    in ms."""

    vehicles: Floats
    waited_s: Floats
    red_s: Floats
    shut: Flags
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
    hoped = _with_unseen(rules, sight, free)
    lets = rules.lets[np.arange(len(now)), now]
    own = np.einsum("jk,jk->j", lets, free)

    stage, why = now.copy(), np.full(len(now), WHY.index(Why.HOLD_SERVING), np.int8)
    why[own < SERVED_VEH] = WHY.index(Why.HOLD_EMPTY)
    held = (sight.stage < 0) | (sight.shown_ms < rules.min_green_ms)
    others = rules.waits_here & (lets == 0.0) & ((hoped > 0.0) | (sight.waited_s > 0.0))
    at = np.flatnonzero(~held & (others.any(axis=1) | rules.hasty))
    rival = Rivals(now[at], hoped[at], free[at], seen[at], sight.waited_s[at], own[at] < SERVED_VEH)
    _compare(rules.at(at), rival, stage, why, at)
    why[~sight.fresh] = WHY.index(Why.NO_DATA)
    stage[held] = now[held]
    why[held] = WHY.index(Why.HOLD_MIN_GREEN)
    why[sight.stage < 0] = WHY.index(Why.HOLD_CHANGING)
    return Choice(stage, why)


@dataclass(frozen=True, slots=True)
class Rivals:
    """Junctions where another stage may be worth the change: the running one (R,), vehicles (R, K) with those
    that nobody sees, with an exit that is not blocked, and all; seconds waited (R, K); whether the running stage
    serves nobody (R,)."""

    now: Places
    hoped: Floats
    free: Floats
    seen: Floats
    waited_s: Floats
    empty: Flags


def _compare(rules: Rules, r: Rivals, stage: Places, why: npt.NDArray[np.int8], at: Places) -> None:
    """Write the stages and reasons of the junctions `at` where another stage takes over."""
    rows = np.arange(len(at))
    held, others = promised(rules, r.hoped, r.waited_s, r.now)
    best = np.argmax(others, axis=1)
    leads = others[rows, best] > LEAD * held
    wins = leads & (_let(rules, r.free, best) >= SERVED_VEH)
    full = _let(rules, r.seen, r.now) >= SERVED_VEH

    def take(where: Flags, to: Places, reason: Why) -> None:
        stage[at[where]] = to[where]
        why[at[where]] = WHY.index(reason)

    take(wins, best, Why.LONGEST_QUEUE)
    take(wins & r.empty, best, Why.ONLY_DEMAND)
    take(wins & r.empty & full, best, Why.EXIT_BLOCKED)
    take(leads & r.empty & ~wins, best, Why.MAX_RED)
    due, urgent = overdue(rules, r.waited_s, others, r.now)
    take(due, urgent, Why.MAX_RED)


def promised(rules: Rules, vehicles: Floats, waited_s: Floats, now: Places) -> tuple[Floats, Floats]:
    """Vehicles a second that the running stage promises (J,), and each other stage (J, S; -1 for the running one).

    Over a green of H seconds a stage serves min(vehicles, saturation x H) of each of its movements. The running
    stage does so in H; another pays the change and the start-up first. Each stage is given the horizon that suits
    it best. A vehicle counts the more the longer its movement has waited: twice at the maximum red.
    """
    rows = np.arange(len(now))
    weight = 1.0 + waited_s * 1000.0 / np.maximum(rules.max_red_ms, 1)[:, None]
    lost_s = (rules.change_ms / 1000.0 + START_UP_S)[:, None]
    each = np.minimum(vehicles[:, :, None], rules.flow[:, :, None] * HORIZONS_S) * weight[:, :, None]
    served = np.matmul(rules.lets, each)
    held = (served[rows, now] / HORIZONS_S).max(axis=1, initial=0.0)
    others = (served / (HORIZONS_S + lost_s[:, :, None])).max(axis=2, initial=0.0)
    others[rows, now] = -1.0
    return held, others


def overdue(rules: Rules, waited_s: Floats, others: Floats, now: Places) -> tuple[Flags, Places]:
    """Junctions where somebody would wait longer than the maximum red if nothing were done now, and the stage that
    lets the longest waiting movement go (of several, the one that promises most).

    It takes one change to reach a stage, and one more stage's minimum green and change for each other stage that
    must come first: so many are allowed for as movements have waited for half the maximum.
    """
    rows = np.arange(len(now))
    waited = np.where(rules.waits_here, waited_s * 1000.0, 0.0)
    late = np.count_nonzero(waited > rules.max_red_ms[:, None] / 2, axis=1).clip(1, _MOST_LATE)
    lead = rules.change_ms + (rules.change_ms + rules.min_green_ms) * late
    longest = np.argmax(waited, axis=1)
    lets = rules.lets[rows, :, longest] > 0.0
    due = waited[rows, longest] >= rules.max_red_ms - lead
    due &= lets.any(axis=1) & ~lets[rows, now]
    return due, np.argmax(np.where(lets, others, -2.0), axis=1)


def _with_unseen(rules: Rules, sight: Sight, vehicles: Floats) -> Floats:
    """Vehicles, and for movements with long red at least UNSEEN_VEH, rising over EARLY_S before the moment from
    which one round through the stages would still be in time for the maximum red. The guard keeps that of
    everybody, seen or not, and an idle moment is the cheapest time for it."""
    latest_s = (rules.max_red_ms - rules.round_ms)[:, None] / 1000.0
    unseen = UNSEEN_VEH * np.clip((sight.red_s - latest_s) / EARLY_S + 1.0, 0.0, 1.0)
    return np.where(rules.waits_here & ~sight.shut, np.maximum(vehicles, unseen), 0.0)


def _let(rules: Rules, vehicles: Floats, stage: Places) -> Floats:
    """Vehicles of the movements that a stage of each junction lets go, (J, K), (J,) → (J,)."""
    lets = rules.lets[np.arange(len(stage)), stage]
    total: Floats = np.einsum("jk,jk->j", lets, vehicles)
    return total

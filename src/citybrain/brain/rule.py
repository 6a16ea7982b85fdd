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


@dataclass(frozen=True, slots=True)
class Sight:
    """What a decision sees: per movement (J, K) vehicles (queue and approaching), seconds that somebody has
    waited, seconds of red, age of the readings in seconds, whether the exit is blocked; per junction (J,) stage
    shown (-1 while lamps change), the stage that it goes to, and for how long it has shown this in ms."""

    vehicles: Floats
    waited_s: Floats
    red_s: Floats
    age_s: Floats
    shut: Flags
    stage: Places
    next_stage: Places
    shown_ms: Places


@dataclass(frozen=True, slots=True)
class Choice:
    """Stage wanted and reason (place in WHY), shape (J,)."""

    stage: Places
    why: npt.NDArray[np.int8]


def choose(layout: Layout, sight: Sight) -> Choice:
    """The stage that each junction shall show next."""
    rows = np.arange(len(sight.stage))
    now = np.where(sight.stage >= 0, sight.stage, sight.next_stage)
    now = np.clip(now, 0, np.maximum(layout.stage_count - 1, 0))
    seen = np.where(layout.waits_here, sight.vehicles, 0.0)
    free = np.where(sight.shut, 0.0, seen)
    held, others = promised(layout, _with_unseen(layout, sight, free), sight.waited_s, now)
    best = np.argmax(others, axis=1)
    leads = others[rows, best] > LEAD * held
    own, its = _let(layout, free, now), _let(layout, free, best)

    stage, why = now.copy(), np.full(len(now), WHY.index(Why.HOLD_SERVING), np.int8)
    empty = own < SERVED_VEH
    _set(stage, why, empty, now, Why.HOLD_EMPTY)
    wins = leads & (its >= SERVED_VEH)
    _set(stage, why, wins, best, Why.LONGEST_QUEUE)
    _set(stage, why, wins & empty, best, Why.ONLY_DEMAND)
    _set(stage, why, wins & empty & (_let(layout, seen, now) >= SERVED_VEH), best, Why.EXIT_BLOCKED)
    _set(stage, why, leads & empty & ~wins, best, Why.MAX_RED)
    due, urgent = overdue(layout, sight, others, now)
    _set(stage, why, due, urgent, Why.MAX_RED)
    blind = ~np.any(layout.waits_here & (sight.age_s <= NO_DATA_S), axis=1)
    why[blind] = WHY.index(Why.NO_DATA)
    _set(stage, why, sight.shown_ms < layout.min_green_ms, now, Why.HOLD_MIN_GREEN)
    _set(stage, why, sight.stage < 0, now, Why.HOLD_CHANGING)
    return Choice(stage, why)


def promised(layout: Layout, vehicles: Floats, waited_s: Floats, now: Places) -> tuple[Floats, Floats]:
    """Vehicles a second that the running stage promises (J,), and each other stage (J, S; -1 for the running one).

    Over a green of H seconds a stage serves min(vehicles, saturation x H) of each of its movements. The running
    stage does so in H; another pays the change and the start-up first. Each stage is given the horizon that suits
    it best. A vehicle counts the more the longer its movement has waited: twice at the maximum red.
    """
    rows = np.arange(len(now))
    weight = 1.0 + waited_s * 1000.0 / np.maximum(layout.max_red_ms, 1)[:, None]
    lost_s = (layout.change_ms / 1000.0 + START_UP_S)[:, None]
    each = np.minimum(vehicles[:, :, None], layout.flow[:, :, None] * HORIZONS_S) * weight[:, :, None]
    served = np.matmul(layout.lets, each)
    held, others = np.zeros(len(now)), np.zeros(served.shape[:2])
    for at, horizon in enumerate(HORIZONS_S):
        held = np.maximum(held, served[rows, now, at] / horizon)
        others = np.maximum(others, served[:, :, at] / (horizon + lost_s))
    others[rows, now] = -1.0
    return held, others


def overdue(layout: Layout, sight: Sight, others: Floats, now: Places) -> tuple[Flags, Places]:
    """Junctions where somebody would wait longer than the maximum red if nothing were done now, and the stage that
    lets the longest waiting movement go (of several, the one that promises most).

    It takes one change to reach a stage, and one more stage's minimum green and change for each other stage that
    must come first: so many are allowed for as movements have waited for half the maximum.
    """
    rows = np.arange(len(now))
    waited = np.where(layout.waits_here, sight.waited_s * 1000.0, 0.0)
    late = np.count_nonzero(waited > layout.max_red_ms[:, None] / 2, axis=1).clip(1, 3)
    lead = layout.change_ms + (layout.change_ms + layout.min_green_ms) * late
    longest = np.argmax(waited, axis=1)
    lets = layout.lets[rows, :, longest] > 0.0
    due = waited[rows, longest] >= layout.max_red_ms - lead
    due &= lets.any(axis=1) & ~lets[rows, now]
    return due, np.argmax(np.where(lets, others, -2.0), axis=1)


def _with_unseen(layout: Layout, sight: Sight, vehicles: Floats) -> Floats:
    """Vehicles, and for movements with long red at least UNSEEN_VEH, rising over EARLY_S before the moment from
    which one round through the stages would still be in time for the maximum red. The guard keeps that of
    everybody, seen or not, and an idle moment is the cheapest time for it."""
    latest_s = (layout.max_red_ms - layout.round_ms)[:, None] / 1000.0
    unseen = UNSEEN_VEH * np.clip((sight.red_s - latest_s) / EARLY_S + 1.0, 0.0, 1.0)
    return np.where(layout.waits_here & ~sight.shut, np.maximum(vehicles, unseen), 0.0)


def _let(layout: Layout, vehicles: Floats, stage: Places) -> Floats:
    """Vehicles of the movements that a stage of each junction lets go, (J, K), (J,) → (J,)."""
    lets = layout.lets[np.arange(len(stage)), stage]
    total: Floats = np.einsum("jk,jk->j", lets, vehicles)
    return total


def _set(stage: Places, why: npt.NDArray[np.int8], where: Flags, to: Places, reason: Why) -> None:
    stage[where] = to[where]
    why[where] = WHY.index(reason)

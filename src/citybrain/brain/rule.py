"""The rule by which a stage is chosen, for all junctions at once. docs/decisions.md tells it in words.

Shapes: J junctions, S stages, K places for movements within a junction. Every constant is a property of vehicles,
lamps or detectors; none belongs to a network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from citybrain.brain.ids import Places
from citybrain.brain.layout import Flags, Floats, Layout
from citybrain.model import Why

WHY: tuple[Why, ...] = tuple(Why)
"""Codes of reasons in the arrays: places in this tuple."""
SWITCH_VEH = 2.0
"""Vehicles by which another stage must lead: about what one lane loses in the 4 s of a change."""
SWITCH_RATIO = 0.2
"""And the part of the running stage's own vehicles by which it must lead."""
SERVED_VEH = 0.3
"""A stage with fewer vehicles than this in sight serves nobody."""
NO_DATA_S = 15.0
"""Readings older than this, at every movement, are no data."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a decision sees. Vehicles `queue` and `near` (J, K), seconds waited (J, K), age of readings (J, K),
    `shut` (J, K): the exit is blocked; stage shown and next (J,), time that it has been shown (J,) in ms."""

    queue: Floats
    near: Floats
    waited_s: Floats
    age_s: Floats
    shut: Flags
    stage: Places
    next_stage: Places
    shown_ms: Places


@dataclass(frozen=True, slots=True)
class Choice:
    """Stage wanted and reason (place in WHY), shape (J,)."""

    stage: Places
    why: Places


def choose(layout: Layout, sight: Sight) -> Choice:
    """The stage that each junction shall show next."""
    rows = np.arange(len(sight.stage))
    demand = np.where(layout.waits_here, sight.queue + sight.near, 0.0)
    score = stage_scores(layout, np.where(sight.shut, 0.0, demand))
    unheeded = stage_scores(layout, demand)
    now = np.where(sight.stage >= 0, sight.stage, sight.next_stage)
    now = np.clip(now, 0, np.maximum(layout.stage_count - 1, 0))
    own, best = score[rows, now], np.argmax(score, axis=1)
    lead = score[rows, best] - own

    stage, why = now.copy(), np.full(len(now), WHY.index(Why.HOLD_SERVING))
    _set(stage, why, own < SERVED_VEH, now, Why.HOLD_EMPTY)
    blocked = (unheeded[rows, now] >= SERVED_VEH) & (own < SERVED_VEH)
    wins = (lead > SWITCH_VEH + SWITCH_RATIO * own) | ((own < SERVED_VEH) & (lead >= SERVED_VEH))
    _set(stage, why, wins, best, Why.LONGEST_QUEUE)
    _set(stage, why, wins & (own < SERVED_VEH), best, Why.ONLY_DEMAND)
    _set(stage, why, wins & blocked, best, Why.EXIT_BLOCKED)
    due, urgent = overdue(layout, sight, score, now)
    _set(stage, why, due, urgent, Why.MAX_RED)
    blind = ~np.any(layout.waits_here & (sight.age_s <= NO_DATA_S), axis=1)
    why[blind] = WHY.index(Why.NO_DATA)
    _set(stage, why, sight.shown_ms < layout.min_green_ms, now, Why.HOLD_MIN_GREEN)
    _set(stage, why, sight.stage < 0, now, Why.HOLD_CHANGING)
    return Choice(stage, why)


def stage_scores(layout: Layout, demand: Floats) -> Floats:
    """Vehicles that each stage lets go, shapes (J, K) → (J, S); -1 where the junction has no such stage."""
    score: Floats = np.matmul(layout.lets, demand[:, :, None])[:, :, 0]
    score[np.arange(score.shape[1]) >= layout.stage_count[:, None]] = -1.0
    return score


def overdue(layout: Layout, sight: Sight, score: Floats, now: Places) -> tuple[Flags, Places]:
    """Junctions where somebody would wait longer than the maximum red if nothing were done now, and the stage that
    lets the longest waiting movement go (of several, the one with most vehicles).

    It takes one change to reach a stage, and one more stage's minimum green and change for each other stage that
    must come first: so many are allowed for as movements have waited for half the maximum.
    """
    rows = np.arange(len(now))
    waited = np.where(layout.waits_here, sight.waited_s * 1000.0, 0.0)
    others = np.count_nonzero(waited > layout.max_red_ms[:, None] / 2, axis=1).clip(1, 3) - 1
    lead = layout.change_ms + (layout.change_ms + layout.min_green_ms) * (1 + others)
    longest = np.argmax(waited, axis=1)
    due = waited[rows, longest] >= layout.max_red_ms - lead
    lets = layout.lets[rows, :, longest] > 0.0
    due &= lets.any(axis=1) & ~lets[rows, now]
    return due, np.argmax(np.where(lets, score, -2.0), axis=1)


def _set(stage: Places, why: Places, where: Flags, to: Places, reason: Why) -> None:
    stage[where] = to[where]
    why[where] = WHY.index(reason)

"""What a lane discharges in a stage while somebody queues in it, learnt from passages at the stop line.

The saturation flow of the books is an upper bound that few lanes reach: who turns gives way, who may not go stands
in front of who may, an exit is full. What a lane really lets out in a stage tells all of that at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from citybrain.brain.ids import Places
from citybrain.brain.layout import Flags, Floats

QUEUED_VEH = 2.0
"""So many must have been waiting for the discharge to say something."""
START_UP_MS = 2_000
"""The begin of green, when the queue starts to move, says nothing of its discharge (HCM 7th ed., ch. 19)."""
PRIOR_S = 30.0
"""What is taken for given beforehand counts as much as this much green with a queue."""
FADE_EVERY_MS = 10_000
MEMORY_S = 600.0
"""How long what was learnt counts: demand and with it who gives way to whom change within the hour."""
FREE, TAKEN = 0, 1
"""Rows of what is learnt: nobody goes before the lane, or somebody who has the right of way does."""
TAKEN_S = 1.0
"""The way is taken when those who go before need at least this long to pass."""
TAKEN_PART = 0.3
"""What a lane discharges while its way is taken, of what it does else, before anything is known of it."""
LOWEST_VPS, HIGHEST_VPS = (0.1, 0.05), 0.7
"""A lane may stand still for a while and will not for ever; one vehicle in 1.4 s is the best ever kept up."""


@dataclass(frozen=True, slots=True)
class Outflow:
    """What lanes let out in a green, arrays of one shape: vehicles a second while nobody goes before them and
    while somebody with the right of way does, and how long it is until nobody does any more."""

    free_vps: Floats
    taken_vps: Floats
    clear_s: Floats

    def of(self, *places: Places) -> Outflow:
        """That of some of the lanes and stages."""
        return Outflow(self.free_vps[places], self.taken_vps[places], self.clear_s[places])

    def out(self, seconds: Floats | float) -> Floats:
        """Vehicles in so many seconds of green."""
        taken_s = np.minimum(self.clear_s, seconds)
        return self.taken_vps * taken_s + self.free_vps * (seconds - taken_s)


def faded(vehicles: Floats, seconds: Floats, passed_ms: int) -> tuple[Floats, Floats]:
    """Vehicles that passed and seconds of green with a queue, as they count `passed_ms` later."""
    kept = np.exp(-passed_ms / 1000.0 / MEMORY_S)
    return vehicles * kept, seconds * kept


def priors(prior: Floats, gives_way: Flags) -> Floats:
    """What greens discharge before anything is known, (G,), (G,) → (2, G): while the way is free, and taken."""
    return np.array([prior, np.where(gives_way, TAKEN_PART * prior, prior)])


def discharge(vehicles: Floats, seconds: Floats, prior: Floats) -> Floats:
    """Vehicles a second, of arrays of the same shape (2, n); 0 where the prior is: there a lane has red."""
    mean = (vehicles + prior * PRIOR_S) / (seconds + PRIOR_S)
    return np.where(prior > 0.0, np.clip(mean, np.array(LOWEST_VPS)[:, None], HIGHEST_VPS), 0.0)

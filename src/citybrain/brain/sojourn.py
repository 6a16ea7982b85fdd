"""How long who is at the head of a lane has been in sight.

A green too short for the queue ends no wait: the head of what is left has been there for long. So this, not the
time since green, tells whom a control has forgotten (delay-based back-pressure: J. Wu et al., Delay-based traffic
signal control for throughput optimality and fairness at an isolated intersection, IEEE Transactions on Vehicular
Technology 67 (2018) 896-909).
"""

from __future__ import annotations

import numpy as np

from citybrain.brain.layout import Floats

NOBODY_VEH = 0.1


def stayed(total_s: Floats, before: Floats, gone: Floats, now: Floats, dt_s: float) -> Floats:
    """Sum of the times that the vehicles of each lane have been there, `dt_s` later, when `gone` of the `before`
    have left it, the longest there first, and `now` are there."""
    left_s = total_s - np.minimum(gone, before) * head(total_s, before)
    return np.where(now > NOBODY_VEH, np.maximum(left_s, 0.0) + now * dt_s, 0.0)


def head(total_s: Floats, vehicles: Floats) -> Floats:
    """How long the first one has been there: they are taken to have come evenly, so twice the mean."""
    there = np.maximum(vehicles, 1.0)
    return np.minimum(2.0 * total_s / there, total_s)

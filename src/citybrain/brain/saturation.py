"""The saturation flow of a lane, learnt from the discharge of standing queues while green."""

from __future__ import annotations

import numpy as np

from citybrain.brain.layout import SATURATION_VPS, Floats

LOWEST_VPS, HIGHEST_VPS = 0.30, 0.65
"""A headway of 3.3 s is a lane that gives way or is narrow, one of 1.5 s the best ever kept up (HCM 7th ed., ch.
19: base 1,900 veh/h = 0.53)."""
PRIOR_S = 60.0
"""The prior counts as much as this much saturated green."""
MEMORY_S = 900.0
"""Saturated green that is remembered: surfaces, weather and drivers change."""
HELD_UP_MS = 5_000
"""A queue of which nobody has passed for so long is held up by something else: a full exit, those it gives way
to."""


def learnt(vehicles: Floats, seconds: Floats, passed: Floats, period_s: Floats) -> tuple[Floats, Floats]:
    """Vehicles and seconds of saturated green with one more period."""
    fades = np.exp(-period_s / MEMORY_S)
    return vehicles * fades + passed, seconds * fades + period_s


def saturation(vehicles: Floats, seconds: Floats) -> Floats:
    """Vehicles a second: the prior and what was learnt, by their weights, within the bounds."""
    mean = (vehicles + SATURATION_VPS * PRIOR_S) / (seconds + PRIOR_S)
    return np.clip(mean, LOWEST_VPS, HIGHEST_VPS)


def saturation_sd(vehicles: Floats, seconds: Floats) -> Floats:
    """Its standard deviation, as of a Poisson count over that time."""
    found: Floats = np.sqrt(saturation(vehicles, seconds) / (seconds + PRIOR_S))
    return found

"""How far who comes near has come: the odometer of each lane.

A reading says how many came into the zone since the one before, and how fast those drive who are there. So it
is known of each of them how far he was from the stop line when the reading was made, and whether he is over it by
now.
Shapes: Z lanes, n of them.
"""

from __future__ import annotations

import numpy as np

from citybrain.brain.ids import Places
from citybrain.brain.kept import Kept
from citybrain.brain.layout import Flags, Floats
from citybrain.brain.queue import Readings
from citybrain.model import State

READINGS = 12
"""Arrivals of so many readings are remembered: hardly anybody is on his way for longer who has not stood."""
SPEEDING = 1.4
"""Nobody is taken to be faster than this times the speed allowed."""


def start(lanes: int) -> State:
    """What is kept: who came in each of the last readings, and where the odometer stood then; how often the lane
    was read, how far its odometer is, and how fast those roll who do not stand."""
    return {
        "came_veh": np.zeros((lanes, READINGS)),
        "came_m": np.zeros((lanes, READINGS)),
        "reads": np.zeros(lanes, np.int64),
        "way_m": np.zeros(lanes),
        "pace_mps": np.zeros(lanes),
    }


def pace(readings: Readings, free_mps: Floats) -> Floats:
    """Metres a second (n,) of those who roll: the mean of all, which says nothing of a lane without camera, over
    the part that does not stand. On an empty lane they drive freely."""
    rolling = np.maximum(readings.count - readings.halted, 0.0)
    seen = (readings.speed_mps > 0.0) & (rolling > 0.0)
    mean = np.divide(readings.speed_mps * readings.count, rolling, out=free_mps.astype(np.float64), where=seen)
    stands = (readings.count > 0.0) & (rolling == 0.0)
    return np.where(stands, 0.0, np.minimum(mean, SPEEDING * free_mps))


def see(s: Kept, readings: Readings, free_mps: Floats, gap: Flags) -> None:
    """Move the odometers of the lanes read on (`free_mps` (n,): speeds allowed), and note who came in: in the
    middle of the time since the reading before, one with the other."""
    at, mps = readings.zones, pace(readings, free_mps)
    s.own("came_veh")[at[gap]] = 0.0
    way_m, place = s["way_m"][at] + mps * readings.period_s, s["reads"][at] % READINGS
    s.own("way_m")[at], s.own("pace_mps")[at] = way_m, mps
    s.own("came_veh")[at, place] = readings.entered
    s.own("came_m")[at, place] = way_m - mps * readings.period_s / 2.0
    s.own("reads")[at] += 1


def crossed(s: Kept, at: Places, near: Floats, goes_s: Floats, length_m: Floats) -> Floats:
    """Vehicles (n,) of the `near` ones of lanes `at` who are over the stop line `goes_s` after the reading, with
    green. Whoever came in before those remembered, or from the side, is anywhere on the way."""
    here, come_m = _way(s, at, near, goes_s)
    mps = s["pace_mps"][at]
    over = _likely((come_m - length_m[:, None]) / np.maximum(mps, 1.0)[:, None])
    others = (near - here.sum(axis=1)) * np.minimum(1.0, mps * goes_s / length_m)
    found: Floats = (here * over).sum(axis=1) + others
    return found


def due_s(
    s: Kept, at: Places, near: Floats, age_s: Floats, free_s: Floats, length_m: Floats
) -> tuple[Floats, Floats]:
    """Of the `near` vehicles of lanes `at` how many came in with each of the last readings, the last ones first,
    and in how many seconds they can be at the stop line, `age_s` after the reading, at the speed allowed (`free_s`
    for all of the length), shapes (n, READINGS)."""
    here, come_m = _way(s, at, near, age_s)
    return here, (length_m[:, None] - come_m) * (free_s / length_m)[:, None]


def too_far(here: Floats, due: Floats, ahead_s: float) -> Floats:
    """Vehicles (n,) of those of `due_s` who cannot be at the stop line in `ahead_s`."""
    found: Floats = (here * _likely(due - ahead_s)).sum(axis=1)
    return found


def _way(s: Kept, at: Places, near: Floats, since_s: Floats) -> tuple[Floats, Floats]:
    """Of each of the last readings how many of the `near` vehicles came in with it, the last ones first, and how
    far they have come `since_s` after the last, shapes (n, READINGS)."""
    newest = (s["reads"][at][:, None] - 1 - np.arange(READINGS)) % READINGS
    came = np.take_along_axis(s["came_veh"][at], newest, 1)
    begun_m = np.take_along_axis(s["came_m"][at], newest, 1)
    here = np.clip(near[:, None] - (np.cumsum(came, axis=1) - came), 0.0, came)
    now_m = s["way_m"][at] + s["pace_mps"][at] * since_s
    return here, now_m[:, None] - begun_m


def _likely(late_s: Floats) -> Floats:
    """How likely it is that something has happened that was due so long ago: known to half a second."""
    return np.clip(late_s + 0.5, 0.0, 1.0)

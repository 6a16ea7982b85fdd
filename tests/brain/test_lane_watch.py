"""What the decision keeps of each lane."""

from __future__ import annotations

import numpy as np
from brain_street import READING, T0, batch, city, crossing, reading

from citybrain.brain.kept import Kept
from citybrain.brain.lane_watch import LaneWatch
from citybrain.brain.lanes import Lanes
from citybrain.brain.layout import Layout
from citybrain.brain.queue import BLIND_AFTER_MS

NORTH, SOUTH = 0, 1


def watch_of(at: int) -> tuple[LaneWatch, Kept]:
    """The watch of one crossing and its state at second `at`: three have just come in from the north, and three
    stand in the south."""
    layout = Layout(city(crossing("a")))
    places = np.flatnonzero(layout.controllable)
    watch = LaneWatch(layout, Lanes(layout, places), places)
    s = Kept({**watch.start(), "stage": np.array([1]), "since_ms": np.array([T0]), "green": np.zeros(6, np.bool_)})
    come = [reading("a/n_0", at, 3, 0, entered=3, mean_speed_mps=13.9), reading("a/s_0", at, 3, 3)]
    watch.see(s, batch(READING, come, at).rows)
    watch.carry_on(s, np.full(6, 3.0), T0 + at * 1000, 1.0)
    return watch, s


def test_who_has_just_come_in_is_too_far_for_a_short_green_and_who_stands_is_not() -> None:
    watch, s = watch_of(5)
    short, long = watch.too_far(s, T0 + 5_000, (4.0, 10.0))
    assert short[NORTH] == 1.0 and short[SOUTH] == 0.0
    assert not long.any(), "six and a half seconds take him there"


def test_nobody_is_known_to_be_too_far_on_a_lane_that_is_not_read() -> None:
    """The estimate says how many are there, and not where."""
    watch, s = watch_of(5)
    later_ms = T0 + 5_000 + BLIND_AFTER_MS + 1000
    watch.carry_on(s, np.full(6, 3.0), later_ms, 1.0)
    assert s["lane_veh"][NORTH] == 3.0
    assert not watch.too_far(s, later_ms, [0.0]).any()

"""The odometer of a lane, against a lane on which every vehicle is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain.brain import odometer
from citybrain.brain.kept import Kept
from citybrain.brain.queue import Readings

LENGTH_M, FREE_MPS = 100.0, 12.5
AT = np.array([0])
NO_GAP, GAP = np.array([False]), np.array([True])


def read(count: float, halted: float, entered: float, speed_mps: float, period_s: float = 1.0) -> Readings:
    """A reading of the one lane."""
    numbers = (np.array([x]) for x in (period_s, count, halted, entered, 0.0, speed_mps))
    return Readings(AT, np.array([0]), *numbers, line_works=np.array([True]))


def seen(*readings: Readings) -> Kept:
    s = Kept(odometer.start(1))
    for reading in readings:
        odometer.see(s, reading, np.array([FREE_MPS]), NO_GAP)
    return s


@given(
    st.lists(st.booleans(), min_size=1, max_size=40),
    st.floats(9.0, 16.0),
    st.sampled_from([1.0, 2.0]),
    st.floats(0.0, 5.0),
)
def test_it_is_known_of_each_whether_he_is_over_the_stop_line(
    comes: list[bool], mps: float, period_s: float, later_s: float
) -> None:
    """All drive at one speed and come in at some moment of a reading: it is known to half a period and second."""
    s, came_s = Kept(odometer.start(1)), []
    for k, one in enumerate(comes):
        now_s = (k + 1) * period_s
        came_s += [now_s - 0.37 * period_s] * one
        there = [t for t in came_s if (now_s - t) * mps < LENGTH_M]
        odometer.see(s, read(len(there), 0.0, float(one), mps, period_s), np.array([FREE_MPS]), NO_GAP)
    gone = odometer.crossed(s, AT, np.array([float(len(there))]), np.array([later_s]), np.array([LENGTH_M]))[0]
    come_s = [now_s + later_s - t for t in there]
    slack_s = 0.5 * period_s + 0.5
    least, most = (sum(t * mps >= LENGTH_M + way * slack_s * mps for t in come_s) for way in (1.0, -1.0))
    assert least - 1e-9 <= gone <= most + 1e-9
    near, age_s, free_s = np.array([float(len(there))]), np.array([later_s]), np.array([LENGTH_M / FREE_MPS])
    far = odometer.too_far(*odometer.due_s(s, AT, near, age_s, free_s, np.array([LENGTH_M])), 4.0)[0]
    needs_s = [(LENGTH_M - t * mps) / FREE_MPS for t in come_s]
    slack_s = 0.5 * period_s * mps / FREE_MPS + 0.5
    least, most = (sum(t >= 4.0 + way * slack_s for t in needs_s) for way in (1.0, -1.0))
    assert least - 1e-9 <= far <= most + 1e-9


def test_the_last_ones_who_came_are_those_who_are_near() -> None:
    """Four came, and two when those were at the stop line: whoever is near is first of the two."""
    later = [read(4.0, 0.0, 0.0, 10.0)] * 7
    s = seen(read(4.0, 0.0, 4.0, 10.0), *later, read(6.0, 0.0, 2.0, 10.0))
    for near, gone in ((0.0, 0.0), (2.0, 0.0), (3.0, 1.0), (6.0, 4.0)):
        assert odometer.crossed(s, AT, np.array([near]), np.array([3.0]), np.array([LENGTH_M]))[0] == gone


def test_who_came_together_is_over_the_stop_line_together() -> None:
    s = seen(read(6.0, 0.0, 6.0, 10.0), *[read(6.0, 0.0, 0.0, 10.0)] * 8)
    for near in (0.0, 2.0, 6.0):
        assert odometer.crossed(s, AT, np.array([near]), np.array([3.0]), np.array([LENGTH_M]))[0] == near
        assert odometer.crossed(s, AT, np.array([near]), np.array([0.0]), np.array([LENGTH_M]))[0] == 0.0


def test_who_came_from_the_side_is_anywhere_on_the_way() -> None:
    s = seen(read(4.0, 0.0, 0.0, 10.0))
    gone = odometer.crossed(s, AT, np.array([4.0]), np.array([2.0]), np.array([LENGTH_M]))[0]
    assert gone == pytest.approx(4.0 * 2.0 * 10.0 / LENGTH_M)


def test_who_came_before_a_gap_is_anywhere_on_the_way() -> None:
    """Nobody knows how fast he drove while the lane was not read."""
    s = seen(read(4.0, 0.0, 4.0, 10.0))
    odometer.see(s, read(4.0, 0.0, 0.0, 10.0), np.array([FREE_MPS]), GAP)
    gone = odometer.crossed(s, AT, np.array([4.0]), np.array([2.0]), np.array([LENGTH_M]))[0]
    assert gone == pytest.approx(4.0 * 2.0 * 10.0 / LENGTH_M)


@pytest.mark.parametrize(
    ("count", "halted", "mean_mps", "mps"),
    [
        (4.0, 0.0, 8.0, 8.0),
        (4.0, 2.0, 4.0, 8.0),  # the mean of all is half of that of those who roll
        (4.0, 4.0, 0.0, 0.0),
        (0.0, 0.0, 0.0, FREE_MPS),
        (3.0, 0.0, 0.0, FREE_MPS),  # no camera
        (6.0, 3.0, 0.0, FREE_MPS),  # nor then, whoever stands
        (6.0, 5.0, 4.0, odometer.SPEEDING * FREE_MPS),
    ],
)
def test_the_pace_is_that_of_those_who_roll(count: float, halted: float, mean_mps: float, mps: float) -> None:
    assert odometer.pace(read(count, halted, 0.0, mean_mps), np.array([FREE_MPS]))[0] == pytest.approx(mps)

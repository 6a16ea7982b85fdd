"""Lanes that give way: who goes before them, for how long, and what that makes of their green."""

from __future__ import annotations

import numpy as np
import pytest
from brain_street import QUEUE, READING, STATE, batch, crossing, lamp, reading, tick, two
from brain_street import city as city_of
from hypothesis import given
from hypothesis import strategies as st

from citybrain.brain.decide import DecideStages
from citybrain.brain.discharge import FREE, TAKEN, TAKEN_PART, Outflow
from citybrain.brain.lanes import Lanes
from citybrain.brain.layout import SATURATION_VPS, Layout
from citybrain.brain.permitted import PermittedGreens
from citybrain.model import State

seconds = st.floats(0.0, 60.0)
WEST, EAST = 2, 3


def test_a_turn_that_gives_way_waits_as_long_as_those_take_who_go_before_it() -> None:
    layout = Layout(two())
    places = np.flatnonzero(layout.controllable)
    lanes = Lanes(layout, places)
    ways = PermittedGreens(layout, lanes, places)
    turns = lanes.greens[:, 1, EAST]
    assert np.flatnonzero(ways.gives_way).tolist() == turns.tolist(), "the lanes from the east, in stage 1 alone"
    vehicles = np.zeros(len(layout.zones))
    assert not ways.clear_s(vehicles, lanes.green_prior).any()
    vehicles[[WEST, EAST]] = 3.0, 9.0
    found = ways.clear_s(vehicles, lanes.green_prior)
    assert found[turns[0]] == 3.0 / SATURATION_VPS
    assert np.count_nonzero(found) == 1, "nobody waits at the other junction, and a lane not for itself"


@given(st.floats(0.1, 0.7), st.floats(0.0, 1.0), seconds, seconds, seconds)
def test_a_longer_green_lets_more_out_and_never_more_than_a_free_way(
    free: float, part: float, clear: float, green: float, more: float
) -> None:
    flow = Outflow(np.array([free]), np.array([part * free]), np.array([clear]))
    out, later = float(flow.out(green)[0]), float(flow.out(green + more)[0])
    assert part * free * green - 1e-9 <= out <= free * green + 1e-9
    assert out <= later + 1e-9
    if green <= clear:
        assert out == pytest.approx(part * free * green)
    else:
        assert later - out == pytest.approx(free * more, abs=1e-6)


def green_of_east(west: int, until: int) -> State:
    """The state of the decision when a queue from the east had green beside `west` vehicles from the west that
    nobody saw pass, and one of its own passed each second."""
    step = DecideStages(Layout(city_of(crossing("a"))))
    state = step.start()
    for second in range(until):
        rows = [reading("a/e_0", second, 4, 4, passed=1), reading("a/w_0", second, west, west)]
        inputs = [batch(STATE, [lamp("a", second, 1, -10)], second), batch(READING, rows, second)]
        state, _ = step.run(state, tick(second), [*inputs, batch(QUEUE, [], second)])
    return state


def test_what_passes_while_others_go_first_says_nothing_of_a_free_way() -> None:
    beside_nobody, beside_queue = green_of_east(0, 60), green_of_east(5, 60)
    learnt = [
        s["discharge_vps"][:, np.flatnonzero(s["discharged_s"].sum(axis=0))] for s in (beside_nobody, beside_queue)
    ]
    assert learnt[0][FREE].max() > SATURATION_VPS
    assert learnt[0][TAKEN].tolist() == [TAKEN_PART * SATURATION_VPS], "nothing was learnt of the way taken"
    east = int(np.argmax(beside_queue["clear_s"]))
    assert beside_queue["discharge_vps"][TAKEN, east] > SATURATION_VPS
    assert beside_queue["discharged_s"][FREE, east] <= 2.0

"""Turning shares and saturation flow, learnt from counts alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from brain_street import READING, STATE, batch, city, crossing, lamp, reading, tick, two

from citybrain.brain import steps
from citybrain.brain.layout import SATURATION_VPS, Layout
from citybrain.brain.saturation import HIGHEST_VPS, LOWEST_VPS, learnt, saturation, saturation_sd
from citybrain.brain.turning import Turning
from citybrain.model import Lane, Link, RoadNet, Stage

Floats = npt.NDArray[np.float64]


def own_green() -> RoadNet:
    """The crossing, with a stage for the left turn alone and one for straight on without it."""
    junction = crossing("a")
    lamps = ("GGrrrG", "rrGGrG", "rrrrGG")
    stages = tuple(Stage(k, w, tuple(i for i, c in enumerate(w) if c in "Gg")) for k, w in enumerate(lamps))
    fields = {f: getattr(junction, f) for f in junction.__struct_fields__}
    return city(type(junction)(**fields | {"stages": stages}))


def shares(turning: Turning, counts: Floats, lane: str, layout: Layout) -> list[float]:
    """Lane shares of the movements of a lane, in order."""
    (place,) = layout.zones.places(layout.zones.names.take([layout.zones.names.index(lane).as_py()]))
    return turning.lane_share(counts, np.flatnonzero(turning.zone == place))[0].tolist()


def test_who_passes_while_one_movement_alone_has_green_is_of_it() -> None:
    layout = Layout(own_green())
    turning = Turning(layout)
    counts, watched = turning.start(), np.ones(len(layout.zones))
    assert turning.known.all()
    passed = np.zeros(len(layout.zones))
    passed[layout.zones.names.index("a/e_0").as_py()] = 1.0
    for t in range(600):
        only_left = t % 10 < 4
        open_ = np.array([False, False, False, not only_left, only_left, True])
        counts = turning.counted(counts, passed, watched, open_)
    assert shares(turning, counts, "a/e_0", layout) == pytest.approx([0.6, 0.4], abs=0.02)
    share, sd = turning.link_share(counts, np.arange(len(layout.movements)))
    assert share[3:5] == pytest.approx([0.6, 0.4], abs=0.02) and (sd[3:5] < 0.05).all()


def test_where_nothing_tells_the_movements_apart_the_prior_stays_and_says_that_it_is_doubtful() -> None:
    layout = Layout(city(crossing("a")))
    turning = Turning(layout)
    counts, watched = turning.start(), np.ones(len(layout.zones))
    for _ in range(600):
        counts = turning.counted(counts, watched, watched, np.ones(6, np.bool_))
    assert shares(turning, counts, "a/e_0", layout) == pytest.approx([2 / 3, 1 / 3])
    assert not turning.known[turning.zone == layout.zones.names.index("a/e_0").as_py()].any()
    _, sd = turning.link_share(counts, np.arange(len(layout.movements)))
    assert sd[3] > 0.25 > sd[0]


def into_two() -> RoadNet:
    """Straight on from the east of a leads to the west lane of b, the left turn to the south lane of b."""
    junction, other = crossing("a"), crossing("b")
    to = ("out", "out", "out", "b/w", "b/s", "out")
    movements = tuple(
        type(m)(**{f: getattr(m, f) for f in m.__struct_fields__} | {"to_link": link})
        for m, link in zip(junction.movements, to, strict=True)
    )
    fields = {f: getattr(junction, f) for f in junction.__struct_fields__}
    net = city(type(junction)(**fields | {"movements": movements}), other)
    lanes = (Lane("out_0", 0, 500.0, 13.9, ()),)
    out = Link("out", "", "a", "far", 500.0, 13.9, lanes, (), 3)
    return RoadNet(**{f: getattr(net, f) for f in net.__struct_fields__} | {"links": (*net.links, out)})


@pytest.mark.parametrize("left", [0.1, 0.5, 0.8])
def test_the_flow_of_the_exits_tells_the_shares_of_a_shared_lane(left: float) -> None:
    layout = Layout(into_two())
    turning = Turning(layout)
    place = {zone: at for at, zone in enumerate(layout.zones.names.to_pylist())}
    counts = turning.start()
    watched_s, second = np.zeros(len(place)), np.ones(len(place))
    passed = np.zeros(len(place))
    passed[place["a/e_0"]], passed[place["b/w_0"]], passed[place["b/s_0"]] = 0.3, 0.3 * (1 - left), 0.3 * left
    for t in range(1800):
        counts = turning.counted(counts, passed, second, np.ones(len(layout.movements), np.bool_))
        watched_s = turning.watched(watched_s, second)
        if t % 60 == 59:
            before = np.bincount(turning.zone, counts)
            counts = turning.fitted(counts, before, watched_s, np.ones(len(place), np.bool_))
            assert np.bincount(turning.zone, counts) == pytest.approx(before)
    assert shares(turning, counts, "a/e_0", layout)[1] == pytest.approx(left, abs=0.05)


def test_an_exit_whose_detector_is_out_teaches_nothing() -> None:
    layout = Layout(into_two())
    turning = Turning(layout)
    sees = np.ones(len(layout.zones), np.bool_)
    sees[[layout.zones.names.index(z).as_py() for z in ("b/w_0", "b/s_0")]] = False
    counts = turning.start() + 50.0
    lanes = np.bincount(turning.zone, counts)
    assert turning.fitted(counts, lanes, np.full(len(sees), 600.0), sees) == pytest.approx(counts)


def test_saturation_begins_at_the_prior_and_follows_what_discharges_within_bounds() -> None:
    zero = np.zeros(1)
    assert saturation(zero, zero)[0] == SATURATION_VPS
    for rate, found in ((0.45, 0.45), (0.1, LOWEST_VPS), (2.0, HIGHEST_VPS)):
        vehicles, seconds = zero, zero
        for _ in range(2000):
            vehicles, seconds = learnt(vehicles, seconds, np.array([rate]), np.ones(1))
        assert saturation(vehicles, seconds)[0] == pytest.approx(found, abs=0.01)
        assert saturation_sd(vehicles, seconds)[0] < saturation_sd(zero, zero)[0]


def test_a_lane_that_discharges_slowly_is_learnt_through_the_step() -> None:
    """Reds of 30 s, then greens of 30 s in which one vehicle goes every 2.5 s, from a queue that never ends."""
    step = steps(two())[1]
    state = step.start()
    for t in range(1, 1500):
        green = t % 60 >= 30
        passed = int(green and t % 5 in (0, 2))
        row = reading("a/n_0", t, count=12, halted=9, entered=passed, passed=passed)
        inputs = (batch(STATE, [lamp("a", t, 0 if green else 1)], t), batch(READING, [row], t))
        state, rows = step.run(state, tick(t), inputs)
    assert rows is not None
    found = {r["movement"]: r for r in rows.to_pylist()}
    assert found["a:n"]["saturation_vph"] == pytest.approx(0.4 * 3600, rel=0.05)
    assert found["a:n"]["saturation_sd_vph"] < found["a:s"]["saturation_sd_vph"]
    assert found["a:s"]["saturation_vph"] == SATURATION_VPS * 3600
    assert found["a:n"]["turning_share"] > 0.9

"""Detectors dead, late, repeated, out of order, clocks that jump: estimates stay numbers and come right again."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from brain_street import LAMPS, QUEUE, READING, STATE, T0, batch, city, crossing, declared, lamp, reading, two
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.brain import steps
from citybrain.model import Batch, State, Step, Tick, conform

Row = dict[str, object]
LANES = [f"{j}/{side}_0" for j in "ab" for side in ("n", "s", "w", "e", "free")]


class Chain:
    """Watch and estimate, one after the other, as the graph runs them."""

    def __init__(self, *junctions: str) -> None:
        net = two() if not junctions else city(*(crossing(j) for j in junctions))
        self.steps: Sequence[Step] = steps(net)[:2]
        self.states: list[State] = [s.start() for s in self.steps]
        self.queues: dict[str, Row] = {}
        self.seq = 0

    def run(self, time_s: float, readings: Sequence[Row], stage: int = 0) -> dict[str, Row]:
        """A tick at that time; the movements as last written."""
        self.seq += 1
        second = int(time_s)
        inputs = [batch(STATE, [lamp("a", second, stage)], second), batch(READING, readings, second)]
        for at, step in enumerate(self.steps):
            seen = [b for b in inputs if b.dataset in step.reads]
            self.states[at], rows = step.run(self.states[at], Tick(1, self.seq, T0 + round(time_s * 1000)), seen)
            if rows is not None:
                conform(rows, declared()[step.writes])
                inputs.append(Batch(step.writes, f"{self.seq}", rows))
        for made in inputs[2:]:
            if made.dataset == QUEUE:
                self.queues |= {r["movement"]: r for r in made.rows.to_pylist()}
        return self.queues

    def is_sound(self) -> None:
        """Every figure is a number that can be."""
        for row in self.queues.values():
            for name, value in row.items():
                if isinstance(value, float):
                    assert math.isfinite(value) and value >= 0.0, (name, row)
            assert row["turning_share"] is None or row["turning_share"] <= 1.0
        for state in self.states:
            for name, values in state.items():
                if values.dtype.kind == "f" and not name.startswith("last_"):
                    assert (values >= 0.0).all(), name
            assert all((v == v).all() for v in state.values()), "no NaN is kept"


MOMENTS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1.0, 1.0, 1.0, 3.0, 45.0, 3600.0, -600.0]),
        st.lists(
            st.tuples(
                st.sampled_from(LANES),
                st.sampled_from([0, 0, -1, -3, -30, -400, 2, 90]),
                st.integers(0, 40),
                st.integers(0, 40),
                st.integers(0, 9),
                st.sampled_from([0.0, 1.0, 4.0, 1e9]),
                st.booleans(),
            ),
            max_size=6,
        ),
        st.integers(-1, 1),
    ),
    min_size=1,
    max_size=15,
)


@settings(max_examples=10)
@given(MOMENTS)
def test_whatever_comes_estimates_are_sound_and_clean_readings_put_them_right(moments: list) -> None:
    chain, now = Chain(), 10_000.0
    for ahead, lanes, stage in moments:
        now = max(now + ahead, 0.0)
        rows = [
            reading(
                lane, int(now) + off, count, halted, entered=passed, passed=passed, period_s=p, healthy=healthy
            )
            for lane, off, count, halted, passed, p, healthy in lanes
        ]
        chain.run(now, [*rows, *rows[:1]], stage)
        chain.is_sound()
    for _ in range(100):  # nothing ahead of its time is believed, so the clock soon passes all of it
        now += 1.0
        clean = [reading(lane, int(now), 3 + int(now) % 2, 2, mean_speed_mps=1.0 + now % 7) for lane in LANES]
        found = chain.run(now, clean, stage=1)
    chain.is_sound()
    assert found["a:n"]["queue_veh"] + found["a:n"]["approaching_veh"] == pytest.approx(3 + int(now) % 2)


def test_a_junction_without_any_reading_is_taken_for_one_of_light_traffic() -> None:
    chain = Chain()
    for t in range(130):
        found = chain.run(t, [], stage=1 if t < 100 else 0)
        chain.is_sound()
        if t == 99:
            waiting = found["a:n"]["queue_veh"]
    assert 2.0 < waiting <= 10.0, "red for 100 s, and nothing known: some will have come"
    assert found["a:n"]["queue_veh"] < 1.0 and found["a:n"]["age_s"] is None
    assert found["a:w"]["queue_veh"] > found["a:n"]["queue_veh"]


def test_a_blind_lane_gets_its_share_of_what_comes_beside_it() -> None:
    """Two lanes of one link: after a while one is out, and the other grows twice as busy."""
    junction = crossing("a")
    net = city(junction)
    links = tuple(link for link in net.links if link.id not in ("a/n", "a/s"))
    both = next(link for link in net.links if link.id == "a/n")
    lanes = tuple(lane for link in net.links if link.id in ("a/n", "a/s") for lane in link.lanes)
    fields = {f: getattr(both, f) for f in both.__struct_fields__} | {"lanes": lanes}
    joined = type(net)(
        **{f: getattr(net, f) for f in net.__struct_fields__} | {"links": (*links, type(both)(**fields))}
    )
    chain = Chain("a")
    chain.steps = steps(joined)[:2]
    chain.states = [s.start() for s in chain.steps]
    arrivals = []
    for t in range(900):
        busy = t % (10 if t < 500 else 5) == 0
        rows = [reading("a/n_0", t, int(busy), entered=int(busy), passed=int(busy), mean_speed_mps=5.0 + t % 11)]
        south = int(t % 10 == 5)
        rows.append(reading("a/s_0", t, south, entered=south, passed=south, healthy=t < 500))
        found = chain.run(t, rows, stage=0)
        arrivals.append(found["a:s"]["arrival_vph"])
    assert arrivals[499] == pytest.approx(360.0, rel=0.2)
    assert arrivals[-1] == pytest.approx(720.0, rel=0.2)


def test_readings_thirty_seconds_late_are_carried_to_now() -> None:
    chain = Chain()
    for t in range(40, 100):
        red = t < 70
        found = chain.run(t, [reading("a/n_0", t - 30, 8, 8)], stage=1 if red else 0)
        if t == 69:
            assert 8.0 <= found["a:n"]["queue_veh"] <= 10.0
    assert found["a:n"]["queue_veh"] < 1.0, "thirty seconds of green since that reading"
    assert found["a:n"]["age_s"] == 30.0


def test_an_older_reading_after_a_newer_one_changes_nothing() -> None:
    late, never = Chain(), Chain()
    for t in range(1, 30):
        now = [reading("a/n_0", t, t % 5, 0, mean_speed_mps=float(t))]
        late.run(t, [*now, reading("a/n_0", max(t - 9, 0), 30, 30)] if t > 1 else now)
        never.run(t, now)
    assert late.queues["a:n"] == never.queues["a:n"]


def test_readings_three_seconds_old_know_of_the_green_since() -> None:
    """Twelve stand, and the lamp is green for the three seconds of the reading: one or two have gone."""
    chain = Chain()
    for t in range(1, 40):
        chain.run(t, [reading("a/n_0", t - 3, 12, 12, mean_speed_mps=0.0)], stage=1)
    for t in range(40, 43):
        found = chain.run(t, [reading("a/n_0", t - 3, 12, 12, mean_speed_mps=0.0)], stage=0)
    assert 10.0 < found["a:n"]["queue_veh"] < 11.0
    assert "G" in LAMPS[0]

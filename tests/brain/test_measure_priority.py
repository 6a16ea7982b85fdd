"""Priorities by time of the day, against the clock on the wall."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from citybrain.brain.priority import Priorities, holds
from citybrain.model import Junction, MapProjection, Movement, OwnPlan, Priority, RoadNet

BERLIN = ZoneInfo("Europe/Berlin")


def net_of(*priorities: Priority) -> RoadNet:
    movements = tuple(Movement(f"j:{n}", "a", "b", "s", (), (n,), (), 0.0, False) for n in range(3))
    junction = Junction(
        "j", "", (0, 0), "", (), movements, (), OwnPlan("0", (), 0), ((),) * 3, ((),) * 3, (3.0,) * 3, 1, 5, 120,
        priorities=priorities,
    )  # fmt: skip
    geo = MapProjection("local", 0.0, 0.0, 1.0, (0.0,) * 6, (0.0,) * 6, 0.0)
    return RoadNet("d", "n", geo, (0, 0, 1, 1), (), (junction, junction), (), "", "Europe/Berlin")


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


def test_weights_hold_in_local_time_summer_and_winter() -> None:
    found = Priorities(net_of(Priority((1,), 3.0, 7 * 3600, 9 * 3600, (0, 1, 2, 3, 4))))
    for day in ("2026-07-06", "2026-12-07"):  # Mondays
        assert found.weights(at(f"{day}T06:59:59")).tolist() == [1.0] * 6
        assert found.weights(at(f"{day}T07:00:00")).tolist() == [1, 3, 1, 1, 3, 1]
        assert found.weights(at(f"{day}T08:59:59")).tolist() == [1, 3, 1, 1, 3, 1]
        assert found.weights(at(f"{day}T09:00:00")).tolist() == [1.0] * 6
    assert found.weights(at("2026-12-06T08:00:00")).tolist() == [1.0] * 6


def test_priorities_multiply_and_none_is_one() -> None:
    always = tuple(range(7))
    both = Priorities(net_of(Priority((0, 1), 2.0, 0, 86_400, always), Priority((1,), 0.5, 0, 86_400, always)))
    assert both.weights(0).tolist() == [2, 1, 1, 2, 1, 1]
    assert np.array_equal(Priorities(net_of()).weights(at("2026-12-07T07:30:00")), np.ones(6))


@given(
    begin=st.integers(0, 1439),
    end=st.integers(0, 1439),
    days=st.sets(st.integers(0, 6)),
    minute=st.integers(0, 7 * 1440 - 1),
)
def test_a_priority_holds_from_its_begin_to_its_end(begin: int, end: int, days: set[int], minute: int) -> None:
    monday = datetime(2026, 11, 16)
    found = holds(Priority((), 1.0, begin * 60, end * 60, tuple(days)), monday + timedelta(minutes=minute))
    length = (end - begin) % 1440 or 1440
    spans = [(d * 1440 + begin + week, d * 1440 + begin + week + length) for d in days for week in (-10080, 0)]
    assert found == any(a <= minute < b for a, b in spans)

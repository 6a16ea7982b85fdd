"""The past of the vital signs as it is kept in memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain.cockpit.history import POINTS, _thinned
from citybrain.cockpit.record import Score

T0 = 1_795_500_000_000


def scores(city: str, moments: range) -> tuple[Score, ...]:
    return tuple(Score(city, T0 + 10_000 * k, 9, 1, 30.0, 1.2, 9.0, k, 1, 5.0, "z", 0) for k in moments)


@given(st.integers(0, 2160), st.integers(0, 40), st.integers(0, 40))
def test_both_cities_are_shown_at_the_same_moments(whole: int, late: int, behind: int) -> None:
    """Also where the shadow began later, or its newest score is still to come."""
    live, shadow = scores("live", range(whole)), scores("shadow", range(late, max(late, whole - behind)))
    shown, other = _thinned(live, shadow)
    assert len(shown) <= POINTS + 1 and (not live or shown[-1] is live[-1])
    assert not shadow or other[-1] is shadow[-1]
    told = {s.time for s in shown}
    assert {s.time for s in other[:-1]} <= told
    assert sum(shadow[0].time <= t <= shadow[-1].time for t in told) <= len(other) if shadow else not other


@pytest.mark.parametrize("whole", [POINTS, 2 * POINTS])
def test_the_past_is_told_as_densely_as_there_is_room(whole: int) -> None:
    (shown,) = _thinned(scores("live", range(whole)))
    assert len(shown) == POINTS

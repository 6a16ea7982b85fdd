"""Days of the brain against days of the own plans: pairs that are fair, and what is claimed of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from citybrain.cockpit.ab_report import BUCKET_MS, LEAST, SETTLES, Day, days_of, gain_of, pairs_of
from citybrain.model import to_ms

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 2)


def day(
    n: int, brain: bool, delay_s: float, begin: int = 84, end: int = 120, vehicles: dict[int, int] | None = None
) -> Day:
    """The `n`th day after the Monday, from 07:00 to 10:00; by hour how many vehicles arrive each five minutes."""
    arrived = {k: (vehicles or {}).get(k // 12, 100) for k in range(begin, end)}
    return Day(MONDAY + timedelta(days=n), brain, dict.fromkeys(range(begin, end), delay_s), arrived)


def test_a_pair_is_first_the_same_weekday_a_week_apart_under_unlike_arms() -> None:
    found = pairs_of([day(0, True, 20), day(1, False, 99), day(7, False, 40), day(12, True, 1), day(8, False, 50)])
    assert [(p.brain, p.own_plan, p.hours, p.gain) for p in found] == [
        (MONDAY, MONDAY + timedelta(days=7), 3.0, 0.5)
    ]


def test_what_is_left_over_is_paired_with_the_nearest_of_the_same_kind() -> None:
    days = [
        day(0, True, 20),
        day(1, False, 40),
        day(2, True, 10),
        day(4, False, 20),
        day(5, True, 1),
        day(6, False, 4),
    ]
    found = pairs_of(days)
    assert [((p.brain - MONDAY).days, (p.own_plan - MONDAY).days) for p in found] == [(0, 1), (2, 4), (5, 6)]
    assert pairs_of([day(4, True, 20), day(5, False, 40)]) == (), "a Friday and a Saturday are no pair"
    assert pairs_of([day(0, True, 20), day(8, False, 40)]) == (), "a Tuesday a week later is too far from a Monday"


def test_a_day_enters_one_pair_only() -> None:
    days = [day(7 * k, k % 2 == 0, 10.0 * (k + 1)) for k in range(4)]
    found = pairs_of(days)
    assert [(p.brain_delay_s, p.own_delay_s) for p in found] == [(10.0, 20.0), (30.0, 40.0)]


def test_only_the_same_times_of_day_count_and_too_few_of_them_do_not() -> None:
    rush = Day(MONDAY, True, {k: 10.0 if k < 96 else 90.0 for k in range(84, 120)}, {})
    short = day(7, False, 20.0, 84, 84 + LEAST)
    (pair,) = pairs_of([rush, short])
    assert (pair.brain_delay_s, pair.hours) == (10.0, 1.0)
    assert pairs_of([rush, day(7, False, 20.0, 84, 84 + LEAST - 1)]) == ()


def test_hours_of_like_demand_are_compared_once_more() -> None:
    """From 07 to 10, and at 09 half as many arrive on the day of the brain, when it has no delay at all."""
    brain = day(0, True, 30.0, vehicles={9: 50})
    brain = Day(brain.day, True, {k: d if k < 108 else 0.0 for k, d in brain.delay_s.items()}, brain.arrived)
    (pair,) = pairs_of([brain, day(7, False, 40.0, vehicles={8: 109})])
    assert pair.gain == pytest.approx(0.5)
    assert (pair.brain_veh, pair.own_veh) == (3000, 3708)
    assert (pair.alike_hours, pair.alike_gain) == (2.0, pytest.approx(0.25))
    unknown = Day(brain.day, True, brain.delay_s, {k: n for k, n in brain.arrived.items() if k != 90})
    (pair,) = pairs_of([unknown, day(7, False, 40.0)])
    assert (pair.brain_veh, pair.alike_hours, pair.alike_gain) == (None, 1.0, 0.25)


def test_the_interval_is_students() -> None:
    assert gain_of([]) is None
    one = gain_of([0.2])
    assert one is not None and (one.mean, one.low, one.high) == (0.2, None, None)
    found = gain_of([0.1, 0.2, 0.3])
    assert found is not None and found.low is not None and found.high is not None
    assert (found.pairs, found.mean) == (3, pytest.approx(0.2))
    off = 4.303 * 0.1 / 3**0.5
    assert (found.low, found.high) == (pytest.approx(0.2 - off, abs=1e-3), pytest.approx(0.2 + off, abs=1e-3))


def stretches(first: date, n: int, **shares: float) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:
    """Rows of `n` stretches from 07:00 of a day on, in city time of Berlin; the arm had decided since 06:45."""
    begin = to_ms(datetime(first.year, first.month, first.day, 7, tzinfo=BERLIN)) // BUCKET_MS
    rows = [{"bucket": begin + k, "delay_s": 30.0 + k, "arrived": 90} for k in range(n)]
    blank = {"brain": 0.0, "own_plan": 0.0}
    return rows, {begin + k: blank | shares for k in range(-SETTLES, n)}


def test_a_day_counts_for_who_decided_and_not_where_both_did_or_neither() -> None:
    brain, by_brain = stretches(MONDAY, 24, brain=0.97)
    own, by_own = stretches(MONDAY + timedelta(days=1), 24, own_plan=1.0)
    silent, by_silence = stretches(MONDAY + timedelta(days=2), 24, brain=0.5, own_plan=0.1)
    found = days_of([*brain, *own, *silent], by_brain | by_own | by_silence, BERLIN)
    assert [(d.day, d.brain) for d in found] == [(MONDAY, True), (MONDAY + timedelta(days=1), False)]
    assert (found[0].delay_s[84], found[0].arrived[84]) == (30.0, 90)
    mixed = by_brain | {k: {"brain": 0.0, "own_plan": 1.0} for k in list(by_brain)[LEAST + SETTLES :]}
    assert [(len(d.delay_s), d.brain) for d in days_of(brain, mixed, BERLIN)] == [(LEAST, True)]
    longer, by_longer = stretches(MONDAY, 2 * LEAST + SETTLES, brain=1.0)
    mixed = by_longer | {k: {"brain": 0.0, "own_plan": 1.0} for k in list(by_longer)[LEAST + SETTLES :]}
    assert days_of(longer, mixed, BERLIN) == [], "a day of which each had an hour is nobody's"


def test_a_change_has_a_quarter_of_an_hour_to_show() -> None:
    rows, arms = stretches(MONDAY, 24, brain=1.0)
    before = list(arms)[:SETTLES]
    changed = arms | {k: {"brain": 0.0, "own_plan": 1.0} for k in before}
    (found,) = days_of(rows, changed, BERLIN)
    assert min(found.delay_s) == 84 + SETTLES
    (found,) = days_of(rows, {k: v for k, v in arms.items() if k not in before}, BERLIN)
    assert min(found.delay_s) == 84 + SETTLES, "who decided before is not known"


def test_nothing_is_claimed_of_a_city_without_delay() -> None:
    assert pairs_of([day(0, True, 5.0), day(7, False, 0.0)]) == ()
    (pair,) = pairs_of([day(0, True, 5.0), day(7, False, 4.0)])
    assert pair.gain == pytest.approx(-0.25)

"""Days of the brain against days of the own plans: pairs that are fair, and what is claimed of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from citybrain.cockpit.ab_report import BUCKET_MS, LEAST, Day, days_of, pairs_of
from citybrain.model import to_ms

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 2)


def day(n: int, brain: bool, delay_s: float, begin: int = 84, end: int = 120) -> Day:
    """The `n`th day after the Monday, from 07:00 to 10:00."""
    return Day(MONDAY + timedelta(days=n), brain, dict.fromkeys(range(begin, end), delay_s))


def test_a_pair_is_the_same_weekday_a_week_apart_under_unlike_arms() -> None:
    found = pairs_of([day(0, True, 20), day(1, False, 99), day(7, False, 40), day(9, True, 1), day(8, False, 50)])
    assert [(p.brain, p.own_plan, p.hours, p.gain) for p in found] == [
        (MONDAY, MONDAY + timedelta(days=7), 3.0, 0.5)
    ]


def test_a_day_enters_one_pair_only() -> None:
    days = [day(7 * k, k % 2 == 0, 10.0 * (k + 1)) for k in range(4)]
    found = pairs_of(days)
    assert [(p.brain_delay_s, p.own_delay_s) for p in found] == [(10.0, 20.0), (30.0, 40.0)]


def test_only_the_same_times_of_day_count_and_too_few_of_them_do_not() -> None:
    rush = Day(MONDAY, True, {k: 10.0 if k < 96 else 90.0 for k in range(84, 120)})
    short = day(7, False, 20.0, 84, 84 + LEAST)
    (pair,) = pairs_of([rush, short])
    assert (pair.brain_delay_s, pair.hours) == (10.0, 1.0)
    assert pairs_of([rush, day(7, False, 20.0, 84, 84 + LEAST - 1)]) == ()


def stretches(first: date, n: int, **shares: float) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:
    """Rows of `n` stretches from 07:00 of a day on, in city time of Berlin."""
    begin = to_ms(datetime(first.year, first.month, first.day, 7, tzinfo=BERLIN)) // BUCKET_MS
    rows = [{"bucket": begin + k, "delay_s": 30.0 + k} for k in range(n)]
    blank = {"brain": 0.0, "own_plan": 0.0}
    return rows, {r["bucket"]: blank | shares for r in rows}


def test_a_day_counts_for_who_decided_and_not_where_both_did_or_neither() -> None:
    brain, by_brain = stretches(MONDAY, 24, brain=0.97)
    own, by_own = stretches(MONDAY + timedelta(days=1), 24, own_plan=1.0)
    silent, by_silence = stretches(MONDAY + timedelta(days=2), 24, brain=0.5, own_plan=0.1)
    found = days_of([*brain, *own, *silent], by_brain | by_own | by_silence, BERLIN)
    assert [(d.day, d.brain) for d in found] == [(MONDAY, True), (MONDAY + timedelta(days=1), False)]
    assert found[0].delay_s[84] == 30.0
    mixed = by_brain | {k: {"brain": 0.0, "own_plan": 1.0} for k in list(by_brain)[LEAST:]}
    assert days_of(brain, mixed, BERLIN) == []


def test_nothing_is_claimed_of_a_city_without_delay() -> None:
    assert pairs_of([day(0, True, 5.0), day(7, False, 0.0)]) == ()
    (pair,) = pairs_of([day(0, True, 5.0), day(7, False, 4.0)])
    assert pair.gain == pytest.approx(-0.25)

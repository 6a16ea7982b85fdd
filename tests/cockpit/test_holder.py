"""Which of people's commands is in force at a junction: the newest counts, terms end, locks shut others out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from citybrain.cockpit.holder import Held, in_force
from citybrain.cockpit.record import Switch

AREAS = frozenset({"J1", "north", "city"})


def asked(request: str, at: int, control: str, **more: Any) -> Switch:
    """A command at second `at` that the guard accepted."""
    blank = Switch(request, at * 1000, "J1", control, who="Li", why="w", accepted=True)
    return msgspec.structs.replace(blank, **more)


def held(*switches: Switch, now: int = 100, control: str = "brain") -> tuple[str | None, str | None]:
    found: Held = in_force(switches, AREAS, now * 1000, control)
    return (found.top.request if found.top else None, found.below.request if found.below else None)


def test_the_last_command_counts_for_its_own_areas_only() -> None:
    away = asked("away", 9, "own_plan", area="J2")
    assert held(asked("a", 1, "own_plan"), asked("b", 2, "brain", area="city"), away) == ("b", None)


def test_a_stage_held_covers_who_decides_until_it_ends() -> None:
    base, hold = asked("base", 1, "own_plan"), asked("hold", 2, "hold", stage=1, until=200_000)
    assert held(base, hold) == ("hold", "base")
    assert held(base, hold, now=200) == ("base", None)
    assert held(base, hold, asked("end", 3, "advised")) == ("end", None)


def test_what_was_refused_or_is_not_answered_holds_nothing() -> None:
    for accepted in (False, None):
        assert held(asked("a", 1, "flash", accepted=accepted, until=200_000)) == (None, None)


@pytest.mark.parametrize(("control", "expected"), [("approved", "yes"), ("advised", "mode")])
def test_an_approval_lasts_as_long_as_the_guard_says(control: str, expected: str) -> None:
    mode, yes = asked("mode", 1, "advised"), asked("yes", 2, "advised", stage=0, until=160_000)
    assert held(mode, yes, control=control)[0] == expected


@pytest.mark.parametrize(
    ("more", "expected"), [({}, "lock"), ({"force": True}, "other"), ({"who": "Li"}, "other")]
)
def test_a_lock_shuts_a_request_for_the_whole_city_out(more: dict[str, Any], expected: str) -> None:
    lock = asked("lock", 1, "hold", stage=0, lock=True, until=200_000)
    other = asked("other", 2, "own_plan", **({"area": "city", "who": "Wang"} | more))
    assert held(lock, other)[0] == expected
    late = asked("late", 300, "own_plan", area="city", who="Wang")
    assert held(lock, late, now=301)[0] == "late"

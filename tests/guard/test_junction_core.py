"""The pure core of the guard against the oracle, and the oracle against broken guards."""

from __future__ import annotations

from itertools import repeat

import msgspec
import pytest
from guard_crossing import T0, crossing, drive, junctions, stubborn
from guard_oracle import violations
from guard_shapes import Timers, shape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citybrain.guard import Limits, LimitsError, Monitor, Reason, aged, limits_of, start, step
from citybrain.guard.junction import HAS_GREEN
from citybrain.guard.limits import clashes
from citybrain.model import Junction, Stage

replace = msgspec.structs.replace


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(junctions()), st.data())
def test_an_adversary_never_makes_the_lamps_unsafe(junction: Junction, data: st.DataObject) -> None:
    limits = limits_of(junction)
    wish = st.one_of(st.none(), st.integers(0, limits.stages - 1))
    pieces = data.draw(st.lists(st.tuples(wish, st.sampled_from([1, 2, 5, 6, 9, 40, 150])), max_size=25))
    wishes = iter([w for w, seconds in pieces for _ in range(seconds)] + [None] * 30)
    seconds = sum(s for _, s in pieces) + 30
    history = drive(limits, wishes, seconds)
    assert violations(junction, history, max_red_s=limits.max_red_ms / 1000) == []


@pytest.mark.parametrize("seed", range(3))
def test_long_runs_keep_every_limit(seed: int) -> None:
    for junction in junctions():
        limits = limits_of(junction)
        history = drive(limits, stubborn(seed, limits.stages), 1500)
        assert violations(junction, history, max_red_s=junction.max_red_s) == [], junction.id


def test_all_red_is_that_of_those_who_clear() -> None:
    """Links that clear the junction slowly get more all-red than others, and nobody who waits for these waits for
    that."""
    base = crossing()
    slow = tuple(2.0 + 2.0 * (i in base.stages[0].movements) for i in range(base.signal_links))
    junction = replace(base, clearing_s=slow, all_red_s=4.0)
    limits, plain = limits_of(junction), limits_of(replace(base, all_red_s=2.0))
    longer = {
        (a, b): (limits.change_ms[a][b] - plain.change_ms[a][b]) // 1000
        for a in range(plain.stages)
        for b in range(plain.stages)
    }
    assert {*longer.values()} == {0, 2}
    assert all(longer[a, a] == 0 for a in range(plain.stages))
    for seed in range(3):
        history = drive(limits, stubborn(seed, limits.stages), 1500)
        assert violations(junction, history, max_red_s=limits.max_red_ms / 1000) == []
    history = drive(plain, stubborn(1, plain.stages), 1500)
    assert any("s after" in v for v in violations(junction, history, max_red_s=plain.max_red_ms / 1000))


def _mutants() -> dict[str, tuple[Junction, Limits]]:
    good = crossing()
    limits = limits_of(good)
    clash = ("GGGGrrG", *limits.lamps[1:])
    at_once = tuple(tuple(() for _ in row) for row in limits.words)
    return {
        "short yellow": (good, limits_of(crossing(yellow_s=tuple(y - 1 for y in good.yellow_s)))),
        "one short yellow": (good, limits_of(crossing(yellow_s=(*good.yellow_s[:5], 3.0, 3.0)))),
        "no all-red": (good, limits_of(crossing(all_red_s=0.0))),
        "short all-red": (good, limits_of(crossing(all_red_s=1.0))),
        "short green": (good, limits_of(crossing(min_green_s=4.0))),
        "conflicting stage": (good, replace(limits, lamps=clash)),
        "no change between stages": (
            good,
            replace(limits, words=at_once, change_ms=tuple((0,) * 6 for _ in range(6))),
        ),
        "change a second short": (
            good,
            replace(limits, change_ms=tuple(tuple(max(c - 1000, 0) for c in row) for row in limits.change_ms)),
        ),
    }


@pytest.mark.parametrize("name", _mutants())
def test_the_oracle_and_the_monitor_catch_a_broken_guard(name: str) -> None:
    junction, limits = _mutants()[name]
    history = drive(limits, stubborn(1, limits.stages), 3000)
    assert violations(junction, history)
    monitor = Monitor(junction, T0)
    assert any(monitor.check(lamps, T0 + round(second * 1000)) for second, lamps in history)


@pytest.mark.parametrize("late_ms", [1000, 10_000, 1 << 50])
def test_the_oracle_catches_a_late_maximum_red(late_ms: int) -> None:
    junction = crossing()
    limits = limits_of(junction)
    late = replace(limits, max_red_ms=limits.max_red_ms + late_ms)
    history = drive(late, repeat(0), 600)
    assert any("has waited" in v for v in violations(junction, history, max_red_s=junction.max_red_s))
    assert not violations(junction, drive(limits, repeat(0), 600), max_red_s=junction.max_red_s)


def test_the_monitor_passes_what_the_core_shows() -> None:
    for junction in junctions():
        limits = limits_of(junction)
        monitor = Monitor(junction, T0)
        for second, lamps in drive(limits, stubborn(7, limits.stages), 800):
            assert monitor.check(lamps, T0 + round(second * 1000)) == ""


def test_links_green_in_both_stages_stay_green() -> None:
    limits = limits_of(crossing())
    history = drive(limits, iter([1] * 12 + [3] * 30), 40)
    left = "".join(lamps[1] for _, lamps in history)
    assert "G" in left and "y" not in left and not left.strip("r").strip("G")
    assert history[-1][1] == "GGrrrrG"
    assert all(lamps[6] == "G" for _, lamps in history[7:])


def test_nobody_is_trapped_by_a_yellow_that_opposing_traffic_does_not_get() -> None:
    limits = limits_of(crossing())
    words = [lamps for _, lamps in drive(limits, iter([0] * 12 + [3] * 30), 40)]
    first = words.index("GgGgrrG") + words.count("GgGgrrG")
    assert words[first : first + 7] == ["ygyyrrG"] * 3 + ["rgryrrG", "rgrrrrG", "rGrrrrG", "GGrrrrG"]


def test_a_link_waits_for_those_only_that_conflict_with_it() -> None:
    """Two crossings under one controller: all-red of the one is not waited for at the other."""
    ways = [("n", "s'", "s"), ("w", "e'", "s"), ("m", "k'", "s"), ("u", "v'", "s"), ("u", "n'", "r")]
    timers = Timers(5.0, 3.0, 1.0, 7.0, 9.0, 120.0)
    two = shape(ways, ["GrGrr", "rGrGG"], [(0, 1), (2, 3)], [], timers)
    limits = limits_of(replace(two, clearing_s=(4.0, 1.0, 1.0, 1.0, 1.0)))
    words = [lamps for _, lamps in drive(limits, iter([0] * 14 + [1] * 30), 40)]
    first = words.index("GrGrr") + words.count("GrGrr")
    assert words[first : first + 8] == ["yryrG"] * 3 + ["rrrrG"] + ["rrrGG"] * 3 + ["rGrGG"]


def test_a_link_keeps_its_green_while_others_are_waited_for() -> None:
    ways = [("n", "s'", "s"), ("s", "n'", "s"), ("w", "e'", "s")]
    both = shape(ways, ["GGr", "rrG"], [(0, 2), (1, 2)], [], Timers(5.0, 3.0, 1.0, 7.0, 9.0, 120.0))
    limits = limits_of(replace(both, clearing_s=(4.0, 1.0, 1.0)))
    words = [lamps for _, lamps in drive(limits, iter([0] * 14 + [1] * 30), 40)]
    first = words.index("GGr") + words.count("GGr")
    assert words[first : first + 8] == ["yGr"] * 3 + ["ryr"] * 3 + ["rrr", "rrG"]


def test_a_right_of_way_is_cleared_before_it_is_taken_away() -> None:
    limits = limits_of(crossing())
    words = [lamps for _, lamps in drive(limits, iter([1] * 12 + [0] * 30), 40)]
    first = words.index("ryryrrG")
    assert words[first : first + 7] == ["ryryrrG"] * 4 + ["rrrrrrG"] * 2 + ["GgGgrrG"]


def test_a_change_follows_its_own_yellows() -> None:
    limits = limits_of(crossing())
    history = drive(limits, iter([0] * 12 + [2] * 30), 30)
    words = [lamps for _, lamps in history]
    first = words.index("yyyyrrG")
    assert words[first : first + 7] == ["yyyyrrG"] * 3 + ["ryryrrG"] + ["rrrrrrG"] * 2 + ["rrrrGGG"]


def test_wishes_that_wait_say_why() -> None:
    limits = limits_of(crossing())
    signal = start(limits, T0)
    told = []
    for second in range(1, 20):
        signal, _, reason = step(limits, signal, 0 if second < 9 else 2, T0 + second * 1000)
        told.append(reason)
    assert told[:6] == [Reason.MIN_GREEN] * 6
    assert told[8:11] == [Reason.MIN_GREEN] * 3
    assert told[-3:] == [None] * 3


def test_more_stages_than_its_maximum_red_has_room_for() -> None:
    junction = crossing(max_red_s=20.0)
    limits = limits_of(junction)
    assert limits.max_red_ms > 20_000
    for seed in range(5):
        history = drive(limits, stubborn(seed, limits.stages), 2000)
        assert violations(junction, history, max_red_s=limits.max_red_ms / 1000) == []


def test_stages_that_cannot_be_guarded_are_refused() -> None:
    good = crossing()
    for lamps, why in (
        ("GGGGrrG", "stage_conflicts"),
        ("GG", "stage_does_not_fit"),
        ("GyGgrrG", "stage_does_not_fit"),
    ):
        with pytest.raises(LimitsError, match=why):
            limits_of(replace(good, stages=(Stage(0, lamps, (0,)), *good.stages[1:])))
    with pytest.raises(LimitsError, match="no_stages"):
        limits_of(replace(good, stages=()))


def test_every_state_of_a_small_junction_is_safe() -> None:
    """All of them, under all wishes: no conflict, no red beyond the maximum, and no wish that waits for ever."""
    base = crossing()
    junction = replace(
        base, stages=base.stages[:3], yellow_s=(2.0, 3.0, 2.0, 3.0, 2.0, 2.0, 2.0), min_green_s=2.0, max_red_s=26.0
    )
    limits = limits_of(junction)
    first = aged(limits, start(limits, 0), 0)
    seen, new, served = {first}, [first], set()
    while new:
        signal = new.pop()
        for wish in (None, *range(limits.stages)):
            after, lamps, reason = step(limits, signal, wish, 1000)
            assert clashes(lamps, junction.conflicts, junction.yields) is None
            assert all(r == HAS_GREEN or 1000 - r <= limits.max_red_ms for r in after.red_ms)
            if reason is None and wish is not None and after.target == wish:
                served.add((signal.target, wish))
            after = aged(limits, after, 1000)
            if after not in seen:
                seen.add(after)
                new.append(after)
    assert len(seen) > 1000
    assert served == {(a, b) for a in range(-1, limits.stages) for b in range(limits.stages)}


def test_equal_ages_behave_alike() -> None:
    limits = limits_of(crossing())
    a, b = start(limits, T0), start(limits, T0 + 86_400_000)
    wishes = stubborn(3, limits.stages)
    for second in range(1, 400):
        wish = next(wishes)
        a, lamps_a, reason_a = step(limits, a, wish, T0 + second * 1000)
        b, lamps_b, reason_b = step(limits, b, wish, T0 + 86_400_000 + second * 1000)
        assert (lamps_a, reason_a) == (lamps_b, reason_b)
        ages = aged(limits, a, T0 + second * 1000)
        assert hash(ages) == hash(aged(limits, b, T0 + 86_400_000 + second * 1000))

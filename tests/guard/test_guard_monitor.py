"""The monitor: what it stops before it shows, and what it latches when lamps are read back."""

from __future__ import annotations

import pytest
from guard_crossing import T0, city, crossing, stubborn
from guard_shapes import REAL, SHAPES, SMALL
from guard_street import ask, run, switched

from citybrain.guard import Guard, Monitor, limits_of, start, step
from citybrain.guard.limits import FLASH
from citybrain.guard.readback import CONFLICT_MS, RED_FAIL_MS, SHORT_YELLOW_MS, Readback
from citybrain.model import Control, Junction

GREEN, YELLOW, RED = "GgGgrrG", "yyyyrrG", "rrrrrrG"


def shown(junction: Junction, *words: tuple[str, int]) -> str:
    """What the monitor says of lamps that show for so many seconds each, all red for a minute before."""
    monitor, now = Monitor(junction, T0), T0 + 60_000
    for lamps, seconds in words:
        fault = monitor.check(lamps, now)
        if fault:
            return fault
        now += seconds * 1000
    return ""


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ([(GREEN, 5), (YELLOW, 4), (RED, 2), ("rrrrGGG", 5)], ""),
        ([(GREEN, 5), ("ygyyrrG", 4), ("rgrrrrG", 2), ("GGrrrrG", 5)], ""),
        ([(GREEN, 5), ("GgyyrrG", 4)], "link 3 is trapped"),
        ([("rGrGrrG", 5), (GREEN, 5)], "link 1 loses its right of way"),
        ([(GREEN, 5), (YELLOW, 4), ("rrrrrrr", 2), ("ooooooo", 5)], "loses green without yellow"),
        ([(GREEN, 5), ("yyyyrry", 4), ("rrrrrrr", 1), ("ooooooo", 5)], "flashing begins too early"),
        ([(GREEN, 5), ("ooooooo", 5)], "flashing begins while"),
        ([("ooooooo", 9), ("rrrrrrr", 7), ("rrrrGGG", 5)], ""),
        ([("ooooooo", 9), ("rrrrrrr", 4), ("rrrrGGG", 5)], "too early after"),
        ([("ooooooo", 9), ("rrrrGGG", 5)], "flashing ends without all-red"),
        ([("oooooor", 9)], "do not fit"),
        ([("rrrrrrO", 9)], "do not fit"),
    ],
)
def test_what_the_monitor_lets_pass(words: list[tuple[str, int]], fault: str) -> None:
    told = shown(crossing(), *words)
    assert fault in told
    assert bool(told) == bool(fault)


def test_a_walk_may_not_be_short() -> None:
    junction = SHAPES["foot_crossing"](REAL)
    assert shown(junction, ("GgGr", 7), ("Ggyr", 6)) == ""
    assert "minimum green" in shown(junction, ("GgGr", 6), ("Ggyr", 6))
    assert "less than its yellow" in shown(junction, ("GgGr", 7), ("Ggyr", 8), ("Ggrr", 1))


@pytest.mark.parametrize("name", SHAPES)
def test_the_monitor_passes_every_shape(name: str) -> None:
    junction = SHAPES[name](SMALL)
    limits = limits_of(junction)
    monitor, signal = Monitor(junction, T0), start(limits, T0)
    wishes = stubborn(5, limits.stages)
    flashed = 0
    for second in range(1, 3000):
        wish = FLASH if second // 40 % 5 == 4 else next(wishes)
        signal, lamps, _ = step(limits, signal, wish, T0 + second * 1000)
        flashed += "o" in lamps
        assert monitor.check(lamps, T0 + second * 1000) == ""
    assert flashed > 100


def read(junction: Junction, *words: tuple[str, int]) -> str:
    """What the read-back says of lamps seen at so many milliseconds after the one before."""
    readback, now, before = Readback(junction), T0, None
    for lamps, after_ms in words:
        now += after_ms
        fault = readback.check(lamps, now, before)
        before = now
        if fault:
            return fault
    return ""


CLASH = "GgGgGrG"


def test_the_times_are_those_of_the_standard() -> None:
    """NEMA TS 2: conflict 200 to 450 ms, red fail 700 to 1000 ms; a yellow below 2.7 s is short (MUTCD's least is
    3 s)."""
    assert (CONFLICT_MS, RED_FAIL_MS, SHORT_YELLOW_MS) == (300, 800, 2700)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ([(GREEN, 0), (CLASH, 100), (CLASH, CONFLICT_MS - 1), ("GgGgyrG", 1)], ""),
        ([(GREEN, 0), (CLASH, 100), (CLASH, CONFLICT_MS)], "show green together"),
        ([(GREEN, 0), (CLASH, 3000), (GREEN, 3000), (CLASH, 3000)], ""),
        ([(CLASH, 0), (CLASH, 1000)], "links 0 and 4"),
        ([(GREEN, 0), ("GgGgrOG", 100), ("GgGgrOG", RED_FAIL_MS - 1)], ""),
        ([(GREEN, 0), ("GgGgrOG", 100), ("GgGgrOG", RED_FAIL_MS)], "link 5 shows no lamp"),
        ([(GREEN, 0), ("GgGgOrG", 500), ("GgGgrOG", 500), ("GgGgOrG", 500)], ""),
        ([(GREEN, 0), (YELLOW, 100), (RED, SHORT_YELLOW_MS - 101)], "yellow of less than"),
        ([(GREEN, 0), (YELLOW, 100), (RED, SHORT_YELLOW_MS - 100)], ""),
        ([(GREEN, 0), (YELLOW, 1000), (YELLOW, 1000), (RED, 700)], ""),
        ([(GREEN, 0), (YELLOW, 1000), (RED, 1000)], "yellow of less than"),
        ([(YELLOW, 0), (RED, 100)], ""),
        ([(GREEN, 0), (RED, SHORT_YELLOW_MS - 1)], "yellow of less than"),
        ([(GREEN, 0), (RED, SHORT_YELLOW_MS)], ""),
        ([(GREEN, 0), ("ooooooo", 1000), (RED, 1000)], ""),
        ([("Gg", 0)], "2 lamps are read back for 7 links"),
        ([("ooooooo", 0), ("ooooooo", 5000)], ""),
    ],
)
def test_what_the_read_back_latches(words: list[tuple[str, int]], fault: str) -> None:
    told = read(crossing(), *words)
    assert fault in told
    assert bool(told) == bool(fault)


def test_a_fault_read_back_is_latched_over_a_restart_until_a_person_resets_it() -> None:
    guard = Guard(city(crossing()), T0)
    run(guard, 30, 0)
    for tenth in range(10):
        guard.read_back(["GgGgrOG"], guard.time_ms + tenth * 100)
    assert guard.faults == {"x": "link 5 shows no lamp for 800 ms"}
    assert guard.lamps == ("rrrrrrr",)
    restored = Guard(city(crossing()), T0)
    restored.load(guard.dump())
    run(restored, 30, 0)
    assert restored.faults and restored.lamps == ("rrrrrrr",)
    switched(restored, ask("x", Control.BRAIN))
    assert not restored.faults
    assert run(restored, 30, 0)[-1] == ("GgGgrrG",)


def test_what_the_guard_shows_reads_back_without_a_fault() -> None:
    guard = Guard(city(crossing()), T0)
    for second in range(600):
        run(guard, 1, second // 31 % 4)
        guard.read_back(guard.lamps, guard.time_ms)
    assert not guard.faults

"""Yellow and all-red against figures that the rules themselves give."""

from __future__ import annotations

import pytest
from cities import data
from small_net import city_of, crossroads, program

from citybrain.model import Junction
from citybrain.network import change_notes, own_all_red, read_scenario
from citybrain.network.change_check import ite_yellow, own_yellow, rilsa_yellow

MPH = 0.44704
NS, EW = "GGGgrrrrGGGgrrrr", "rrrrGGGgrrrrGGGg"


@pytest.mark.parametrize(
    ("mph", "seconds"), [(25, 3.3), (30, 3.7), (35, 4.1), (40, 4.4), (45, 4.8), (50, 5.2), (55, 5.5)]
)
def test_straight_on_is_the_kinematic_equation_seven_mph_above_the_limit(mph: float, seconds: float) -> None:
    """1 + 1.47 (V + 7) / (2 · 10), the form in which the guidelines give it, in miles an hour and feet."""
    assert ite_yellow(mph * MPH, "s") == pytest.approx(1 + 1.467 * (mph + 7) / 20, abs=0.02)
    assert round(ite_yellow(mph * MPH, "s"), 1) == seconds


def test_a_left_turn_brakes_to_its_entry_speed() -> None:
    """1 + 1.47 (V − 5 − 20 / 2) / 10 for an entry at 20 mph."""
    for mph in (30, 40, 50):
        assert ite_yellow(mph * MPH, "l") == pytest.approx(1 + 1.467 * (mph - 5 - 10) / 10, abs=0.02)
    assert ite_yellow(5 * MPH, "l") == pytest.approx(ite_yellow(20 * MPH, "l"), abs=0.01), (
        "never faster than its entry"
    )


@pytest.mark.parametrize(("kmh", "seconds"), [(30, 3), (50, 3), (60, 4), (70, 5), (100, 5)])
def test_the_german_table(kmh: float, seconds: float) -> None:
    assert rilsa_yellow(kmh / 3.6) == seconds


def junction_of(tmp_path_factory: pytest.TempPathFactory, *phases: tuple[float, str]) -> Junction:
    folder = tmp_path_factory.mktemp("crossroads")
    return read_scenario(city_of(folder, crossroads(folder), program=program(*phases))).net().junctions[0]


def test_the_own_yellow_is_the_longest_in_a_row(tmp_path_factory: pytest.TempPathFactory) -> None:
    part = "yyyGrrrrGGGgrrrr"
    junction = junction_of(
        tmp_path_factory,
        (30, NS), (2, part), (2, "yyyyrrrrGGGgrrrr"), (3, "rrrrrrrryyyyrrrr"), (2, "r" * 16), (30, EW),
        (3, "rrrryyyyrrrryyyy"), (1, "r" * 16),
    )  # fmt: skip
    assert [own_yellow(junction, k) for k in (0, 3, 8, 4)] == [4, 2, 3, 3]
    assert own_all_red(junction) == 1
    assert junction.all_red_s == 2
    assert junction.clearing_s == ((2.0,) * 4 + (1.0,) * 4) * 2, "links 0 to 3 have none right after their yellow"


def test_a_program_without_them_has_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    junction = junction_of(tmp_path_factory, (30, NS), (30, EW))
    assert own_yellow(junction, 0) is None and own_all_red(junction) is None


def test_what_is_too_short_is_told_by_rule() -> None:
    net = read_scenario(data("cologne8")).net()
    notes = {n.movement: n for j in net.junctions for n in change_notes(j, net)}
    fast = notes["247379907:186623965#15>186623965#17"]
    assert (round(fast.speed_mps * 3.6), fast.yellow_s, fast.own_s) == (50, 3.0, 3.0)
    assert fast.rules == {"ITE 2020": 3.8, "MUTCD 4F.17": 3.0, "RiLSA": 3.0}
    assert fast.below == ("ITE 2020",)
    slow = notes["247379907:22917421#3>22917421#5"]
    assert (round(slow.speed_mps * 3.6), slow.below) == (30, ())

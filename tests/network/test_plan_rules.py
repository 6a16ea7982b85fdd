"""An engineer's limits: laid over a network, or refused with the table, the key and what to write."""

from __future__ import annotations

import tomllib
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cities import data
from hypothesis import given, settings
from hypothesis import strategies as st
from small_net import crossroads

from citybrain.guard import limits_of
from citybrain.guard.plan import PlanClock
from citybrain.model import Junction, JunctionRule, Priority, RoadNet
from citybrain.network import RuleError, apply_rules, read_net, read_scenario

PLACE = "247379907"


@pytest.fixture(scope="module")
def net() -> RoadNet:
    return read_scenario(data("cologne8")).net()


def rules(*tables: dict[str, Any]) -> tuple[JunctionRule, ...]:
    return msgspec.convert(list(tables), tuple[JunctionRule, ...])


def ruled(net: RoadNet, *tables: dict[str, Any], at: str = PLACE) -> Junction:
    under = apply_rules(net, rules(*tables), "Europe/Berlin")
    return next(j for j in under.junctions if j.id == at)


def test_without_rules_the_network_is_what_it_was(net: RoadNet) -> None:
    assert apply_rules(net, ()) == net
    assert apply_rules(net, (), "Asia/Shanghai").digest == net.digest


def test_limits_of_one_junction_change_no_other(net: RoadNet) -> None:
    table = {"id": PLACE, "min_green_s": 8, "max_green_s": 40, "max_red_s": 90, "group": "a", "advisory": True}
    under = apply_rules(net, rules(table))
    assert under.digest != net.digest
    for before, after in zip(net.junctions, under.junctions, strict=True):
        if before.id != PLACE:
            assert after == before
            continue
        found = (after.min_green_s, after.max_green_s, after.max_red_s, after.group, after.advisory)
        assert found == (8, 40, 90, "a", True)
        assert limits_of(after).hold_ms[0] == 8000


def test_an_area_means_all_its_junctions_and_the_later_table_counts(net: RoadNet) -> None:
    tables = {"area": "city", "min_green_s": 7, "max_red_s": 100}, {"id": PLACE, "min_green_s": 9}
    for junction in apply_rules(net, rules(*tables)).junctions:
        assert (junction.min_green_s, junction.max_red_s) == (9 if junction.id == PLACE else 7, 100)
    district = net.junctions[0].district
    under = apply_rules(net, rules({"area": district, "group": "d"}))
    assert {j.group for j in under.junctions if j.district == district} == {"d"}
    assert {j.group for j in under.junctions if j.district != district} == {""}


def test_priorities_are_the_movements_and_seconds_of_the_local_day(net: RoadNet) -> None:
    junction = next(j for j in net.junctions if j.id == PLACE)
    movement = junction.movements[1].id
    table = {
        "id": PLACE,
        "priority": [
            {"movement": movement, "weight": 3, "begin": "07:00", "end": "09:30", "days": "weekdays"},
            {"stage": 0, "weight": 0.5, "begin": "22:00", "end": "05:00"},
            {"stage": 0, "weight": 2},
        ],
    }
    under = apply_rules(net, rules(table), "Europe/Berlin")
    assert under.timezone == "Europe/Berlin"
    stage = junction.stages[0].movements
    assert next(j for j in under.junctions if j.id == PLACE).priorities == (
        Priority((1,), 3.0, 25_200, 34_200, (0, 1, 2, 3, 4)),
        Priority(stage, 0.5, 79_200, 18_000, tuple(range(7))),
        Priority(stage, 2.0, 0, 86_400, tuple(range(7))),
    )


def test_stages_that_are_not_allowed_are_gone_and_the_plan_goes_on(net: RoadNet) -> None:
    before = next(j for j in net.junctions if j.id == PLACE)
    after = ruled(net, {"id": PLACE, "stages": [2, 0]})
    assert [(s.index, s.lamps) for s in after.stages] == [(0, before.stages[0].lamps), (1, before.stages[2].lamps)]
    assert after.plan.cycle_s == before.plan.cycle_s
    clock = PlanClock(after.plan)
    assert {clock.at(s * 1000).stage for s in range(200)} == {0, 1}


@pytest.fixture(scope="module")
def grid() -> RoadNet:
    """Sixteen junctions with eight stages of their programs and four further ones."""
    return read_scenario(data("hangzhou4x4")).net()


def further(net: RoadNet, *tables: dict[str, Any]) -> dict[str, int]:
    """How many further stages each junction has under the rules."""
    return {j.id: sum(s.further for s in j.stages) for j in apply_rules(net, rules(*tables)).junctions}


def test_further_stages_are_taken_from_a_junction_or_an_area_and_the_later_table_counts(grid: RoadNet) -> None:
    one, district = grid.junctions[0].id, grid.junctions[0].district
    inside = {j.id for j in grid.junctions if j.district == district}
    assert one in inside and len(inside) < len(grid.junctions)
    off = {"further_stages": False}
    assert further(grid, {"area": "city", "max_red_s": 110}) == {j.id: 4 for j in grid.junctions}
    assert further(grid, {"id": one} | off) == {j.id: 0 if j.id == one else 4 for j in grid.junctions}
    assert further(grid, {"area": district} | off) == {j.id: 0 if j.id in inside else 4 for j in grid.junctions}
    on_again = {"area": "city"} | off, {"id": one, "further_stages": True}
    assert further(grid, *on_again) == {j.id: 4 if j.id == one else 0 for j in grid.junctions}
    assert set(further(grid, *on_again[::-1]).values()) == {0}


def test_without_further_stages_numbers_and_plan_stay(grid: RoadNet) -> None:
    before = grid.junctions[0]
    after = ruled(grid, {"id": before.id, "further_stages": False}, at=before.id)
    assert after == msgspec.structs.replace(before, stages=before.stages[:8])
    assert limits_of(after).stages == 8


@pytest.mark.parametrize("order", [1, -1])
def test_which_stages_may_be_shown_stands_above_whether_further_ones_may(grid: RoadNet, order: int) -> None:
    at = grid.junctions[0].id
    tables = {"id": at, "stages": [*range(8), 9]}, {"area": "city", "further_stages": False}
    after = ruled(grid, *tables[::order], at=at)
    assert [s.further for s in after.stages] == [False] * 8 + [True]
    assert after.stages[8].lamps == grid.junctions[0].stages[9].lamps
    assert {p.stage for p in after.plan.phases} <= set(range(-1, 8))


def test_an_own_plan_may_show_a_further_stage_unless_they_are_taken_away(grid: RoadNet) -> None:
    at = grid.junctions[0].id
    stages = [{"stage": n, "green_s": 20} for n in range(8, 12)]
    table = {"id": at, "own_plan": {"stages": stages}}
    assert {p.stage for p in ruled(grid, table, at=at).plan.phases if p.stage >= 0} == {8, 9, 10, 11}
    with pytest.raises(RuleError, match=rf"1 \({at}\): further_stages: own_plan has stage 8, which is one: take"):
        apply_rules(grid, rules(table | {"further_stages": False}))


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> RoadNet:
    """A crossroads whose crossings take longer to clear than its yellow lasts."""
    options = ("--sidewalks.guess", "--sidewalks.guess.max-speed", "20", "--crossings.guess")
    return read_net(crossroads(tmp_path_factory.mktemp("walked"), *options))


@settings(deadline=None)
@given(st.data())
def test_an_own_plan_shows_its_greens_with_the_junctions_change_times(
    net: RoadNet, walked: RoadNet, draw: st.DataObject
) -> None:
    of = draw.draw(st.sampled_from((net, walked)))
    junction = draw.draw(st.sampled_from(of.junctions))
    order = draw.draw(st.permutations(range(len(junction.stages))))
    greens = [draw.draw(st.integers(5, 60)) for _ in order]
    stages = [{"stage": s, "green_s": g} for s, g in zip(order, greens, strict=True)]
    plan = ruled(of, {"id": junction.id, "own_plan": {"stages": stages, "offset_s": 7}}, at=junction.id).plan
    assert plan.offset_s == 7
    assert [(p.stage, p.duration_s) for p in plan.phases if p.stage >= 0] == list(zip(order, greens, strict=True))
    for i, yellow in enumerate(junction.yellow_s):
        shown = [(p.lamps[i], p.duration_s) for p in plan.phases * 2]
        runs = [(lamp, sum(s for _, s in run)) for lamp, run in groupby(shown, itemgetter(0))]
        for (before, _), (lamp, seconds), (after, _) in zip(runs, runs[1:], runs[2:], strict=False):
            assert lamp != "y" or after == "r"
            assert lamp != "y" or (before in "Gg" and seconds == pytest.approx(yellow))
            assert not (before in "Gg" and lamp == "r"), "no green ends without yellow"


def test_the_example_of_the_settings_page_holds(net: RoadNet) -> None:
    page = Path(__file__).parents[2] / "docs" / "city-toml.md"
    example = page.read_text().split("## Junctions")[1].split("```toml")[1].split("```")[0]
    under = apply_rules(net, rules(*tomllib.loads(example)["junction"]), "Europe/Berlin")
    changed = next(j for j in under.junctions if j.id == PLACE)
    assert (changed.max_red_s, changed.max_green_s, changed.plan.program) == (100, 45, "city.toml")


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({}, r"1 \(neither.*give either id or area"),
        ({"id": PLACE, "area": "city"}, "give either id or area"),
        ({"id": "nowhere"}, r"\[\[junction\]\] 1 \(nowhere\): id: there is no such junction; give one such as"),
        ({"area": "nowhere"}, "area: there is no such area; give one such as"),
        ({"id": PLACE, "stages": [0, 99]}, "stages: there is no stage 99; it has 0 to"),
        ({"id": PLACE, "stages": [0]}, "stages: give at least two"),
        ({"id": PLACE, "stages": [0, 1]}, rf"stages: none of them lets {PLACE}:\S+ go: add stage \d"),
        ({"id": PLACE, "min_green_s": 20, "max_green_s": 10}, "max_green_s 10 is below min_green_s 20"),
        ({"id": PLACE, "min_green_s": 50, "max_red_s": 40}, "max_red_s 40 is below min_green_s 50"),
        ({"id": PLACE, "priority": [{"weight": 2}]}, "priority: give either movement or stage"),
        (
            {"id": PLACE, "priority": [{"weight": 2, "movement": "x"}]},
            'priority.movement: there is no "x"; give one',
        ),
        ({"id": PLACE, "priority": [{"weight": 2, "stage": 50}]}, "priority.stage: there is no stage 50"),
        ({"id": PLACE, "own_plan": {"stages": [{"stage": 0, "green_s": 3}]}}, "3 s for stage 0 is below 5 s"),
        (
            {"id": PLACE, "own_plan": {"stages": [{"stage": 0, "green_s": 30}]}},
            r"own_plan: none of its stages lets",
        ),
    ],
)
def test_what_cannot_hold_is_refused_in_one_line(net: RoadNet, table: dict[str, Any], line: str) -> None:
    with pytest.raises(RuleError, match=line) as refused:
        apply_rules(net, rules(table))
    assert str(refused.value).startswith("[[junction]] 1") and "\n" not in str(refused.value)


def test_a_junction_that_cannot_be_controlled_takes_no_rule_by_name_but_may_lie_in_an_area(net: RoadNet) -> None:
    broken = msgspec.structs.replace(net.junctions[0], refused="its program has blinking lamps")
    net = msgspec.structs.replace(net, junctions=(broken, *net.junctions[1:]))
    with pytest.raises(RuleError, match=r"cannot be controlled .its program has blinking lamps.: remove"):
        apply_rules(net, rules({"id": broken.id, "min_green_s": 7}))
    assert apply_rules(net, rules({"area": "city", "min_green_s": 7})).junctions[0] == broken


@pytest.mark.parametrize(
    "table",
    [
        {"id": 1},
        {"further_stages": 0},
        {"min_green_s": 1},
        {"max_red_s": 1e9},
        {"stages": [-1]},
        {"speed": 3},
        {"priority": [{}]},
    ],
)
def test_words_that_are_none_are_refused_as_they_are_read(table: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        rules(table)

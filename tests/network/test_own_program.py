"""Own plans under rules, as SUMO runs them by itself: second by second what the guard shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from cities import data

from citybrain.guard import Guard
from citybrain.model import Junction, JunctionRule, RoadNet
from citybrain.network import (
    Scenario,
    SimulatedCity,
    apply_rules,
    own_programs,
    read_scenario,
    under_rules,
    write_plans,
)

PLACE = "247379907"
STARTED_S = 120


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return read_scenario(data("cologne8"))


@pytest.fixture(scope="module")
def net(scenario: Scenario) -> RoadNet:
    return scenario.net()


def ruled(net: RoadNet, **table: Any) -> RoadNet:
    return apply_rules(net, (msgspec.convert({"id": PLACE} | table, JunctionRule),))


def at(net: RoadNet) -> Junction:
    return next(j for j in net.junctions if j.id == PLACE)


def test_without_rules_there_is_nothing_to_write_and_nothing_changes(net: RoadNet) -> None:
    assert own_programs(net, net) == ()
    assert under_rules(net, net) == net
    limits = ruled(net, max_red_s=90, group="a")
    assert own_programs(net, limits) == ()
    assert under_rules(net, limits) == limits


def three_stages(net: RoadNet) -> dict[str, Any]:
    """Any plan of all stages of the junction."""
    return {"stages": [{"stage": s.index, "green_s": 10 + 3 * s.index} for s in at(net).stages]}


@pytest.mark.parametrize("offset_s", [0, 17, -8])
def test_sumo_shows_the_own_plan_of_a_rule_as_the_guard_does(
    scenario: Scenario, net: RoadNet, tmp_path: Path, offset_s: int
) -> None:
    under = ruled(net, own_plan=three_stages(net) | {"offset_s": offset_s})
    assert _shown_by_sumo(scenario, net, under, tmp_path) == _shown_by_the_guard(scenario, under)


def test_sumo_gives_the_time_of_a_stage_that_is_not_allowed_to_the_next_as_the_guard_does(
    scenario: Scenario, net: RoadNet, tmp_path: Path
) -> None:
    place = at(net)
    served = {m for s in place.stages for m in s.movements}
    ways = ([s for s in place.stages if s != gone] for gone in place.stages)
    left = next(way for way in ways if {m for s in way for m in s.movements} == served)
    under = ruled(net, stages=[s.index for s in left])
    shown = _shown_by_sumo(scenario, net, under, tmp_path)
    assert not set(shown) & ({s.lamps for s in place.stages} - {s.lamps for s in left})
    assert shown == _shown_by_the_guard(scenario, under)


def test_sumos_own_control_keeps_greens_and_stages_of_the_rules(net: RoadNet) -> None:
    plan = at(under_rules(net, ruled(net, min_green_s=9, max_green_s=31))).plan
    assert {p.range_s for p in plan.phases if p.stage >= 0} == {(9, 31)}
    assert [p.lamps for p in plan.phases] == [p.lamps for p in at(net).plan.phases]
    least = at(under_rules(net, ruled(net, min_green_s=60))).plan
    assert {p.range_s for p in least.phases if p.stage >= 0} == {(60, 60)}


def _shown_by_sumo(scenario: Scenario, net: RoadNet, under: RoadNet, folder: Path) -> list[str]:
    write_plans(own_programs(net, under), folder / "own.add.xml")
    files = (*scenario.additional_files, folder / "own.add.xml")
    with SimulatedCity(
        msgspec.structs.replace(scenario, additional_files=files, scale=0.01), under, control="own"
    ) as city:
        return [_lamps(city, under) for _ in range(_until_s(under))][STARTED_S:]


def _lamps(city: SimulatedCity, net: RoadNet) -> str:
    city.step()
    return city.lamps()[net.junctions.index(at(net))]


def _shown_by_the_guard(scenario: Scenario, net: RoadNet) -> list[str]:
    """Nobody orders: every junction runs its own plan."""
    begin_ms = round(scenario.begin_s * 1000)  # as if second 0 were 1970: then both count cycles from there
    guard = Guard(net, begin_ms)
    shown = []
    for second in range(_until_s(net)):
        guard.advance(begin_ms + second * 1000)
        shown.append(guard.lamps[net.junctions.index(at(net))])
    return shown[STARTED_S:]


def _until_s(net: RoadNet) -> int:
    return STARTED_S + 2 * round(at(net).plan.cycle_s)

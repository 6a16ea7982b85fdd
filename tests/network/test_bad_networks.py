"""Networks with something wrong: control goes on, safely, or the junction is refused by name with the reason."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from small_net import cars, city_of, crossroads, level_crossing, program

from citybrain.city.check import run_check
from citybrain.city.loop import ORDERS, Loop
from citybrain.city.plan_show import show_plans
from citybrain.city.second import Second
from citybrain.city.trial import run_trial
from citybrain.guard import Guard
from citybrain.hub import load_catalogue
from citybrain.model import RoadNet
from citybrain.network import NetError, ScenarioError, SimulatedCity, read_net, read_scenario

SECONDS = 90
NORTH_SOUTH, EAST_WEST = "GGGgrrrrGGGgrrrr", "rrrrGGGgrrrrGGGg"
ALL = "GGGGGGGGGGGGGGGG"


def drive(config: Path, seconds: int = SECONDS) -> tuple[RoadNet, int, list[str]]:
    """Run the whole loop; the network, vehicles that arrived, and the lamps of the first junction each second.
    No two conflicting links are ever G together where the brain may decide."""
    scenario = read_scenario(config)
    net, declared = scenario.net(), load_catalogue(None)
    shown, arrived = [], 0
    ordered: set[str] = set()
    with SimulatedCity(scenario, net) as city:
        guard = Guard(net, city.time_ms)
        loop = Loop(Second(city, guard, declared, 1), net, declared)
        for _ in range(seconds):
            tick, batches = loop.advance()
            arrived = max([arrived, *(b.rows["arrived"][0].as_py() for b in batches if b.dataset == "sim.score")])
            ordered |= {
                j
                for b in loop.decide(tick, batches)
                if b.dataset == ORDERS
                for j in b.rows["junction"].to_pylist()
            }
            shown.append(guard.lamps[0])
        assert guard.faults == {}
    assert ordered == {j.id for j in net.junctions if j.refused is None}
    if net.junctions[0].refused is None:
        for lamps in shown:
            greens = [i for i, lamp in enumerate(lamps) if lamp == "G"]
            assert not [p for p in combinations(greens, 2) if p[1] in net.junctions[0].conflicts[p[0]]]
    return net, arrived, shown


def stages_seen(shown: list[str]) -> set[str]:
    return {lamps for lamps in shown if "y" not in lamps and lamps.strip("r")}


def test_without_a_projection_control_goes_on(tmp_path: Path) -> None:
    net, arrived, shown = drive(city_of(tmp_path, crossroads(tmp_path)))
    assert net.projection.crs == "local"
    assert arrived > 20 and stages_seen(shown) == {NORTH_SOUTH, EAST_WEST}


def test_a_lane_that_leads_nowhere_has_no_movement_and_control_goes_on(tmp_path: Path) -> None:
    north = "".join(f'<connection from="nc" to="c{to}" fromLane="0" toLane="0"/>' for to in "wse")
    net, arrived, shown = drive(city_of(tmp_path, crossroads(tmp_path, connections=north)))
    (junction,) = net.junctions
    assert {z.id for z in junction.zones if z.id.startswith("nc")} == {"nc_0"}
    assert arrived > 15 and len(stages_seen(shown)) == len(junction.stages) == 2


def test_a_signal_with_one_stage_has_nothing_to_decide_and_keeps_its_plan(tmp_path: Path) -> None:
    net, arrived, shown = drive(city_of(tmp_path, crossroads(tmp_path, arms="ns"), demand=cars("ns")), 200)
    assert net.junctions[0].refused == "its program has 1 stage: nothing to decide"
    assert arrived > 10 and set(shown) >= {"GGGG", "yyyy"}


def test_a_signal_without_conflicts_is_controlled(tmp_path: Path) -> None:
    turns = program((20, "GGrr"), (3, "yyrr"), (20, "rrGG"), (3, "rryy"))
    config = city_of(tmp_path, crossroads(tmp_path, arms="ns"), demand=cars("ns"), program=turns)
    net, arrived, shown = drive(config)
    assert net.junctions[0].conflicts == ((),) * 4
    assert arrived > 10 and stages_seen(shown) == {"GGrr", "rrGG"}


def test_a_program_without_all_red_gets_one_by_formula(tmp_path: Path) -> None:
    net, _, shown = drive(city_of(tmp_path, crossroads(tmp_path)))
    (junction,) = net.junctions
    assert all(p.lamps.strip("r") for p in junction.plan.phases), "its own program has none"
    assert junction.all_red_s >= 1.0
    for before, after in pairwise(shown):
        gains = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a == "r" and b in "Gg"]
        assert not [(i, j) for i in gains for j in junction.conflicts[i] if before[j] == "y"]


def test_with_nobody_on_the_road_lamps_go_on_and_everybody_gets_green(tmp_path: Path) -> None:
    late = '<trip id="late" from="nc" to="cs" depart="100000"/>'
    net, arrived, shown = drive(city_of(tmp_path, crossroads(tmp_path), demand=late), 150)
    assert arrived == 0
    assert stages_seen(shown) == {s.lamps for s in net.junctions[0].stages}


BAD_PROGRAMS: dict[str, tuple[str, str]] = {
    "all at once": (
        program((30, ALL), (3, "y" * 16), (30, NORTH_SOUTH), (3, NORTH_SOUTH.replace("G", "y").replace("g", "y"))),
        r"stage 0 of its program gives the conflicting links 0 and 5 the way at once",
    ),
    "blinking": (program((30, "o" * 16), (30, NORTH_SOUTH)), "its program has blinking lamps"),
    "one stage": (program((30, NORTH_SOUTH), (3, "r" * 16)), "its program has 1 stage: nothing to decide"),
    "no phases": (program(), "its signal program has no phases"),
    "too short": (program((30, "GGrr"), (30, "rrGG")), r"its program's lamp strings have \[4\] letters for 16"),
    "uneven": (program((30, NORTH_SOUTH), (30, "rrGG")), r"lamp strings have \[4, 16\] letters for 16"),
}


@pytest.mark.parametrize("name", BAD_PROGRAMS)
def test_a_program_that_cannot_be_guarded_is_refused_by_name(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, reason = BAD_PROGRAMS[name]
    config = city_of(tmp_path, crossroads(tmp_path), program=words)
    net = read_scenario(config).net()
    (junction,) = net.junctions
    assert junction.refused is not None and re.search(reason, junction.refused)
    assert run_check(str(config), tmp_path / "data") == 0
    told = capsys.readouterr().out
    assert "1 signalised junctions, 1 on their own plan" in told
    assert re.sub(r"[\s│]+", " ", told).count(f"own plan: {junction.refused}") == 1
    show_plans(config, "c")
    assert f"control: own plan only, {junction.refused}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["all at once", "blinking", "one stage"])
def test_who_is_refused_runs_its_own_plan(name: str, tmp_path: Path) -> None:
    _, arrived, shown = drive(city_of(tmp_path, crossroads(tmp_path), program=BAD_PROGRAMS[name][0]))
    assert arrived > 0
    assert NORTH_SOUTH in shown


def test_a_level_crossing_is_left_to_those_who_drive_it(tmp_path: Path) -> None:
    """It has no program at all. The signal beside it is controlled, and what the crossing shows is read back."""
    config = level_crossing(tmp_path)
    scenario = read_scenario(config)
    net, declared = scenario.net(), load_catalogue(None)
    at = [j.id for j in net.junctions].index("r")
    assert net.junctions[at].refused == "its signal program has no phases"
    shown, told = set[str](), []
    with SimulatedCity(scenario, net) as city:
        second = Second(city, Guard(net, city.time_ms), declared, 1)
        loop = Loop(second, net, declared)
        for number in range(200):
            tick, batches = loop.advance()
            loop.decide(tick, batches)
            rows = [r for b in batches if b.dataset == "traffic.signal_state" for r in b.rows.to_pylist()]
            told += [(r["lamps"], r["control"]) for r in rows if r["junction"] == "r"]
            assert number > 20 or not told, "nobody knows before it is looked at"
            if number >= 20:
                shown.add(second.look()[at])
        assert second.guard.faults == {}
    assert len(shown) >= 2, "it opens and closes"
    assert {lamps for lamps, _ in told} == shown and {control for _, control in told} == {"refused"}
    for controller in ("wave", "brain"):
        result = run_trial(scenario, net, controller, 1, end_s=120.0)
        assert result.score.arrived > 20


def without(pattern: str) -> Callable[[Path], None]:
    def cut(net: Path) -> None:
        net.write_text(re.sub(pattern, "", net.read_text()))

    return cut


def test_a_network_that_says_nothing_of_conflicts_is_refused_by_name(tmp_path: Path) -> None:
    net = crossroads(tmp_path)
    without(r"<request [^>]*/>")(net)
    (junction,) = read_scenario(city_of(tmp_path, net)).net().junctions
    assert junction.refused == "the network says nothing about its conflicts"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (BAD_PROGRAMS["too short"][0], "Mismatching phase size in tls 'c'"),
        (program((30, NORTH_SOUTH), (0, "y" * 16), (30, EAST_WEST)), "Duration of phase 1 for tlLogic 'c'"),
    ],
)
def test_what_sumo_itself_refuses_is_told_in_one_line_with_its_reason(
    words: str, reason: str, tmp_path: Path
) -> None:
    scenario = read_scenario(city_of(tmp_path, crossroads(tmp_path), program=words))
    with pytest.raises(ScenarioError, match=f"SUMO cannot run this: {reason}") as refused:
        SimulatedCity(scenario, scenario.net())
    assert "\n" not in str(refused.value)


def test_a_request_that_is_missing_is_no_conflict_less(tmp_path: Path) -> None:
    net = crossroads(tmp_path)
    without(r'<request index="3" [^>]*/>')(net)
    with pytest.raises(NetError, match="out of order"):
        read_net(net)
    net = crossroads(tmp_path)
    net.write_text(re.sub(r'foes="\d\d', 'foes="', net.read_text(), count=1))
    with pytest.raises(NetError, match="does not speak of its 16 links"):
        read_net(net)


def test_a_damaged_file_is_refused_in_one_line_or_can_be_guarded(tmp_path: Path) -> None:
    """Lines lost, attributes lost or changed: no other failure than NetError, and what is read can be guarded."""
    net = crossroads(tmp_path)
    lines = net.read_text().splitlines()
    read = 0
    for seed in range(400):
        net.write_text("\n".join(_damaged(lines, random.Random(seed))))
        try:
            found = read_net(net)
        except NetError as e:
            assert str(e).startswith(str(net)) and "\n" not in str(e)
            continue
        read += 1
        if all(j.plan.cycle_s for j in found.junctions):
            Guard(found, 0).advance(1000)
    assert 50 < read < 350


def _damaged(lines: list[str], chance: random.Random) -> list[str]:
    lines = list(lines)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(lines))
        attributes = re.findall(r' [\w:]+="([^"]*)"', lines[at])
        if chance.random() < 0.4 and lines[at].strip().endswith("/>"):
            lines[at] = ""
        elif attributes:
            value = chance.choice(attributes)
            new = chance.choice(["", "x", "-1", "99", "0", "1e9", "nan", "rrr", "0,0", "inf"])
            lines[at] = lines[at].replace(f'="{value}"', f'="{new}"', 1)
    return lines

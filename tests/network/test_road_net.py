"""The road network against the files that it comes from and against sumolib, another reader of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import sumolib
from cities import data
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from citybrain.model import Junction, Level, RoadNet
from citybrain.network import NetError, default_city, read_net, read_scenario, road_records
from citybrain.network.netfile import ConnectionRow, EdgeRow, LaneRow, NetRows
from citybrain.network.zone import ZONE_M, ZoneFinder

CITIES = ("cologne8", "bologna_joined", "hangzhou4x4", "jinan3x4")


def net_of(name: str) -> RoadNet:
    return read_scenario(data(name)).net()


def default_net() -> RoadNet:
    return read_net(default_city.network_file())


def test_a_hangzhou_junction_has_eight_stages_and_four_more_all_red_between_and_free_right_turns() -> None:
    net = net_of("hangzhou4x4")
    assert len(net.junctions) == 16
    for junction in net.junctions:
        assert junction.refused is None
        assert [s.further for s in junction.stages] == [False] * 8 + [True] * 4
        for stage in junction.stages[8:]:
            going = [junction.movements[m] for m in stage.movements if junction.movements[m].turn != "r"]
            ways = sorted((m.turn, m.to_link) for m in going)
            assert [turn for turn, _ in ways] == ["l", "s"]
            assert ways[0][1] == ways[1][1] and not set(going[0].exit_lanes) & set(going[1].exit_lanes)
        assert junction.all_red_s == 2.0
        assert set(junction.yellow_s) == {3.0}
        free = [m for m in junction.movements if m.always_green]
        assert {m.turn for m in free} == {"r"}
        for before, phase in pairwise((junction.plan.phases[-1], *junction.plan.phases)):
            if before.stage >= 0:
                assert "y" in phase.lamps
            elif "y" in before.lamps:
                assert phase.stage == -1, "the all-red with free right turns is no stage"
                assert phase.duration_s == 2.0


@pytest.mark.parametrize("name", CITIES)
def test_no_stage_lets_conflicting_links_go_with_right_of_way(name: str) -> None:
    for junction in net_of(name).junctions:
        assert junction.refused is None
        for stage in junction.stages:
            assert set(stage.lamps) <= set("Ggr")
            going = [i for i, letter in enumerate(stage.lamps) if letter == "G"]
            assert not [(i, j) for i in going for j in going if j in junction.conflicts[i]]


@pytest.mark.parametrize("name", [*CITIES, "default"])
def test_conflicts_and_yields_are_sumos_own(name: str) -> None:
    scenario = None if name == "default" else read_scenario(data(name))
    file = default_city.network_file() if scenario is None else scenario.net_file
    net = default_net() if scenario is None else scenario.net()
    truth = sumolib.net.readNet(str(file), withInternal=True, withPedestrianConnections=True, withFoes=True)
    compared = 0
    for junction in net.junctions:
        foes = _oracle(truth, junction)
        compared += len(foes)
        for (i, j), (conflict, gives_way) in foes.items():
            assert (j in junction.conflicts[i]) == conflict, (junction.id, i, j)
            if conflict:
                assert (j in junction.yields[i]) == gives_way, (junction.id, i, j)
    assert compared > 100


def _oracle(truth: sumolib.net.Net, junction: Junction) -> dict[tuple[int, int], tuple[bool, bool]]:
    """For each two signal links of one node that control one vehicle connection each: conflict, i gives way."""
    links: dict[int, list[tuple[object, int]]] = {}
    for movement in (m for m in junction.movements if m.turn != "p"):
        edge = truth.getEdge(movement.from_link)
        for connection in edge.getOutgoing()[truth.getEdge(movement.to_link)]:
            node = edge.getToNode()
            if connection.getTLLinkIndex() >= 0:
                links.setdefault(connection.getTLLinkIndex(), []).append((node, node.getLinkIndex(connection)))
    result = {}
    single = {i: places[0] for i, places in links.items() if len(places) == 1}
    for i, (node, a) in single.items():
        for j, (other, b) in single.items():
            if i != j and node is other and min(a, b) >= 0:
                conflict = node.areFoes(a, b) or node.areFoes(b, a)
                result[i, j] = conflict, node._prohibits[a][-1 - b] == "1"
    return result


@pytest.mark.parametrize("name", [*CITIES, "default"])
def test_zones_reach_at_most_100_m_and_follow_the_lanes(name: str) -> None:
    net = default_net() if name == "default" else net_of(name)
    lanes = {lane.id: lane for link in net.links for lane in link.lanes}
    ends = {lane.id: link for link in net.links for lane in link.lanes}
    for junction in net.junctions:
        zones = {z.id for z in junction.zones}
        assert zones == {z for m in junction.movements for z in m.zones}
        for zone in junction.zones:
            assert zone.reaches[0].lane == zone.id
            assert sum(r.end_m - r.begin_m for r in zone.reaches) <= zone.length_m + 0.1 <= ZONE_M + 0.2
            assert all(r.end_m == lanes[r.lane].length_m for r in zone.reaches)
            assert all(r.begin_m == 0.0 for r in zone.reaches[:-1])
            for after, before in pairwise(zone.reaches):
                assert ends[before.lane].to_node == ends[after.lane].from_node


def test_bologna_zones_are_followed_across_splits() -> None:
    zones = [z for j in net_of("bologna_joined").junctions for z in j.zones]
    assert sum(len(z.reaches) > 1 for z in zones) > 30


@given(
    lengths=st.lists(st.floats(2, 80), min_size=1, max_size=6),
    signal_at=st.integers(0, 6),
    fork_at=st.integers(0, 6),
)
def test_a_zone_goes_up_a_chain_of_links_until_100_m_a_signal_or_a_fork(
    lengths: list[float], signal_at: int, fork_at: int
) -> None:
    rows = NetRows()
    for i, length in enumerate([*lengths, 500.0]):
        for name in (f"e{i}", f"side{i}"):
            lane = LaneRow(f"{name}_0", 0, 13.9, length, ((0.0, 0.0), (1.0, 0.0)), None, frozenset())
            rows.edges[name] = EdgeRow(name, f"n{i + 1}", f"n{i}", "", "", "normal", (), [lane])
    for i in range(len(lengths)):
        signal = "s" if i == signal_at else ""
        rows.connections.append(ConnectionRow(f"e{i + 1}", f"e{i}", 0, 0, "", signal, 0 if signal else -1, "s"))
        if i == fork_at:
            rows.connections.append(ConnectionRow(f"side{i + 1}", f"e{i}", 0, 0, "", "", -1, "r"))
    zone = ZoneFinder(rows).zone("e0_0", "j")
    stop = min(signal_at, fork_at, len(lengths))
    expected, left = [], ZONE_M
    for i, length in enumerate([*lengths, 500.0]):
        if i > stop or left <= 1.0:
            break
        expected.append(min(length, left))
        left -= length
    assert [r.end_m - r.begin_m for r in zone.reaches] == pytest.approx(expected, abs=0.02)
    assert zone.length_m == pytest.approx(min(sum(expected), ZONE_M), abs=1.1)


@pytest.mark.parametrize("name", ["cologne8", "bologna_joined", "nanchang859", "default"])
def test_the_map_projection_is_true_to_a_metre(name: str) -> None:
    scenario = None if name == "default" else read_scenario(data(name))
    net = default_net() if scenario is None else scenario.net()
    file = default_city.network_file() if scenario is None else scenario.net_file
    assert net.projection.error_m < 1.0
    truth = sumolib.net.readNet(str(file)) if not file.name.endswith(".gz") else None
    points = np.array([p for link in net.links[:500] for p in link.shape])
    lonlat = net.projection.lonlat(points)
    if truth is None:
        offset = np.array([-377829.81, -3163571.79])
        utm = Transformer.from_crs("+proj=utm +zone=50 +datum=WGS84", "EPSG:4326", always_xy=True)
        real = np.stack(utm.transform(*(points - offset).T), axis=1)
    else:
        real = np.array([truth.convertXY2LonLat(x, y) for x, y in points])
    metres = (lonlat - real) * 111_320.0 * np.array([np.cos(np.radians(real[:, 1].mean())), 1.0])
    assert np.abs(metres).max() < 1.0


def test_a_network_without_georeference_lies_at_zero() -> None:
    net = net_of("hangzhou4x4")
    assert net.projection.crs == "local"
    middle = np.array([[(net.bounds[0] + net.bounds[2]) / 2, (net.bounds[1] + net.bounds[3]) / 2]])
    assert net.projection.lonlat(middle) == pytest.approx(np.zeros((1, 2)), abs=1e-6)


@pytest.mark.parametrize("name", [*CITIES, "default"])
def test_areas_lie_inside_each_other(name: str) -> None:
    net = default_net() if name == "default" else net_of(name)
    by_id = {a.id: a for a in net.areas}
    assert len(by_id) == len(net.areas)
    rank = {Level.CITY: 0, Level.DISTRICT: 1, Level.STREET: 2, Level.JUNCTION: 3}
    for area in net.areas:
        if area.parent is None:
            assert area.level is Level.CITY
        else:
            assert rank[by_id[area.parent].level] < rank[area.level]
    for junction in net.junctions:
        assert by_id[junction.id].level is Level.JUNCTION
        assert by_id[junction.district].level is Level.DISTRICT
    assert sum(a.level is Level.DISTRICT for a in net.areas) in range(2, 7)


def test_the_default_city_is_named_by_its_streets_and_credits_openstreetmap() -> None:
    net = default_net()
    assert "OpenStreetMap" in net.attribution
    assert any(j.name == "Adlergestell / Rudower Chaussee" for j in net.junctions)


def test_a_crossing_is_given_the_time_to_walk_over_it() -> None:
    net = default_net()
    clear = {j.yellow_s[i] for j in net.junctions for m in j.movements if m.turn == "p" for i in m.signal_links}
    assert max(clear) == pytest.approx(14.27 / 1.2, abs=0.1)
    assert min(clear) == 3.0


def test_yellow_and_limits_stay_within_what_a_street_may_have() -> None:
    for name in CITIES:
        for junction in net_of(name).junctions:
            walks = {i for m in junction.movements if m.turn == "p" for i in m.signal_links}
            longest = [60.0 if i in walks else 6.0 for i in range(junction.signal_links)]
            assert all(3.0 <= y <= most for y, most in zip(junction.yellow_s, longest, strict=True))
            assert 1.0 <= junction.all_red_s <= 6.0
            assert (junction.min_green_s, junction.max_red_s) == (5.0, 120.0)


def test_a_cached_network_is_the_network(tmp_path: Path) -> None:
    file = read_scenario(data("cologne8")).net_file
    fresh = read_net(file, tmp_path)
    assert read_net(file, tmp_path) == fresh
    (kept,) = tmp_path.glob("*.roadnet")
    kept.write_bytes(b"broken")
    assert read_net(file, tmp_path) == fresh


def test_registers_fit_their_declarations() -> None:
    net = default_net()
    batches = {b.dataset: b for b in road_records(net)}
    assert batches["road.link"].rows.num_rows == len(net.links)
    assert batches["road.junction"].rows.num_rows == len(net.junctions)
    assert batches["road.movement"].rows.num_rows == sum(len(j.movements) for j in net.junctions)
    assert batches["road.area"].rows.num_rows == len(net.areas)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "broken XML"),
        ("<net><edge id='a'", "broken XML at line 1"),
        ("<routes/>", "not a SUMO network"),
        ("<net/>", "no roads"),
        ("<!DOCTYPE net [<!ENTITY a 'b'>]><net>&a;</net>", "document type"),
        (
            "<net><edge id='a'><lane id='a_0' index='x' speed='1' length='1' shape='0,0 1,1'/></edge></net>",
            "line 1",
        ),
        (
            "<net><junction id='n' type='priority' x='0' y='0'/><edge id='a' from='n' to='n'>"
            "<lane id='a_0' index='0' speed='1' length='1' shape='0,0 1,1'/></edge></net>",
            "no signals",
        ),
    ],
)
def test_a_file_that_is_no_network_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "a.net.xml"
    file.write_text(text)
    with pytest.raises(NetError, match=message) as refused:
        read_net(file)
    assert str(refused.value).startswith(str(file))
    assert "\n" not in str(refused.value)


def test_crossings_are_movements_that_wait_for_their_stage() -> None:
    net = read_net(default_city.network_file())
    crossings = [(j, m) for j in net.junctions for m in j.movements if m.turn == "p"]
    assert len(crossings) > 50
    for junction, movement in crossings:
        assert not movement.zones
        served = [s for s in junction.stages if any(s.lamps[k] in "Gg" for k in movement.signal_links)]
        assert served, (junction.id, movement.id)

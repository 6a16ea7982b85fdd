"""The map document: what the page draws lies where the network says."""

from __future__ import annotations

import gzip
import itertools
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain.cockpit.geometry import carriageway, convex_hull, cut_end, heading_deg, movement_path, node_ground
from citybrain.cockpit.map import MapDocument, encode_map, map_document
from citybrain.cockpit.street import streets
from citybrain.model import Lane, Link, RoadNet

POINTS = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=1, max_size=25)


def _absolute(path: tuple[int, ...], net: RoadNet) -> list[tuple[float, float]]:
    xs = itertools.accumulate(path[::2])
    ys = itertools.accumulate(path[1::2])
    return [(net.bounds[0] + x * 0.1, net.bounds[1] + y * 0.1) for x, y in zip(xs, ys, strict=True)]


def test_links_lie_where_their_lanes_lie(net: RoadNet) -> None:
    drawn = map_document(net).links
    by_id = {link.id: link for link in net.links}
    assert set(drawn.id) == set(by_id)
    for link_id, path in zip(drawn.id, drawn.path, strict=True):
        for p, q in zip(_absolute(path, net), carriageway(by_id[link_id]), strict=True):
            assert math.dist(p, q) < 0.11


def test_heads_stand_at_stop_lines_and_know_their_lamps(net: RoadNet) -> None:
    lanes = {lane.id: lane for link in net.links for lane in link.lanes}
    for drawn, junction in zip(map_document(net).junctions, net.junctions, strict=True):
        assert drawn.lamps == len(junction.yellow_s)
        assert len(drawn.heads) == len(junction.zones)
        seen = sorted(link for head in drawn.heads for link in head.links)
        assert seen == list(range(8)), "the crossing on foot has no head at a stop line"
        for head, zone in zip(drawn.heads, junction.zones, strict=True):
            at = (net.bounds[0] + head.x * 0.1, net.bounds[1] + head.y * 0.1)
            assert math.dist(at, lanes[zone.id].shape[-1]) < 0.11
            assert head.heading % 90 == 0


def test_a_movement_leads_from_its_approach_to_its_exit(net: RoadNet) -> None:
    links = {link.id: link for link in net.links}
    lanes = {lane.id: lane for link in net.links for lane in link.lanes}
    for movement in net.junctions[0].movements[:8]:
        path = movement_path(movement, links, lanes)
        assert lanes[movement.zones[0]].shape[-1] in path
        assert lanes[movement.exit_lanes[0]].shape[0] in path
        steps = [math.dist(a, b) for a, b in itertools.pairwise(path)]
        assert max(steps) < 19


def test_a_crossing_on_foot_has_no_path(net: RoadNet) -> None:
    assert [m.links for m in map_document(net).junctions[0].movements if not m.path] == [(8,)]


def test_the_encoded_map_reads_back_and_is_named_by_its_digest(net: RoadNet) -> None:
    encoded = encode_map(net)
    assert gzip.decompress(encoded.gzipped) == encoded.plain
    assert msgspec.json.decode(encoded.plain, type=MapDocument) == map_document(net)
    other = encode_map(msgspec.structs.replace(net, digest="0" * 40))
    assert other.etag != encoded.etag


def test_a_street_is_one_line_whatever_its_links(net: RoadNet) -> None:
    found = streets(net.links)
    assert sorted(s.name for s in found) == sorted({link.name for link in net.links})
    for street in found:
        assert math.dist(street.shape[0], street.shape[-1]) == pytest.approx(876, abs=2)


def test_the_middle_of_an_even_carriageway_lies_between_its_lanes() -> None:
    lanes = tuple(Lane(f"a_{i}", i, 10, 10, ((0.0, 3.2 * i), (10.0, 3.2 * i))) for i in range(2))
    link = Link("a", "", "x", "y", 10, 10, lanes, ((0.0, 9.0), (10.0, 9.0)), 1)
    assert carriageway(link) == ((0.0, 1.6), (10.0, 1.6))


def test_ground_needs_two_ends() -> None:
    end = ((0.0, 0.0), 0.0, 6.4)
    assert node_ground([end]) == ()
    assert len(node_ground([end, ((0.0, 10.0), 180.0, 6.4)])) == 4


@given(POINTS)
def test_a_hull_holds_every_point_and_turns_left(points: list[tuple[float, float]]) -> None:
    hull = convex_hull(points)
    if not hull:
        (ax, ay), (bx, by) = min(points), max(points)
        assert all((bx - ax) * (y - ay) == (by - ay) * (x - ax) for x, y in points)
        return
    for a, b in zip(hull, (*hull[1:], hull[0]), strict=True):
        assert all((b[0] - a[0]) * (p[1] - a[1]) >= (b[1] - a[1]) * (p[0] - a[0]) for p in points)


@given(st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=2, max_size=8), st.floats(1, 300))
def test_a_cut_end_is_as_long_as_asked_or_the_whole(points: list[tuple[float, float]], length: float) -> None:
    line = [p for i, p in enumerate(points) if i == 0 or math.dist(p, points[i - 1]) > 1]
    if len(line) < 2:
        return
    whole = sum(math.dist(a, b) for a, b in itertools.pairwise(line))
    cut = cut_end(line, length)
    assert cut[-1] == line[-1]
    assert sum(math.dist(a, b) for a, b in itertools.pairwise(cut)) == pytest.approx(min(whole, length), abs=1e-6)


@pytest.mark.parametrize(("end", "degrees"), [((0, 1), 0), ((1, 0), 90), ((0, -1), 180), ((-1, 0), 270)])
def test_headings_count_clockwise_from_north(end: tuple[int, int], degrees: float) -> None:
    assert heading_deg([(0, 0), end], at_end=True) == pytest.approx(degrees)
    assert heading_deg([(0, 0), end, (end[0] + 1, end[1] + 1)], at_end=False) == pytest.approx(degrees)

"""Shapes that the map draws, made from lanes: carriageways, the ground of a node, stop lines, paths of movements.

All in metres of the network's plane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from citybrain.model import Junction, Lane, Link, Movement, Point

LANE_WIDTH_M = 3.2
_APPROACH_M = 18.0
"""How much of the approach and of the exit belongs to the drawn path of a movement."""


def carriageway(link: Link) -> tuple[Point, ...]:
    """The middle line of the link's lanes (SUMO's own edge shape is the middle of both directions)."""
    lanes = link.lanes
    if not lanes:
        return link.shape
    middle = lanes[len(lanes) // 2].shape
    if len(lanes) % 2 == 1:
        return middle
    other = lanes[len(lanes) // 2 - 1].shape
    if len(other) != len(middle):
        return link.shape
    return tuple(((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(middle, other, strict=True))


def heading_deg(shape: Sequence[Point], at_end: bool) -> float:
    """Direction of travel at the begin or the end of a line, degrees clockwise from north."""
    line = _distinct(shape)
    if len(line) < 2:
        return 0.0
    (ax, ay), (bx, by) = (line[-2], line[-1]) if at_end else (line[0], line[1])
    return math.degrees(math.atan2(bx - ax, by - ay)) % 360.0


def node_ground(ends: Sequence[tuple[Point, float, float]]) -> tuple[Point, ...]:
    """The ground between the link ends that meet at a node: the convex hull of their corners.

    `ends` gives for each the middle of the end, the heading there and the width in metres. Fewer than two ends
    leave no gap to fill: ().
    """
    if len(ends) < 2:
        return ()
    corners = []
    for (x, y), heading, width in ends:
        across = math.radians(heading + 90.0)
        dx, dy = math.sin(across) * width / 2, math.cos(across) * width / 2
        corners += [(x + dx, y + dy), (x - dx, y - dy)]
    return convex_hull(corners)


def convex_hull(points: Sequence[Point]) -> tuple[Point, ...]:
    """Convex hull, counter-clockwise (Andrew's monotone chain, 1979)."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ()
    lower, upper = _half_hull(ordered), _half_hull(ordered[::-1])
    hull = tuple(lower[:-1] + upper[:-1])
    return hull if len(hull) >= 3 else ()


def movement_path(movement: Movement, links: dict[str, Link], lanes: dict[str, Lane]) -> tuple[Point, ...]:
    """The last metres of the approach, a curve over the junction, the first metres of the exit; nothing for
    pedestrians, whose way is not part of the network of links."""
    if movement.turn == "p":
        return ()
    approach = [lanes[z].shape for z in movement.zones if z in lanes]
    exits = [lanes[lane].shape for lane in movement.exit_lanes if lane in lanes]
    into = approach[len(approach) // 2] if approach else carriageway(links[movement.from_link])
    out = exits[len(exits) // 2] if exits else carriageway(links[movement.to_link])
    if len(_distinct(into)) < 2 or len(_distinct(out)) < 2:
        return ()
    before, after = cut_end(into, _APPROACH_M), cut_end(out[::-1], _APPROACH_M)[::-1]
    return (*before, *_curve(before[-2], before[-1], after[0], after[1]), *after)


def cut_end(shape: Sequence[Point], length_m: float) -> tuple[Point, ...]:
    """The last `length_m` metres of a line."""
    line = _distinct(shape)
    kept = [line[-1]]
    left = length_m
    for a, b in zip(line[-2::-1], line[:0:-1], strict=True):
        piece = math.dist(a, b)
        if piece >= left:
            share = left / piece
            kept.append((b[0] + (a[0] - b[0]) * share, b[1] + (a[1] - b[1]) * share))
            break
        kept.append(a)
        left -= piece
    return tuple(reversed(kept))


def signal_links_of_zone(junction: Junction, zone: str) -> tuple[int, ...]:
    """Places in the lamp string that belong to the stop line of an approach lane.

    A movement with as many signal links as lanes has one a lane, in lane order; otherwise all of them count.
    """
    found: list[int] = []
    for movement in junction.movements:
        if zone not in movement.zones:
            continue
        if len(movement.zones) == len(movement.signal_links):
            found.append(movement.signal_links[movement.zones.index(zone)])
        else:
            found.extend(movement.signal_links)
    return tuple(sorted(set(found)))


def _distinct(shape: Sequence[Point]) -> list[Point]:
    line: list[Point] = []
    for p in shape:
        if not line or math.dist(line[-1], p) > 0.05:
            line.append(p)
    return line


def _half_hull(points: Sequence[Point]) -> list[Point]:
    hull: list[Point] = []
    for p in points:
        while len(hull) >= 2 and _turn(hull[-2], hull[-1], p) <= 0:
            hull.pop()
        hull.append(p)
    return hull


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _curve(a: Point, b: Point, c: Point, d: Point) -> list[Point]:
    """Points of a cubic Bézier from b to c that leaves along a→b and arrives along c→d."""
    reach = math.dist(b, c) * 0.45
    p1 = _along(a, b, reach)
    p2 = _along(d, c, reach)
    points = []
    for i in range(1, 8):
        t = i / 8
        w = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        x = w[0] * b[0] + w[1] * p1[0] + w[2] * p2[0] + w[3] * c[0]
        y = w[0] * b[1] + w[1] * p1[1] + w[2] * p2[1] + w[3] * c[1]
        points.append((x, y))
    return points


def _along(a: Point, b: Point, metres: float) -> Point:
    length = math.dist(a, b) or 1.0
    return (b[0] + (b[0] - a[0]) / length * metres, b[1] + (b[1] - a[1]) / length * metres)

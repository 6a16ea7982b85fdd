"""The arterial of a network: the way straight on through most signals."""

from __future__ import annotations

import math
from collections import defaultdict

from msgspec import Struct

from citybrain.model import Link, Movement, RoadNet

MOST_SIGNALS = 10
STRAIGHT_ON = math.pi / 4
"""Where no signal says which way is straight on, it turns less than this."""


class Stop(Struct, frozen=True):
    """A stop line along the arterial: metres from its begin, and the place in the junction's lamp string."""

    junction: str
    name: str
    at_m: float
    signal_link: int


class Arterial(Struct, frozen=True):
    """Links in order, where each begins (metres), and the stop lines along them."""

    links: tuple[str, ...]
    begins_m: tuple[float, ...]
    stops: tuple[Stop, ...]

    @property
    def length_m(self) -> float:
        return self.stops[-1].at_m if self.stops else 0.0


def find_arterial(net: RoadNet) -> Arterial:
    """The way that goes straight on through most signals, at most MOST_SIGNALS; of several the longest.

    Empty where no movement goes straight on.
    """
    ways = _Ways(net)
    found = [ways.follow(link) for link in ways.straight]
    return max(found, key=lambda a: (len(a.stops), a.length_m), default=Arterial((), (), ()))


class _Ways:
    def __init__(self, net: RoadNet) -> None:
        self._links = {link.id: link for link in net.links}
        self._names = {j.id: j.name for j in net.junctions}
        self.straight: dict[str, tuple[str, Movement]] = {}
        for junction in net.junctions:
            for movement in junction.movements:
                if movement.turn == "s" and movement.from_link != movement.to_link:
                    self.straight.setdefault(movement.from_link, (junction.id, movement))
        self._leaving: dict[str, list[Link]] = defaultdict(list)
        for link in net.links:
            self._leaving[link.from_node].append(link)

    def follow(self, first: str) -> Arterial:
        """The arterial that begins with that link."""
        links: dict[str, float] = {}
        stops: dict[str, Stop] = {}
        at: str | None = first
        end_m = 0.0
        while at is not None and at not in links and len(stops) < MOST_SIGNALS:
            links[at] = end_m
            end_m += self._links[at].length_m
            signal = self.straight.get(at)
            if signal is None:
                at = self._on(self._links[at])
                continue
            junction, movement = signal
            if junction in stops:
                break
            stops[junction] = Stop(junction, self._names[junction], end_m, movement.signal_links[0])
            at = movement.to_link
        return Arterial(tuple(links), tuple(links.values()), tuple(stops.values()))

    def _on(self, link: Link) -> str | None:
        """The link that goes straight on where there is no signal."""
        turns = [(abs(_turn(link, on)), on.id) for on in self._leaving[link.to_node] if on.id != link.id]
        turn, best = min(turns, default=(math.pi, ""))
        return best if turn < STRAIGHT_ON else None


def _turn(a: Link, b: Link) -> float:
    """Angle between the end of one link and the begin of another, radians within -π … π."""
    (x0, y0), (x1, y1) = a.shape[-2:]
    (x2, y2), (x3, y3) = b.shape[:2]
    angle = math.atan2(y3 - y2, x3 - x2) - math.atan2(y1 - y0, x1 - x0)
    return math.remainder(angle, 2 * math.pi)

"""What the lanes of an approach tell of each other: how a lane whose detector is out gets its share."""

from __future__ import annotations

import numpy as np

from citybrain.brain.ids import Places
from citybrain.brain.layout import Flags, Floats, Layout

SHARE_MEMORY_S = 900.0
"""Memory of how the traffic of an approach spreads over its lanes."""
NOW_MEMORY_S = 20.0
"""Memory of what comes now: a platoon is over in less than a minute."""
MATE_DOUBT = 1.0
"""Variance over mean of a queue that is known from the lanes beside it: drivers choose the shorter queue,
roughly."""


class Approaches:
    """Lanes by the link that they are of (`link`), and by the movements too that they feed (`mates`), shapes
    (Z,)."""

    def __init__(self, layout: Layout) -> None:
        zones = [z.id for j in layout.net.junctions for z in j.zones]
        link_of = {lane.id: link.id for link in layout.net.links for lane in link.lanes}
        feeds: list[set[int]] = [set() for _ in zones]
        for zone, movement in zip(layout.pair_zone, layout.pair_movement, strict=True):
            feeds[zone].add(int(movement))
        links = [link_of.get(zone, zone) for zone in zones]
        self.link = _numbered(links)
        self.mates = _numbered([(link, tuple(sorted(f))) for link, f in zip(links, feeds, strict=True)])

    def share_of(self, group: Places, weight: Floats, sees: Flags, value: Floats) -> tuple[Floats, Flags]:
        """For each lane its part, by `weight`, of what the lanes of its group that see have of `value`; and
        whether any of them sees. Shapes (Z,)."""
        size = int(group.max()) + 1 if len(group) else 0
        known = np.bincount(group, np.where(sees, weight, 0.0), minlength=size)[group]
        total = np.bincount(group, np.where(sees, value, 0.0), minlength=size)[group]
        seen = known > 0.0
        return np.divide(total * weight, known, out=np.zeros_like(total), where=seen), seen


def _numbered(keys: list[object] | list[str] | list[tuple[str, tuple[int, ...]]]) -> Places:
    number: dict[object, int] = {}
    return np.array([number.setdefault(key, len(number)) for key in keys], np.int64)

"""Turning shares, learnt from counts: what passes each lane, which movements had green then, what each exit
carries.

A lane of one movement tells its flow outright. On a shared lane, those who pass while only one of its movements
has green are of that one. Where all have green together, the flow of the exits decides: the shares are scaled
until the movements into a link carry what passes the stop lines at its end (iterative proportional fitting,
Furness 1965; van Zuylen and Willumsen 1980 for turning flows from counts). No vehicle is followed."""

from __future__ import annotations

import numpy as np

from citybrain.brain.ids import Places
from citybrain.brain.layout import Flags, Floats, Layout

MEMORY_S = 1200.0
PRIOR_VEH = {"s": 2.0, "l": 1.0, "r": 1.0}
"""Vehicles that a movement of a lane begins with, by its turn. Straight on is commonest, but not by much on lanes
that are shared: where nothing tells the movements apart, this is what remains."""
PRIOR_OTHER_VEH = 0.5
FIT_EVERY_MS = 60_000
FIT_POWER = 0.3
"""Part of the way (in logarithms) that a fit goes: flows of a few minutes differ by chance and by the way's
length."""
FIT_MOST = 2.0
FIT_DOUBT_VEH = 10.0
"""Added to both sides of a fit, so that small counts change little."""


class Turning:
    """Pairs (P) of a lane and a movement that it feeds, those that never wait included; the counts are kept
    outside.

    `known`: pairs whose counts tell the movement: lanes of one movement, movements with a green of their own,
    exits that are counted."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        junctions = layout.net.junctions
        zones = {z.id: at for at, z in enumerate(z for j in junctions for z in j.zones)}
        movements = [m for j in junctions for m in j.movements]
        pairs = [(zones[z], at) for at, m in enumerate(movements) for z in m.zones if z in zones]
        self.zone = np.array([z for z, _ in pairs], np.int64)
        self.movement = np.array([m for _, m in pairs], np.int64)
        links = {
            link: at
            for at, link in enumerate(dict.fromkeys(name for m in movements for name in (m.from_link, m.to_link)))
        }
        prior = np.array([PRIOR_VEH.get(m.turn, PRIOR_OTHER_VEH) for m in movements], np.float64)
        self._prior = prior[self.movement]
        self.lane_prior = np.full(len(zones), PRIOR_OTHER_VEH)
        """What each lane is likely to carry, in the same measure, shape (Z,)."""
        np.maximum.at(self.lane_prior, self.zone, self._prior)
        self._from = np.array([links[m.from_link] for m in movements], np.int64)
        self._link_zones, counted = _counted_links(layout, links)
        into = [links[m.to_link] if m.to_link in counted else -1 for m in movements]
        self._into = np.array(into, np.int64)
        self._links = len(links)
        users = np.bincount(self.zone, minlength=len(zones))
        self._shared = users[self.zone] > 1
        self.known = (
            ~self._shared | (self._into[self.movement] >= 0) | _own_green(layout, self.zone, self.movement)
        )
        place = {pair: at for at, pair in enumerate(pairs)}
        kept = zip(layout.pair_zone.tolist(), layout.pair_movement.tolist(), strict=True)
        self.kept = np.array([place[pair] for pair in kept], np.int64)
        """Places of the layout's own pairs."""
        self.lane_start = np.bincount(self.zone, self._prior, len(zones)).astype(np.float64, copy=False)
        """The sums of the first counts of the lanes, shape (Z,)."""

    def start(self) -> Floats:
        """Counts before anything is known, shape (P,)."""
        return self._prior.copy()

    def counted(self, counts: Floats, passed: Floats, watched_s: Floats, open_: Flags) -> Floats:
        """The counts after `watched_s` (Z,) more of detection: the `passed` vehicles (Z,) go to the movements that
        are open (M,), among them by what is known; where none is, to all. The prior stays while the rest fades."""
        of = np.flatnonzero(watched_s[self.zone] > 0.0)
        lane, before, prior = self.zone[of], counts[of], self._prior[of]
        whose = np.where(open_[self.movement[of]], before, 0.0)
        open_sum, whole = (np.bincount(lane, w, len(watched_s)) for w in (whose, before))
        share = (
            np.where(open_sum[lane] > 0.0, whose, before)
            / np.maximum(np.where(open_sum > 0.0, open_sum, whole), 1e-9)[lane]
        )
        after = counts.copy()
        after[of] = prior + (before - prior) * np.exp(-watched_s / MEMORY_S)[lane] + passed[lane] * share
        return after

    @staticmethod
    def watched(watched_s: Floats, more_s: Floats) -> Floats:
        """Time behind the counts of each lane, fading as they do, shape (Z,)."""
        return watched_s * np.exp(-more_s / MEMORY_S) + more_s

    def lane_counted(self, lanes: Floats, passed: Floats, watched_s: Floats, at: Places) -> Floats:
        """The sums of the counts of the lanes `at` (n,) after `watched_s` more. They are kept for themselves: what
        a fit rounds on one lane must not reach the next one by its sum, or no part of a network could be reckoned
        alone (`citybrain.brain.part`)."""
        prior = self.lane_start[at]
        return prior + (lanes - prior) * np.exp(-watched_s / MEMORY_S) + passed

    def fitted(self, counts: Floats, lanes: Floats, watched_s: Floats, sees: Flags) -> Floats:
        """The counts of shared lanes moved towards what passes at the ends of the exits. `lanes`: their sums, as
        `lane_counted` keeps them; `watched_s`: as `watched` does; links with a lane that does not see are left out
        (Z,). A lane keeps its sum."""
        (link, lane), into = self._link_zones, self._into[self.movement]
        rate = counts / np.maximum(watched_s, 1.0)[self.zone]
        seen = lanes / np.maximum(watched_s, 1.0)
        out = np.bincount(link, seen[lane], minlength=self._links) * MEMORY_S
        led = np.bincount(np.maximum(into, 0), np.where(into >= 0, rate, 0.0), minlength=self._links) * MEMORY_S
        whole = np.bincount(link, ~sees[lane], minlength=self._links) == 0
        factor = ((out + FIT_DOUBT_VEH) / (led + FIT_DOUBT_VEH)).clip(1.0 / FIT_MOST, FIT_MOST) ** FIT_POWER
        use = self._shared & (into >= 0) & whole[np.maximum(into, 0)]
        moved = np.where(use, counts * factor[np.maximum(into, 0)], counts)
        return moved * self._lane(counts) / np.maximum(self._lane(moved), 1e-9)

    def _lane(self, per_pair: Floats) -> Floats:
        """Its lane's sum for each pair, shapes (P,) → (P,)."""
        total = np.bincount(self.zone, per_pair, minlength=len(self._layout.zones)).astype(np.float64, copy=False)
        return total[self.zone]

    def lane_share(self, counts: Floats, pairs: Places) -> tuple[Floats, Floats]:
        """Part of their lane's vehicles that go the way of these pairs and its variance, shapes (n,), (n,).

        As of a multinomial count; where counts do not tell the movement, of a share of which nothing is known
        (uniform: a third of that of one vehicle)."""
        total = np.bincount(self.zone, counts, minlength=len(self._layout.zones))[self.zone[pairs]]
        share = counts[pairs] / np.maximum(total, 1e-9)
        doubt = np.maximum(1.0 / (total + 1.0), np.where(self.known[pairs], 0.0, 1.0 / 3.0))
        return share, share * (1.0 - share) * doubt

    def link_share(self, counts: Floats, at: Places) -> tuple[Floats, Floats]:
        """Part of the vehicles of its link that each of some movements takes and its standard deviation, shapes
        (n,), (n,).

        As of a multinomial count; of a lane that does not tell the movement, any part may take it.
        """
        flow = np.bincount(self.movement, counts, minlength=len(self._layout.movements))
        link = np.maximum(np.bincount(self._from, flow, minlength=self._links)[self._from[at]], 1e-9)
        vague = np.flatnonzero(~self.known)
        dark = np.bincount(self.movement[vague], self._lane(counts)[vague], len(flow))
        share = flow[at] / link
        return share, np.sqrt(share * (1.0 - share) / (link + 1.0) + (dark[at] / link) ** 2 / 12.0)


def _counted_links(layout: Layout, links: dict[str, int]) -> tuple[tuple[Places, Places], set[str]]:
    """Pairs (link, zone) of the links all of whose lanes lead into zones, and those links."""
    zones = {z.id: at for at, z in enumerate(z for j in layout.net.junctions for z in j.zones)}
    found = {
        link.id: [zones.get(lane.id, -1) for lane in link.lanes] for link in layout.net.links if link.id in links
    }
    counted = {link for link, lanes in found.items() if lanes and min(lanes) >= 0}
    pairs = [(links[link], lane) for link in sorted(counted) for lane in found[link]]
    return (np.array([a for a, _ in pairs], np.int64), np.array([b for _, b in pairs], np.int64)), counted


def _own_green(layout: Layout, zone: Places, movement: Places) -> Flags:
    """Whether a movement has a stage in which no other movement of the lane has green, for each pair."""
    lets: dict[int, set[tuple[int, int]]] = {}
    first = 0
    for at, junction in enumerate(layout.net.junctions):
        for stage in junction.stages:
            for slot in stage.movements:
                lets.setdefault(first + slot, set()).add((at, stage.index))
        first += len(junction.movements)
    users: dict[int, list[int]] = {}
    for z, m in zip(zone.tolist(), movement.tolist(), strict=True):
        users.setdefault(z, []).append(m)
    own = [
        bool(lets.get(m, set()).difference(*(lets.get(o, set()) for o in users[z] if o != m)))
        for z, m in zip(zone.tolist(), movement.tolist(), strict=True)
    ]
    return np.array(own, np.bool_)

"""Permitted greens (g): who goes before a lane that gives way in its green, and for how long.

A turn with g clears in two parts: nearly nobody gets out while those who go before it discharge, then it
discharges like others (HCM 7th ed., ch. 31: g_q and g_u of permitted left turns). Shapes: G greens of lanes, Z
lanes of the network.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from citybrain.brain.ids import Places
from citybrain.brain.lanes import Lanes
from citybrain.brain.layout import SATURATION_VPS, Flags, Floats, Layout
from citybrain.model import Junction, Movement, Stage


class PermittedGreens:
    """For each green in which a lane gives way, the lanes of its junction that go before it."""

    def __init__(self, layout: Layout, lanes: Lanes, places: Places) -> None:
        found = sorted(
            (
                int(lanes.greens[at, stage.index, own]),
                int(lanes.slots[at, first]),
                int(lanes.greens[at, stage.index, first]),
            )
            for at, junction in enumerate(layout.net.junctions[j] for j in places.tolist())
            for stage in junction.stages
            for own, first in sorted(set(_pairs(junction, stage)))
            if lanes.greens[at, stage.index, own] >= 0
        )
        pairs = np.array(found, np.int64).reshape(-1, 3)
        self._own, self._lane, self._green = pairs.T
        self._begins = np.flatnonzero(np.diff(self._own, prepend=-1))
        self.gives_way: Flags = np.zeros(len(lanes.green_prior), np.bool_)
        """(G + 1,): greens in which a lane has somebody to give way to."""
        self.gives_way[self._own] = True

    def clear_s(self, vehicles: Floats, discharge_vps: Floats) -> Floats:
        """(G + 1,): how long the `vehicles` (Z,) take to pass who go before each green, by what their lanes
        discharge in theirs (G + 1,), or at saturation where they always go; 0 where nobody does."""
        found = np.zeros(len(discharge_vps))
        if len(self._own):
            vps = np.where(self._green >= 0, discharge_vps[self._green], SATURATION_VPS)
            found[self._own[self._begins]] = np.maximum.reduceat(vehicles[self._lane] / vps, self._begins)
        return found


def _pairs(junction: Junction, stage: Stage) -> Iterator[tuple[int, int]]:
    """Lanes of the junction that give way in a stage, each with a lane that goes before it, by their places."""
    slot = {zone.id: i for i, zone in enumerate(junction.zones)}
    movement = {k: m for m in junction.movements for k in m.signal_links}

    def lanes(m: Movement | None) -> list[int]:
        return [slot[z] for z in m.zones if z in slot] if m is not None else []

    for link, letter in enumerate(stage.lamps):
        if letter == "g":
            for other in junction.yields[link]:
                if stage.lamps[other] != "r":
                    for own in lanes(movement.get(link)):
                        yield from ((own, first) for first in lanes(movement.get(other)) if first != own)

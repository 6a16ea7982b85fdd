"""The approach lanes of the junctions that are decided, by place within the junction, and when they may go.

Lanes, not movements, are what discharges: a lane that two movements share lets out no more vehicles for it.
Shapes: J junctions, S stages, L places for lanes within a junction, Z lanes and M movements of the network.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from citybrain.brain.ids import Places
from citybrain.brain.layout import SATURATION_VPS, Flags, Floats, Layout

_N = TypeVar("_N", bound=np.generic)


class Lanes:
    """Lanes of the junctions at `places` and their tables; place Z stands for no lane."""

    def __init__(self, layout: Layout, places: Places) -> None:
        junctions = [layout.net.junctions[j] for j in places.tolist()]
        self.count = len(layout.zones)
        self.slots = np.full((len(junctions), layout.most_zones), self.count, np.int64)
        """(J, L): which lane of the network."""
        self.junction = np.full(self.count, -1, np.int64)
        """(Z,): place of the lane's junction among `places`; -1 for lanes of others."""
        self.slot = np.zeros(self.count, np.int64)
        self._pair_zone, self._pair_movement = layout.pair_zone, layout.pair_movement
        lanes_of = np.bincount(self._pair_movement, minlength=len(layout.movements))
        self._part = 1.0 / np.maximum(lanes_of[self._pair_movement], 1)
        for at, (first, junction) in enumerate(zip(_firsts(layout)[places].tolist(), junctions, strict=True)):
            lanes = np.arange(first, first + len(junction.zones))
            self.slots[at, : len(lanes)] = lanes
            self.junction[lanes], self.slot[lanes] = at, np.arange(len(lanes))
        self.prior = self._priors(layout, places)
        """(J, S, L): vehicles a second that the lane is taken to discharge in the stage, 0 where it has red."""
        self.greens = np.where(self.prior > 0.0, np.cumsum(self.prior > 0.0).reshape(self.prior.shape) - 1, -1)
        """(J, S, L): place of a lane's green in the stage among all of them, -1 where it has red."""
        self.green_prior = np.append(self.prior[self.prior > 0.0], 0.0)
        """(G + 1,): `prior` of each green; the last one is that of red."""
        self.waits: Flags = self.prior.max(axis=1) > 0.0
        """(J, L): lanes that have to wait for a stage."""

    def _priors(self, layout: Layout, places: Places) -> Floats:
        """A lane shared by movements of which a stage lets only some go discharges as much less: who may not go
        stands in the way of who may."""
        prior = np.zeros((*layout.lets[places].shape[:2], self.slots.shape[1]))
        users = np.zeros(self.count)
        waiting = ~layout.always_green[self._pair_movement]
        np.add.at(users, self._pair_zone[waiting], 1.0)
        slot_of = np.zeros(len(layout.movements), np.int64)
        for row in layout.slots:
            real = row < len(layout.movements)
            slot_of[row[real]] = np.flatnonzero(real)
        for zone, movement in zip(
            self._pair_zone[waiting].tolist(), self._pair_movement[waiting].tolist(), strict=True
        ):
            at = int(self.junction[zone])
            if at < 0:
                continue
            junction = layout.net.junctions[int(places[at])]
            links = junction.movements[int(slot_of[movement])].signal_links
            for stage in junction.stages:
                letters = {stage.lamps[k] for k in links}
                goes = float(letters != {"r"})
                prior[at, stage.index, self.slot[zone]] += SATURATION_VPS * goes / users[zone]
        return prior

    def of_movements(self, per_movement: Floats) -> Floats:
        """Vehicles of movements by lanes, (M,) → (Z,): those of a movement are spread evenly over its lanes."""
        found = np.bincount(self._pair_zone, per_movement[self._pair_movement] * self._part, minlength=self.count)
        return found.astype(np.float64, copy=False)

    def any_movement(self, per_movement: Flags) -> Flags:
        """Whether a flag holds for any of a lane's movements, (M,) → (Z,)."""
        found = np.zeros(self.count, np.bool_)
        found[self._pair_zone[per_movement[self._pair_movement]]] = True
        return found

    def padded(self, per_lane: npt.NDArray[_N]) -> npt.NDArray[_N]:
        """A quantity of lanes by place within the junctions, (Z, …) → (J, L, …), 0 where there is no lane."""
        whole = np.zeros((self.count + 1, *per_lane.shape[1:]), per_lane.dtype)
        whole[:-1] = per_lane
        return whole[self.slots]


def _firsts(layout: Layout) -> Places:
    """(J,): the first lane of each junction."""
    counts = [len(j.zones) for j in layout.net.junctions]
    return np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)

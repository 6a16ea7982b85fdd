"""What really happens on the approaches of a simulated street, movement by movement: for scoring alone."""

from __future__ import annotations

from collections.abc import Iterator

import libsumo
import numpy as np
import numpy.typing as npt

from citybrain.model import RoadNet, Zone

HALTED_MPS = 0.1

Floats = npt.NDArray[np.float64]


class StreetTruth:
    """Follows each vehicle in the zones by its route. `queue`: those that stand or have stood in the zone;
    `passed`: those that have crossed the stop line since the last look; all by movement, shape (M,)."""

    def __init__(self, net: RoadNet) -> None:
        self._zones = [z for j in net.junctions for z in j.zones]
        movements = [m for j in net.junctions for m in j.movements]
        self.movements = [m.id for m in movements]
        self._place = {(m.from_link, m.to_link): i for i, m in enumerate(movements)}
        self._link = {lane.id: link.id for link in net.links for lane in link.lanes}
        self._stood: set[str] = set()
        self._before: dict[str, tuple[int, str]] = {}
        self.queue = self.vehicles = self.passed = np.zeros(len(movements))

    def look(self) -> None:
        """After each step of the simulation."""
        queue, vehicles, passed = (np.zeros(len(self.movements)) for _ in range(3))
        now: dict[str, tuple[int, str]] = {}
        standing: set[str] = set()
        for zone in self._zones:
            link = self._link[zone.id]
            for vehicle in self._inside(zone):
                place = self._movement(vehicle, link)
                if place < 0:
                    continue
                now[vehicle] = place, link
                vehicles[place] += 1
                if vehicle in self._stood or libsumo.vehicle.getSpeed(vehicle) < HALTED_MPS:
                    standing.add(vehicle)
                    queue[place] += 1
        for vehicle, (place, link) in self._before.items():
            if now.get(vehicle, (-1, ""))[1] != link and self._is_past(vehicle, link):
                passed[place] += 1
        self._stood = {v for v in standing if self._before.get(v, now[v])[1] == now[v][1]}
        self._before = now
        self.queue, self.vehicles, self.passed = queue, vehicles, passed

    def _inside(self, zone: Zone) -> Iterator[str]:
        for reach in zone.reaches:
            for vehicle in reversed(libsumo.lane.getLastStepVehicleIDs(reach.lane)):
                if libsumo.vehicle.getLanePosition(vehicle) < reach.begin_m:
                    break
                yield vehicle

    def _movement(self, vehicle: str, link: str) -> int:
        known = self._before.get(vehicle)
        if known is not None and known[1] == link:
            return known[0]
        route = libsumo.vehicle.getRoute(vehicle)
        begin = max(libsumo.vehicle.getRouteIndex(vehicle), 0)
        if link not in route[begin:]:
            return -1
        at = route.index(link, begin)
        return self._place.get((link, route[at + 1]), -1) if at + 1 < len(route) else -1

    @staticmethod
    def _is_past(vehicle: str, link: str) -> bool:
        try:
            road: str = libsumo.vehicle.getRoadID(vehicle)
        except libsumo.TraCIException:
            return False
        return road != link

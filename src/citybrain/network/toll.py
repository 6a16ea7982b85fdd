"""What driving costs besides time: halts and CO₂, counted vehicle by vehicle where the simulator tells."""

from __future__ import annotations

from collections.abc import Sequence

import libsumo

_MG = 1e-6
"""Kilograms in a milligram."""


class Toll:
    """Halts and CO₂ of the vehicles on the road, from one reading to the next.

    A halt is SUMO's: a speed that falls below 0.1 m/s (`waitingCount` of its trip output). Who arrives takes along
    the halts since the last reading. CO₂ is the rate of the moment by SUMO's emission model (HBEFA), taken for the
    whole time since.
    """

    def __init__(self) -> None:
        self._halts: dict[str, int] = {}

    def start(self) -> None:
        """Begin on a SUMO that has just started: halts until now are counted already."""
        self._halts = {v: _halts(v) for v in libsumo.vehicle.getIDList()}

    def halts(self, vehicles: Sequence[str]) -> int:
        """Halts since the last call, of the vehicles that are on the road now."""
        before, self._halts = self._halts, {v: _halts(v) for v in vehicles}
        return sum(n - before.get(v, 0) for v, n in self._halts.items())

    def co2_kg(self, vehicles: Sequence[str], seconds: float) -> float:
        """CO₂ of that time at the rate of this moment."""
        rate = sum(float(libsumo.vehicle.getCO2Emission(v)) for v in vehicles)
        return rate * seconds * _MG


def _halts(vehicle: str) -> int:
    return int(libsumo.vehicle.getParameter(vehicle, "device.tripinfo.waitingCount"))

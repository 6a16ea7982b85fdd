"""What buses and trams say of themselves near a signal, as an operator's on-board units do (VDV R09 telegrams, SAE
J2735 signal requests): that they are there, and how many ride in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import libsumo
import pyarrow as pa

from citybrain.model import Zone, from_ms
from citybrain.network.schema import schema_of

DATASET = "traffic.transit_approach"
CLASSES = frozenset({"bus", "coach", "tram", "rail_urban"})
_MOST_KNOWN = 100_000


class TransitReports:
    """The reports of a simulated city. Vehicle ids stay in here. Without anybody who rides there are none."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = zones
        self._public: dict[str, bool] = {}

    def read(self, seen: Callable[[], Mapping[int, Iterable[str]]], time_ms: int) -> pa.RecordBatch | None:
        """Reports of the vehicles in zones (`seen` gives them by the zone's place); None where there are none."""
        if not libsumo.person.getIDCount():
            return None
        rows = []
        for place, vehicles in seen().items():
            riding = [n for v in vehicles if self._is_public(v) and (n := libsumo.vehicle.getPersonNumber(v))]
            if riding:
                zone = self._zones[place]
                row = {"zone": zone.id, "junction": zone.junction, "time": from_ms(time_ms)}
                rows.append(row | {"vehicles": len(riding), "persons": sum(riding)})
        return pa.RecordBatch.from_pylist(rows, schema=schema_of(DATASET)) if rows else None

    def _is_public(self, vehicle: str) -> bool:
        if len(self._public) > _MOST_KNOWN:
            self._public.clear()
        known = self._public.get(vehicle)
        if known is None:
            known = self._public[vehicle] = libsumo.vehicle.getVehicleClass(vehicle) in CLASSES
        return known

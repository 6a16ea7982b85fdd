"""Buses and trams by those who ride in them, where that is known. Shapes: Z lanes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from citybrain.brain.kept import Kept
from citybrain.brain.layout import Floats, Layout
from citybrain.model import State

DATASET = "traffic.transit_approach"
PERSONS_A_CAR = 1.5
"""Persons in a car (Mobilität in Deutschland 2017: 1.46): a vehicle counts 1 for so many."""
MOST_CARS = 40.0
"""As so many cars one bus or tram counts at most: beyond that it would outweigh every queue for good."""
FRESH_MS = 5_000
"""A report holds for so long: whoever is still there has spoken again."""
NEVER = -1


class Transit:
    """Keeps what was reported last in the state of the step that owns it."""

    def __init__(self, layout: Layout) -> None:
        self._zones = layout.zones

    def start(self) -> State:
        zones = len(self._zones)
        return {"transit_cars": np.zeros(zones), "transit_ms": np.full(zones, NEVER, np.int64)}

    def see(self, s: Kept, rows: pa.RecordBatch) -> None:
        """Take rows of traffic.transit_approach."""
        at = self._zones.places(rows.column("zone"))
        vehicles, persons, time_ms = (
            rows.column(name).cast(pa.int64()).to_numpy(zero_copy_only=False)
            for name in ("vehicles", "persons", "time")
        )
        sound = (at >= 0) & (vehicles > 0) & (persons > 0)
        at, vehicles, persons = at[sound], vehicles[sound], persons[sound]
        cars = np.clip(persons / PERSONS_A_CAR, vehicles, MOST_CARS * vehicles)
        s.own("transit_cars")[at] = cars - vehicles
        s.own("transit_ms")[at] = time_ms[sound]

    def weights(self, s: Kept, vehicles: Floats, now_ms: int) -> Floats | None:
        """As how many cars each of the `vehicles` (Z,) of a lane counts, (Z,); None where nothing is known."""
        fresh = (s["transit_ms"] != NEVER) & (np.abs(now_ms - s["transit_ms"]) <= FRESH_MS)
        if not fresh.any():
            return None
        found: Floats = 1.0 + np.where(fresh, s["transit_cars"], 0.0) / np.maximum(vehicles, 1.0)
        return found

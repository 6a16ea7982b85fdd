"""Probe vehicles: a share of the traffic whose speed the city knows, by link and minute."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import libsumo
import numpy as np
import pyarrow as pa
from msgspec import Struct

from citybrain.model import RoadNet
from citybrain.network.schema import TIME, schema_of

SHARE = 0.05
PERIOD_MS = 60_000
LOOK_MS = 5_000
"""A probe reports its speed this often."""


class ProbeMemory(Struct):
    """What the current minute has seen so far: speed sum and observations of each link."""

    sums: dict[str, tuple[float, int]]


class LinkProbes:
    """Follows the probe vehicles. Which vehicles are probes depends on their id and the seed alone."""

    def __init__(self, net: RoadNet, seed: int, share: float = SHARE) -> None:
        self._free = {link.id: link.speed_mps for link in net.links}
        self._seed = f"{seed}:".encode()
        self._limit = round(share * 2**32)
        self._probes: set[str] = set()
        self.memory = ProbeMemory({})

    def start(self) -> None:
        """Find the probes among the vehicles on the road (after a start or a restore)."""
        self._probes = {v for v in libsumo.vehicle.getIDList() if self._is_probe(v)}

    def step(self, departed: Iterable[str], time_ms: int) -> None:
        """Take in the vehicles that set off and, each 5 s, note where the probes are and how fast."""
        self._probes.update(v for v in departed if self._is_probe(v))
        if time_ms % LOOK_MS:
            return
        sums = self.memory.sums
        gone = []
        for probe in self._probes:
            try:
                road = libsumo.vehicle.getRoadID(probe)
                if road in self._free:
                    total, n = sums.get(road, (0.0, 0))
                    sums[road] = (total + libsumo.vehicle.getSpeed(probe), n + 1)
            except libsumo.TraCIException:
                gone.append(probe)
        self._probes.difference_update(gone)

    def read(self, time_ms: int) -> pa.RecordBatch | None:
        """The rows of `traffic.link_speed` when a minute is full, else None."""
        if time_ms % PERIOD_MS or not self.memory.sums:
            return None
        links = sorted(self.memory.sums)
        sums = np.array([self.memory.sums[k] for k in links])
        self.memory = ProbeMemory({})
        return pa.RecordBatch.from_arrays(
            [
                pa.array(links, pa.string()),
                pa.array(np.full(len(links), time_ms, np.int64)).view(TIME),
                pa.array(sums[:, 0] / sums[:, 1]),
                pa.array([self._free[k] for k in links], pa.float64()),
                pa.array(sums[:, 1].astype(np.int64)),
            ],
            schema=schema_of("traffic.link_speed"),
        )

    def _is_probe(self, vehicle: str) -> bool:
        return zlib.crc32(self._seed + vehicle.encode()) < self._limit

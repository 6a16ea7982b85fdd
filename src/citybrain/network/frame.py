"""Live frames: every vehicle and lamp of one moment in a few bytes each, for the map.

Layout, little endian, header 40 bytes:

====== ======== =====================================================================
offset type     what
====== ======== =====================================================================
0      u32      magic 0x31464243 ("CBF1")
4      u16      version, 1
6      u16      reserved, 0
8      f64      city time, milliseconds since 1970 UTC
16     u32      run of the simulated city
20     u32      n, number of vehicles
24     u32      m, number of lamp letters
28     f64      wall time at which it was made, milliseconds since 1970 UTC
36     4 bytes  reserved, 0
40     u32[n]   number of the vehicle within this run (the same from frame to frame)
…      u16[n]   x: bounds x min + x / 65535 * (x max - x min)
…      u16[n]   y: likewise, upwards
…      u8[n]    heading clockwise from north: value * 360 / 256 degrees
…      u8[n]    speed in units of 0.25 m/s (255: 63.75 m/s or more)
…      u8[n]    kind: 0 car, 1 bus, 2 lorry, 3 emergency, 4 bicycle, 5 tram
…      u8[m]    lamp letters (ASCII) of all junctions in the order of the network's junctions
====== ======== =====================================================================

The bounds are `RoadNet.bounds`. x, y are the middle of the vehicle's front.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import libsumo
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from citybrain.model import RoadNet, wall_ms

MAGIC = 0x31464243
VERSION = 1
HEADER = struct.Struct("<IHHdIIId4x")
SPEED_UNIT_MPS = 0.25
KINDS = {
    "bus": 1,
    "coach": 1,
    "truck": 2,
    "trailer": 2,
    "delivery": 2,
    "emergency": 3,
    "authority": 3,
    "bicycle": 4,
    "moped": 4,
    "tram": 5,
    "rail_urban": 5,
    "rail": 5,
}
_Floats = npt.NDArray[np.float64]


class Frame(Struct, frozen=True):
    """A decoded frame: arrays of length n, in metres, degrees and m/s; `lamps` as one string."""

    time_ms: float
    run: int
    ids: npt.NDArray[np.uint32]
    xy: _Floats
    heading_deg: _Floats
    speed_mps: _Floats
    kind: npt.NDArray[np.uint8]
    lamps: str
    made_ms: float


class FrameMaker:
    """Numbers the vehicles of a run and packs them."""

    def __init__(self, net: RoadNet, run: int) -> None:
        self._bounds = net.bounds
        self._run = run
        self._known: dict[str, tuple[int, int]] = {}
        self._next = 1

    def frame(self, time_ms: int, lamps: Sequence[str]) -> bytes:
        """The frame of this moment; `lamps` in the order of the network's junctions."""
        ids = libsumo.vehicle.getIDList()
        if len(self._known) > 2 * len(ids) + 1000:
            here = set(ids)
            self._known = {v: k for v, k in self._known.items() if v in here}
        numbers = np.array([self._number(v) for v in ids], np.int64).reshape(-1, 2)
        xy = np.array([libsumo.vehicle.getPosition(v) for v in ids]).reshape(-1, 2)
        heading = np.array([libsumo.vehicle.getAngle(v) for v in ids])
        speed = np.array([libsumo.vehicle.getSpeed(v) for v in ids])
        return pack(time_ms, self._run, numbers, xy, heading, speed, "".join(lamps), self._bounds, wall_ms())

    def _number(self, vehicle: str) -> tuple[int, int]:
        known = self._known.get(vehicle)
        if known is None:
            known = (self._next, KINDS.get(libsumo.vehicle.getVehicleClass(vehicle), 0))
            self._known[vehicle] = known
            self._next += 1
        return known


def pack(
    time_ms: int,
    run: int,
    numbers: npt.NDArray[np.int64],
    xy: _Floats,
    heading_deg: _Floats,
    speed_mps: _Floats,
    lamps: str,
    bounds: tuple[float, float, float, float],
    made_ms: int,
) -> bytes:
    """A frame as bytes. `numbers` (n, 2): id and kind; `xy` (n, 2) metres. Vehicles without a place (not on the
    road just now) are left out."""
    low, size = np.array(bounds[:2]), np.maximum(np.array(bounds[2:]) - bounds[:2], 1e-9)
    fit = (xy - low) / size
    on = (np.abs(fit - 0.5) < 1.0).all(axis=1) if len(fit) else np.zeros(0, bool)
    place = np.round(np.clip(fit[on], 0, 1) * 65535).astype("<u2")
    letters = lamps.encode("ascii")
    return b"".join(
        (
            HEADER.pack(MAGIC, VERSION, 0, float(time_ms), run, int(on.sum()), len(letters), float(made_ms)),
            numbers[on, 0].astype("<u4").tobytes(),
            np.ascontiguousarray(place[:, 0]).tobytes(),
            np.ascontiguousarray(place[:, 1]).tobytes(),
            (np.round(heading_deg[on] * (256 / 360)).astype(np.int64) % 256).astype(np.uint8).tobytes(),
            np.clip(np.round(speed_mps[on] / SPEED_UNIT_MPS), 0, 255).astype(np.uint8).tobytes(),
            numbers[on, 1].astype(np.uint8).tobytes(),
            letters,
        )
    )


def read_frame(data: bytes, bounds: tuple[float, float, float, float]) -> Frame:
    """Decode a frame. Raises ValueError on anything else."""
    if len(data) < HEADER.size:
        raise ValueError("not a frame: shorter than its header")
    magic, version, _, time_ms, run, n, m, made_ms = HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise ValueError(f"not a frame of version {VERSION}")
    if len(data) != HEADER.size + 11 * n + m:
        raise ValueError("not a frame: its length does not fit its header")
    at = HEADER.size
    ids = np.frombuffer(data, "<u4", n, at)
    x, y = (np.frombuffer(data, "<u2", n, at + 4 * n + 2 * n * k) for k in (0, 1))
    heading, speed, kind = (np.frombuffer(data, np.uint8, n, at + 8 * n + n * k) for k in (0, 1, 2))
    low, size = np.array(bounds[:2]), np.array(bounds[2:]) - bounds[:2]
    xy = low + np.stack([x, y], axis=1) / 65535 * size
    lamps = data[at + 11 * n :].decode("ascii")
    degrees, mps = heading * np.float64(360 / 256), speed * np.float64(SPEED_UNIT_MPS)
    return Frame(time_ms, run, ids, xy, degrees, mps, kind, lamps, made_ms)

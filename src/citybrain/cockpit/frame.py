"""The head of a frame of moving vehicles: the little that the server itself needs of it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAGIC = 0x31464243
VERSION = 1
HEADER = struct.Struct("<IHHdIII12x")
BYTES_A_VEHICLE = 11


@dataclass(frozen=True, slots=True)
class FrameHead:
    """City time, run of the source, vehicles and lamps of a frame."""

    time_ms: int
    run: int
    vehicles: int
    lamps: int


def frame_head(frame: bytes) -> FrameHead:
    """The head of a frame. Raises ValueError on one that is not whole or of another version."""
    if len(frame) < HEADER.size:
        raise ValueError(f"a frame of {len(frame)} bytes")
    magic, version, _, time_ms, run, vehicles, lamps = HEADER.unpack_from(frame)
    if magic != MAGIC or version != VERSION:
        raise ValueError(f"not a frame of version {VERSION}")
    if len(frame) != HEADER.size + BYTES_A_VEHICLE * vehicles + lamps:
        raise ValueError(f"a frame of {len(frame)} bytes for {vehicles} vehicles and {lamps} lamps")
    return FrameHead(int(time_ms), run, vehicles, lamps)

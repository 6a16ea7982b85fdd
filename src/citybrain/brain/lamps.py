"""What the lamps say: rows of `traffic.signal_state` as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from citybrain.brain.ids import Places
from citybrain.brain.layout import Flags, Layout

_GREEN = tuple(b"Gg")


@dataclass(frozen=True, slots=True)
class Lamps:
    """Signal states of `junctions` (places) at `time_ms`: stage shown (-1 while lamps change), the stage that it
    goes to, since when (ms); for each place within the junction whether the movement there has green, and its lamp
    (the letter as a byte, 0 where there is no movement), shape (rows, K)."""

    junctions: Places
    stage: Places
    next_stage: Places
    since_ms: Places
    green: Flags
    letter: npt.NDArray[np.uint8]
    time_ms: Places


def read_lamps(layout: Layout, rows: pa.RecordBatch) -> Lamps:
    """The rows of junctions that the layout knows and whose lamp string has their length."""
    junctions = layout.junctions.places(rows.column("junction"))
    letters, start, length = _text(rows.column("lamps"))
    fits = (junctions >= 0) & (length == layout.signal_links[junctions])
    junctions, start = junctions[fits], start[fits]
    link = layout.first_link[junctions]
    letter = letters[np.where(link >= 0, start[:, None] + link, 0)] if len(letters) else np.zeros_like(link)
    return Lamps(
        junctions,
        integers(rows.column("stage"))[fits],
        integers(rows.column("next_stage"))[fits],
        integers(rows.column("since"))[fits],
        ((letter == _GREEN[0]) | (letter == _GREEN[1])) & (link >= 0),
        np.where(link >= 0, letter, 0).astype(np.uint8),
        integers(rows.column("time"))[fits],
    )


def show_green(layout: Layout, lamps: Lamps, green: Flags) -> None:
    """Write into `green` (M,) what the lamps of the movements show."""
    slots = layout.slots[lamps.junctions]
    real = slots < len(layout.movements)
    green[slots[real]] = lamps.green[real]


def integers(column: pa.Array) -> Places:
    """An integer or time (ms) column as int64."""
    result: npt.NDArray[np.int64] = column.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return result


def _text(column: pa.Array) -> tuple[npt.NDArray[np.uint8], Places, Places]:
    """The letters of a string column, and where each row starts in them and how long it is."""
    _, offsets, data = column.buffers()
    first, n = column.offset, len(column)
    if not n or data is None:
        return np.zeros(0, np.uint8), np.zeros(n, np.int64), np.zeros(n, np.int64)
    ends = np.frombuffer(offsets, np.int32)[first : first + n + 1].astype(np.int64)
    return np.frombuffer(data, np.uint8), ends[:-1], np.diff(ends)

"""The schemas of what the brain writes, so that a batch is made in its declared form at once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from citybrain.model import arrow_schema, read_declaration

_TIME = pa.timestamp("ms", tz="UTC")


@cache
def schema(dataset: str) -> pa.Schema:
    """The schema of one of the brain's datasets."""
    file = Path(__file__).parent / "datasets" / f"{dataset.replace('.', '_')}.toml"
    return arrow_schema(read_declaration(file))


def times(now_ms: int, rows: int) -> pa.Array:
    """A time column that says `now_ms` in each row."""
    return timestamps(np.full(rows, now_ms, np.int64))


def timestamps(at_ms: npt.NDArray[np.int64]) -> pa.Array:
    """A time column."""
    return pa.array(np.ascontiguousarray(at_ms)).view(_TIME)

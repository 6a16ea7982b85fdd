"""Faults of detectors in the field: some are out, the others miscount."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

OUT_SHARE = 0.10
OUT_MS = 10 * 60_000
"""A detector that fails is out for this long."""
MISCOUNT_SHARE = 0.05
_COUNTS = ("count", "halted", "entered", "passed")
_FLAGS = ("stop_occupied", "upstream_occupied")


class FieldFaults:
    """Takes a tenth of the detectors out at a time and lets the others miss a twentieth of what they count.

    Which and when follows from seed, zone and city time alone, so that a run repeats. A detector that is out
    reads zero with healthy = false.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def apply(self, rows: pa.RecordBatch, time_ms: int) -> pa.RecordBatch:
        """The same rows as the field would give them."""
        zones = rows.column("zone").to_pylist()
        out = np.array([self._draw(f"{z}:{time_ms // OUT_MS}") < OUT_SHARE for z in zones])
        rng = np.random.default_rng((self._seed, time_ms))
        columns = {name: rows.column(name) for name in rows.schema.names}
        counts = {name: _numbers(columns[name]) for name in _COUNTS}
        seen = {name: np.where(out, 0, rng.binomial(n, 1 - MISCOUNT_SHARE)) for name, n in counts.items()}
        seen["halted"] = np.minimum(seen["halted"], seen["count"])
        columns |= {name: pa.array(values) for name, values in seen.items()}
        for name in _FLAGS:
            columns[name] = pa.array(columns[name].to_numpy(zero_copy_only=False) & ~out)
        speed = columns["mean_speed_mps"].to_numpy(zero_copy_only=False)
        columns["mean_speed_mps"] = pa.array(np.nan_to_num(speed), mask=(seen["count"] == 0))
        columns["healthy"] = pa.array(~out)
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=rows.schema)

    def _draw(self, what: str) -> float:
        return zlib.crc32(f"{self._seed}:{what}".encode()) / 2**32


def _numbers(column: pa.Array) -> npt.NDArray[np.int64]:
    numbers: npt.NDArray[np.int64] = column.to_numpy(zero_copy_only=False)
    return numbers

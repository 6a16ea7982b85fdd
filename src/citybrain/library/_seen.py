"""Which batches the library holds already.

A Bloom filter in memory says "certainly new" for almost every batch; only for the rest is the table of ids looked
at. An index in DuckDB would do the same at some 30 bytes of memory a batch: half a gigabyte after a month.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

_BITS = 27
"""2^27 bits = 16 MB: one in a hundred wrong at 14 million ids (Bloom 1970, four probes)."""
_PROBES = 4


def fingerprint(batch_id: str) -> int:
    """64 bits of the id's BLAKE2b digest."""
    return int.from_bytes(hashlib.blake2b(batch_id.encode(), digest_size=8).digest(), "little")


class Seen:
    """The ids of stored batches."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._bits = np.zeros(1 << (_BITS - 3), dtype=np.uint8)
        reader: pa.RecordBatchReader = con.sql("SELECT fingerprint FROM main.batches").to_arrow_reader(1 << 16)
        for rows in reader:
            self._set(rows.column(0).to_numpy(zero_copy_only=False))

    def among(self, batch_ids: Sequence[str]) -> set[str]:
        """Those of the ids that are stored."""
        marks = np.array([fingerprint(i) for i in batch_ids], dtype=np.uint64)
        probes = _probes(marks)
        hits = (self._bits[probes >> 3] >> (probes & 7) & 1).reshape(len(marks), _PROBES).all(axis=1)
        if not hits.any():
            return set()
        maybe = [int(mark) for mark in marks[hits]]
        found = self._con.execute(
            "SELECT id FROM main.batches WHERE fingerprint IN (SELECT unnest(?::UBIGINT[]))", [maybe]
        ).fetchall()
        return {i for (i,) in found} & set(batch_ids)

    def add(self, batch_ids: Iterable[str]) -> None:
        """Remember ids that have been committed."""
        self._set(np.array([fingerprint(i) for i in batch_ids], dtype=np.uint64))

    def _set(self, marks: npt.NDArray[np.uint64]) -> None:
        probes = _probes(marks)
        np.bitwise_or.at(self._bits, probes >> 3, (1 << (probes & 7)).astype(np.uint8))


def _probes(marks: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Bit positions of each mark, shape (marks × probes,), by double hashing of its halves."""
    low, high = marks & np.uint64(0xFFFFFFFF), (marks >> np.uint64(32)) | np.uint64(1)
    steps = np.arange(_PROBES, dtype=np.uint64)
    positions = (low[:, None] + steps * high[:, None]) & np.uint64((1 << _BITS) - 1)
    return positions.astype(np.int64).ravel()

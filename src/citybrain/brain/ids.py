"""Ids of junctions, zones and movements, and their places in the brain's arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_REMEMBERED = 32
_HELD = 8
_FEW = 200
"""So few names are looked up one by one."""
_K = TypeVar("_K")
_V = TypeVar("_V")

Places = npt.NDArray[np.int64]


class Ids:
    """The ids of one kind in array order.

    Looking a column up costs nothing when it is the very column that came before, a hash of its bytes when an
    equal one did (detectors report in the same order again and again), else one pass over it. The memory changes
    no result.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self.names = pa.array(ids, pa.string())
        self._index = {name: at for at, name in reversed(list(enumerate(ids)))}
        self._known: dict[tuple[bytes, bytes], Places] = {}
        self._held: dict[tuple[int, int, int, int], tuple[pa.Array, Places]] = {}

    def __len__(self) -> int:
        return len(self.names)

    def places(self, column: pa.Array) -> Places:
        """Places of the ids of a string column, shape (n,); -1 for an id that is not known."""
        start, n = column.offset, len(column)
        if n <= _FEW:
            found = self._index.get
            return np.array([found(name, -1) for name in column.to_pylist()], np.int64)
        _, offsets, data = column.buffers()
        where = (offsets.address, data.address if data is not None else 0, start, n)
        if where in self._held:  # the column is held, so no other can lie at its address
            return self._held[where][1]
        ends = np.frombuffer(offsets, np.int32)[start : start + n + 1]
        text = data.slice(int(ends[0]), int(ends[-1] - ends[0])).to_pybytes() if data is not None else b""
        places = self._equal((text, (ends - ends[0]).tobytes()), column)
        _remember(self._held, where, (column, places), _HELD)
        return places

    def _equal(self, key: tuple[bytes, bytes], column: pa.Array) -> Places:
        known = self._known.get(key)
        if known is None:
            found = pc.index_in(column, value_set=self.names).fill_null(-1)
            known = found.to_numpy(zero_copy_only=False).astype(np.int64)
            known.flags.writeable = False
            _remember(self._known, key, known, _REMEMBERED)
        return known

    def take(self, places: Places) -> pa.Array:
        """The ids at `places`, as a string column; null where the place is negative."""
        if len(places) and int(places.min()) < 0:
            return self.names.take(pa.array(places, mask=places < 0))
        return self.names.take(pa.array(places))


def _remember(memory: dict[_K, _V], key: _K, value: _V, most: int) -> None:
    if len(memory) >= most:
        del memory[next(iter(memory))]
    memory[key] = value

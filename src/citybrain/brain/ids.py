"""Ids of junctions, zones and movements, and their places in the brain's arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_REMEMBERED = 32

Places = npt.NDArray[np.int64]


class Ids:
    """The ids of one kind in array order.

    Looking a column up costs a hash of its bytes when the same column came before (detectors report in the same
    order again and again), else one pass over it. The memory changes no result.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self.names = pa.array(ids, pa.string())
        self._known: dict[tuple[bytes, bytes], Places] = {}

    def __len__(self) -> int:
        return len(self.names)

    def places(self, column: pa.Array) -> Places:
        """Places of the ids of a string column, shape (n,); -1 for an id that is not known."""
        start, n = column.offset, len(column)
        _, offsets, data = column.buffers()
        ends = np.frombuffer(offsets, np.int32)[start : start + n + 1] if n else np.zeros(1, np.int32)
        text = data.slice(int(ends[0]), int(ends[-1] - ends[0])).to_pybytes() if data is not None else b""
        key = (text, (ends - ends[0]).tobytes())
        known = self._known.get(key)
        if known is None:
            found = pc.index_in(column, value_set=self.names).fill_null(-1)
            known = found.to_numpy(zero_copy_only=False).astype(np.int64)
            known.flags.writeable = False
            if len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[key] = known
        return known

    def take(self, places: Places) -> pa.Array:
        """The ids at `places`, as a string column; null where the place is negative."""
        if len(places) and int(places.min()) < 0:
            return self.names.take(pa.array(places, mask=places < 0))
        return self.names.take(pa.array(places))

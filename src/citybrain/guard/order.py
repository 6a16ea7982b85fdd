"""Orders as they come in: sound ones become the wish and the heartbeat of their junction, the rest is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from citybrain.guard.junction import Reason
from citybrain.guard.record import SIGNAL_ORDER
from citybrain.guard.refusal import Refusals

BACKUP_MS = 3000
"""NTCIP 1202 unitBackupTime: after this time without an order a junction runs its own plan."""
LONGEST_BACKUP_MS = 65_535_000
NOT_HEARD_MS = -(1 << 62)


_REASONS = (
    Reason.UNKNOWN_JUNCTION,
    Reason.NOT_CONTROLLABLE,
    Reason.NO_SUCH_STAGE,
    Reason.FROM_THE_FUTURE,
    Reason.TOO_OLD,
)


class Orders:
    """The last sound order for each junction: `wish` its stage, `heard_ms` its city time, `source` who gave it."""

    def __init__(
        self, ids: Sequence[str], stages: npt.NDArray[np.int64], refusals: Refusals, backup_ms: int
    ) -> None:
        if not 0 < backup_ms <= LONGEST_BACKUP_MS:
            raise ValueError(
                f"backup time {backup_ms} ms: the own plan must take over from a silent brain, "
                f"after more than 0 and at most {LONGEST_BACKUP_MS} ms"
            )
        self.backup_ms = backup_ms
        self._names = list(ids)
        self._index = {name: j for j, name in enumerate(ids)}
        self._ids = pa.array(ids, pa.string())
        self._last: tuple[pa.Array, npt.NDArray[np.int64]] = (self._ids, np.arange(len(ids), dtype=np.int64))
        self._stages = stages
        self._refusals = refusals
        self._told_off = np.zeros(len(ids), np.bool_)
        self.heard_ms = np.full(len(ids), NOT_HEARD_MS, np.int64)
        self.wish = np.full(len(ids), -1, np.int64)
        self.source = np.full(len(ids), "", object)

    def take(
        self, rows: pa.RecordBatch, source: str, now_ms: int, off: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Take rows of traffic.signal_order at `now_ms`; the indices of the junctions that were ordered.

        `off` says which junctions are switched to their own plans: their orders are heard (the brain is ready when
        it is switched on again) and refused. `stages` 0 means not controllable. Where a batch orders a junction
        twice, the last row counts. Raises ValueError if the rows are no orders.
        """
        junction, time_ms, stage = _columns(rows)
        index = self._places(junction)
        faults = self._faults(index, time_ms, stage, now_ms)
        sound = index[faults < 0]
        self.heard_ms[sound] = time_ms[faults < 0]
        self.wish[sound] = stage[faults < 0]
        self.source[sound] = source
        self._tell_off(source, now_ms, sound, off)
        self._forget(source, sound, off)
        for i in np.flatnonzero(faults >= 0).tolist():
            reason = _REASONS[faults[i]]
            self._refusals.add(junction[i].as_py(), now_ms, source, int(stage[i]), reason, at_limit=False)
        return sound

    def _places(self, junction: pa.Array) -> npt.NDArray[np.int64]:
        """Where the junctions stand in the network, -1 if nowhere. Who orders every second names the same ones."""
        if not junction.equals(self._last[0]):
            found = pc.fill_null(pc.index_in(junction, value_set=self._ids), -1)
            self._last = (junction, found.to_numpy(zero_copy_only=False).astype(np.int64))
        return self._last[1]

    def _faults(
        self,
        index: npt.NDArray[np.int64],
        time_ms: npt.NDArray[np.int64],
        stage: npt.NDArray[np.int64],
        now_ms: int,
    ) -> npt.NDArray[np.int64]:
        """For each row the place of its reason in `_REASONS`, -1 if it is sound."""
        stages = self._stages[index]
        conditions = [
            index < 0,
            stages == 0,
            (stage < 0) | (stage >= stages),
            time_ms > now_ms,
            (time_ms < now_ms - self.backup_ms) | (time_ms < self.heard_ms[index]),
        ]
        return np.select(conditions, list(range(len(conditions))), -1).astype(np.int64)

    def _tell_off(
        self, source: str, now_ms: int, sound: npt.NDArray[np.int64], off: npt.NDArray[np.bool_]
    ) -> None:
        self._told_off &= off
        news = sound[off[sound] & ~self._told_off[sound]]
        for j in news.tolist():
            stage = int(self.wish[j])
            self._refusals.add(self._names[j], now_ms, source, stage, Reason.SWITCHED_OFF, at_limit=False)
        self._told_off[news] = True

    def _forget(self, source: str, sound: npt.NDArray[np.int64], off: npt.NDArray[np.bool_]) -> None:
        """Where an order went in, the next refusal is news again."""
        refused = [self._index[name] for name in self._refusals.remembered if name in self._index]
        if refused:
            heard = np.zeros(len(self._names), np.bool_)
            heard[sound[~off[sound]]] = True
            for j in refused:
                if heard[j]:
                    self._refusals.carried_out(self._names[j], source, at_limit=False)


def _columns(rows: pa.RecordBatch) -> tuple[pa.Array, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    try:
        columns = [rows.column(name) for name in ("junction", "time", "stage")]
        if any(c.null_count for c in columns):
            raise ValueError(f"{SIGNAL_ORDER}: junction, time and stage may not be null")
        junction, time, stage = columns[0], columns[1].cast(pa.int64()), columns[2].cast(pa.int64())
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as e:
        raise ValueError(f"{SIGNAL_ORDER}: rows do not fit: {e}") from None
    if junction.type != pa.string():
        raise ValueError(f"{SIGNAL_ORDER}: junction is {junction.type}, not text")
    return junction, time.to_numpy(zero_copy_only=False), stage.to_numpy(zero_copy_only=False)

"""What the brain decided lately at each junction: the orders of a second each, joined into decisions."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from citybrain.cockpit.record import Decision

KEPT = 20
"""Decisions that are remembered of a junction."""
SILENCE_MS = 5_000
"""After so long without an order the next one begins a decision anew."""
STEADY = frozenset({"hold_min_green", "hold_changing"})
"""Reasons that go with a decision already made: with the same stage they begin no new one."""


@dataclass(slots=True)
class Run:
    """A decision while it lasts: its first order, and the city time of its last one."""

    first: dict[str, Any]
    stage: int
    why: str
    last_ms: int

    def goes_on(self, stage: int, why: str, time_ms: int) -> bool:
        """Whether an order is still this decision."""
        return self.stage == stage and (self.why == why or why in STEADY) and time_ms - self.last_ms <= SILENCE_MS


class DecisionLog:
    """The last decisions of every junction. A decision is a stage and a reason that lasted; it begins where the
    brain wants another stage, or the same one for another reason."""

    def __init__(self) -> None:
        self._runs: dict[str, deque[Run]] = {}

    def take(self, rows: pa.RecordBatch) -> None:
        """Take in rows of `traffic.signal_order`, in the order of their time."""
        names = ("junction", "time", "stage", "why")
        columns = (rows.column(n) for n in names)
        plain = [
            c.cast(pa.int64()).to_pylist() if n == "time" else c.to_pylist()
            for n, c in zip(names, columns, strict=True)
        ]
        for i, (junction, time_ms, stage, why) in enumerate(zip(*plain, strict=True)):
            runs = self._runs.get(junction)
            if runs is None:
                runs = self._runs[junction] = deque(maxlen=KEPT)
            while runs and runs[-1].last_ms >= time_ms:
                _take_back(runs, time_ms)
            last = runs[-1] if runs else None
            if last is not None and last.goes_on(stage, why, time_ms):
                last.last_ms = time_ms
            else:
                runs.append(Run(_row(rows, i), stage, why, time_ms))

    def remember(self, junction: str, rows: pa.RecordBatch) -> None:
        """Put decisions of the past, read from the library, before what is known of a junction."""
        known = self._runs.get(junction, deque())
        first_ms = known[0].first["time"] if known else None
        past = DecisionLog()
        past.take(rows)
        old = [r for r in past._runs.get(junction, ()) if first_ms is None or r.last_ms < first_ms]
        self._runs[junction] = deque([*old, *known], maxlen=KEPT)

    def of(self, junction: str) -> tuple[Decision, ...]:
        """The decisions of a junction, newest first."""
        return tuple(
            Decision(**{f: run.first[f] for f in Decision.__struct_fields__ if f != "last"}, last=run.last_ms)
            for run in reversed(self._runs.get(junction, deque()))
        )


def _take_back(runs: deque[Run], time_ms: int) -> None:
    """A city that went back in time says anew what it decided since."""
    if runs[-1].first["time"] >= time_ms:
        runs.pop()
    else:
        runs[-1].last_ms = time_ms - 1


def _row(rows: pa.RecordBatch, i: int) -> dict[str, Any]:
    row: dict[str, Any] = rows.slice(i, 1).to_pylist()[0]
    return row | {"time": round(row["time"].timestamp() * 1000)}

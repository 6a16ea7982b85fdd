"""Refused orders: each is written once, and again only when it changes."""

from __future__ import annotations

import pyarrow as pa

from citybrain.guard.junction import Reason
from citybrain.guard.record import refusal_rows
from citybrain.model import Refusal

_LONGEST_NAME = 200
_MOST_WAITING = 100_000
"""Refusals kept between two calls of `rows`, and junction names remembered: an adversary cannot fill memory."""

# A source that goes on ordering a junction that is not its own changes nothing by ordering another stage.
_WHATEVER_THE_STAGE = frozenset({Reason.UNKNOWN_JUNCTION, Reason.NOT_CONTROLLABLE, Reason.SWITCHED_OFF})


class Refusals:
    """What has been refused and not yet been written down."""

    def __init__(self) -> None:
        self._new: list[Refusal] = []
        self._last: dict[tuple[str, str, bool], tuple[int, str]] = {}

    def add(self, junction: str, time_ms: int, source: str, stage: int, reason: str, *, at_limit: bool) -> None:
        """An order was refused as it came in, or (`at_limit`) was sound but had to wait for a limit."""
        junction, source = junction[:_LONGEST_NAME], source[:_LONGEST_NAME]
        key = (junction, source, at_limit)
        told = (-1 if reason in _WHATEVER_THE_STAGE else stage, reason)
        if self._last.get(key) == told:
            return
        if len(self._last) >= _MOST_WAITING:
            self._last.clear()
        self._last[key] = told
        if len(self._new) < _MOST_WAITING:
            self._new.append(Refusal(junction, time_ms, source, stage, reason))

    def carried_out(self, junction: str, source: str, *, at_limit: bool) -> None:
        """An order of that source for that junction went through: the next refusal is news again."""
        if self._last:
            self._last.pop((junction[:_LONGEST_NAME], source[:_LONGEST_NAME], at_limit), None)

    @property
    def remembered(self) -> frozenset[str]:
        """Junctions whose last order, as it came in, was refused."""
        return frozenset(junction for junction, _, at_limit in self._last if not at_limit)

    def rows(self) -> pa.RecordBatch | None:
        """Rows of traffic.order_refusal since the last call; None if there are none."""
        if not self._new:
            return None
        rows = refusal_rows(self._new)
        self._new = []
        return rows

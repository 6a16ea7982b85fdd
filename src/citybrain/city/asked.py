"""What people ask of the street: rows of traffic.switch_request, as they come and once more after a restart."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from msgspec import Struct

from citybrain.cloud import Bus
from citybrain.model import Control, SwitchRequest, to_ms

REQUESTS = "traffic.switch_request"
SLACK_MS = 10_000
"""A request may reach the street so much later than the moment that it names."""
FARTHEST_BACK_MS = 600_000
"""A city that goes on from a saved minute goes back less than this."""
_CONTROLS = frozenset(Control)


class Asked(Struct, frozen=True):
    """Rows of requests. `again`: from the log, where the city may have gone back since."""

    rows: pa.RecordBatch
    again: bool = False

    def requests(self, now_ms: int) -> Sequence[SwitchRequest]:
        """The requests. What was asked for at a time that is still to come ends as much earlier, so that it lasts
        as long as it was to."""
        found = []
        for row in self.rows.to_pylist():
            asked_ms = to_ms(row["time"])
            back_ms = max(0, asked_ms - now_ms) if self.again else 0
            found.append(
                SwitchRequest(
                    id=row["request"],
                    area=row["area"],
                    control=Control(row["control"]) if row["control"] in _CONTROLS else Control.SILENCE,
                    who=row["who"],
                    why=row["why"],
                    requested_ms=asked_ms,
                    until_ms=None if row["until"] is None else to_ms(row["until"]) - back_ms,
                    stage=row.get("stage"),
                    lock=bool(row.get("lock")),
                    force=bool(row.get("force")),
                )
            )
        return found


async def asked_since(bus: Bus, time_ms: int) -> list[Asked]:
    """The kept requests since the city's time `time_ms`: those that were carried out after the minute from which
    the city goes on, and those that came while nobody heard."""
    kept = bus.log((REQUESTS,), time_ms - SLACK_MS, time_ms + FARTHEST_BACK_MS)
    return [Asked(stored.batch.rows, again=True) async for stored in kept]

"""How much a vehicle of each movement counts, by the engineer's priorities and the time of the day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from citybrain.model import Priority, RoadNet

_MINUTE_MS = 60_000


class Priorities:
    """The priorities of a network. Movements in junction order, as everywhere in the brain.

    The zone of the network's times is fixed data, so the same time gives the same weights wherever it is asked.
    """

    def __init__(self, net: RoadNet) -> None:
        self._zone = ZoneInfo(net.timezone)
        self._movements = sum(len(j.movements) for j in net.junctions)
        self._rules: list[tuple[int, Priority]] = []
        first = 0
        for junction in net.junctions:
            self._rules += [(first, p) for p in junction.priorities]
            first += len(junction.movements)
        self._minute = -1
        self._weights = np.ones(self._movements)

    def weights(self, time_ms: int) -> npt.NDArray[np.float64]:
        """As how many vehicles one counts at that time, for each movement, shape (M,); 1 without a priority.

        Where several hold at once they multiply. Priorities begin and end with a minute.
        """
        minute = time_ms // _MINUTE_MS
        if self._rules and minute != self._minute:
            self._minute = minute
            self._weights = self._of(datetime.fromtimestamp(minute * 60, UTC).astimezone(self._zone))
        return self._weights

    def _of(self, local: datetime) -> npt.NDArray[np.float64]:
        weights = np.ones(self._movements)
        for first, priority in self._rules:
            if holds(priority, local):
                weights[[first + m for m in priority.movements]] *= priority.weight
        return weights


def holds(priority: Priority, local: datetime) -> bool:
    """Whether a priority holds at a local time, that of today or one that began yesterday."""
    second = local.hour * 3600 + local.minute * 60 + local.second
    length = (priority.end_s - priority.begin_s) % 86_400 or 86_400
    yesterday = (local - timedelta(days=1)).weekday()
    today = local.weekday() in priority.days and priority.begin_s <= second < priority.begin_s + length
    over_midnight = yesterday in priority.days and second + 86_400 < priority.begin_s + length
    return today or over_midnight

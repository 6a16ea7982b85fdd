"""The pace of a simulated city: city seconds against the wall."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

GIVE_UP_S = 2.0
"""Behind by more than this the pace starts anew: a city never races to make up for a slow minute."""


class Pace:
    """Holds `speed` city seconds a second.

    `clock` gives monotonic seconds. `behind_s` is by how much the last beat came late.
    """

    def __init__(self, speed: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self.behind_s = 0.0
        self._clock = clock
        self._due = clock()

    def delay(self, city_seconds: float) -> float:
        """Wall seconds to wait before the next beat, which is `city_seconds` long."""
        self._due += city_seconds / self.speed
        wait = self._due - self._clock()
        self.behind_s = max(0.0, -wait)
        if self.behind_s > GIVE_UP_S:
            self._due = self._clock()
        return max(0.0, wait)

    async def beat(self, city_seconds: float = 1.0) -> None:
        """Wait until the next beat is due."""
        await asyncio.sleep(self.delay(city_seconds))

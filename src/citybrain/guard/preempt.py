"""Pre-emption: a stage asked for with priority, for an escort or an emergency, for a short while.

It changes the wish and nothing else: minimum green, yellow, all-red and pedestrians' clearance stay, and the
maximum red is pushed back by no more than `PREEMPTION_MS`. It ends by itself, so that a release that is lost does
no harm.
"""

from __future__ import annotations

from citybrain.guard.junction import Reason
from citybrain.guard.limits import PREEMPTION_MS
from citybrain.model import Preemption


def in_force(preemption: Preemption | None, time_ms: int) -> bool:
    """Whether it still holds at `time_ms`."""
    return preemption is not None and time_ms < preemption.until_ms


class Preemptions:
    """At most one pre-emption a junction: who comes first has it until its end."""

    def __init__(self) -> None:
        self.at: dict[int, Preemption] = {}

    def ask(self, j: int, asked: Preemption, stages: int, time_ms: int) -> Reason | None:
        """Begin or prolong a pre-emption of junction `j`, which has that many stages; why not."""
        if stages == 0:
            return Reason.NOT_CONTROLLABLE
        if not 0 <= asked.stage < stages:
            return Reason.NO_SUCH_STAGE
        if asked.until_ms <= time_ms:
            return Reason.TOO_OLD
        if asked.until_ms > time_ms + PREEMPTION_MS:
            return Reason.FROM_THE_FUTURE
        if not self.free(j, asked.source, time_ms):
            return Reason.PREEMPTED
        self.at[j] = asked
        return None

    def free(self, j: int, source: str, time_ms: int) -> bool:
        """Whether that requester may have junction `j`: nobody else has it."""
        held = self.at.get(j)
        return held is None or held.source == source or not in_force(held, time_ms)

    def held(self, j: int, source: str) -> bool:
        """Whether that requester has junction `j`."""
        held = self.at.get(j)
        return held is not None and held.source == source

    def release(self, j: int, source: str) -> bool:
        """End the pre-emption of junction `j`, if it is that requester's."""
        if not self.held(j, source):
            return False
        del self.at[j]
        return True

    def expire(self, time_ms: int) -> list[int]:
        """Forget those that are over; their junctions."""
        over = [j for j, held in self.at.items() if not in_force(held, time_ms)]
        for j in over:
            del self.at[j]
        return over

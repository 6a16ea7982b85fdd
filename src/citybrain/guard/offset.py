"""Back into step with a plan: a junction that goes over to its own plan begins where it stands.

The plan is read by a clock that is behind or ahead of the city's at first, and runs a little faster or slower
until it is not: the correction that NTCIP 1202 names shortway (coordCorrectionMode). No stage is left out, the
cycle is at most a fifth longer than the plan's and at most a sixth shorter, and after three cycles at most it
is in step. How lamps change, and minimum green, is the guard's business as always.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from citybrain.guard.junction import Signal
from citybrain.guard.plan import PlanClock, PlanMoment
from citybrain.model import Junction

FASTER, SLOWER = 5, 6
"""One second is made up in so many: by a clock that runs 6/5 as fast, or 5/6."""


class Offset(Struct, frozen=True):
    """At `begin_ms` the plan is read as of `late_ms` before (after, if negative); from then on less and less."""

    begin_ms: int
    late_ms: int


IN_STEP = Offset(0, 0)


def begin_offset(clock: PlanClock, stage: int, since_ms: int, time_ms: int) -> Offset:
    """Where to begin the plan at a junction that shows `stage` since then: as if that were the plan's own green,
    or its end where it has lasted longer. In step at once where the plan has no such stage. Of shortening and
    lengthening the one that takes less time."""
    cycle_ms = clock.cycle_ms
    ways: list[tuple[int, int]] = []
    for begin_ms, end_ms in clock.greens(stage) if stage >= 0 else ():
        shown_ms = min(begin_ms + max(time_ms - since_ms, 0), end_ms)
        late_ms = (clock.second_ms(time_ms) - shown_ms) % cycle_ms
        ways += [(late_ms * FASTER, late_ms), ((cycle_ms - late_ms) * SLOWER, late_ms - cycle_ms)]
    return Offset(time_ms, min(ways)[1]) if ways else IN_STEP


def read_ms(offset: Offset, time_ms: int) -> int:
    """The time as of which the plan is read at `time_ms`; as it is where that is before the begin (a clock went
    back)."""
    gone_ms = time_ms - offset.begin_ms
    if gone_ms < 0:
        return time_ms
    if offset.late_ms > 0:
        return time_ms - max(offset.late_ms - gone_ms // FASTER, 0)
    return time_ms + max(-offset.late_ms - gone_ms // SLOWER, 0)


def plan_moment(clock: PlanClock, offset: Offset, time_ms: int) -> PlanMoment:
    """What the plan asks for at `time_ms`, and until when that is sure."""
    now_ms = read_ms(offset, time_ms)
    moment = clock.at(now_ms)
    if now_ms == time_ms:
        return moment
    left_ms = moment.until_ms - now_ms
    sure_ms = left_ms * FASTER // (FASTER + 1) if offset.late_ms > 0 else left_ms
    return PlanMoment(moment.stage, moment.lamps, time_ms + max(sure_ms, 1))


class OwnPlans:
    """The own plans of some junctions, each read from where its junction stood when it went over to it."""

    def __init__(self, junctions: Sequence[Junction]) -> None:
        self.clocks = [_clock(j) for j in junctions]
        """None where a junction has no plan with time in it."""
        self.offsets: list[Offset | None] = [IN_STEP] * len(junctions)
        """None: begins when it is read."""

    def moment(self, j: int, signal: Signal | None, goes_on: bool, time_ms: int) -> PlanMoment:
        """What the plan of junction `j` asks for; unless it `goes_on`, from now on and beginning with `signal`.
        Raises ValueError where it has none."""
        clock, offset = self.clocks[j], self.offsets[j] if goes_on else None
        if clock is None:
            raise ValueError(f"junction {j} has no plan")
        if offset is None:
            offset = self.offsets[j] = _begun(clock, signal, time_ms)
        return plan_moment(clock, offset, time_ms)

    def kept(self, planned: Sequence[bool]) -> list[Offset | None]:
        """The offsets of the junctions whose plan decides, None for the others."""
        return [offset if on else None for offset, on in zip(self.offsets, planned, strict=True)]


def _begun(clock: PlanClock, signal: Signal | None, time_ms: int) -> Offset:
    if signal is None:
        return IN_STEP
    since_ms = signal.since_ms if signal.stage == signal.target else time_ms
    return begin_offset(clock, signal.target, since_ms, time_ms)


def _clock(junction: Junction) -> PlanClock | None:
    try:
        return PlanClock(junction.plan)
    except ValueError:
        return None

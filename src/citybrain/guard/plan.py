"""A junction's own plan: what it asks for at a moment of city time."""

from __future__ import annotations

from bisect import bisect_right

from msgspec import Struct

from citybrain.model import GREEN, Junction, OwnPlan


class PlanMoment(Struct, frozen=True):
    """`stage` is -1 where the plan has no stages; `until_ms` is when the plan goes on to its next phase."""

    stage: int
    lamps: str
    until_ms: int


class PlanClock:
    """Reads an own plan by city time, so that every junction falls back into step by itself.

    The plan's second is (city time - offset) mod cycle, as in SUMO and NTCIP 1202. A phase without a stage (lamps
    between stages) already asks for the next stage: how lamps change is the guard's business. Raises ValueError on
    a plan without time.
    """

    def __init__(self, plan: OwnPlan) -> None:
        self._ends: list[int] = []
        end = 0
        for phase in plan.phases:
            end += max(round(phase.duration_s * 1000), 0)
            self._ends.append(end)
        if end == 0:
            raise ValueError(f"plan {plan.program!r} has no time in it")
        self.cycle_ms = end
        self._offset_ms = round(plan.offset_s * 1000)
        self._phases = [p.stage for p in plan.phases]
        self._lamps = [p.lamps for p in plan.phases]
        self._stages = _ahead([p.stage for p in plan.phases])

    def at(self, time_ms: int) -> PlanMoment:
        """What the plan asks for at `time_ms`."""
        second = self.second_ms(time_ms)
        phase = bisect_right(self._ends, second)
        return PlanMoment(self._stages[phase], self._lamps[phase], time_ms - second + self._ends[phase])

    def second_ms(self, time_ms: int) -> int:
        """How long its cycle has lasted at `time_ms`."""
        return (time_ms - self._offset_ms) % self.cycle_ms

    def greens(self, stage: int) -> list[tuple[int, int]]:
        """When in the cycle the stage is shown, (begin, end) in ms; the end may lie in the next cycle."""
        found: list[tuple[int, int]] = []
        begin = 0
        for shown, end in zip(self._phases, self._ends, strict=True):
            if shown == stage and found and found[-1][1] == begin:
                found[-1] = (found[-1][0], end)
            elif shown == stage:
                found.append((begin, end))
            begin = end
        if len(found) > 1 and found[0][0] == 0 and found[-1][1] == self.cycle_ms:
            last = found.pop()
            found[0] = (last[0], self.cycle_ms + found[0][1])
        return found


def _ahead(stages: list[int]) -> list[int]:
    """Each -1 replaced by the next stage of the cycle."""
    result = list(stages)
    for k in range(2 * len(stages) - 2, -1, -1):
        i = k % len(stages)
        if result[i] < 0:
            result[i] = result[(i + 1) % len(stages)]
    return result


class Playback(Struct, frozen=True):
    """A junction that no brain may control plays its plan's lamps as they stand.

    `playing` from the begin of a phase on; before, it waits: the lamps `left` go through yellow until
    `yellow_until_ms`, then all-red until at least `red_until_ms`, then for the next begin of a phase.
    """

    playing: bool
    left: str
    yellow_until_ms: int
    red_until_ms: int
    phase_until_ms: int


def begin_playback(junction: Junction, left: str, time_ms: int) -> Playback:
    """Playback that first clears the junction of what the lamps `left` let go."""
    yellow_ms = round(max(junction.yellow_s, default=0.0) * 1000)
    yellow_until = time_ms + yellow_ms if any(c in GREEN or c == "y" for c in left) else time_ms
    return Playback(False, left, yellow_until, time_ms + yellow_ms + round(junction.all_red_s * 1000), 0)


def play(clock: PlanClock, playback: Playback, time_ms: int) -> tuple[Playback, str, int]:
    """The playback at `time_ms`, its lamps, and when they may change next."""
    moment = clock.at(time_ms)
    if playback.playing:
        return playback, moment.lamps, moment.until_ms
    if time_ms < playback.yellow_until_ms:
        return playback, "".join("y" if c in "Ggy" else "r" for c in playback.left), playback.yellow_until_ms
    red = "r" * len(moment.lamps)
    if time_ms < playback.red_until_ms:
        return playback, red, playback.red_until_ms
    if playback.phase_until_ms == 0:
        waiting = Playback(False, red, playback.yellow_until_ms, playback.red_until_ms, moment.until_ms)
        return waiting, red, moment.until_ms
    if time_ms < playback.phase_until_ms:
        return playback, red, playback.phase_until_ms
    return Playback(True, "", 0, 0, 0), moment.lamps, moment.until_ms


def has_plan(junction: Junction) -> bool:
    """Whether the junction's own plan can drive stages."""
    try:
        PlanClock(junction.plan)
    except ValueError:
        return False
    stages = [p.stage for p in junction.plan.phases]
    return max(stages) >= 0 and all(-1 <= s < len(junction.stages) for s in stages)

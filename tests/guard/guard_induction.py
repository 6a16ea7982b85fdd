"""Liveness by induction, for timers of any size: no served movement is without green beyond the maximum red.

What holds at every tick: from where the junction is, the round that the guard keeps as its way out meets every
deadline. Settled after its minimum green, the latest time to begin it is not over; while lamps change, whom the
new stage serves gets green in time, and the round can begin after its minimum green. Start-up has it (checked on
numbers); waiting keeps it; what has to be shown is that a decision keeps it. So the guard's own step is run on a
settled stage of unknown age with unknown reds of which nothing is known but this, under every wish, down every
path (`guard_moment`), and what comes out is held against the same.

The round is worked out here anew, from the limits; of the guard's code, `step` only is run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from guard_moment import Bounds, Moment, Walk
from guard_search import TICK_MS, Step

from citybrain.guard import Limits, Signal, start, step
from citybrain.guard.junction import HAS_GREEN
from citybrain.guard.limits import FLASH


class Proved(msgspec.Struct):
    """How many paths were taken, and what broke on one of them ("": nothing)."""

    paths: int
    fault: str


def induction(limits: Limits, max_red_ms: int, *, step: Step = step) -> Proved:
    """That decisions under `limits` keep the maximum red `max_red_ms` (their own, or a longer one)."""
    first = start(limits, 0)
    if not _holds(limits, max_red_ms, first, 0):
        return Proved(0, "start-up is too late for a round")
    paths = 0
    for stage in (*range(limits.stages), -1):
        for wish in (None, *range(limits.stages), FLASH):
            for fault in _decide(limits, max_red_ms, stage, wish, step):
                paths += 1
                if fault:
                    return Proved(paths, f"stage {stage}, wish {wish}: {fault}")
    return Proved(paths, "")


def waiting(limits: Limits) -> int:
    """How many classes wait at most while a stage is shown: the paths are about as many as their orders."""
    return max(len(limits.home) - limits.serves[s].bit_count() for s in range(limits.stages))


def _decide(limits: Limits, max_red_ms: int, stage: int, wish: int | None, step: Step) -> list[str]:
    """What goes wrong on each path of a decision at time 0."""
    served = limits.serves[stage]
    since = len(limits.home) + 1
    known = Bounds(since)
    known.add(since, 0, -limits.hold_ms[stage])
    for bit in range(len(limits.home)):
        # Who waits lost its green before the stage began, at the latest when it began.
        known.add(bit + 1, since, 0)
    walk = Walk(known)

    def run() -> str:
        # At start-up everybody has waited since it began.
        places = [bit + 1 if stage >= 0 else since for bit in range(len(limits.home))]
        reds = tuple(HAS_GREEN if served >> bit & 1 else Moment(walk, at) for bit, at in enumerate(places))
        signal = Signal(stage, stage, Moment(walk, since), reds)
        if not all(deadline >= 0 for deadline in _deadlines(limits, max_red_ms, signal)):
            return ""
        after, _, _ = step(limits, signal, wish, 0)
        return "" if _holds(limits, max_red_ms, after, 0) else f"no way out of {after.stage} to {after.target}"

    return walk.paths(run)


def _holds(limits: Limits, max_red_ms: int, signal: Signal, now: int) -> bool:
    """Whether the round out of that signal, a tick later at the earliest, meets every deadline."""
    if signal.stage == FLASH or signal.target == FLASH:
        return _in_time(limits, max_red_ms, signal, now)
    if signal.stage != signal.target:
        begin = now + limits.change_ms[signal.stage][signal.target] + limits.hold_ms[signal.target]
        shown = Signal(signal.target, signal.target, now, signal.red_ms)
        return _in_time(limits, max_red_ms, signal, now) and _round_from(limits, max_red_ms, shown, begin)
    if isinstance(signal.since_ms, int) and signal.since_ms == now:
        return _round_from(limits, max_red_ms, signal, now + limits.hold_ms[signal.stage])
    return _round_from(limits, max_red_ms, signal, now + TICK_MS)


def _in_time(limits: Limits, max_red_ms: int, signal: Signal, now: int) -> bool:
    """Whether those whom the change brings green get it before they have waited too long."""
    shown = now + (limits.change_ms[signal.stage][signal.target] if signal.stage != signal.target else 0)
    served = limits.serves[signal.target]
    return all(red + max_red_ms >= shown for bit, red in enumerate(signal.red_ms) if served >> bit & 1)


def _round_from(limits: Limits, max_red_ms: int, signal: Signal, begin: int) -> bool:
    return all(deadline >= begin for deadline in _deadlines(limits, max_red_ms, signal))


def _deadlines(limits: Limits, max_red_ms: int, signal: Signal) -> Iterator[Moment | int]:
    """For each stop of the round, oldest red first, when the round must have begun at the latest."""
    at, gone = signal.stage, 0
    green = {bit for bit in range(len(limits.home)) if limits.serves[at] >> bit & 1}
    for red, bit in _oldest_first(signal.red_ms, green):
        if bit in green:
            continue
        home = limits.home[bit]
        gone += limits.change_ms[at][home]
        yield red + (max_red_ms - gone)
        gone += limits.hold_ms[home]
        green |= {b for b in range(len(limits.home)) if limits.serves[home] >> b & 1}
        at = home


def _oldest_first(reds: Sequence[int], green: set[int]) -> list[tuple[int, int]]:
    return sorted((red, bit) for bit, red in enumerate(reds) if bit not in green)

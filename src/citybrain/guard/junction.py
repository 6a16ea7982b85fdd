"""One junction under guard: a pure function from (limits, state, wish, time) to (state, lamps, refusal).

The rules, all kept against any sequence of wishes:

- A change from stage A to stage B runs through its end once begun (`citybrain.model.change`). Links that clear
  show yellow, each for its own time, then red; links green in both stay green with A's letter; links new in B get
  green when whoever conflicts with them has had yellow and all-red. The stage is settled when all of them have it.
  If B only takes green away there is no all-red but what the minimum green does not cover; if it only adds, no
  wait.
- A stage stays for its minimum green, and for the walk where it serves a crossing.
- No movement that some stage serves is without green for longer than the maximum red. The guard keeps a way out
  at every moment: from the present stage, visit the home stages of the waiting classes, oldest first, each for
  its minimum green. A wish is carried out only if this round, begun after the wished stage's minimum green, still
  meets every deadline; a stage is held only while it does. Following the round itself keeps it feasible: what
  waited keeps its place, and what has just lost green comes last, at most one whole round later, which is never
  more than `Limits.max_red_ms` (raised to a whole round where a junction has too many stages for its maximum).
- Start-up is all-red. Flashing amber serves everybody, for as long as a minimum green at least; it is reached by
  way of all-red and left by way of start-up.

Times in the state are absolute so that a settled junction's state does not change from second to second; `aged`
gives the same state by ages, of which there are finitely many, for whoever walks all of them.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec import Struct

from citybrain.guard.limits import ALL_RED, FLASH, TICK_MS, Limits

NEVER_MS = 1 << 62
HAS_GREEN = NEVER_MS


class Reason(StrEnum):
    """Why an order was not carried out as it stood."""

    UNKNOWN_JUNCTION = "unknown_junction"
    NOT_CONTROLLABLE = "not_controllable"
    NO_SUCH_STAGE = "no_such_stage"
    FROM_THE_FUTURE = "from_the_future"
    TOO_OLD = "too_old"
    SWITCHED_OFF = "switched_off"
    PREEMPTED = "preempted"
    LOCKED = "locked"
    CHANGING = "changing"
    MIN_GREEN = "min_green"
    MAX_RED = "max_red"
    FAULT = "fault"


class Signal(Struct, frozen=True):
    """What a junction shows. Stage -1 is all-red, before the first stage; -2 is flashing amber.

    Settled: `target` is `stage`, `since_ms` when it began. Changing: `since_ms` is when the change began.
    `red_ms` holds for each class when it lost its green, HAS_GREEN while it has it.
    """

    stage: int
    target: int
    since_ms: int
    red_ms: tuple[int, ...]


def start(limits: Limits, time_ms: int) -> Signal:
    """All-red from `time_ms` on."""
    return Signal(ALL_RED, ALL_RED, time_ms, (time_ms,) * len(limits.home))


def step(limits: Limits, signal: Signal, wanted: int | None, time_ms: int) -> tuple[Signal, str, Reason | None]:
    """The signal at `time_ms` under the wish for a stage or FLASH (None: no wish), its lamps, and why it waits.

    Raises IndexError on a stage that does not exist. `time_ms` must not go back between calls.
    """
    signal = _settle(limits, signal, time_ms)
    if signal.stage != signal.target:
        return signal, lamps(limits, signal, time_ms), _unless(wanted, signal.target, Reason.CHANGING)
    if time_ms < signal.since_ms + limits.hold_ms[signal.stage]:
        return signal, limits.lamps[signal.stage], _unless(wanted, signal.stage, Reason.MIN_GREEN)
    if signal.stage == FLASH and wanted != FLASH:
        return start(limits, time_ms), limits.lamps[ALL_RED], _unless(wanted, ALL_RED, Reason.CHANGING)
    stage = signal.stage if wanted is None else wanted
    if _keeps_max_red(limits, signal, stage, time_ms):
        reason = None
    else:
        stage, _ = way_out(limits, signal.stage, signal.red_ms, time_ms)
        reason = _unless(wanted, stage, Reason.MAX_RED)
    signal = _settle(limits, _begin(limits, signal, stage, time_ms), time_ms)
    return signal, lamps(limits, signal, time_ms), reason


def lamps(limits: Limits, signal: Signal, time_ms: int) -> str:
    """The lamp string that the signal shows at `time_ms`."""
    shown = limits.lamps[signal.stage]
    if signal.stage != signal.target:
        for at_ms, word in limits.words[signal.stage][signal.target]:
            if time_ms < signal.since_ms + at_ms:
                break
            shown = word
    return shown


def next_ms(limits: Limits, signal: Signal, time_ms: int) -> int:
    """The next time at which `step` could do something by itself, if the wish stays what it shows."""
    if signal.stage != signal.target:
        over = signal.since_ms + limits.change_ms[signal.stage][signal.target]
        moments = (signal.since_ms + at for at, _ in limits.words[signal.stage][signal.target])
        return next((m for m in moments if m > time_ms), over)
    if signal.stage == FLASH:
        return NEVER_MS
    if signal.stage == ALL_RED:
        return time_ms + TICK_MS
    _, leave_by = way_out(limits, signal.stage, signal.red_ms, time_ms)
    return max(leave_by - TICK_MS + 1, signal.since_ms + limits.hold_ms[signal.stage], time_ms + 1)


def way_out(limits: Limits, stage: int, red_ms: tuple[int, ...], leave_ms: int) -> tuple[int, int]:
    """The first stage of the round that starts from `stage`, and the latest time to start it.

    The round visits the home stages of the classes that wait, oldest first, each for its minimum green. Classes
    that `stage` itself serves do not count: their red has not begun. Without waiting classes: (stage, NEVER_MS).
    """
    served = limits.serves[stage]
    waiting = sorted((red, bit) for bit, red in enumerate(red_ms) if not served >> bit & 1)
    at, now, first, slack = stage, leave_ms, stage, NEVER_MS
    for red, bit in waiting:
        if served >> bit & 1:
            continue
        home = limits.home[bit]
        now += limits.change_ms[at][home]
        # Of the classes that get green now, this one has waited longest: its deadline is the nearest.
        slack = min(slack, red + limits.max_red_ms - now)
        first = home if at == stage and first == stage else first
        served |= limits.serves[home]
        now += limits.hold_ms[home]
        at = home
    return first, NEVER_MS if slack == NEVER_MS else leave_ms + slack


def shifted(signal: Signal, by_ms: int) -> Signal:
    """The same signal with its clock moved: ages stay what they are."""
    red = tuple(r if r == HAS_GREEN else r + by_ms for r in signal.red_ms)
    return Signal(signal.stage, signal.target, signal.since_ms + by_ms, red)


def aged(limits: Limits, signal: Signal, time_ms: int) -> Signal:
    """The signal by ages: as if `time_ms` were 0, and settled for no longer than its minimum green.

    Signals that are equal by ages behave alike for ever, since `step` only compares differences of times: they are
    the states of the guard, and there are finitely many.
    """
    signal = shifted(signal, -time_ms)
    if signal.stage != signal.target:
        return signal
    return msgspec.structs.replace(signal, since_ms=max(signal.since_ms, -limits.hold_ms[signal.stage]))


def _settle(limits: Limits, signal: Signal, time_ms: int) -> Signal:
    """A change that is over becomes the stage it went to."""
    if signal.stage == signal.target:
        return signal
    if time_ms < signal.since_ms + limits.change_ms[signal.stage][signal.target]:
        return signal
    served = limits.serves[signal.target]
    red = tuple(HAS_GREEN if served >> bit & 1 else r for bit, r in enumerate(signal.red_ms))
    return Signal(signal.target, signal.target, time_ms, red)


def _begin(limits: Limits, signal: Signal, stage: int, time_ms: int) -> Signal:
    """The change to `stage` begins; the stage itself if there is none."""
    if stage == signal.stage:
        return signal
    return Signal(signal.stage, stage, time_ms, _reds_after(limits, signal, stage, time_ms))


def _reds_after(limits: Limits, signal: Signal, stage: int, time_ms: int) -> tuple[int, ...]:
    lost = limits.serves[signal.stage] & ~limits.serves[stage]
    return tuple(time_ms if lost >> bit & 1 else r for bit, r in enumerate(signal.red_ms))


def _keeps_max_red(limits: Limits, signal: Signal, stage: int, time_ms: int) -> bool:
    """Whether going to (or holding) `stage` now leaves a way out that meets every deadline."""
    if stage == signal.stage:
        _, leave_by = way_out(limits, stage, signal.red_ms, time_ms)
        return time_ms + TICK_MS <= leave_by
    shown_ms = time_ms + limits.change_ms[signal.stage][stage]
    served = limits.serves[stage]
    if any(served >> bit & 1 and red + limits.max_red_ms < shown_ms for bit, red in enumerate(signal.red_ms)):
        return False
    reds = _reds_after(limits, signal, stage, time_ms)
    leave_ms = shown_ms + limits.hold_ms[stage]
    _, leave_by = way_out(limits, stage, reds, leave_ms)
    return leave_ms <= leave_by


def _unless(wanted: int | None, shown: int, reason: Reason) -> Reason | None:
    return None if wanted is None or wanted == shown else reason

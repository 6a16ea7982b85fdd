"""Breadth first through every state that the guard's step and an adversary can reach, the oracle looking on.

What is driven is `junction.step` itself (or a mutant of it). Its states are those by ages (`aged`), together with
the oracle's and what is left of a pre-emption. On every tick the adversary wishes each stage, flashing or
nothing, under each set of limits that the guard may apply; the clock may stand still (a jump, over which the guard
shifts its timers), the controller may start anew, and stage 0 may be pre-empted once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from guard_watch import Seen, Watch

from citybrain.guard import Limits, Reason, Signal, aged, start, step
from citybrain.guard.junction import HAS_GREEN, next_ms
from citybrain.guard.limits import FLASH
from citybrain.guard.preempt import in_force
from citybrain.model import Junction, Preemption

TICK_MS = 1000
Step = Callable[[Limits, Signal, int | None, int], tuple[Signal, str, Reason | None]]
InForce = Callable[[Preemption | None, int], bool]
State = tuple[Signal, Seen, int]
"""What the guard keeps, what the oracle keeps, ticks left of a pre-emption (-1: none was asked for yet)."""


class Found(msgspec.Struct):
    """What the search saw. `fault` is "" if nothing was wrong; else `trace` are the lamps that led to it."""

    states: int
    transitions: int
    fault: str
    trace: tuple[str, ...] = ()


class Adversary(msgspec.Struct, frozen=True):
    """What may happen at a tick."""

    limits: tuple[Limits, ...]
    """The brain's, the own plan's: any of them at any tick."""
    flash: bool = True
    jumps: bool = True
    restarts: bool = True
    reds: bool = True
    """False: the maximum red is out of reach, and the guard's reds are left out of its state."""
    preempt: Limits | None = None
    """The limits while stage 0 is pre-empted."""
    term: int = 0
    """Ticks that the pre-emption is asked for."""
    in_force: InForce = in_force


def search(
    junction: Junction, adversary: Adversary, max_red: int | None, *, step: Step = step, most: int = 1 << 60
) -> Found:
    """All states from start-up on, until a fault or `most` transitions."""
    watch = Watch(junction, max_red)
    limits = adversary.limits[0]
    first: State = (aged(limits, start(limits, 0), 0), watch.power_up(), -1)
    came: dict[State, State | None] = {first: None}
    queue = [first]
    transitions = 0
    for state in queue:
        for after, fault in _next(watch, adversary, state, step):
            transitions += 1
            if fault or transitions >= most:
                return Found(len(came), transitions, fault, _trace(came, state, after))
            if after not in came:
                came[after] = state
                queue.append(after)
    return Found(len(came), transitions, "")


def _next(watch: Watch, adversary: Adversary, state: State, step: Step) -> Iterator[tuple[State, str]]:
    signal, seen, left = state
    for limits, wish, ticks, remains in _choices(adversary, left):
        after, lamps, _ = step(limits, signal, wish, ticks * TICK_MS)
        asleep = wish == signal.target and ticks == 1 and next_ms(limits, signal, 0) > TICK_MS
        overslept = asleep and (after.stage, after.target, lamps) != (signal.stage, signal.target, seen[0])
        after = aged(limits, after, ticks * TICK_MS)
        if not adversary.reds:
            after = _without_reds(after)
        looked, fault = watch.look(seen, lamps, ticks)
        yield (after, looked, remains), fault or ("the guard would have slept" if overslept else "")
    if adversary.restarts:
        limits = adversary.limits[0]
        yield (aged(limits, start(limits, 0), 0), watch.power_up(), left), ""


def _choices(adversary: Adversary, left: int) -> Iterator[tuple[Limits, int | None, int, int]]:
    """What may happen: limits, wish, ticks that pass, ticks left of the pre-emption."""
    preempt = adversary.preempt
    for ticks in (1, 0) if adversary.jumps else (1,):
        remains = max(left - ticks, 0) if left >= 0 else left
        claim = Preemption("x", 0, remains * TICK_MS, "escort") if left >= 0 else None
        if preempt is not None and adversary.in_force(claim, 0):
            yield preempt, 0, ticks, remains
            continue
        for limits in adversary.limits:
            for stage in range(limits.stages):
                yield limits, stage, ticks, remains
            yield limits, None, ticks, remains
            if adversary.flash:
                yield limits, FLASH, ticks, remains
    if preempt is not None and left < 0:
        yield preempt, 0, 1, adversary.term


def _without_reds(signal: Signal) -> Signal:
    reds = tuple(HAS_GREEN if r == HAS_GREEN else 0 for r in signal.red_ms)
    return Signal(signal.stage, signal.target, signal.since_ms, reds)


def _trace(came: dict[State, State | None], state: State | None, last: State) -> tuple[str, ...]:
    words = [last[1][0]]
    while state is not None:
        words.append(state[1][0])
        state = came[state]
    return tuple(reversed(words))

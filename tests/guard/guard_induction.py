"""Liveness by induction, for timers of any size: no served movement is without green beyond the maximum red.

What holds at every tick: from where the junction is, the round that the guard keeps as its way out meets every
deadline. Settled after its minimum green, the latest time to begin it is not over; while lamps change, whom the
new stage serves gets green in time, and the round can begin after its minimum green. Start-up has it (checked on
numbers); waiting keeps it; what has to be shown is that a decision keeps it. A decision of `step` asks one
question (`_keeps_max_red`: may the wish be carried out?), and each answer is a case of its own:

- Yes, by the guard's own question: whatever was before, what comes out must have a way out.
- No: then the guard begins the round. What comes out must have a way out if what was before had one.

Each case is run through the guard's own `step` on a settled stage of unknown age with unknown reds, down every
path that some values take (`guard_moment`), for every order in which the round can come by those who wait. Each
case looks at one round, and in it only the oldest at each stop counts. Who gets green along with an older one
takes no part in it; where his red is asked for all the same (does whom the change serves get green in time?), the
older one's is the harder. So his red is put to the older one's, and orders that differ in such reds only are not
told apart: dozens instead of n!. Who goes first of two that are equal depends on how classes are numbered; each
order is run with the classes numbered by it, so that every way to settle a tie is covered.

The round is worked out here anew, from the limits; of the guard's code, `step` only is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from types import FunctionType

import msgspec
from guard_moment import Bounds, Moment, Walk
from guard_search import TICK_MS, Step

from citybrain.guard import Limits, Signal, start, step
from citybrain.guard.junction import HAS_GREEN
from citybrain.guard.limits import ALL_RED, FLASH

Stops = tuple[tuple[int, ...], ...]
"""For each stop of a round the oldest class, and those that get green along with it."""
Question = Callable[[Limits, Signal, int, int], bool]


class _RefusedError(Exception):
    """The guard does not carry the wish out: not this case."""


class Proved(msgspec.Struct):
    """How many paths were taken, and what broke on one of them ("": nothing)."""

    paths: int
    fault: str


def induction(limits: Limits, max_red_ms: int, *, step: Step = step) -> Proved:
    """That decisions under `limits` keep the maximum red `max_red_ms` (their own, or a longer one)."""
    if not _holds(limits, max_red_ms, start(limits, 0), 0):
        return Proved(0, "start-up is too late for a round")
    paths = 0
    for stage in (*range(limits.stages), ALL_RED):
        for wish in (None, *range(limits.stages), FLASH):
            for kind in (_carried_out, _refused):
                for fault in kind(limits, max_red_ms, stage, wish, step):
                    paths += 1
                    if fault:
                        return Proved(paths, f"stage {stage}, wish {wish}: {fault}")
    return Proved(paths, "")


def rounds(limits: Limits, waiting: Sequence[int]) -> Iterator[Stops]:
    """The orders in which a round can come by those who wait, told apart by who is the oldest at each stop.

    Of classes that the same stages of rounds serve, any is as good as the others."""
    if not waiting:
        yield ()
    homes = sorted(set(limits.home))
    alike = {(limits.home[bit], *(limits.serves[home] >> bit & 1 for home in homes)): bit for bit in waiting}
    for oldest in alike.values():
        served = limits.serves[limits.home[oldest]]
        along = tuple(bit for bit in waiting if bit != oldest and served >> bit & 1)
        for later in rounds(limits, [bit for bit in waiting if not served >> bit & 1]):
            yield ((oldest, *along), *later)


def _carried_out(limits: Limits, max_red_ms: int, stage: int, wish: int | None, step: Step) -> Iterator[str]:
    """What goes wrong on each path on which the guard carries the wish out. Hypothesis: none."""
    asks = question_of(step)

    def question(limits: Limits, signal: Signal, stage: int, now: int) -> bool:
        if not asks(limits, signal, stage, now):
            raise _RefusedError
        return True

    target = stage if wish is None else wish
    for stops in rounds(limits, _waiting(limits, stage, target)):
        yield from _decisions(limits, max_red_ms, (stage, wish), stops, answered(step, question), supposed=False)


def _refused(limits: Limits, max_red_ms: int, stage: int, wish: int | None, step: Step) -> Iterator[str]:
    """What goes wrong on each path on which the guard begins its round instead."""
    for stops in rounds(limits, _waiting(limits, stage)):
        forced = answered(step, lambda *decision: False)
        yield from _decisions(limits, max_red_ms, (stage, wish), stops, forced, supposed=True)


def question_of(step: Step) -> Question:
    """The question that a step asks: (limits, signal, stage, now) to whether going there leaves a way out."""
    assert isinstance(step, FunctionType)
    asks: Question = step.__globals__["_keeps_max_red"]
    return asks


def answered(step: Step, question: Question) -> Step:
    """The guard's own step with that answer to its question."""
    assert isinstance(step, FunctionType)
    return FunctionType(step.__code__, {**step.__globals__, "_keeps_max_red": question})


def _waiting(limits: Limits, *stages: int) -> list[int]:
    """The classes that none of those stages serves."""
    return [bit for bit in range(len(limits.home)) if not any(limits.serves[s] >> bit & 1 for s in stages)]


def _decisions(
    limits: Limits, max_red_ms: int, decision: tuple[int, int | None], stops: Stops, step: Step, *, supposed: bool
) -> list[str]:
    """What goes wrong on each path of a decision (stage, wish) at time 0 whose round comes by `stops`.

    `supposed`: what was before has a way out."""
    stage, wish = decision
    order = [bit for stop in stops for bit in stop]
    order += [bit for bit in range(len(limits.home)) if bit not in order]
    leader = {bit: stop[0] for stop in stops for bit in stop}
    places = [order.index(leader.get(bit, bit)) + 1 for bit in order]
    since = len(order) + 1
    walk = Walk(_known(limits, stage, stops, places))
    limits = numbered(limits, order)

    def run() -> str:
        # At start-up everybody has waited since it began.
        unknown = (Moment(walk, place if stage >= 0 else since) for place in places)
        reds = tuple(HAS_GREEN if limits.serves[stage] >> bit & 1 else red for bit, red in enumerate(unknown))
        signal = Signal(stage, stage, Moment(walk, since), reds)
        if supposed and not all(deadline >= 0 for deadline in _deadlines(limits, max_red_ms, signal)):
            return ""
        try:
            after, _, _ = step(limits, signal, wish, 0)
        except _RefusedError:
            return ""
        return "" if _holds(limits, max_red_ms, after, 0) else f"no way out of {after.stage} to {after.target}"

    return walk.paths(run)


def _known(limits: Limits, stage: int, stops: Stops, places: Sequence[int]) -> Bounds:
    """What is known of the reds, and of when the stage began."""
    since = len(places) + 1
    known = Bounds(since)
    known.add(since, 0, -limits.hold_ms[stage])
    for place in places:
        # Who waits lost its green before the stage began, at the latest when it began.
        known.add(place, since, 0)
    leaders = [places[sum(map(len, stops[:i]))] for i in range(len(stops))]
    for older, younger in pairwise(leaders):
        known.add(older, younger, 0)
    return known


def numbered(limits: Limits, order: Sequence[int]) -> Limits:
    """The same limits with the classes numbered in that order."""
    serves = tuple(sum(1 << i for i, bit in enumerate(order) if mask >> bit & 1) for mask in limits.serves)
    home, members = (tuple(rows[bit] for bit in order) for rows in (limits.home, limits.members))
    return msgspec.structs.replace(limits, serves=serves, home=home, members=members)


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

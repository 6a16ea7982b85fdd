"""Bugs seeded into the guard: its own source with one place changed. The checker must find each of them.

A mutant is made by running the changed source of the module as a module of its own; the rest of the guard is what
is shipped. Text that is no longer there fails, so that no mutant can become harmless unseen.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType

import msgspec
from guard_search import InForce, Step, in_force

from citybrain.guard import Limits, junction, limits, limits_of, preempt, step
from citybrain.model import Junction
from citybrain.model import lamp_change as change


class Mutant(msgspec.Struct, frozen=True):
    """A guard with one bug."""

    name: str
    shape: str
    """The shape of junction on which it shows."""
    step: Step = step
    limits_of: Callable[[Junction], Limits] = limits_of
    in_force: InForce = in_force
    late: bool = False
    """It breaks no rule of lamps but the maximum red."""


def _changed(module: ModuleType, old: str, new: str) -> ModuleType:
    source = inspect.getsource(module)
    if source.count(old) != 1:
        raise ValueError(f"{module.__name__}: {old!r} is there {source.count(old)} times")
    mutant = ModuleType(f"mutant of {module.__name__}")
    mutant.__dict__["__name__"] = module.__name__
    exec(compile(source.replace(old, new), mutant.__name__, "exec"), mutant.__dict__)
    return mutant


def _step(name: str, shape: str, old: str, new: str, *, late: bool = False) -> Mutant:
    return Mutant(name, shape, step=_changed(junction, old, new).step, late=late)


def _limits(name: str, shape: str, module: ModuleType, old: str, new: str) -> Mutant:
    mutant = _changed(module, old, new)
    if module is limits:
        return Mutant(name, shape, limits_of=mutant.limits_of)

    changes = _changed(limits, "ALL_RED = -1", "ALL_RED = -1")
    changes.__dict__["change"] = mutant.change
    changes.__dict__["ways_of"] = mutant.ways_of
    return Mutant(name, shape, limits_of=changes.limits_of)


_SETTLES = "if time_ms < signal.since_ms + limits.change_ms[signal.stage][signal.target]:"
_CHANGING = "    if signal.stage != signal.target:\n        return signal, lamps("

MUTANTS = (
    _step(
        "short green",
        "two_stages",
        "if time_ms < signal.since_ms + limits.hold_ms[signal.stage]:",
        "if time_ms + TICK_MS * (signal.stage >= 0) < signal.since_ms + limits.hold_ms[signal.stage]:",
    ),
    _step("short all-red", "two_stages", _SETTLES, _SETTLES.replace("time_ms <", "time_ms + TICK_MS <")),
    _step(
        "race to conflicting greens",
        "two_stages",
        _CHANGING,
        "    if signal.stage != signal.target and wanted not in (None, FLASH, signal.target):\n"
        "        signal = Signal(signal.target, wanted, time_ms, signal.red_ms)\n" + _CHANGING,
    ),
    _step(
        "short yellow",
        "two_stages",
        "if time_ms < signal.since_ms + at_ms:",
        "if time_ms + TICK_MS < signal.since_ms + at_ms:",
    ),
    _step(
        "flashing left in a hurry",
        "two_stages",
        "return start(limits, time_ms), limits.lamps[ALL_RED]",
        "return start(limits, time_ms - TICK_MS), limits.lamps[ALL_RED]",
    ),
    _step("missed maximum red", "two_stages", "return time_ms + TICK_MS <= leave_by", "return True", late=True),
    _step(
        "maximum red a tick late",
        "two_stages",
        "return time_ms + TICK_MS <= leave_by",
        "return time_ms <= leave_by",
        late=True,
    ),
    _step(
        "maximum red of whom the wish serves forgotten",
        "widening",
        "if any(served >> bit & 1 and red",
        "if any(False and red",
        late=True,
    ),
    _step(
        "round begun at its end",
        "leading_left",
        "first = home if at == stage and first == stage else first",
        "first = home",
        late=True,
    ),
    _limits(
        "skipped pedestrian clearance",
        "foot_crossing",
        change,
        "greens = {i: max((empty[j] for j in waits[i]), default=0) for i in gains}",
        "greens = {i: max((min(empty.values()) for j in waits[i]), default=0) for i in gains}",
    ),
    _limits(
        "pedestrian clearance no longer than a yellow",
        "foot_crossing",
        change,
        "return Ways(apart, yields, crossed, clear_ms, all_red_ms, green_ms)",
        "return Ways(apart, yields, crossed, (min(clear_ms),) * len(clear_ms), all_red_ms, green_ms)",
    ),
    _limits(
        "green that does not wait for who clears",
        "overlaps",
        change,
        "else ends & ways.apart[i] for i in gains",
        "else ends & {i} for i in gains",
    ),
    _limits(
        "yellow as late as if nobody waited for its end",
        "foot_crossing",
        change,
        "return min((at - ways.all_red_ms[link] for at in greens), default=length - beyond)",
        "return length - beyond",
    ),
    _limits(
        "right of way before its foes have cleared",
        "leading_left",
        change,
        ' or (a == "g" and b == "G"))]',
        ")]",
    ),
    _limits(
        "next change before the all-red of this one is over",
        "long_all_red",
        change,
        "max(empty.values()) - ways.green_ms)",
        "0)",
    ),
    _limits(
        "yellow trap of who clears later",
        "leading_left",
        change,
        "found[j] = min(found[i], found[j])",
        "pass",
    ),
    _limits("short walk", "foot_crossing", limits, "walk = whole_ticks(junction.walk_s)", "walk = 0"),
    _limits("yellow trap", "leading_left", change, "_trapping(ways, old, ends, stay) |", "set() |"),
    _limits(
        "right of way taken without warning",
        "leading_left",
        change,
        "| _overtaken(ways, old, new, stay, gains)",
        "| set()",
    ),
    Mutant(
        "lost release of a pre-emption",
        "two_stages",
        in_force=_changed(
            preempt,
            "return preemption is not None and time_ms < preemption.until_ms",
            "return preemption is not None",
        ).in_force,
        late=True,
    ),
)

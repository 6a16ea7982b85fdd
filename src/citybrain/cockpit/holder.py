"""Who holds a junction: which of the commands that people gave is in force there now."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from citybrain.cockpit.record import Switch

ABOVE = frozenset({"hold", "flash"})
"""Commands that stand above who decides."""

PASSING = "preempted"
"""A stage with priority, for two minutes at most: it leaves what people have commanded as it is."""


class Held(Struct, frozen=True):
    """`top` counts now, `below` when that ends; None: as the city is set up."""

    top: Switch | None = None
    below: Switch | None = None


def in_force(switches: Iterable[Switch], areas: frozenset[str], now_ms: int, control: str | None) -> Held:
    """The commands in force at a junction, from all of them, oldest first.

    `areas` are the junction itself and what it lies in; `control` is who decides there by the guard's own word: an
    approval ends by itself when the brain proposes something else.
    """
    command: Switch | None = None
    base: Switch | None = None
    lock: Switch | None = None
    for asked in switches:
        if not asked.accepted or asked.area not in areas or asked.control == PASSING or _shut_out(lock, asked):
            continue
        if is_approval(asked):
            command = asked
            continue
        command, base = (asked, base) if asked.control in ABOVE else (None, asked)
        lock = asked if asked.lock else None
    base = None if base is None or _over(base, now_ms) else base
    if command is None or _over(command, now_ms) or (is_approval(command) and control != "approved"):
        return Held(base, None)
    return Held(command, base)


def is_approval(switch: Switch) -> bool:
    """Whether it let one proposal of the brain pass."""
    return switch.control == "advised" and switch.stage is not None


def _shut_out(lock: Switch | None, asked: Switch) -> bool:
    """Whether a request for a whole area left the junction out, because somebody had locked it."""
    return lock is not None and not asked.force and lock.who != asked.who and not _over(lock, asked.time)


def _over(switch: Switch, now_ms: int) -> bool:
    return switch.until is not None and switch.until <= now_ms

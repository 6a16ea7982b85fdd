"""Orders: what the brain or a person wants a junction to do, and what became of it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Why(StrEnum):
    """Why a stage was chosen. The words for each are in the front end and in docs/decisions.md."""

    HOLD_MIN_GREEN = "hold_min_green"
    HOLD_SERVING = "hold_serving"
    HOLD_EMPTY = "hold_empty"
    HOLD_CHANGING = "hold_changing"
    LONGEST_QUEUE = "longest_queue"
    ONLY_DEMAND = "only_demand"
    MAX_RED = "max_red"
    MAX_GREEN = "max_green"
    EXIT_BLOCKED = "exit_blocked"
    NO_DATA = "no_data"
    GUARD = "guard"
    """Shown though the brain did not ask for it: by the guard's maximum red, or by whoever else decided."""


class Control(StrEnum):
    """Who decides a junction's stages now."""

    BRAIN = "brain"
    OWN_PLAN = "own_plan"
    SILENCE = "silence"
    """Own plan, because the brain or the bus has been silent."""
    REFUSED = "refused"
    """Own plan, because the junction cannot be controlled."""
    HOLD = "hold"
    """A person holds a stage."""
    FLASH = "flash"
    """A person has set it to flashing amber."""
    ADVISED = "advised"
    """Own plan; the brain's orders are proposals that a person may approve."""
    APPROVED = "approved"
    """The brain's present proposal, approved by a person, is carried out."""
    PREEMPTED = "preempted"
    """A stage asked for with priority, for an escort or an emergency."""
    FAULT = "fault"
    """All-red, because the monitor has tripped: until a person switches the junction."""


class SignalOrder(Struct, frozen=True):
    """Show `stage` at `junction`. Each order renews the brain's heartbeat for that junction."""

    junction: str
    time_ms: int
    stage: int
    source: str


class Refusal(Struct, frozen=True):
    """An order that the guard did not carry out as it stood."""

    junction: str
    time_ms: int
    source: str
    stage: int
    reason: str


class Preemption(Struct, frozen=True):
    """Show `stage` at `junction` with priority until `until_ms`: for an escort or an emergency.

    `source` names the requester, who alone may ask again, prolong or release it before its end.
    """

    junction: str
    stage: int
    until_ms: int
    source: str


class SwitchRequest(Struct, frozen=True):
    """A person's command over the junctions of an area.

    `control` BRAIN, OWN_PLAN or ADVISED says who decides, and ends a stage held or flashing there. HOLD (with
    `stage`) and FLASH need one junction and an end. ADVISED with `stage` approves what the brain proposes there
    now. PREEMPTED with `stage` asks for it with priority at one junction; without, it releases what the same `who`
    has asked for.
    """

    id: str
    area: str
    """Area id of any level: city, district or junction."""
    control: Control
    who: str
    why: str
    requested_ms: int
    until_ms: int | None = None
    stage: int | None = None
    lock: bool = False
    """Nobody else's request touches the junction until `until_ms` (which a lock needs)."""
    force: bool = False
    """Override somebody else's lock."""

"""A person's commands: who decides a junction, which stage is held or has priority, which flashes, who has locked
it, until when."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from citybrain.guard.limits import PREEMPTION_MS
from citybrain.guard.preempt import Preemptions
from citybrain.model import Control, Junction, Level, Preemption, RoadNet, SwitchRequest

NO_END_MS = 1 << 62
APPROVAL_MS = 60_000
"""An approval without an end of its own."""
LONGEST_HOLD_MS = 3_600_000
LONGEST_FLASH_MS = 86_400_000
_LONGEST_TEXT = 2000


class Base(IntEnum):
    """Who decides where nobody holds, flashes or approves."""

    BRAIN = 0
    OWN_PLAN = 1
    ADVISED = 2


_BASES = {Control.BRAIN: Base.BRAIN, Control.OWN_PLAN: Base.OWN_PLAN, Control.ADVISED: Base.ADVISED}
_LONGEST_MS = {
    Control.HOLD: LONGEST_HOLD_MS,
    Control.FLASH: LONGEST_FLASH_MS,
    Control.APPROVED: LONGEST_HOLD_MS,
    Control.PREEMPTED: PREEMPTION_MS,
}


_UNASKED_MS = {Control.ADVISED: APPROVAL_MS, Control.PREEMPTED: PREEMPTION_MS}
"""How long what has a stage lasts where no end is asked for."""


class Command(Struct, frozen=True):
    """What a person wants of one junction for a while: HOLD, FLASH or APPROVED. `stage` -1: none."""

    control: Control
    stage: int
    until_ms: int


class Lock(Struct, frozen=True):
    """Only `who` may change the junction."""

    who: str
    until_ms: int


class SwitchResult(Struct, frozen=True):
    """What became of a switch request; `reason` is empty if it was accepted."""

    request: SwitchRequest
    time_ms: int
    reason: str
    junctions: tuple[int, ...]
    """Indices of the junctions whose control it changed."""
    until_ms: int | None = None
    """When it ends."""
    locked: int = 0
    """Junctions left out because somebody else has locked them."""

    @property
    def accepted(self) -> bool:
        return not self.reason


class SavedSwitches(Struct, frozen=True):
    """The switches as they are kept."""

    base: list[int]
    after: list[int]
    until_ms: list[int]
    commands: dict[int, Command]
    locks: dict[int, Lock]


class Switches:
    """For each junction who decides (`base`), and what a person commands on top of it for a while.

    The last request counts: of commands over one junction there is one. When its term ends, it uncovers `base`,
    and `base` turns back: from the brain to the own plan, from the own plan to the brain, where it was advised to
    advice, and from advice to what was before. Who decides in an area does not end what is commanded of one of its
    junctions (a lamp under repair goes on flashing).
    """

    def __init__(self, net: RoadNet, stages: npt.NDArray[np.int64], preemptions: Preemptions) -> None:
        self.base = np.array([Base.ADVISED if j.advisory else Base.BRAIN for j in net.junctions], np.int64)
        self.off = np.zeros(len(net.junctions), np.bool_)
        """Where orders of the brain are neither carried out nor taken for proposals."""
        self.commands: dict[int, Command] = {}
        self._after = self.base.copy()
        self._until_ms = np.full(len(net.junctions), NO_END_MS, np.int64)
        self._locks: dict[int, Lock] = {}
        self._stages = stages
        self._preemptions = preemptions
        self._areas = _members(net)
        self._index = {j.id: i for i, j in enumerate(net.junctions)}

    def request(self, request: SwitchRequest, time_ms: int, proposal: int | None) -> SwitchResult:
        """Carry out a request, or say why not. A request for an area leaves out what cannot be controlled.

        `proposal`: the stage that the brain proposes now at the one junction asked for, None if none.
        """
        members = self._areas.get(request.area)
        reason = "unknown_area" if members is None else _fault(request, time_ms)
        able = members[self._stages[members] > 0] if members is not None else np.zeros(0, np.int64)
        if not reason and not able.size:
            reason = "not_controllable"
        free = np.array([j for j in able.tolist() if request.force or not self.locked(j, request.who)], np.int64)
        reason = reason or ("locked" if able.size and not free.size else self._misfit(request, proposal, time_ms))
        if reason:
            return SwitchResult(request, time_ms, reason, ())
        until_ms = _until(request, time_ms)
        changed = self._command(request, until_ms) if _commands(request) else self._turn(request, free, until_ms)
        if not _passes_by(request):
            self._lock(request, free.tolist())
        self._note_off(free.tolist())
        return SwitchResult(request, time_ms, "", changed, until_ms, able.size - free.size)

    def expire(self, time_ms: int) -> list[int]:
        """End what has a term that is over; its junctions."""
        for j in [j for j, lock in self._locks.items() if lock.until_ms <= time_ms]:
            del self._locks[j]
        ended = [j for j, command in self.commands.items() if command.until_ms <= time_ms]
        for j in ended:
            del self.commands[j]
        over = np.flatnonzero(self._until_ms <= time_ms)
        self.base[over] = self._after[over]
        self._until_ms[over] = NO_END_MS
        ended += over.tolist()
        self._note_off(ended)
        return ended

    def place(self, junction: str) -> int | None:
        """Where the junction stands in the network, None if nowhere."""
        return self._index.get(junction)

    def bound(self, time_ms: int) -> None:
        """The clock has jumped: no command or lock lasts longer from now on than it could have been given for."""
        for j, command in self.commands.items():
            longest = time_ms + _LONGEST_MS[command.control]
            self.commands[j] = Command(command.control, command.stage, min(command.until_ms, longest))
        for j, lock in self._locks.items():
            self._locks[j] = Lock(lock.who, min(lock.until_ms, time_ms + LONGEST_FLASH_MS))

    def lapse(self, j: int) -> None:
        """The junction's approval is over: the brain proposes something else."""
        self.commands.pop(j, None)

    def dump(self) -> SavedSwitches:
        return SavedSwitches(
            self.base.tolist(),
            self._after.tolist(),
            self._until_ms.tolist(),
            dict(self.commands),
            dict(self._locks),
        )

    def load(self, saved: SavedSwitches) -> None:
        """Take over kept switches. Raises ValueError if they are of another network."""
        lists = (saved.base, saved.after, saved.until_ms)
        if any(len(x) != self.base.size for x in lists) or not {*saved.base, *saved.after} <= set(Base):
            raise ValueError("kept switches are of another network")
        for j, command in saved.commands.items():
            if not 0 <= j < self.base.size or not -1 <= command.stage < self._stages[j]:
                raise ValueError("kept switches are of another network")
        self.base[:], self._after[:], self._until_ms[:] = lists
        self.commands = dict(saved.commands)
        self._locks = {j: lock for j, lock in saved.locks.items() if 0 <= j < self.base.size}
        self._note_off(range(self.base.size))

    def locked(self, j: int, who: str) -> bool:
        """Whether somebody else has locked junction `j`."""
        lock = self._locks.get(j)
        return lock is not None and lock.who != who.strip()

    def _misfit(self, request: SwitchRequest, proposal: int | None, time_ms: int) -> str:
        """Why the request does not fit the junction as it is."""
        if not request.lock and not _commands(request):
            return ""
        j = self._index.get(request.area)
        if j is None:
            return "one_junction_only"
        if request.stage is not None and not 0 <= request.stage < self._stages[j]:
            return "no_such_stage"
        if request.control is Control.PREEMPTED:
            return self._misfit_of_priority(request, j, time_ms)
        if request.control is not Control.ADVISED or request.stage is None:
            return ""
        held = self.commands.get(j)
        if self.base[j] != Base.ADVISED or (held is not None and held.control is not Control.APPROVED):
            return "not_advised"
        return "" if request.stage == proposal else "proposal_changed"

    def _misfit_of_priority(self, request: SwitchRequest, j: int, time_ms: int) -> str:
        source = request.who.strip()
        if request.stage is None:
            return "" if self._preemptions.held(j, source) else "not_preempted"
        return "" if self._preemptions.free(j, source, time_ms) else "preempted"

    def _command(self, request: SwitchRequest, until_ms: int | None) -> tuple[int, ...]:
        j = self._index[request.area]
        if request.control is Control.PREEMPTED:
            return self._put_first(request, j, until_ms)
        control = Control.APPROVED if request.control is Control.ADVISED else request.control
        stage = -1 if request.stage is None else request.stage
        self.commands[j] = Command(control, stage, NO_END_MS if until_ms is None else until_ms)
        return (j,)

    def _put_first(self, request: SwitchRequest, j: int, until_ms: int | None) -> tuple[int, ...]:
        source = request.who.strip()
        if request.stage is None or until_ms is None:
            self._preemptions.release(j, source)
        else:
            self._preemptions.at[j] = Preemption(request.area, request.stage, until_ms, source)
        return (j,)

    def _turn(self, request: SwitchRequest, free: npt.NDArray[np.int64], until_ms: int | None) -> tuple[int, ...]:
        base = _BASES[request.control]
        commanded = np.array([j in self.commands for j in free.tolist()], np.bool_)
        by_itself = request.area in self._index
        turns = self.base[free] != base
        changed = free[turns | commanded if by_itself else turns & ~commanded]
        before = np.where(self.base[free] == base, self._after[free], self.base[free])
        other = Base.OWN_PLAN if base == Base.BRAIN else Base.BRAIN
        self._after[free] = before if base == Base.ADVISED else np.where(before == Base.ADVISED, before, other)
        self.base[free] = base
        self._until_ms[free] = NO_END_MS if until_ms is None else until_ms
        if by_itself:
            self.commands.pop(self._index[request.area], None)
        return tuple(changed.tolist())

    def _lock(self, request: SwitchRequest, free: list[int]) -> None:
        for j in free:
            self._locks.pop(j, None)
            if request.lock and request.until_ms is not None:
                self._locks[j] = Lock(request.who.strip(), request.until_ms)

    def _note_off(self, junctions: range | list[int]) -> None:
        for j in junctions:
            command = self.commands.get(j)
            held = command is not None and command.control is not Control.APPROVED
            self.off[j] = held or self.base[j] == Base.OWN_PLAN


def _commands(request: SwitchRequest) -> bool:
    """Whether it stands above who decides: held, flashing, approved, with priority."""
    return request.control in (Control.HOLD, Control.FLASH, Control.PREEMPTED) or request.stage is not None


def _passes_by(request: SwitchRequest) -> bool:
    """Whether it leaves locks as they are: a proposal approved, priority."""
    return request.control is Control.PREEMPTED or _approves(request)


def _approves(request: SwitchRequest) -> bool:
    return request.control is Control.ADVISED and request.stage is not None


def _until(request: SwitchRequest, time_ms: int) -> int | None:
    unasked_ms = _UNASKED_MS.get(request.control)
    if request.until_ms is None and request.stage is not None and unasked_ms is not None:
        return time_ms + unasked_ms
    return request.until_ms


def _fault(request: SwitchRequest, time_ms: int) -> str:
    if request.control not in (*_BASES, Control.HOLD, Control.FLASH, Control.PREEMPTED):
        return "control_is_not_a_choice"
    if not request.who.strip() or not request.who.strip().isprintable() or len(request.who) > _LONGEST_TEXT:
        return "who_is_missing"
    if not request.why.strip() or len(request.why) > _LONGEST_TEXT:
        return "why_is_missing"
    if request.stage is None and request.control is Control.HOLD:
        return "stage_is_missing"
    if request.stage is not None and request.control not in (Control.HOLD, Control.ADVISED, Control.PREEMPTED):
        return "stage_is_out_of_place"
    if request.lock and request.control is Control.PREEMPTED:
        return "lock_is_out_of_place"
    if request.control is Control.PREEMPTED and request.stage is None:
        return "" if request.until_ms is None else "until_is_out_of_place"
    return _fault_of_end(request, time_ms)


def _fault_of_end(request: SwitchRequest, time_ms: int) -> str:
    longest = _LONGEST_MS.get(Control.APPROVED if _approves(request) else request.control)
    if request.lock:
        longest = min(longest or LONGEST_FLASH_MS, LONGEST_FLASH_MS)
    if request.until_ms is None:
        ends = request.stage is not None and request.control in _UNASKED_MS
        return "until_is_missing" if longest is not None and not ends else ""
    if request.until_ms <= time_ms:
        return "until_is_past"
    return "until_is_too_far" if longest is not None and request.until_ms > time_ms + longest else ""


def _members(net: RoadNet) -> dict[str, npt.NDArray[np.int64]]:
    """The junctions in each area: of the city, of each district (and whatever lies between), of each alone."""
    parents = {a.id: a.parent for a in net.areas}
    members: dict[str, list[int]] = {a.id: [] for a in net.areas}
    for index, junction in enumerate(net.junctions):
        for area in _above(junction, parents):
            members.setdefault(area, []).append(index)
    for city in net.areas:
        if city.level is Level.CITY:
            members[city.id] = list(range(len(net.junctions)))
    return {area: np.array(indices, np.int64) for area, indices in members.items()}


def _above(junction: Junction, parents: dict[str, str | None]) -> list[str]:
    found = [junction.id]
    area: str | None = parents.get(junction.id) or junction.district
    while area and area not in found:
        found.append(area)
        area = parents.get(area)
    return found

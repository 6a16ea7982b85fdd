"""The switch of the brain: which junctions a person has given to their own plans, by whom, until when."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from citybrain.guard.plan import PlanClock
from citybrain.model import Control, Junction, Level, RoadNet, SwitchRequest

NO_END_MS = 1 << 62
_LONGEST_TEXT = 2000


class SwitchResult(Struct, frozen=True):
    """What became of a switch request; `reason` is empty if it was accepted."""

    request: SwitchRequest
    time_ms: int
    reason: str
    junctions: tuple[int, ...]
    """Indices of the junctions whose control it changed."""

    @property
    def accepted(self) -> bool:
        return not self.reason


class SavedSwitches(Struct, frozen=True):
    """The switches as they are kept."""

    off: list[bool]
    until_ms: list[int]


class Switches:
    """One switch a junction. The last request counts; when its term ends the switch turns back by itself."""

    def __init__(self, net: RoadNet, controllable: npt.NDArray[np.bool_]) -> None:
        self.off = np.zeros(len(net.junctions), np.bool_)
        self._until_ms = np.full(len(net.junctions), NO_END_MS, np.int64)
        self._controllable = controllable
        self._areas = _members(net)

    def request(self, request: SwitchRequest, time_ms: int) -> SwitchResult:
        """Carry out a request, or say why not. A request for an area leaves out what cannot be controlled."""
        members = self._areas.get(request.area)
        reason = _fault(request, time_ms) if members is not None else "unknown_area"
        able = members[self._controllable[members]] if members is not None else np.zeros(0, np.int64)
        if not reason and not able.size:
            reason = "not_controllable"
        if reason:
            return SwitchResult(request, time_ms, reason, ())
        off = request.control is Control.OWN_PLAN
        changed = able[self.off[able] != off]
        self.off[able] = off
        self._until_ms[able] = NO_END_MS if request.until_ms is None else request.until_ms
        return SwitchResult(request, time_ms, "", tuple(changed.tolist()))

    def expire(self, time_ms: int) -> npt.NDArray[np.intp]:
        """Turn back the switches whose term is over; their junctions."""
        over = np.flatnonzero(self._until_ms <= time_ms)
        if over.size:
            self.off[over] = ~self.off[over]
            self._until_ms[over] = NO_END_MS
        return over

    def dump(self) -> SavedSwitches:
        return SavedSwitches(self.off.tolist(), self._until_ms.tolist())

    def load(self, saved: SavedSwitches) -> None:
        """Take over kept switches. Raises ValueError if they are of another network."""
        if len(saved.off) != self.off.size or len(saved.until_ms) != self.off.size:
            raise ValueError("kept switches are of another network")
        self.off[:] = saved.off
        self._until_ms[:] = saved.until_ms


def _fault(request: SwitchRequest, time_ms: int) -> str:
    if request.control not in (Control.BRAIN, Control.OWN_PLAN):
        return "control_is_not_a_choice"
    if not request.who.strip() or len(request.who) > _LONGEST_TEXT:
        return "who_is_missing"
    if not request.why.strip() or len(request.why) > _LONGEST_TEXT:
        return "why_is_missing"
    if request.until_ms is not None and request.until_ms <= time_ms:
        return "until_is_past"
    return ""


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


def has_plan(junction: Junction) -> bool:
    """Whether the junction's own plan can drive stages."""
    try:
        PlanClock(junction.plan)
    except ValueError:
        return False
    stages = [p.stage for p in junction.plan.phases]
    return max(stages) >= 0 and all(-1 <= s < len(junction.stages) for s in stages)

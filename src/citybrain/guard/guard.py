"""All junctions of a city under guard: orders and switches in, lamps out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from citybrain.guard import junction as core
from citybrain.guard.junction import Reason
from citybrain.guard.limits import (
    FLASH,
    TICK_MS,
    Limits,
    guarded_limits,
    own_plan_limits,
    preemption_limits,
)
from citybrain.guard.monitor import Monitor
from citybrain.guard.offset import OwnPlans
from citybrain.guard.order import BACKUP_MS, NOT_HEARD_MS, Orders
from citybrain.guard.plan import begin_playback, play
from citybrain.guard.preempt import Preemptions, in_force
from citybrain.guard.readback import Looks
from citybrain.guard.record import state_rows, switch_rows
from citybrain.guard.refusal import Refusals
from citybrain.guard.saved import FORMAT, Saved, fits
from citybrain.guard.switch import Base, Switches, SwitchResult
from citybrain.model import Control, Junction, Preemption, RoadNet, SwitchRequest

FARTHEST_JUMP_MS = 10_000
EVERYTHING_MS = 10_000
_CONTROLS = tuple(Control)
_CONTROL_WORDS = pa.array([c.value for c in _CONTROLS])
_BRAIN, _OWN_PLAN, _SILENCE, _REFUSED, _HOLD, _FLASH, _ADVISED, _APPROVED, _PREEMPTED, _FAULT = range(
    len(_CONTROLS)
)
_BY_ORDERS = frozenset({_BRAIN, _APPROVED})
"""Controls under which the brain's orders count."""
_NOW = -(1 << 62)

_BASE_BRAIN = int(Base.BRAIN)
_PLANNED = (_SILENCE, _OWN_PLAN, _ADVISED)
"""Who decides while the own plan runs, by what decides otherwise (`Base`)."""


class Guard:
    """The only way to act on signals. Knows hard limits, own plans and switches, and nothing about the brain.

    Call once a second of city time: `orders` for what arrived, then `advance`. Between two calls nothing moves by
    itself. All junctions begin all-red at `time_ms`. A junction that is refused in the network, or whose stages
    could not be guarded, plays its own plan's lamps; where there is no plan with time in it (a level crossing),
    its lamps are left to whoever drives them. After `backup_ms` without an order a junction runs its own plan
    (NTCIP 1202 unitBackupTime, where 0 would mean never: it is refused). Raises ValueError for such a time.
    """

    def __init__(self, net: RoadNet, time_ms: int, *, backup_ms: int = BACKUP_MS) -> None:
        self.net = net
        self.time_ms = time_ms
        n = len(net.junctions)
        self._limits = [guarded_limits(j) for j in net.junctions]
        self._plan_limits = [own_plan_limits(lim, j) if lim else None for j, lim in self._each()]
        self._preempt_limits = [preemption_limits(lim) if lim else None for lim in self._plan_limits]
        self._plans = OwnPlans(net.junctions)
        self._signals = [core.start(lim, time_ms) if lim else None for lim in self._limits]
        self._monitors = [Monitor(j, time_ms) if lim else None for j, lim in self._each()]
        self._playbacks = [None if lim else begin_playback(j, "", time_ms) for j, lim in self._each()]
        self._lamps = ["r" * j.signal_links for j in net.junctions]
        self._faults: dict[int, str] = {}
        self._names = [j.id for j in net.junctions]
        self._ids = pa.array(self._names, pa.string())
        self._refusals = Refusals()
        stages = np.array([lim.stages if lim else 0 for lim in self._limits], np.int64)
        self._preemptions = Preemptions()
        self._switches = Switches(net, stages, self._preemptions)
        self._orders = Orders(self._names, stages, self._refusals, backup_ms)
        self._stage = np.full(n, -1, np.int64)
        self._target = np.full(n, -1, np.int64)
        self._shown_ms = np.full(n, time_ms, np.int64)
        self._control = np.array([_SILENCE if lim else _REFUSED for lim in self._limits], np.int64)
        self._due_ms = np.full(n, _NOW, np.int64)
        self._looks = Looks()
        self._ours = np.array([clock is not None for clock in self._plans.clocks], np.bool_)
        self._told = self._ours.copy()
        """Junctions of whose lamps something is known: ours, and those that were read back."""
        self._news = self._ours.copy()
        self._unseen = self._ours.copy()
        self._all_written_ms = _NOW

    def _each(self) -> Sequence[tuple[Junction, Limits | None]]:
        return list(zip(self.net.junctions, self._limits, strict=True))

    @property
    def lamps(self) -> Sequence[str]:
        """The lamp string of every junction, in the network's order."""
        return tuple(self._lamps)

    @property
    def controls(self) -> Sequence[Control]:
        """Who decides each junction's stages now, in the network's order."""
        return tuple(_CONTROLS[c] for c in self._control.tolist())

    @property
    def faults(self) -> dict[str, str]:
        """Junctions whose monitor has tripped, and why."""
        return {self._names[j]: why for j, why in self._faults.items()}

    def orders(self, rows: pa.RecordBatch, source: str) -> None:
        """Take rows of traffic.signal_order; they count from the next `advance` on. Raises ValueError."""
        sound = self._orders.take(rows, source, self.time_ms, self._switches.off)
        act = (self._control[sound] != _BRAIN) | (self._orders.wish[sound] != self._target[sound])
        self._due_ms[sound[act]] = _NOW

    def switch(self, request: SwitchRequest) -> pa.RecordBatch:
        """Carry out a person's command, or say why not: one row of traffic.switch_result.

        A request for one junction by its own id also resets its tripped monitor; one for priority does not, and is
        refused there.
        """
        tripped = request.area in self.faults
        if tripped and request.control is Control.PREEMPTED:
            return switch_rows([SwitchResult(request, self.time_ms, Reason.FAULT, ())])
        result = self._switches.request(request, self.time_ms, self._proposal(request.area))
        self._due_ms[list(result.junctions)] = _NOW
        if result.accepted and tripped:
            self._reset(self._names.index(request.area))
        return switch_rows([result])

    def preempt(self, asked: Preemption) -> Reason | None:
        """Show a stage with priority, for 120 s at most; None, or why not. A person's HOLD and FLASH stand above
        it.

        Minimum green, yellow, all-red and clearance stay. The same source may ask again and so prolong it.
        """
        j = self._switches.place(asked.junction)
        limits = self._limits[j] if j is not None else None
        if j is None:
            return Reason.UNKNOWN_JUNCTION
        if j in self._faults:
            return Reason.FAULT
        if self._switches.locked(j, asked.source):
            return Reason.LOCKED
        self._due_ms[j] = _NOW
        return self._preemptions.ask(j, asked, limits.stages if limits else 0, self.time_ms)

    def release(self, junction: str, source: str) -> bool:
        """End that source's pre-emption; False if there is none."""
        j = self._switches.place(junction)
        if j is None or not self._preemptions.release(j, source):
            return False
        self._due_ms[j] = _NOW
        return True

    def read_back(self, lamps: Sequence[str], time_ms: int) -> None:
        """Take what the lamps of all junctions really show at `time_ms`, in the network's order, as SUMO writes
        them (O: a dark signal).

        A conflict, a dark signal or a short yellow that lasts as long as a conflict monitor allows latches a
        fault; the next `advance` shows all-red. Raises ValueError on another number of junctions.
        """
        if len(lamps) != len(self._lamps):
            raise ValueError(f"lamps of {len(lamps)} junctions are read back, not of {len(self._lamps)}")
        for j in self._looks.news(lamps):
            monitor = self._monitors[j]
            if not self._ours[j]:
                self._told[j] = True
                self._show(j, -1, -1, lamps[j], _REFUSED, time_ms)
            if monitor is None or j in self._faults:
                continue
            fault = monitor.read_back(lamps[j], time_ms, self._looks.seen_ms)
            self._looks.suspect(j, monitor.suspects)
            if fault:
                self._trip(j, fault, time_ms)
        self._looks.seen_ms = time_ms

    def advance(self, time_ms: int) -> Sequence[tuple[str, str]]:
        """Move on to `time_ms`: (junction, lamps) of each junction whose lamps changed, at first of all.

        Lost seconds and a clock that jumps are survived: lamps stood still meanwhile, so timers grow by one second
        at most (over a jump back, or ahead by more than 10 s, not at all, and orders from before are forgotten).
        """
        gap_ms = time_ms - self.time_ms
        if not 0 <= gap_ms <= FARTHEST_JUMP_MS:
            self._orders.heard_ms[:] = NOT_HEARD_MS
            self._preemptions.at.clear()
            self._switches.bound(time_ms)
            self._shift(gap_ms, time_ms)
        elif gap_ms > TICK_MS:
            self._shift(gap_ms - TICK_MS, time_ms)
        self.time_ms = time_ms
        self._due_ms[self._switches.expire(time_ms)] = _NOW
        self._due_ms[self._preemptions.expire(time_ms)] = _NOW
        heard = (self._control == _BRAIN) | (self._control == _APPROVED)
        silent = heard & (time_ms - self._orders.heard_ms > self._orders.backup_ms)
        self._due_ms[silent] = _NOW
        for j in np.flatnonzero(self._due_ms <= time_ms).tolist():
            self._evaluate(j, time_ms)
        changed = np.flatnonzero(self._unseen & self._ours).tolist()
        self._unseen[:] = False
        return [(self._names[j], self._lamps[j]) for j in changed]

    def state_rows(self, time_ms: int) -> pa.RecordBatch | None:
        """Rows of traffic.signal_state: what changed since the last call, every 10 s all. None: nothing to say."""
        if time_ms // EVERYTHING_MS != self._all_written_ms // EVERYTHING_MS:  # all at the same moments, always
            self._all_written_ms = time_ms
            self._news[:] = self._told
        index = np.flatnonzero(self._news)
        if not index.size:
            return None
        self._news[:] = False
        listed = index.tolist()
        return state_rows(
            self._ids.take(pa.array(index)),
            time_ms,
            self._stage[index],
            self._target[index],
            self._shown_ms[index],
            [self._lamps[j] for j in listed],
            _CONTROL_WORDS.take(pa.array(self._control[index])),
        )

    def refusal_rows(self) -> pa.RecordBatch | None:
        """Rows of traffic.order_refusal since the last call. None: none."""
        return self._refusals.rows()

    def dump(self) -> bytes:
        """The guard as bytes, for a saved minute."""
        saved = Saved(
            format=FORMAT,
            digest=self.net.digest,
            time_ms=self.time_ms,
            signals=self._signals,
            playbacks=self._playbacks,
            monitors=[m.state if m else None for m in self._monitors],
            lamps=self._lamps,
            shown_ms=self._shown_ms.tolist(),
            faults=self._faults,
            switches=self._switches.dump(),
            preemptions=dict(self._preemptions.at),
            offsets=self._plans.kept(np.isin(self._control, _PLANNED).tolist()),
        )
        return msgspec.msgpack.encode(saved)

    def load(self, data: bytes) -> None:
        """Go on from what `dump` gave, on its own plans until orders come. Raises ValueError on anything else."""
        try:
            saved = msgspec.msgpack.decode(data, type=Saved)
        except msgspec.MsgspecError as e:
            raise ValueError(f"not a kept guard: {e}") from None
        if not fits(saved, self.net, self._limits):
            raise ValueError("kept guard is of another format or network")
        fresh = Guard(self.net, saved.time_ms, backup_ms=self._orders.backup_ms)
        fresh._switches.load(saved.switches)
        fresh._preemptions.at.update(saved.preemptions)
        fresh._signals, fresh._playbacks = saved.signals, saved.playbacks
        for monitor, state in zip(fresh._monitors, saved.monitors, strict=True):
            if monitor and state:
                monitor.state = state
        fresh._lamps, fresh._faults, fresh._plans.offsets = saved.lamps, saved.faults, saved.offsets
        fresh._control[list(saved.faults)] = _FAULT
        fresh._shown_ms[:] = saved.shown_ms
        self.__dict__.update(fresh.__dict__)

    def _evaluate(self, j: int, time_ms: int) -> None:
        if not self._ours[j]:
            self._due_ms[j] = core.NEVER_MS
            return
        signal, monitor = self._signals[j], self._monitors[j]
        control, wanted, until_ms = self._wish(j, time_ms)
        limits = self._limits_under(control)[j]
        if limits is None or signal is None or monitor is None:
            self._play(j, time_ms)
            return
        if j in self._faults:
            self._due_ms[j] = core.NEVER_MS
            if control in _BY_ORDERS:
                self._tell(j, wanted, Reason.FAULT, time_ms)
            return
        signal, lamps, reason = core.step(limits, signal, wanted, time_ms)
        fault = monitor.check(lamps, time_ms)
        if fault:
            self._trip(j, fault, time_ms)
            return
        self._signals[j] = signal
        if control in _BY_ORDERS:
            self._tell(j, wanted, reason, time_ms)
        waits = wanted != signal.target and signal.stage == signal.target
        self._due_ms[j] = min(time_ms + 1 if waits else core.next_ms(limits, signal, time_ms), until_ms)
        stage = signal.stage if signal.stage == signal.target else -1
        self._show(j, max(stage, -1), max(signal.target, -1), lamps, control, time_ms)

    def _wish(self, j: int, time_ms: int) -> tuple[int, int, int]:
        """Who decides, which stage it wants, and until when that is sure."""
        silent = bool(time_ms - self._orders.heard_ms[j] > self._orders.backup_ms)
        if self._switches.commands or self._preemptions.at:
            commanded = self._commanded(j, silent, time_ms)
            if commanded is not None:
                return *commanded, core.NEVER_MS
        base = self._switches.base[j]
        if base == _BASE_BRAIN and not silent:
            return _BRAIN, int(self._orders.wish[j]), core.NEVER_MS
        moment = self._plans.moment(j, self._signals[j], self._control[j] in _PLANNED, time_ms)
        return _PLANNED[base], moment.stage, moment.until_ms

    def _commanded(self, j: int, silent: bool, time_ms: int) -> tuple[int, int] | None:
        """Who stands above brain and own plan, and which stage he wants."""
        command = self._switches.commands.get(j)
        if command is not None and command.control is Control.FLASH:
            return _FLASH, FLASH
        if command is not None and command.control is Control.HOLD:
            return _HOLD, command.stage
        preemption = self._preemptions.at.get(j)
        if preemption is not None and in_force(preemption, time_ms):
            return _PREEMPTED, preemption.stage
        if command is not None and not silent and self._orders.wish[j] == command.stage:
            return _APPROVED, command.stage
        if command is not None:
            self._switches.lapse(j)
        return None

    def _limits_under(self, control: int) -> Sequence[Limits | None]:
        if control == _PREEMPTED:
            return self._preempt_limits
        return self._plan_limits if control in _PLANNED else self._limits

    def _proposal(self, area: str) -> int | None:
        """The stage that the brain asks for now at the junction of that id."""
        j = self._switches.place(area)
        if j is None or self.time_ms - self._orders.heard_ms[j] > self._orders.backup_ms:
            return None
        return int(self._orders.wish[j])

    def _play(self, j: int, time_ms: int) -> None:
        playback, clock = self._playbacks[j], self._plans.clocks[j]
        if playback is None or clock is None:
            return
        self._playbacks[j], lamps, self._due_ms[j] = play(clock, playback, time_ms)
        stage = clock.at(time_ms).stage if "y" not in lamps and lamps.strip("r") else -1
        self._show(j, stage, stage, lamps, _REFUSED, time_ms)

    def _show(self, j: int, stage: int, target: int, lamps: str, control: int, time_ms: int) -> None:
        if lamps != self._lamps[j]:
            self._lamps[j] = lamps
            self._unseen[j] = self._news[j] = True
        if stage != self._stage[j] or target != self._target[j]:
            self._stage[j], self._target[j], self._shown_ms[j] = stage, target, time_ms
            self._news[j] = True
        if control != self._control[j]:
            self._control[j] = control
            self._news[j] = True

    def _tell(self, j: int, wanted: int, reason: Reason | None, time_ms: int) -> None:
        name, source = self._names[j], str(self._orders.source[j])
        if reason is None:
            self._refusals.carried_out(name, source, at_limit=True)
        else:
            self._refusals.add(name, time_ms, source, wanted, reason, at_limit=True)

    def _trip(self, j: int, fault: str, time_ms: int) -> None:
        """The monitor would not pass the lamps: all-red until a person resets it."""
        monitor = self._monitors[j]
        if monitor is not None:
            monitor.all_red(time_ms)
        self._faults[j] = fault
        self._due_ms[j] = core.NEVER_MS
        reason = f"{Reason.FAULT}: {fault}"
        self._refusals.add(self._names[j], time_ms, "guard", int(self._target[j]), reason, at_limit=True)
        self._show(j, -1, -1, "r" * len(self._lamps[j]), _FAULT, time_ms)

    def _reset(self, j: int) -> None:
        limits = self._limits[j]
        if limits is not None:
            del self._faults[j]
            self._looks.suspect(j, True)
            self._signals[j] = core.start(limits, self.time_ms)
            self._due_ms[j] = _NOW

    def _shift(self, by_ms: int, time_ms: int) -> None:
        """Move every timer by `by_ms`; who plays a plan as it stands begins it anew."""
        self._signals = [core.shifted(s, by_ms) if s else None for s in self._signals]
        self._shown_ms += by_ms
        self._looks.forget()
        for monitor in self._monitors:
            if monitor:
                monitor.shift(by_ms)
        for j, (junction, limits) in enumerate(self._each()):
            if limits is None:
                self._playbacks[j] = begin_playback(junction, self._lamps[j], time_ms)
        self._due_ms[:] = _NOW

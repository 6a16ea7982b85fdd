"""All junctions of a city under guard: orders and switches in, lamps out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Struct

from citybrain.guard import junction as core
from citybrain.guard.junction import Reason, Signal
from citybrain.guard.limits import TICK_MS, Limits, LimitsError, limits_of, own_plan_limits
from citybrain.guard.monitor import Monitor, MonitorState
from citybrain.guard.order import NOT_HEARD_MS, SILENCE_MS, Orders
from citybrain.guard.plan import PlanClock, Playback, begin_playback, play
from citybrain.guard.record import state_rows, switch_rows
from citybrain.guard.refusal import Refusals
from citybrain.guard.switch import SavedSwitches, Switches, has_plan
from citybrain.model import Control, Junction, RoadNet, SwitchRequest

FARTHEST_JUMP_MS = 10_000
EVERYTHING_MS = 10_000
FORMAT = 1
_CONTROLS = tuple(Control)
_CONTROL_WORDS = pa.array([c.value for c in _CONTROLS])
_BRAIN, _OWN_PLAN, _SILENCE, _REFUSED = (_CONTROLS.index(c) for c in Control)
_NOW = -(1 << 62)


class Saved(Struct, frozen=True):
    """A guard as it is kept."""

    format: int
    digest: str
    time_ms: int
    signals: list[Signal | None]
    playbacks: list[Playback | None]
    monitors: list[MonitorState | None]
    lamps: list[str]
    shown_ms: list[int]
    faults: dict[int, str]
    switches: SavedSwitches


class Guard:
    """The only way to act on signals. Knows hard limits, own plans and switches, and nothing about the brain.

    Call once a second of city time: `orders` for what arrived, then `advance`. Between two calls nothing moves by
    itself. All junctions begin all-red at `time_ms`. A junction that is refused in the network, or whose stages
    could not be guarded, plays its own plan's lamps. Raises ValueError if a junction has no plan at all.
    """

    def __init__(self, net: RoadNet, time_ms: int) -> None:
        self.net = net
        self.time_ms = time_ms
        n = len(net.junctions)
        self._limits = [_limits(j) for j in net.junctions]
        self._plan_limits = [own_plan_limits(lim, j) if lim else None for j, lim in self._each()]
        self._clocks = [_clock(j) for j in net.junctions]
        self._signals = [core.start(lim, time_ms) if lim else None for lim in self._limits]
        self._monitors = [Monitor(j, time_ms) if lim else None for j, lim in self._each()]
        self._playbacks = [None if lim else _fresh_playback(j, "", time_ms) for j, lim in self._each()]
        self._lamps = ["r" * j.signal_links for j in net.junctions]
        self._faults: dict[int, str] = {}
        self._names = [j.id for j in net.junctions]
        self._ids = pa.array(self._names, pa.string())
        self._refusals = Refusals()
        self._switches = Switches(net, np.array([lim is not None for lim in self._limits], np.bool_))
        self._orders = Orders(self._names, [lim.stages if lim else 0 for lim in self._limits], self._refusals)
        self._stage = np.full(n, -1, np.int64)
        self._target = np.full(n, -1, np.int64)
        self._shown_ms = np.full(n, time_ms, np.int64)
        self._control = np.array([_SILENCE if lim else _REFUSED for lim in self._limits], np.int64)
        self._due_ms = np.full(n, _NOW, np.int64)
        self._news = np.ones(n, np.bool_)
        self._unseen = np.ones(n, np.bool_)
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
        """Give the junctions of an area to the brain or to their own plans: one row of traffic.switch_result.

        A request for one junction by its own id also resets its tripped monitor.
        """
        result = self._switches.request(request, self.time_ms)
        self._due_ms[list(result.junctions)] = _NOW
        if result.accepted and request.area in self.faults:
            self._reset(self._names.index(request.area))
        return switch_rows([result])

    def advance(self, time_ms: int) -> Sequence[tuple[str, str]]:
        """Move on to `time_ms`: (junction, lamps) of each junction whose lamps changed, at first of all.

        Lost seconds and a clock that jumps are survived: lamps stood still meanwhile, so timers grow by one second
        at most (over a jump back, or ahead by more than 10 s, not at all, and orders from before are forgotten).
        """
        gap_ms = time_ms - self.time_ms
        if not 0 <= gap_ms <= FARTHEST_JUMP_MS:
            self._orders.heard_ms[:] = NOT_HEARD_MS
            self._shift(gap_ms, time_ms)
        elif gap_ms > TICK_MS:
            self._shift(gap_ms - TICK_MS, time_ms)
        self.time_ms = time_ms
        self._due_ms[self._switches.expire(time_ms)] = _NOW
        silent = (self._control == _BRAIN) & (time_ms - self._orders.heard_ms > SILENCE_MS)
        self._due_ms[silent] = _NOW
        for j in np.flatnonzero(self._due_ms <= time_ms).tolist():
            self._evaluate(j, time_ms)
        changed = np.flatnonzero(self._unseen).tolist()
        self._unseen[:] = False
        return [(self._names[j], self._lamps[j]) for j in changed]

    def state_rows(self, time_ms: int) -> pa.RecordBatch | None:
        """Rows of traffic.signal_state: what changed since the last call, every 10 s all. None: nothing to say."""
        if not 0 <= time_ms - self._all_written_ms < EVERYTHING_MS:
            self._all_written_ms = time_ms
            self._news[:] = True
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
        )
        return msgspec.msgpack.encode(saved)

    def load(self, data: bytes) -> None:
        """Go on from what `dump` gave, on its own plans until orders come. Raises ValueError on anything else."""
        try:
            saved = msgspec.msgpack.decode(data, type=Saved)
        except msgspec.MsgspecError as e:
            raise ValueError(f"not a kept guard: {e}") from None
        if saved.format != FORMAT or saved.digest != self.net.digest or not _fits(saved, self.net, self._limits):
            raise ValueError("kept guard is of another format or network")
        fresh = Guard(self.net, saved.time_ms)
        fresh._switches.load(saved.switches)
        fresh._signals, fresh._playbacks = saved.signals, saved.playbacks
        for monitor, state in zip(fresh._monitors, saved.monitors, strict=True):
            if monitor and state:
                monitor.state = state
        fresh._lamps, fresh._faults = saved.lamps, saved.faults
        fresh._shown_ms[:] = saved.shown_ms
        self.__dict__.update(fresh.__dict__)

    def _evaluate(self, j: int, time_ms: int) -> None:
        signal, monitor = self._signals[j], self._monitors[j]
        control, wanted, until_ms = self._wish(j, time_ms)
        limits = (self._limits if control == _BRAIN else self._plan_limits)[j]
        if limits is None or signal is None or monitor is None:
            self._play(j, time_ms)
            return
        if j in self._faults:
            self._due_ms[j] = core.NEVER_MS
            if control == _BRAIN:
                self._tell(j, wanted, Reason.FAULT, time_ms)
            return
        signal, lamps, reason = core.step(limits, signal, wanted, time_ms)
        fault = monitor.check(lamps, time_ms)
        if fault:
            self._trip(j, fault, time_ms)
            return
        self._signals[j] = signal
        if control == _BRAIN:
            self._tell(j, wanted, reason, time_ms)
        waits = wanted != signal.target and signal.stage == signal.target
        self._due_ms[j] = min(time_ms + 1 if waits else core.next_ms(limits, signal, time_ms), until_ms)
        stage = signal.stage if signal.stage == signal.target else -1
        self._show(j, stage, signal.target, lamps, control, time_ms)

    def _wish(self, j: int, time_ms: int) -> tuple[int, int, int]:
        """Who decides, which stage it wants, and until when that is sure."""
        silent = time_ms - self._orders.heard_ms[j] > SILENCE_MS
        if not self._switches.off[j] and not silent:
            return _BRAIN, int(self._orders.wish[j]), core.NEVER_MS
        moment = self._clocks[j].at(time_ms)
        return (_OWN_PLAN if self._switches.off[j] else _SILENCE), moment.stage, moment.until_ms

    def _play(self, j: int, time_ms: int) -> None:
        playback = self._playbacks[j]
        if playback is None:
            return
        self._playbacks[j], lamps, self._due_ms[j] = play(self._clocks[j], playback, time_ms)
        stage = self._clocks[j].at(time_ms).stage if "y" not in lamps and lamps.strip("r") else -1
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
        self._show(j, -1, -1, "r" * len(self._lamps[j]), _OWN_PLAN, time_ms)

    def _reset(self, j: int) -> None:
        limits = self._limits[j]
        if limits is not None:
            del self._faults[j]
            self._signals[j] = core.start(limits, self.time_ms)
            self._due_ms[j] = _NOW

    def _shift(self, by_ms: int, time_ms: int) -> None:
        """Move every timer by `by_ms`; who plays a plan as it stands begins it anew."""
        self._signals = [core.shifted(s, by_ms) if s else None for s in self._signals]
        self._shown_ms += by_ms
        for monitor in self._monitors:
            if monitor:
                monitor.shift(by_ms)
        for j, (junction, limits) in enumerate(self._each()):
            if limits is None:
                self._playbacks[j] = _fresh_playback(junction, self._lamps[j], time_ms)
        self._due_ms[:] = _NOW


def _limits(junction: Junction) -> Limits | None:
    """The junction's limits, None where only its own plan may run."""
    if junction.refused is not None or not has_plan(junction):
        return None
    try:
        return limits_of(junction)
    except LimitsError:
        return None


def _clock(junction: Junction) -> PlanClock:
    try:
        return PlanClock(junction.plan)
    except ValueError as e:
        raise ValueError(f"junction {junction.id}: {e}") from None


def _fresh_playback(junction: Junction, left: str, time_ms: int) -> Playback:
    yellow_ms = round(max(junction.yellow_s, default=0.0) * 1000)
    return begin_playback(left, yellow_ms, yellow_ms + round(junction.all_red_s * 1000), time_ms)


def _fits(saved: Saved, net: RoadNet, limits: Sequence[Limits | None]) -> bool:
    lists = (saved.signals, saved.playbacks, saved.monitors, saved.lamps, saved.shown_ms)
    if any(len(x) != len(limits) for x in lists) or not all(0 <= j < len(limits) for j in saved.faults):
        return False
    for j, (junction, lim) in enumerate(zip(net.junctions, limits, strict=True)):
        if len(saved.lamps[j]) != junction.signal_links or (saved.playbacks[j] is None) != (lim is not None):
            return False
        if not _signal_fits(saved.signals[j], lim) or not _monitor_fits(saved.monitors[j], junction, lim):
            return False
    return True


def _monitor_fits(state: MonitorState | None, junction: Junction, limits: Limits | None) -> bool:
    if state is None or limits is None:
        return state is None and limits is None
    lists = (state.lamps, state.green_ms, state.yellow_ms, state.ended_ms)
    return all(len(x) == junction.signal_links for x in lists)


def _signal_fits(signal: Signal | None, limits: Limits | None) -> bool:
    if signal is None or limits is None:
        return signal is None and limits is None
    stages = range(-1, limits.stages)
    return signal.stage in stages and signal.target in stages and len(signal.red_ms) == len(limits.home)

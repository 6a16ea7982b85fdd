"""A guard as it is kept with a saved minute."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from citybrain.guard.junction import Signal
from citybrain.guard.limits import FLASH, Limits
from citybrain.guard.monitor import MonitorState
from citybrain.guard.offset import Offset
from citybrain.guard.plan import Playback
from citybrain.guard.switch import SavedSwitches
from citybrain.model import Junction, Preemption, RoadNet

FORMAT = 3


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
    preemptions: dict[int, Preemption]
    offsets: list[Offset | None]
    """Of the own plans; None where another decides."""


def fits(saved: Saved, net: RoadNet, limits: Sequence[Limits | None]) -> bool:
    """Whether it was kept of a guard over this network."""
    if saved.format != FORMAT or saved.digest != net.digest:
        return False
    lists = (saved.signals, saved.playbacks, saved.monitors, saved.lamps, saved.shown_ms, saved.offsets)
    places = [*saved.faults, *saved.preemptions]
    if any(len(x) != len(limits) for x in lists) or not all(0 <= j < len(limits) for j in places):
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
    stages = range(FLASH, limits.stages)
    return signal.stage in stages and signal.target in stages and len(signal.red_ms) == len(limits.home)

"""What the decision keeps of each lane: who is there, for how long, and what the lane lets out in each stage.

The last reading counts as it is: a queue carried on by a model to the moment of the decision is a better number
and a worse reason, because a model never says that nobody is there (docs/decisions.md, "What was tried"). The
estimate speaks for the lanes whose detector is out, silent or disbelieved. Shapes: Z lanes, M movements, S stages.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from citybrain.brain.discharge import QUEUED_VEH, START_UP_MS, discharge, learnt
from citybrain.brain.health import hear_verdicts
from citybrain.brain.ids import Places
from citybrain.brain.lanes import Lanes
from citybrain.brain.layout import SATURATION_VPS, Flags, Floats, Layout
from citybrain.brain.queue import BLIND_AFTER_MS, free_time, read_readings, seen_queue
from citybrain.brain.sojourn import head, stayed
from citybrain.model import State

NEVER = -1

Arrays = dict[str, npt.NDArray[Any]]


class LaneWatch:
    """Keeps the lanes of a network in the state of the step that owns it; among it `discharge_vps` (J, S, L), the
    vehicles a second that each lane lets out in each stage."""

    def __init__(self, layout: Layout, lanes: Lanes, ordered: Places) -> None:
        self._layout = layout
        self._lanes = lanes
        self._ordered = ordered
        self._free_s = free_time(layout)

    def start(self) -> State:
        """What it keeps before the first reading."""
        lanes, stages = self._lanes.count, self._layout.lets.shape[1]
        return {
            "lane_veh": np.zeros(lanes),
            "lane_queue": np.zeros(lanes),
            "lane_stayed_s": np.zeros(lanes),
            "lane_gone": np.zeros(lanes),
            "read_ms": np.full(lanes, NEVER, np.int64),
            "believed": np.ones(lanes, np.bool_),
            "discharged_veh": np.zeros((lanes, stages)),
            "discharged_s": np.zeros((lanes, stages)),
            "discharge_vps": self._lanes.prior,
            "counted": np.zeros(lanes),
        }

    def see_health(self, s: Arrays, rows: pa.RecordBatch) -> None:
        """Take rows of traffic.detector_health."""
        hear_verdicts(self._layout, rows, s["believed"])

    def see(self, s: Arrays, rows: pa.RecordBatch) -> None:
        """Take rows of traffic.lane_reading; whoever is out or disbelieved is not heard."""
        readings, zones = self._layout.once(read_readings, rows)
        s["read_ms"][zones[~np.isin(zones, readings.zones)]] = NEVER
        new = (readings.time_ms > s["read_ms"][readings.zones]) & s["believed"][readings.zones]
        readings = readings.at(np.flatnonzero(new))
        at = readings.zones
        self._learn(s, at, readings.passed, readings.period_s, readings.time_ms)
        s["read_ms"][at] = readings.time_ms
        s["counted"][at] = readings.count
        s["lane_queue"][at] = seen_queue(s["lane_queue"][at], readings)
        np.add.at(s["lane_gone"], at, readings.passed)

    def carry_on(self, s: Arrays, vehicles: Floats, now_ms: int, dt_s: float) -> None:
        """Move on to now by `dt_s`. `vehicles` (M,): the estimate of the movements, for the blind lanes; from
        those the vehicles go as they usually do."""
        blind = self.blind(s, now_ms)
        green = self._lanes.any_movement(s["green"])
        gone = np.where(blind, green * SATURATION_VPS * dt_s, s["lane_gone"])
        there = np.where(blind, self._lanes.of_movements(vehicles), s["counted"])
        s["lane_stayed_s"] = stayed(s["lane_stayed_s"], s["lane_veh"], gone, there, dt_s)
        s["lane_veh"] = there
        s["lane_gone"] = np.zeros(self._lanes.count)

    def blind(self, s: Arrays, now_ms: int) -> Flags:
        """(Z,): lanes of which nothing is known but the estimate."""
        blind: Flags = ~s["believed"] | (s["read_ms"] == NEVER) | (now_ms - s["read_ms"] > BLIND_AFTER_MS)
        return blind

    def held_up_s(self, s: Arrays) -> Floats:
        """(Z,): for how long the head of each lane has been there, beyond what its way takes freely."""
        return np.maximum(head(s["lane_stayed_s"], s["lane_veh"]) - self._free_s, 0.0)

    def _learn(self, s: Arrays, at: Places, passed: Floats, period_s: Floats, read_ms: Places) -> None:
        """The discharge of lanes that had green for the whole of a reading, and a queue before it."""
        ours = np.flatnonzero(self._lanes.junction[at] >= 0)
        at, passed, period_s, read_ms = at[ours], passed[ours], period_s[ours], read_ms[ours]
        junction = self._lanes.junction[at]
        shown, since_ms = (s[name][self._ordered[junction]] for name in ("stage", "since_ms"))
        stage = np.maximum(shown, 0)
        begin_ms = read_ms - np.round(period_s * 1000.0).astype(np.int64)
        says = (shown >= 0) & (begin_ms >= since_ms + START_UP_MS) & (s["lane_queue"][at] >= QUEUED_VEH)
        says &= self._lanes.prior[junction, stage, self._lanes.slot[at]] > 0.0
        vehicles, seconds = learnt(s["discharged_veh"][at], s["discharged_s"][at], stage, passed, period_s, says)
        s["discharged_veh"][at], s["discharged_s"][at] = vehicles, seconds
        places = junction[:, None], np.arange(vehicles.shape[1]), self._lanes.slot[at][:, None]
        s["discharge_vps"][places] = discharge(vehicles, seconds, self._lanes.prior[places])

"""The rules from the literature that the brain is measured against, as steps behind the same guard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from citybrain.brain.ids import Places
from citybrain.brain.lamps import read_lamps
from citybrain.brain.layout import Flags, Floats, Layout
from citybrain.brain.record import schema, times
from citybrain.model import Batch, RoadNet, State, Step, Tick, Why

Rule = Literal["wave", "max_pressure"]
NEVER = -1


class DecideGreedily:
    """Each `period_s` the stage of greatest weight at every junction; in between the same order as heartbeat.

    A stage weighs the sum over the movements that it lets go and that are not always green:

    - `wave`: vehicles in their zones (longest approach; MAXWAVE of RESCO's benchmark, there with 200 m);
    - `max_pressure`: vehicles in their zones less the mean of those that wait for a movement on the link that they
      lead to, so far as zones see it, and never less than nothing (P. Varaiya, Max pressure control of a network
      of signalized intersections, Transportation Research C 36 (2013) 177-195, with equal turning ratios and
      saturation flows; a pressure below 0 counts as 0, since a stage need not let a movement go that has green).

    They know the stages of the programs, not the further ones. The running stage is held when no other weighs
    more. Minimum green, change and maximum red are the guard's.
    """

    reads: tuple[str, ...] = ("traffic.lane_reading", "traffic.signal_state")
    writes = "traffic.signal_order"

    def __init__(self, layout: Layout, rule: Rule, period_s: int) -> None:
        self.name: str = rule
        self._layout = layout
        self._rule: Rule = rule
        self._period_ms = period_s * 1000
        self._ordered = np.flatnonzero(layout.controllable)
        self._ordered_ids = layout.junctions.take(self._ordered)
        self._slots = layout.slots[self._ordered]
        self._waits_here = layout.waits_here[self._ordered]
        self._lets = layout.lets[self._ordered]
        stages = np.arange(layout.lets.shape[1])
        shown = np.array([sum(not s.further for s in j.stages) for j in layout.net.junctions], np.int64)
        self._real = stages < shown[self._ordered, None]
        self._exit_zone, self._exit_movement = _exits(layout)
        self._ways_on = _ways_on(layout)

    def start(self) -> State:
        return {
            "time_ms": np.full(1, NEVER, np.int64),
            "decided_ms": np.full(1, NEVER, np.int64),
            "vehicles": np.zeros(len(self._layout.zones)),
            "stage": np.full(len(self._layout.junctions), NEVER, np.int64),
            "wanted": np.zeros(len(self._ordered), np.int64),
        }

    def run(self, state: State, tick: Tick, inputs: Sequence[Batch]) -> tuple[State, pa.RecordBatch | None]:
        back = tick.time_ms < int(state["time_ms"][0])
        s: dict[str, npt.NDArray[Any]] = {k: v.copy() for k, v in (self.start() if back else state).items()}
        s["time_ms"][0] = tick.time_ms
        for batch in inputs:
            if batch.dataset == "traffic.signal_state":
                lamps = read_lamps(self._layout, batch.rows)
                s["stage"][lamps.junctions] = np.where(lamps.stage >= 0, lamps.stage, lamps.next_stage)
            elif batch.dataset == "traffic.lane_reading":
                self._see(s["vehicles"], batch.rows)
        if not len(self._ordered):
            return s, None
        weights = self._of_movements(s["vehicles"])
        if s["decided_ms"][0] == NEVER or tick.time_ms - s["decided_ms"][0] >= self._period_ms:
            s["decided_ms"][0] = tick.time_ms
            s["wanted"] = self._choose(weights, s["stage"][self._ordered])
        return s, self._rows(s["wanted"], weights, s["stage"][self._ordered], tick.time_ms)

    def _see(self, vehicles: Floats, rows: pa.RecordBatch) -> None:
        zones = self._layout.zones.places(rows.column("zone"))
        known = zones >= 0
        seen = rows.column("count").to_numpy(zero_copy_only=False).astype(np.float64)
        vehicles[zones[known]] = seen[known]

    def _of_movements(self, vehicles: Floats) -> Floats:
        """The weight of each movement by place within the ordered junctions, shapes (Z,) → (J, K)."""
        weight = self._layout.to_movements(vehicles)
        if self._rule == "max_pressure":
            ahead = np.bincount(self._exit_movement, vehicles[self._exit_zone], minlength=len(weight))
            weight = np.maximum(weight - ahead / self._ways_on, 0.0)
        return np.where(self._waits_here, np.append(weight, 0.0)[self._slots], 0.0)

    def _choose(self, weights: Floats, running: Places) -> Places:
        rows = np.arange(len(weights))
        stages = np.where(self._real, np.einsum("jsk,jk->js", self._lets, weights), -np.inf)
        best = np.argmax(stages, axis=1)
        held = np.where(running >= 0, stages[rows, np.maximum(running, 0)], -np.inf)
        return np.where(held >= stages[rows, best], running, best)

    def _rows(self, wanted: Places, weights: Floats, running: Places, now_ms: int) -> pa.RecordBatch:
        rows = np.arange(len(wanted))
        let: Flags = self._lets[rows, wanted] > 0.0
        most = np.argmax(np.where(let, weights, -np.inf), axis=1)
        place = self._slots[rows, most]
        place = np.where(let[rows, most] & (place < len(self._layout.movements)), place, -1)
        why = np.where(wanted == running, Why.HOLD_SERVING.value, Why.LONGEST_QUEUE.value)
        columns = [
            self._ordered_ids,
            times(now_ms, len(rows)),
            pa.array(wanted),
            pa.array(why.tolist()),
            self._layout.movements.take(place),
            pa.array(np.maximum(weights[rows, most], 0.0)),
            pa.nulls(len(rows), pa.string()),
            pa.array(np.zeros(len(rows))),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema(self.writes))


def baseline_steps(net: RoadNet, rule: Rule, period_s: int) -> tuple[Step, ...]:
    """The step of a rule from the literature for that network, deciding each `period_s` seconds."""
    return (DecideGreedily(Layout(net), rule, period_s),)


def _exits(layout: Layout) -> tuple[Places, Places]:
    """Pairs (zone, movement) where the zone sees a part of the link that the movement leads to."""
    link_of = _link_of(layout)
    zones_on: dict[str, list[int]] = {}
    for at, zone in enumerate(z for j in layout.net.junctions for z in j.zones):
        for link in dict.fromkeys(link_of[r.lane] for r in zone.reaches if r.lane in link_of):
            zones_on.setdefault(link, []).append(at)
    pairs = [
        (zone, at)
        for at, movement in enumerate(m for j in layout.net.junctions for m in j.movements)
        for link in dict.fromkeys(link_of[lane] for lane in movement.exit_lanes if lane in link_of)
        for zone in zones_on.get(link, ())
    ]
    return np.array([z for z, _ in pairs], np.int64), np.array([m for _, m in pairs], np.int64)


def _ways_on(layout: Layout) -> Floats:
    """(M,): number of movements that the vehicles on the exit of each movement may go on with, at least 1."""
    link_of = _link_of(layout)
    movements = [m for j in layout.net.junctions for m in j.movements]
    ways: dict[str, int] = {}
    for m in movements:
        for link in dict.fromkeys(link_of[zone] for zone in m.zones if zone in link_of):
            ways[link] = ways.get(link, 0) + 1
    exits = [link_of.get(m.exit_lanes[0], "") if m.exit_lanes else "" for m in movements]
    return np.array([ways.get(link, 1) for link in exits], np.float64)


def _link_of(layout: Layout) -> dict[str, str]:
    return {lane.id: link.id for link in layout.net.links for lane in link.lanes}

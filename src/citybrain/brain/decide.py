"""The second step of the brain: from the queues to the stage that each junction shall show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from citybrain.brain import transit
from citybrain.brain.discharge import FREE, TAKEN, Outflow
from citybrain.brain.ids import Places
from citybrain.brain.kept import Kept
from citybrain.brain.lamps import read_lamps, show_green
from citybrain.brain.lane_watch import LaneWatch
from citybrain.brain.lanes import Lanes
from citybrain.brain.layout import Flags, Floats, Layout
from citybrain.brain.priority import Priorities
from citybrain.brain.record import schema, times
from citybrain.brain.rule import HORIZONS_S, NO_DATA_S, REACH_S, WHY, Choice, Sight, choose, rules_of
from citybrain.model import Batch, State, Tick, Why

SHUT_ABOVE = 0.85
"""Occupied part of an exit above which it may be blocked. Queued vehicles fill an exit to about 1."""
OPEN_BELOW = 0.7
SHUT_AFTER_MS = 5_000
"""An exit is blocked when it has been full for this long: a platoon that rolls through is no blockage."""
SHUT_FOR_MS = 30_000
"""Then it counts as open again for as long as it was shut: movements that block each other in a ring get free."""
MOST_HELD_UP = 3.0
"""Waiting adds to what a vehicle counts: once for each maximum red that the head of its lane has been held up, so
many times at most."""
MOST_LASTING = 9.0
"""A queue that has outlasted a maximum red had a green too short for it: it adds once more for each further one
that it lasts, so many times at most."""
ASKED = 4
"""An order is known to have been carried out within so many seconds, on the bus too."""
NEVER = -1

_N = TypeVar("_N", bound=np.generic)


class DecideStages:
    """One order a tick for every junction that the brain may control."""

    name = "decide"
    reads: tuple[str, ...] = (
        "traffic.lane_reading",
        "traffic.detector_health",
        "traffic.movement_queue",
        "traffic.signal_state",
        transit.DATASET,
    )
    writes = "traffic.signal_order"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._ordered = np.flatnonzero(layout.controllable)
        self._ordered_ids = layout.junctions.take(self._ordered)
        self._lanes = Lanes(layout, self._ordered)
        self._watch = LaneWatch(layout, self._lanes, self._ordered)
        self._priorities = Priorities(layout.net)
        self._transit = transit.Transit(layout)
        self._rules = rules_of(layout, self._lanes, self._ordered)
        self._slots = layout.slots[self._ordered]
        self._why_words = pa.array([w.value for w in WHY])

    def start(self) -> State:
        movements, junctions = len(self._layout.movements), len(self._layout.junctions)
        return {
            **self._watch.start(),
            **self._transit.start(),
            "time_ms": np.full(1, NEVER, np.int64),
            "vehicles": np.zeros(movements),
            "waits_since_ms": np.full(movements, NEVER, np.int64),
            "green": np.zeros(movements, np.bool_),
            "green_ms": np.full(movements, NEVER, np.int64),
            "known_ms": np.full(movements, NEVER, np.int64),
            "full_since_ms": np.full(movements, NEVER, np.int64),
            "stage": np.zeros(junctions, np.int64),
            "next_stage": np.zeros(junctions, np.int64),
            "since_ms": np.full(junctions, NEVER, np.int64),
            "asked": np.full((ASKED, len(self._ordered)), NEVER, np.int64),
            "goes_to": np.full(len(self._ordered), NEVER, np.int64),
            "not_asked": np.zeros(len(self._ordered), np.bool_),
        }

    def run(self, state: State, tick: Tick, inputs: Sequence[Batch]) -> tuple[State, pa.RecordBatch | None]:
        back = tick.time_ms < int(state["time_ms"][0])
        s = Kept(self.start() if back else state)
        before_ms = tick.time_ms if s["time_ms"][0] == NEVER else int(s["time_ms"][0])
        s.own("time_ms")[0] = tick.time_ms
        takes = {
            "traffic.signal_state": self._see_lamps,
            "traffic.detector_health": self._watch.see_health,
            "traffic.lane_reading": self._watch.see,
            "traffic.movement_queue": self._see_queues,
            transit.DATASET: self._transit.see,
        }
        for dataset, take in takes.items():  # lamps first: what was read is read under them
            for batch in inputs:
                if batch.dataset == dataset:
                    take(s, batch.rows)
        self._watch.carry_on(s, s["vehicles"], tick.time_ms, (tick.time_ms - before_ms) / 1000.0)
        s["green_ms"] = np.where(s["green"] | (s["green_ms"] == NEVER), tick.time_ms, s["green_ms"])
        if not len(self._ordered):
            return s.state, None
        sight = self._sight(s, tick.time_ms)
        choice = choose(self._rules, sight)
        self._note_guard(s, choice)
        return s.state, self._rows(sight, choice, tick.time_ms)

    def _see_lamps(self, s: Kept, rows: pa.RecordBatch) -> None:
        lamps = self._layout.once(read_lamps, rows)
        show_green(self._layout, lamps, s.own("green"))
        s.own("stage")[lamps.junctions] = lamps.stage
        s.own("next_stage")[lamps.junctions] = lamps.next_stage
        s.own("since_ms")[lamps.junctions] = lamps.since_ms

    def _note_guard(self, s: Kept, choice: Choice) -> None:
        """Say of lamps that change to a stage that was not asked for lately that the guard gives it."""
        goes_to = s["next_stage"][self._ordered]
        asked = (s["asked"] == goes_to).any(axis=0) | (s["goes_to"] == NEVER)
        s["not_asked"] = np.where(goes_to == s["goes_to"], s["not_asked"], ~asked)
        s["goes_to"] = goes_to
        choice.why[s["not_asked"] & (choice.why == WHY.index(Why.HOLD_CHANGING))] = WHY.index(Why.GUARD)
        s["asked"] = np.vstack([choice.stage, s["asked"][:-1]])

    def _see_queues(self, s: Kept, rows: pa.RecordBatch) -> None:
        now_ms = int(s["time_ms"][0])
        at = self._layout.movements.places(rows.column("movement"))
        known = at >= 0
        at = at[known]
        near = _numbers(rows, "approaching_veh")
        s.own("vehicles")[at] = (_numbers(rows, "queue_veh") + np.where(np.isfinite(near), near, 0.0))[known]
        waited = _milliseconds(_numbers(rows, "waited_s")[known])
        s.own("waits_since_ms")[at] = np.where(waited > 0, now_ms - waited, NEVER)
        age = _numbers(rows, "age_s")[known]
        s.own("known_ms")[at] = np.where(np.isnan(age), NEVER, now_ms - _milliseconds(age))
        self._see_exits(s, at, _numbers(rows, "exit_occupied")[known], now_ms)

    def _see_exits(self, s: Kept, at: Places, taken: Floats, now_ms: int) -> None:
        before = s["full_since_ms"][at]
        with np.errstate(invalid="ignore"):  # an exit that nobody sees is NaN, which is neither
            stays = (taken >= SHUT_ABOVE) | ((before != NEVER) & (taken >= OPEN_BELOW))
        s.own("full_since_ms")[at] = np.where(stays, np.where(before == NEVER, now_ms, before), NEVER)

    def _sight(self, s: Kept, now_ms: int) -> Sight:
        at = self._ordered
        waited = np.where(s["waits_since_ms"] == NEVER, 0, now_ms - s["waits_since_ms"]) / 1000.0
        fresh = (s["known_ms"] != NEVER) & (now_ms - s["known_ms"] <= NO_DATA_S * 1000)
        heard: Flags = np.any(self._padded(fresh) & self._rules.waits_here, axis=1)
        since = np.where(s["since_ms"] == NEVER, now_ms, s["since_ms"])[at]
        shut = _shut(s["full_since_ms"], now_ms)
        return Sight(
            self._padded(s["vehicles"]),
            self._padded(waited),
            self._padded((now_ms - s["green_ms"]) / 1000.0),
            self._padded(shut),
            self._free(s["lane_veh"], s["vehicles"], shut),
            tuple(map(self._lanes.padded, self._watch.too_far(s, now_ms, [h + REACH_S for h in HORIZONS_S]))),
            self._weights(s, now_ms),
            Outflow(s["discharge_vps"][FREE], s["discharge_vps"][TAKEN], s["clear_s"]),
            heard,
            s["stage"][at],
            s["next_stage"][at],
            np.maximum(0, now_ms - since),
        )

    def _free(self, lane_veh: Floats, vehicles: Floats, shut: Flags) -> Floats:
        """Vehicles of lanes that have to wait, without those whose exit is blocked, (J, L)."""
        if shut.any():
            all_of, open_of = (self._lanes.of_movements(v) for v in (vehicles, np.where(shut, 0.0, vehicles)))
            lane_veh = lane_veh * np.divide(open_of, all_of, out=np.ones_like(all_of), where=all_of > 0.0)
        return np.where(self._lanes.waits, self._lanes.padded(lane_veh), 0.0)

    def _weights(self, s: Kept, now_ms: int) -> Floats:
        """As how many vehicles one of each lane counts, (J, L): by the engineer's priorities of its movements, by
        those who ride in buses and trams, and the more the longer its head is held up, and the longer it has not
        been rid of its queue: whoever is served there spares all who follow until it is, and it has lasted about
        as long as it will."""
        red_s = self._rules.max_red_ms.clip(1)[:, None] / 1000.0
        head = self._lanes.padded(self._watch.held_up_s(s)) / red_s
        stands = self._lanes.padded(s["lane_stands_s"]) / red_s
        waiting: Floats = 1.0 + np.minimum(head, MOST_HELD_UP) + np.clip(stands - 1.0, 0.0, MOST_LASTING)
        riding = self._transit.weights(s, s["lane_veh"], now_ms)
        if riding is not None:
            waiting *= self._lanes.padded(riding)
        priority = self._priorities.weights(now_ms)
        if (priority == 1.0).all():
            return waiting
        plain, counted = (self._lanes.of_movements(s["vehicles"] * w) for w in (1.0, priority))
        more: Floats = np.divide(counted, plain, out=np.ones_like(plain), where=plain > 0.0)
        return waiting * self._lanes.padded(more)

    def _padded(self, per_movement: npt.NDArray[_N]) -> npt.NDArray[_N]:
        """A quantity of movements by place within the ordered junctions, shapes (M,) → (J, K), padded with 0."""
        padded = np.zeros(len(per_movement) + 1, per_movement.dtype)
        padded[:-1] = per_movement
        return padded.take(self._slots)

    def _rows(self, sight: Sight, choice: Choice, now_ms: int) -> pa.RecordBatch:
        rules = self._rules
        rows = np.arange(len(self._ordered))
        lets = rules.lets[rows, choice.stage] > 0.0
        late = np.flatnonzero((choice.why == WHY.index(Why.MAX_RED)) | (choice.why == WHY.index(Why.GUARD)))
        weight = sight.vehicles.copy()
        weight[late] = np.maximum(sight.red_s[late], sight.waited_s[late])
        serves, _ = _most(np.where(lets & rules.waits_here, weight, 0.0))
        serves_veh = np.where(serves >= 0, sight.vehicles[rows, np.maximum(serves, 0)], 0.0)
        waits, waits_s = _most(np.where(~lets & rules.waits_here, sight.waited_s, 0.0))
        columns = [
            self._ordered_ids,
            times(now_ms, len(rows)),
            pa.array(choice.stage),
            self._why_words.take(pa.array(choice.why)),
            self._name(rows, serves),
            pa.array(serves_veh),
            self._name(rows, waits),
            pa.array(waits_s),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema(self.writes))

    def _name(self, rows: Places, slot: Places) -> pa.Array:
        place = self._slots[rows, np.maximum(slot, 0)]
        return self._layout.movements.take(np.where(slot >= 0, place, -1))


def _shut(full_since_ms: Places, now_ms: int) -> Flags:
    """Whether the exits that have been full since then are blocked, by turns of SHUT_FOR_MS."""
    shut = np.zeros(len(full_since_ms), np.bool_)
    full = np.flatnonzero(full_since_ms != NEVER)
    over_ms = now_ms - full_since_ms[full] - SHUT_AFTER_MS
    shut[full] = (over_ms >= 0) & (over_ms % (2 * SHUT_FOR_MS) < SHUT_FOR_MS)
    return shut


def _most(values: Floats) -> tuple[Places, Floats]:
    """Place of the greatest of each row (-1 where none is above 0) and its value, shapes (J, K) → (J,), (J,)."""
    place = np.argmax(values, axis=1)
    most = values[np.arange(len(values)), place]
    return np.where(most > 0.0, place, -1), most


def _numbers(rows: pa.RecordBatch, name: str) -> Floats:
    """A float column; null is NaN."""
    index = rows.schema.get_field_index(name)
    if index < 0:
        return np.full(rows.num_rows, np.nan)
    values: Floats = rows.column(index).to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _milliseconds(seconds: Floats) -> Places:
    return np.round(np.where(np.isfinite(seconds), seconds, 0.0) * 1000.0).astype(np.int64)

"""The step from detectors to the queue of each movement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from citybrain.brain import queue as model
from citybrain.brain import saturation as sat
from citybrain.brain.approach import MATE_DOUBT
from citybrain.brain.flow import FlowLearner
from citybrain.brain.green_log import empty_log, green_between, logged
from citybrain.brain.health import hear_verdicts
from citybrain.brain.ids import Places
from citybrain.brain.kept import Kept
from citybrain.brain.lamps import read_lamps, show_green
from citybrain.brain.layout import Flags, Floats, Layout, MovementPart
from citybrain.brain.record import schema, times
from citybrain.model import Batch, State, Tick

AHEAD_MS = 1_000
"""A reading from farther in the future is not believed."""
NOBODY_MS = 3_000
"""A movement counts as empty when nobody was seen for this long, so that one missed vehicle ends no wait."""
SOMEBODY_VEH = 0.1
LINE_FREE_S = 3.0
"""Between two vehicles of a queue that discharges, the stop line is free for less than this."""
MATES_S = 5.0
"""Within about so long a blind lane is taken to stand as those beside it do."""
REPEAT_MS = 5_000
"""A junction is written at least this often, readings or not."""
NEVER = -1
_REMEMBERED = 16


@dataclass(frozen=True, slots=True)
class _Part:
    """The junctions that a tick moves on and writes: their lanes and movements, and the columns of ids."""

    lanes: Places
    movements: MovementPart
    pairs: Places
    """Places of the layout's pairs that belong to the movements."""
    movement_ids: pa.Array
    junction_ids: pa.Array

    def sums(self, per_pair: Floats) -> Floats:
        """Sum of a quantity of the pairs for each of the movements."""
        found = np.bincount(self.movements.movement, per_pair, minlength=len(self.movements.at))
        return found.astype(np.float64, copy=False)


class EstimateQueues:
    """Queue, approaching vehicles, arrivals, saturation, turning share, wait and exit of each movement, now.

    What a reading says of the moment when it was measured is carried on to the tick by the model in
    `citybrain.brain.queue`; a lane that is blind goes on by the model alone, with what the lanes beside it see.
    Moves on and writes the junctions of which a reading arrived, and those not written for REPEAT_MS.
    """

    name = "estimate"
    reads: tuple[str, ...] = ("traffic.lane_reading", "traffic.signal_state", "traffic.detector_health")
    writes = "traffic.movement_queue"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._flow = FlowLearner(layout)
        self._free_s = model.free_time(layout)
        self._junction_ids = layout.junctions.take(layout.movement_junction)
        self._has_zone = np.bincount(layout.pair_movement, minlength=len(layout.movements)) > 0
        self._parts: dict[bytes, _Part] = {}

    def start(self) -> State:
        zones, movements = len(self._layout.zones), len(self._layout.movements)
        log_ms, log_green = empty_log(zones)
        return self._flow.start() | {
            "time_ms": np.full(1, NEVER, np.int64),
            "queue": np.zeros(zones),
            "queue_now": np.zeros(zones),
            "approaching_now": np.zeros(zones),
            "variance": np.zeros(zones),
            "moved_ms": np.full(zones, NEVER, np.int64),
            "read_ms": np.full(zones, NEVER, np.int64),
            "works": np.zeros(zones, np.bool_),
            "counts_in": np.zeros(zones, np.bool_),
            "counts_out": np.zeros(zones, np.bool_),
            "partly_ms": np.full(zones, NEVER, np.int64),
            "line_free_s": np.zeros(zones),
            "believed": np.ones(zones, np.bool_),
            "green": np.zeros(movements, np.bool_),
            "log_ms": log_ms,
            "log_green": log_green,
            "somebody_ms": np.full(movements, NEVER, np.int64),
            "waits_since_ms": np.full(movements, NEVER, np.int64),
            "written_ms": np.full(len(self._layout.junctions), NEVER, np.int64),
        }

    def run(self, state: State, tick: Tick, inputs: Sequence[Batch]) -> tuple[State, pa.RecordBatch | None]:
        now_ms, back = tick.time_ms, tick.time_ms < int(state["time_ms"][0])
        s = Kept(self.start() if back else state)
        if s["time_ms"][0] == NEVER:
            s.own("moved_ms")[:] = now_ms
        s.own("time_ms")[0] = now_ms
        for batch in inputs:
            if batch.dataset == "traffic.signal_state":
                show_green(self._layout, self._layout.once(read_lamps, batch.rows), s.own("green"))
            elif batch.dataset == "traffic.detector_health":
                hear_verdicts(self._layout, batch.rows, s.own("believed"))
        s["green_ms"] = np.where(s["green"], now_ms, s["green_ms"])
        green = self._layout.zone_has(s["green"])
        s["log_ms"], s["log_green"] = logged(s["log_ms"], s["log_green"], now_ms, green)
        heard = (s["written_ms"] == NEVER) | (now_ms - s["written_ms"] >= REPEAT_MS)
        for batch in inputs:
            if batch.dataset == "traffic.lane_reading":
                heard[self._layout.zone_junction[self._see_lanes(s, batch.rows)]] = True
        part, blind = self._of(heard), self._blind(s)
        self._move_on(s, part.lanes, blind)
        self._flow.fit(s, blind)
        self._wait(s, now_ms)
        s.own("written_ms")[heard] = now_ms
        return s.state, self._rows(s, now_ms, part, blind)

    def _blind(self, s: Kept) -> Flags:
        old = s["time_ms"][0] - s["read_ms"] > model.BLIND_AFTER_MS
        blind: Flags = ~s["works"] | ~s["believed"] | (s["read_ms"] == NEVER) | old
        return blind

    def _see_lanes(self, s: Kept, rows: pa.RecordBatch) -> Places:
        """Take the readings that are newer than what is known; their lanes stand where they were read. The zones
        that spoke."""
        readings, zones = self._layout.once(model.read_readings, rows)
        now_ms = int(s["time_ms"][0])
        ahead_ms = readings.time_ms - now_ms
        new = (readings.time_ms > s["read_ms"][readings.zones]) & (ahead_ms <= AHEAD_MS)
        blind = self._blind(s)
        works = s.own("works")
        works[zones] = False
        works[readings.zones] = True
        readings = readings.at(np.flatnonzero(new & s["believed"][readings.zones]))
        at = readings.zones
        s.own("read_ms")[at] = s.own("moved_ms")[at] = np.minimum(readings.time_ms, now_ms)
        known = np.where(blind[at], s["queue_now"][at], s["queue"][at])
        queue = model.seen_queue(known, readings)
        s.own("queue")[at] = s.own("queue_now")[at] = queue
        s.own("approaching_now")[at] = readings.count - queue
        s.own("variance")[at] = model.seen_variance(readings)
        s.own("line_free_s")[at] = 0.0
        self._flow.see(s, readings, known)
        if not works[zones].all():
            self._see_loops(s, model.read_partial(self._layout, rows))
        return zones

    def _see_loops(self, s: Kept, partial: model.Partial) -> None:
        """Take what loops say of lanes that are blind otherwise: the one who came, the other who went, and whether
        anybody stands at the stop line. Until that has been free for LINE_FREE_S, somebody follows."""
        at = partial.zones
        new = np.flatnonzero(partial.time_ms > s["partly_ms"][at])
        if not len(new):
            return
        at, period_s = at[new], partial.period_s[new]
        entered, passed = partial.entered[new], partial.passed[new]
        counts_out, occupied = partial.counts_out[new], partial.occupied[new]
        s.own("partly_ms")[at] = partial.time_ms[new]
        s.own("counts_in")[at], s.own("counts_out")[at] = partial.counts_in[new], counts_out
        free_s = np.where(occupied | (passed > 0.0), 0.0, s["line_free_s"][at] + period_s)
        s.own("line_free_s")[at] = free_s
        self._flow.see_usual(s, at, np.where(counts_out, passed, entered), period_s)  # who goes has come
        queue, near = s["queue_now"][at], s["approaching_now"][at] + entered
        empty = counts_out & (free_s >= LINE_FREE_S)
        s.own("queue_now")[at] = np.where(empty, 0.0, np.maximum(queue - passed, counts_out & ~empty))
        room = np.maximum(0.0, self._layout.capacity[at] - queue)
        near = np.clip(near - np.maximum(0.0, passed - queue), 0.0, room)
        s.own("approaching_now")[at] = np.where(empty & ~partial.counts_in[new], 0.0, near)

    def _move_on(self, s: Kept, at: Places, blind: Flags) -> None:
        """Move lanes on from where they stand to now."""
        now_ms, dark = int(s["time_ms"][0]), blind[at]
        since_ms = s["moved_ms"][at]
        dt_s = (now_ms - since_ms) / 1000.0
        rate = np.zeros(len(at))
        open_s = green_between(s["log_ms"], s["log_green"], since_ms, np.full(len(at), now_ms), at)
        if dark.any():
            partly = dark & (now_ms - s["partly_ms"][at] <= model.BLIND_AFTER_MS)
            rate[dark] = self._flow.came_unseen(s, blind, at[dark], dt_s[dark], partly[dark])
            rate[partly & s["counts_in"][at]] = 0.0
            open_s = np.where(partly & s["counts_out"][at], 0.0, open_s)
        lanes = model.carried(
            model.Lanes(s["queue_now"][at], s["approaching_now"][at], s["variance"][at]),
            dt_s,
            open_s,
            rate,
            sat.saturation(s["saturated_veh"][at], s["saturated_s"][at]),
            self._layout.capacity[at],
            self._free_s[at],
        )
        s.own("queue_now")[at], s.own("approaching_now")[at] = lanes.queue, lanes.approaching
        s.own("variance")[at], s.own("moved_ms")[at] = lanes.variance, now_ms
        if dark.any():
            self._look_beside(s, blind, at[dark], dt_s[dark])

    def _look_beside(self, s: Kept, blind: Flags, at: Places, dt_s: Floats) -> None:
        """Let the blind lanes `at` follow those beside them that feed the same movements, by their usual
        shares."""
        approaches, usual = self._flow.approaches, self._flow.usual(s)
        follows = -np.expm1(-dt_s / MATES_S)
        for name in ("queue_now", "approaching_now"):
            share, sees = approaches.share_of(approaches.mates, usual, ~blind, s[name])
            seen = np.flatnonzero(sees[at])
            beside = np.minimum(share, self._layout.capacity)[at]
            s.own(name)[at[seen]] += (follows * (beside - s[name][at]))[seen]
        at, follows = at[seen], follows[seen]
        s.own("variance")[at] += follows * (MATE_DOUBT * s["queue_now"][at] - s["variance"][at])

    def _wait(self, s: Kept, now_ms: int) -> None:
        here = self._layout.to_movements(s["queue_now"] + s["approaching_now"]) > SOMEBODY_VEH
        s["somebody_ms"] = np.where(here, now_ms, s["somebody_ms"])
        empty: Flags = (s["somebody_ms"] == NEVER) | (now_ms - s["somebody_ms"] >= NOBODY_MS)
        waits = ~(s["green"] | self._layout.always_green | empty)
        since = np.where(s["waits_since_ms"] == NEVER, now_ms, s["waits_since_ms"])
        s["waits_since_ms"] = np.where(waits, since, NEVER)

    def _rows(self, s: Kept, now_ms: int, part: _Part, blind: Flags) -> pa.RecordBatch | None:
        at, lane, turns = part.movements.at, self._layout.pair_zone[part.pairs], self._flow.turning
        if not len(at):
            return None
        since, read_ms = s["waits_since_ms"][at], part.movements.latest(s["read_ms"], NEVER)
        age = np.where(read_ms == NEVER, np.inf, np.maximum(0, now_ms - read_ms) / 1000.0)
        exits = self._exit_occupied(s)[at]
        goes, doubt = turns.lane_share(s["turned_veh"], turns.kept[part.pairs])
        stands = goes / np.bincount(lane, goes, minlength=len(self._layout.zones))[lane]
        queue, arrival = s["queue_now"][lane], s["arrival"][lane]
        split = stands * (1.0 - stands) * queue + doubt * (stands < 1.0) * queue**2
        saturated = s["saturated_veh"][lane], s["saturated_s"][lane]
        flow, flow_sd = sat.saturation(*saturated), sat.saturation_sd(*saturated)
        share, share_sd = turns.link_share(s["turned_veh"], at)
        arrival_variance = self._flow.arrival_variance(arrival, blind[lane])
        unfed = ~self._has_zone[at]
        columns = [
            part.movement_ids,
            part.junction_ids,
            times(now_ms, len(at)),
            pa.array(part.sums(queue * stands)),
            pa.array(np.sqrt(part.sums(s["variance"][lane] * stands**2 + split))),
            pa.array(part.sums(arrival * goes) * 3600.0),
            pa.array(np.where(since == NEVER, 0, now_ms - since) / 1000.0),
            pa.array(age, mask=np.isinf(age)),
            pa.array(part.sums(s["approaching_now"][lane] * goes)),
            pa.array(exits, mask=np.isnan(exits)),
            pa.array(np.sqrt(part.sums(arrival_variance * goes**2)) * 3600.0),
            pa.array(part.sums(flow * stands) * 3600.0, mask=unfed),
            pa.array(np.sqrt(part.sums(flow_sd**2 * stands**2)) * 3600.0, mask=unfed),
            pa.array(share, mask=unfed),
            pa.array(share_sd, mask=unfed),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema(self.writes))

    def _of(self, heard: Flags) -> _Part:
        """What belongs to the junctions heard of. Readings are late by a few times only, so the same few sets come
        again and again; the memory of them changes no result."""
        key = heard.tobytes()
        found = self._parts.get(key)
        if found is None:
            movements = heard[self._layout.movement_junction]
            part = self._layout.part(movements)
            found = _Part(
                np.flatnonzero(heard[self._layout.zone_junction]),
                part,
                np.flatnonzero(movements[self._layout.pair_movement]),
                self._layout.movements.take(part.at),
                self._junction_ids.take(pa.array(part.at)),
            )
            if len(self._parts) >= _REMEMBERED:
                del self._parts[next(iter(self._parts))]
            self._parts[key] = found
        return found

    def _exit_occupied(self, s: Kept) -> Floats:
        """Part of the exit that vehicles take, of its freest lane; NaN where the detectors do not see it."""
        lay = self._layout
        taken = (s["queue_now"] + s["approaching_now"])[lay.exit_zone] / lay.capacity[lay.exit_zone]
        least = np.full(len(lay.movements), np.inf)
        np.minimum.at(least, lay.exit_movement, taken)
        return np.where(lay.exit_known & np.isfinite(least), np.minimum(least, 1.0), np.nan)

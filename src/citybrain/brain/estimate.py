"""The step from detectors to the queue of each movement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from citybrain.brain import queue as model
from citybrain.brain import saturation as sat
from citybrain.brain.approach import MATE_DOUBT
from citybrain.brain.flow import FlowLearner
from citybrain.brain.green_log import empty_log, green_since, logged
from citybrain.brain.health import hear_verdicts
from citybrain.brain.ids import Places
from citybrain.brain.lamps import read_lamps, show_green
from citybrain.brain.layout import Flags, Floats, Layout, MovementPart
from citybrain.brain.record import schema, times
from citybrain.model import Batch, State, Tick

AHEAD_MS = 1_000
"""A reading from farther in the future is not believed."""
NOBODY_MS = 3_000
"""A movement counts as empty when nobody was seen for this long, so that one missed vehicle ends no wait."""
SOMEBODY_VEH = 0.1
MATES_S = 5.0
"""Within about so long a blind lane is taken to stand as those beside it do."""
REPEAT_MS = 5_000
"""A junction is written at least this often, readings or not."""
NEVER = -1
_REMEMBERED = 16
_REPLACED = {"log_ms", "log_green_s", "turned_veh", "watched_s", "green_ms", "somebody_ms", "waits_since_ms"}
"""Arrays that are made anew rather than written into, so that the old ones need no copy."""

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class _Written:
    """The movements that a tick writes, and their ids and junctions as columns."""

    part: MovementPart
    movements: pa.Array
    junctions: pa.Array
    pairs: Places
    """Places of the layout's pairs that belong to them."""

    def sums(self, per_pair: Floats) -> Floats:
        """Sum of a quantity of pairs for each of the movements."""
        found = np.bincount(self.part.movement, per_pair[self.pairs], minlength=len(self.part.at))
        return found.astype(np.float64, copy=False)


class EstimateQueues:
    """Queue, approaching vehicles, arrivals, saturation, turning share, wait and exit of each movement, now.

    What a reading says of the moment when it was measured is carried on to the tick by the model in
    `citybrain.brain.queue`; a lane that is blind goes on by the model alone, with what the lanes beside it see.
    Writes the movements of the junctions of which a reading arrived, and those not written for REPEAT_MS.
    """

    name = "estimate"
    reads: tuple[str, ...] = ("traffic.lane_reading", "traffic.signal_state", "traffic.detector_health")
    writes = "traffic.movement_queue"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._flow = FlowLearner(layout)
        self._free_s = model.free_time(layout)
        self._everywhere = np.arange(len(layout.zones), dtype=np.int64)
        self._junction_ids = layout.junctions.take(layout.movement_junction)
        self._has_zone = np.bincount(layout.pair_movement, minlength=len(layout.movements)) > 0
        self._written: dict[bytes, _Written] = {}

    def start(self) -> State:
        zones, movements = len(self._layout.zones), len(self._layout.movements)
        log_ms, log_green_s = empty_log(zones)
        return self._flow.start() | {
            "time_ms": np.full(1, NEVER, np.int64),
            "queue": np.zeros(zones),
            "queue_now": np.zeros(zones),
            "approaching_now": np.zeros(zones),
            "variance": np.zeros(zones),
            "read_ms": np.full(zones, NEVER, np.int64),
            "works": np.zeros(zones, np.bool_),
            "believed": np.ones(zones, np.bool_),
            "green": np.zeros(movements, np.bool_),
            "log_ms": log_ms,
            "log_green_s": log_green_s,
            "somebody_ms": np.full(movements, NEVER, np.int64),
            "waits_since_ms": np.full(movements, NEVER, np.int64),
            "written_ms": np.full(len(self._layout.junctions), NEVER, np.int64),
        }

    def run(self, state: State, tick: Tick, inputs: Sequence[Batch]) -> tuple[State, pa.RecordBatch | None]:
        now_ms, back = tick.time_ms, tick.time_ms < int(state["time_ms"][0])
        s: Arrays = {k: v if k in _REPLACED else v.copy() for k, v in (self.start() if back else state).items()}
        before_ms = now_ms if s["time_ms"][0] == NEVER else int(s["time_ms"][0])
        s["time_ms"][0] = now_ms
        heard = np.zeros(len(self._layout.junctions), np.bool_)
        for batch in inputs:
            if batch.dataset == "traffic.signal_state":
                self._see_lamps(s, batch.rows)
            elif batch.dataset == "traffic.detector_health":
                hear_verdicts(self._layout, batch.rows, s["believed"])
        s["green_ms"] = np.where(s["green"], now_ms, s["green_ms"])
        s["log_ms"], s["log_green_s"] = logged(
            s["log_ms"], s["log_green_s"], now_ms, self._layout.zone_has(s["green"])
        )
        since_ms = np.full(len(self._layout.zones), before_ms, np.int64)
        for batch in inputs:
            if batch.dataset == "traffic.lane_reading":
                heard[self._layout.zone_junction[self._see_lanes(s, batch.rows, since_ms)]] = True
        blind = self._carry_on(s, since_ms, (now_ms - before_ms) / 1000.0)
        self._flow.fit(s, blind)
        self._wait(s, now_ms)
        heard |= (s["written_ms"] == NEVER) | (now_ms - s["written_ms"] >= REPEAT_MS)
        s["written_ms"][heard] = now_ms
        return s, self._rows(s, now_ms, heard, blind)

    def _see_lamps(self, s: Arrays, rows: pa.RecordBatch) -> None:
        show_green(self._layout, self._layout.once(read_lamps, rows), s["green"])

    def _blind(self, s: Arrays) -> Flags:
        old = s["time_ms"][0] - s["read_ms"] > model.BLIND_AFTER_MS
        blind: Flags = ~s["works"] | ~s["believed"] | (s["read_ms"] == NEVER) | old
        return blind

    def _see_lanes(self, s: Arrays, rows: pa.RecordBatch, since_ms: Places) -> Places:
        """Take the readings that are newer than what is known; from then on the lanes are carried on
        (`since_ms`)."""
        readings, zones = self._layout.once(model.read_readings, rows)
        known = np.where(self._blind(s), s["queue_now"], s["queue"])
        s["works"][zones] = False
        s["works"][readings.zones] = True
        ahead_ms = readings.time_ms - int(s["time_ms"][0])
        new = (readings.time_ms > s["read_ms"][readings.zones]) & (ahead_ms <= AHEAD_MS)
        readings = readings.at(np.flatnonzero(new & s["believed"][readings.zones]))
        at = readings.zones
        s["read_ms"][at] = np.minimum(readings.time_ms, s["time_ms"][0])
        since_ms[at] = s["read_ms"][at]
        s["queue"][at] = s["queue_now"][at] = model.seen_queue(known[at], readings)
        s["approaching_now"][at] = readings.count - s["queue"][at]
        s["variance"][at] = model.seen_variance(readings)
        self._flow.see(s, readings, known[at])
        return zones

    def _carry_on(self, s: Arrays, since_ms: Places, dt_s: float) -> Flags:
        """Move all lanes on to now; which are blind."""
        blind = self._blind(s)
        rate = self._flow.rates(s, blind, dt_s)
        lanes = model.carried(
            model.Lanes(s["queue_now"], s["approaching_now"], s["variance"]),
            (s["time_ms"][0] - since_ms) / 1000.0,
            green_since(s["log_ms"], s["log_green_s"], since_ms, self._everywhere),
            rate,
            sat.saturation(s["saturated_veh"], s["saturated_s"]),
            self._layout.capacity,
            self._free_s,
        )
        s["queue_now"], s["approaching_now"], s["variance"] = lanes.queue, lanes.approaching, lanes.variance
        if blind.any():
            self._look_beside(s, blind, dt_s)
        return blind

    def _look_beside(self, s: Arrays, blind: Flags, dt_s: float) -> None:
        """Let the blind lanes follow those beside them that feed the same movements, by their usual shares."""
        approaches, usual = self._flow.approaches, self._flow.usual(s)
        follows = -np.expm1(-dt_s / MATES_S)
        for name in ("queue_now", "approaching_now"):
            beside, seen = approaches.share_of(approaches.mates, usual, ~blind, s[name])
            moved = s[name] + follows * (np.minimum(beside, self._layout.capacity) - s[name])
            s[name] = np.where(blind & seen, moved, s[name])
        doubt = s["variance"] + follows * (MATE_DOUBT * s["queue_now"] - s["variance"])
        s["variance"] = np.where(blind & seen, doubt, s["variance"])

    def _wait(self, s: Arrays, now_ms: int) -> None:
        here = self._layout.to_movements(s["queue_now"] + s["approaching_now"]) > SOMEBODY_VEH
        s["somebody_ms"] = np.where(here, now_ms, s["somebody_ms"])
        empty: Flags = (s["somebody_ms"] == NEVER) | (now_ms - s["somebody_ms"] >= NOBODY_MS)
        waits = ~(s["green"] | self._layout.always_green | empty)
        since = np.where(s["waits_since_ms"] == NEVER, now_ms, s["waits_since_ms"])
        s["waits_since_ms"] = np.where(waits, since, NEVER)

    def _rows(self, s: Arrays, now_ms: int, heard: Flags, blind: Flags) -> pa.RecordBatch | None:
        written = self._of(heard)
        part, at = written.part, written.part.at
        if not len(at):
            return None
        since, read_ms = s["waits_since_ms"][at], part.latest(s["read_ms"], NEVER)
        age = np.where(read_ms == NEVER, np.inf, np.maximum(0, now_ms - read_ms) / 1000.0)
        exits = self._exit_occupied(s)[at]
        lane, turns = self._layout.pair_zone, self._flow.turning
        goes = turns.lane_share(s["turned_veh"])[turns.kept]
        stands = goes / np.bincount(lane, goes, minlength=len(self._layout.zones))[lane]
        doubt = turns.lane_doubt(s["turned_veh"])[turns.kept] * (stands < 1.0)
        split = stands * (1.0 - stands) * s["queue_now"][lane] + doubt * s["queue_now"][lane] ** 2
        flow, flow_sd = (f(s["saturated_veh"], s["saturated_s"]) for f in (sat.saturation, sat.saturation_sd))
        share, share_sd = (x[at] for x in turns.link_share(s["turned_veh"]))
        unfed = ~self._has_zone[at]
        columns = [
            written.movements,
            written.junctions,
            times(now_ms, len(at)),
            pa.array(written.sums(s["queue_now"][lane] * stands)),
            pa.array(np.sqrt(written.sums(s["variance"][lane] * stands**2 + split))),
            pa.array(written.sums(s["arrival"][lane] * goes) * 3600.0),
            pa.array(np.where(since == NEVER, 0, now_ms - since) / 1000.0),
            pa.array(age, mask=np.isinf(age)),
            pa.array(written.sums(s["approaching_now"][lane] * goes)),
            pa.array(exits, mask=np.isnan(exits)),
            pa.array(np.sqrt(written.sums(self._flow.arrival_variance(s, blind)[lane] * goes**2)) * 3600.0),
            pa.array(written.sums(flow[lane] * stands) * 3600.0, mask=unfed),
            pa.array(np.sqrt(written.sums(flow_sd[lane] ** 2 * stands**2)) * 3600.0, mask=unfed),
            pa.array(share, mask=unfed),
            pa.array(share_sd, mask=unfed),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema(self.writes))

    def _of(self, heard: Flags) -> _Written:
        """The movements of the junctions heard of, and their ids. Detectors report by turns, so the same few sets
        come again and again; the memory of them changes no result."""
        key = heard.tobytes()
        found = self._written.get(key)
        if found is None:
            movements = heard[self._layout.movement_junction]
            part = self._layout.part(movements)
            ids = self._layout.movements.take(part.at), self._junction_ids.take(pa.array(part.at))
            found = _Written(part, *ids, np.flatnonzero(movements[self._layout.pair_movement]))
            if len(self._written) >= _REMEMBERED:
                del self._written[next(iter(self._written))]
            self._written[key] = found
        return found

    def _exit_occupied(self, s: Arrays) -> Floats:
        """Part of the exit that vehicles take, of its freest lane; NaN where the detectors do not see it."""
        lay = self._layout
        taken = (s["queue_now"] + s["approaching_now"])[lay.exit_zone] / lay.capacity[lay.exit_zone]
        least = np.full(len(lay.movements), np.inf)
        np.minimum.at(least, lay.exit_movement, taken)
        return np.where(lay.exit_known & np.isfinite(least), np.minimum(least, 1.0), np.nan)

"""Cycles of each movement: when it had red and green, who came when, who went, and whether green was enough.

A movement's cycle goes from the begin of its red to the begin of its next red. Definitions in docs/measures.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from citybrain.brain import arrival
from citybrain.brain.ids import Places
from citybrain.brain.kept import Kept
from citybrain.brain.lamps import integers, read_lamps
from citybrain.brain.layout import Flags, Floats, Layout
from citybrain.brain.record import schema, timestamps
from citybrain.brain.stop_line import (
    ARRIVALS,
    DELAY,
    LOOKS,
    ON_GREEN,
    QUEUE,
    RED_AT,
    RED_LOOK_MS,
    RED_N,
    SEEN,
    STANDING,
    SUMS,
    StopLine,
    split_failures,
)
from citybrain.model import Batch, State, Tick

LONGEST_GAP_MS = 60_000
"""After a longer silence everything begins anew."""
FORGET_EACH_MS = 16_000
UNKNOWN, RED, YELLOW, GREEN = range(4)
NEVER = -1
_SHOWN = np.full(256, RED, np.uint8)
_SHOWN[[ord("G"), ord("g")]] = GREEN
_SHOWN[[ord("y"), ord("u")]] = YELLOW


class CountCycles:
    """One row for each cycle of a movement, RED_LOOK_MS after it has ended."""

    name = "cycle"
    reads: tuple[str, ...] = ("traffic.lane_reading", "traffic.signal_state", "traffic.movement_queue")
    writes = "traffic.movement_cycle"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._line = StopLine(layout)
        self._ways_ms = arrival.ways_ms([z for j in layout.net.junctions for z in j.zones])
        self._junction_ids = layout.junctions.take(layout.movement_junction)
        self._counted = np.bincount(layout.pair_movement, minlength=len(layout.movements)) > 0

    def start(self) -> State:
        movements, pairs = len(self._layout.movements), len(self._layout.pair_zone)
        return {
            "time_ms": np.full(1, NEVER, np.int64),
            "shown": np.full(movements, UNKNOWN, np.uint8),
            "times_ms": np.full((movements, 3), NEVER, np.int64),
            "sums": np.zeros((SUMS, movements)),
            "queue": np.zeros(movements),
            "green_looks": np.zeros((2, pairs)),
            "passed_ms": np.full(len(self._layout.zones), NEVER, np.int64),
            "arrival_zone": np.zeros(0, np.int64),
            "arrival_s": np.zeros(0, np.int64),
            "held": np.zeros(movements, np.bool_),
            "held_ms": np.full((movements, 4), NEVER, np.int64),
            "held_sums": np.zeros((SUMS, movements)),
            "held_looks": np.zeros((4, pairs)),
        }

    def run(self, state: State, tick: Tick, inputs: Sequence[Batch]) -> tuple[State, pa.RecordBatch | None]:
        before_ms = int(state["time_ms"][0])
        jump = before_ms == NEVER or not 0 <= tick.time_ms - before_ms < LONGEST_GAP_MS
        s = Kept(self.start() if jump else state)
        before_ms = tick.time_ms if jump else before_ms
        s.own("time_ms")[0] = tick.time_ms
        parts: list[pa.RecordBatch] = []
        for batch in sorted((b for b in inputs if b.rows.num_rows), key=_order):
            if batch.dataset == "traffic.signal_state":
                self._see_lamps(s, batch.rows, parts)
            elif batch.dataset == "traffic.lane_reading":
                self._see_lanes(s, batch.rows, tick.time_ms // 1000)
            else:
                self._see_queues(s, batch.rows)
        self._arrive(s, before_ms, tick.time_ms)
        self._write(s, s["held"] & (tick.time_ms - s["held_ms"][:, 3] >= RED_LOOK_MS), parts)
        return s.state, pa.Table.from_batches(parts).combine_chunks().to_batches()[0] if parts else None

    def _see_lamps(self, s: Kept, rows: pa.RecordBatch, parts: list[pa.RecordBatch]) -> None:
        lamps = read_lamps(self._layout, rows)
        slots = self._layout.slots[lamps.junctions]
        real = slots < len(self._layout.movements)
        at, new = slots[real], _SHOWN[lamps.letter[real]]
        changed = np.flatnonzero(s["shown"][at] != new)
        if not len(changed):
            return
        at, new, old = at[changed], new[changed], s["shown"][at[changed]]
        time_ms = np.repeat(lamps.time_ms, real.sum(axis=1))[changed]
        s.own("shown")[at] = new
        greens, yellows, reds = new == GREEN, old == GREEN, (new == RED) & (old != UNKNOWN)
        self._write(s, s["held"] & self._among(at[greens | reds]), parts)
        self._begin_green(s, at[greens], time_ms[greens])
        s.own("times_ms")[at[yellows], 2] = time_ms[yellows]
        self._begin_red(s, at[reds], time_ms[reds])

    def _begin_green(self, s: Kept, at: Places, time_ms: Places) -> None:
        first = s["times_ms"][at, 1] == NEVER
        s.own("times_ms")[at[first], 1] = time_ms[first]
        sums = s.own("sums")
        sums[DELAY, at] += sums[RED_N, at] * (time_ms / 1000.0) - sums[RED_AT, at]
        sums[RED_N, at] = sums[RED_AT, at] = 0.0

    def _begin_red(self, s: Kept, at: Places, time_ms: Places) -> None:
        """Close the cycle of the movements that have had a whole one, and begin the next."""
        if not len(at):
            return
        times, sums = s.own("times_ms"), s.own("sums")
        whole = (times[at, 0] != NEVER) & (times[at, 1] != NEVER)
        done = at[whole]
        s.own("held")[done] = True
        s.own("held_ms")[done, :3], s["held_ms"][done, 3] = times[done], time_ms[whole]
        s.own("held_sums")[:, done] = sums[:, done]
        of = np.flatnonzero(self._among(at)[self._layout.pair_movement])
        looks, green_looks = s.own("held_looks"), s.own("green_looks")
        looks[:2, of], looks[2:, of] = green_looks[:, of], 0.0
        green_looks[:, of] = 0.0
        sums[:, at] = 0.0
        sums[QUEUE, at] = s["queue"][at]
        times[at, 0], times[at, 1:] = time_ms, NEVER

    def _see_lanes(self, s: Kept, rows: pa.RecordBatch, now_s: int) -> None:
        look = self._line.read(rows)
        came = np.flatnonzero(look.entered > 0)
        if len(came):
            due_ms = look.time_ms[came] + self._ways_ms[look.zones[came]]
            period_ms = (look.period_s[came] * 1000.0).astype(np.int64)
            zone, second = arrival.expected(look.zones[came], look.entered[came], due_ms, period_ms, now_s)
            s["arrival_zone"] = np.concatenate((s["arrival_zone"], zone))[-arrival.MOST :]
            s["arrival_s"] = np.concatenate((s["arrival_s"], second))[-arrival.MOST :]
        if look.passed.any():
            s.own("passed_ms")[look.zones[look.passed > 0]] = look.time_ms[look.passed > 0]
        self._line.count(look, s["shown"] == GREEN, s["shown"] == YELLOW, s)

    def _see_queues(self, s: Kept, rows: pa.RecordBatch) -> None:
        at = self._layout.movements.places(rows.column("movement"))
        queue: Floats = rows.column("queue_veh").to_numpy(zero_copy_only=False).astype(np.float64)
        good = (at >= 0) & np.isfinite(queue)
        s.own("queue")[at[good]] = queue[good]

    def _arrive(self, s: Kept, before_ms: int, now_ms: int) -> None:
        """Count who is due at the stop line in the seconds since `before_ms`, and the queues meanwhile."""
        sums, shown = s.own("sums"), s["shown"]
        due = np.flatnonzero((s["arrival_s"] > before_ms // 1000) & (s["arrival_s"] <= now_ms // 1000))
        zone, second = s["arrival_zone"][due], s["arrival_s"][due]
        count = np.bincount(zone, minlength=len(self._layout.zones)).astype(np.float64)
        came = self._layout.to_movements(count)
        sums[ARRIVALS] += came
        sums[ON_GREEN] += np.where(shown == GREEN, came, 0.0)
        sums[RED_N] += np.where(shown == RED, came, 0.0)
        at = self._layout.to_movements(np.bincount(zone, second, len(count)).astype(np.float64))
        sums[RED_AT] += np.where(shown == RED, at, 0.0)
        sums[STANDING] += s["queue"] * ((now_ms - before_ms) / 1000.0)
        np.maximum(sums[QUEUE], s["queue"], out=sums[QUEUE])
        if now_ms // FORGET_EACH_MS != before_ms // FORGET_EACH_MS:
            self._forget(s, now_ms)

    def _forget(self, s: Kept, now_ms: int) -> None:
        """Drop the arrivals that came before the cycles, running or held, of their lanes."""
        begin = np.where(s["held"], s["held_ms"][:, 0], s["times_ms"][:, 0])
        begin = np.where(begin == NEVER, now_ms, begin) // 1000
        of_zone = np.full(len(self._layout.zones), now_ms // 1000, np.int64)
        np.minimum.at(of_zone, self._layout.pair_zone, begin[self._layout.pair_movement])
        of_zone = np.maximum(of_zone, now_ms // 1000 - arrival.LONGEST_S)
        keep = s["arrival_s"] >= of_zone[s["arrival_zone"]]
        s["arrival_zone"], s["arrival_s"] = s["arrival_zone"][keep], s["arrival_s"][keep]

    def _write(self, s: Kept, which: Flags, parts: list[pa.RecordBatch]) -> None:
        at = np.flatnonzero(which)
        if not len(at):
            return
        s.own("held")[at] = False
        parts.append(self._rows(s, at))

    def _rows(self, s: Kept, at: Places) -> pa.RecordBatch:
        times, sums = s["held_ms"][at], s["held_sums"][:, at]
        green, red, failed = split_failures(self._layout, s["held_looks"], at)
        seen = sums[SEEN] / np.maximum(sums[LOOKS], 1.0)
        counted = self._counted[at]
        unknown = ~counted | (seen == 0.0)
        begin_s, end_s = times[:, 0] // 1000, times[:, 3] // 1000
        columns = [
            self._layout.movements.take(at),
            self._junction_ids.take(pa.array(at)),
            timestamps(times[:, 3]),
            *(timestamps(times[:, k]) for k in range(3)),
            pa.array(arrival.offsets(self._layout, s["arrival_zone"], s["arrival_s"], at, begin_s, end_s)),
            *(pa.array(sums[k], mask=unknown) for k in range(ARRIVALS, QUEUE + 1)),
            pa.array(green, mask=np.isnan(green)),
            pa.array(red, mask=np.isnan(red)),
            pa.array(failed, mask=np.isnan(green) | np.isnan(red)),
            pa.array(seen, mask=~counted),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema(self.writes))

    def _among(self, at: Places) -> Flags:
        found = np.zeros(len(self._layout.movements), np.bool_)
        found[at] = True
        return found


def _order(batch: Batch) -> tuple[int, int]:
    """Lamps before the readings of the same second: they were shown in it."""
    kind = ("traffic.signal_state", "traffic.lane_reading", "traffic.movement_queue").index(batch.dataset)
    return int(integers(batch.rows.column("time")).min()), kind

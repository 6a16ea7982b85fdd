"""The step that watches the detectors: which of them say what cannot be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from citybrain.brain import doubt
from citybrain.brain.approach import Approaches
from citybrain.brain.ids import Places
from citybrain.brain.kept import Kept
from citybrain.brain.lamps import read_lamps, show_green
from citybrain.brain.layout import Flags, Layout
from citybrain.brain.queue import read_readings
from citybrain.brain.record import schema
from citybrain.model import Batch, State, Tick

SILENT_AFTER_MS = 15_000
NOBODY_FOR_MS = 600_000
"""An empty lane is doubted for this long: its traffic may have ended for good."""
REPEAT_MS = 600_000
"""Every detector is written at least this often."""
NEVER = -1
WORKS, OUT, SILENT, REPEATS, STANDS, NOBODY, TOO_MANY = range(7)
STATES = ("works", "out", "silent", "disbelieved", "disbelieved", "disbelieved", "disbelieved")
_UNHEARD = np.isin(range(7), (OUT, SILENT))
_STILL = np.isin(range(7), (REPEATS, STANDS, NOBODY))
REASONS = (None, "says_so", "no_readings", "repeats", "stands_in_green", "sees_nobody", "too_many")


def hear_verdicts(layout: Layout, rows: pa.RecordBatch, believed: Flags) -> None:
    """Write into `believed` (Z,) what rows of traffic.detector_health say."""
    at = layout.zones.places(rows.column("zone"))
    state = rows.column("state").to_numpy(zero_copy_only=False)
    believed[at[at >= 0]] = (state != "disbelieved")[at >= 0]


class WatchDetectors:
    """Believes a detector until it contradicts the street (`citybrain.brain.doubt`), and again as soon as it
    moves.

    Writes what changed, and all of them each REPEAT_MS.
    """

    name = "watch"
    reads: tuple[str, ...] = ("traffic.lane_reading", "traffic.signal_state")
    writes = "traffic.detector_health"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._approaches = Approaches(layout)
        self._patience_s = doubt.patience(layout)
        self._length_m = doubt.lengths(layout)
        self._junction_ids = layout.junctions.take(layout.zone_junction)
        self._states, self._reasons = pa.array(STATES), pa.array(REASONS, pa.string())

    def start(self) -> State:
        zones = len(self._layout.zones)
        return doubt.start(zones) | {
            "time_ms": np.full(1, NEVER, np.int64),
            "written_ms": np.full(1, NEVER, np.int64),
            "verdict": np.full(zones, WORKS, np.int64),
            "since_ms": np.full(zones, NEVER, np.int64),
            "heard_ms": np.full(zones, NEVER, np.int64),
            "read_ms": np.full(zones, NEVER, np.int64),
            "green": np.zeros(len(self._layout.movements), np.bool_),
            "green_since_ms": np.full(zones, NEVER, np.int64),
        }

    def run(self, state: State, tick: Tick, inputs: Sequence[Batch]) -> tuple[State, pa.RecordBatch | None]:
        now_ms, back = tick.time_ms, tick.time_ms < int(state["time_ms"][0])
        s = Kept(self.start() if back else state)
        if s["time_ms"][0] == NEVER:
            s.own("heard_ms")[:] = s.own("since_ms")[:] = now_ms
        s.own("time_ms")[0] = now_ms
        for batch in inputs:
            if batch.dataset == "traffic.signal_state":
                self._see_lamps(s, batch.rows)
        green = self._layout.zone_has(s["green"])
        begun = np.where(s["green_since_ms"] == NEVER, now_ms, s["green_since_ms"])
        s["green_since_ms"] = np.where(green, begun, NEVER)
        verdict = s["verdict"].copy()
        for batch in inputs:
            if batch.dataset == "traffic.lane_reading":
                self._see_lanes(s, verdict, batch.rows)
        verdict[now_ms - s["heard_ms"] > SILENT_AFTER_MS] = SILENT
        return s.state, self._rows(s, verdict, now_ms)

    def _see_lamps(self, s: Kept, rows: pa.RecordBatch) -> None:
        show_green(self._layout, self._layout.once(read_lamps, rows), s.own("green"))

    def _see_lanes(self, s: Kept, verdict: Places, rows: pa.RecordBatch) -> None:
        readings, zones = self._layout.once(read_readings, rows)
        now_ms = int(s["time_ms"][0])
        s.own("heard_ms")[zones] = now_ms
        good = np.zeros(len(verdict), np.bool_)
        good[readings.zones] = True
        verdict[zones[~good[zones]]] = OUT
        new = readings.time_ms > s["read_ms"][readings.zones]
        readings = readings.at(np.flatnonzero(new & (readings.time_ms <= now_ms + 1000)))
        at = readings.zones
        s.own("read_ms")[at] = readings.time_ms
        heard, trusted = ~_UNHEARD[verdict], verdict == WORKS
        should = doubt.expected(s, readings, self._approaches, self._layout, heard, trusted)
        green = s["green_since_ms"][at]
        late = (green != NEVER) & (readings.time_ms - green >= doubt.SETTLED_MS)
        moved = doubt.see(s, readings, should, late)
        verdict[at] = self._judged(s, at, verdict[at], moved)

    def _judged(self, s: Kept, at: Places, verdict: Places, moved: Flags) -> Places:
        """The verdicts on detectors that have just been read: `moved` is whether they said something new."""
        over = (verdict == NOBODY) & (s["time_ms"][0] - s["since_ms"][at] >= NOBODY_FOR_MS)
        doubt.forgive(s, at[over])
        verdict = np.where(over, WORKS, verdict)
        kept = np.where(_UNHEARD[verdict] | (moved & _STILL[verdict]), WORKS, verdict)
        found = doubt.verdicts(s, at, self._patience_s, self._length_m)
        conditions = [
            (found.too_many, TOO_MANY),
            (found.repeats, REPEATS),
            (found.stands, STANDS),
            (found.nobody, NOBODY),
        ]
        fresh = np.select([c for c, _ in conditions], [v for _, v in conditions], WORKS)
        judged: Places = np.where(
            fresh != WORKS, fresh, np.where((kept == TOO_MANY) & ~found.still_many, WORKS, kept)
        )
        return judged

    def _rows(self, s: Kept, verdict: Places, now_ms: int) -> pa.RecordBatch | None:
        changed = verdict != s["verdict"]
        if changed.any():
            s["since_ms"] = np.where(changed, now_ms, s["since_ms"])
            s["verdict"] = verdict
        if s["written_ms"][0] == NEVER or now_ms - s["written_ms"][0] >= REPEAT_MS:
            s.own("written_ms")[0] = now_ms
            changed = np.ones(len(verdict), np.bool_)
        at = np.flatnonzero(changed)
        if not len(at):
            return None
        columns = [
            self._layout.zones.take(at),
            self._junction_ids.take(pa.array(at)),
            pa.array(np.full(len(at), now_ms, np.int64)).view(pa.timestamp("ms", tz="UTC")),
            pa.array(s["since_ms"][at]).view(pa.timestamp("ms", tz="UTC")),
            self._states.take(pa.array(verdict[at])),
            self._reasons.take(pa.array(verdict[at])),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema(self.writes))

"""What the decision keeps of each lane: who is there, for how long, and what the lane lets out in each stage.

The last reading counts, less those that have probably left since: they had green, and a late reading would hold it
for nobody. Nobody is taken to have come since: a model never says that nobody is there (docs/decisions.md, "What
was tried"). The estimate speaks for the lanes whose detectors are out, silent or disbelieved. Shapes: Z lanes, M
movements, S stages.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from citybrain.brain import odometer
from citybrain.brain.discharge import (
    FADE_EVERY_MS,
    FREE,
    QUEUED_VEH,
    START_UP_MS,
    TAKEN_S,
    discharge,
    faded,
    priors,
)
from citybrain.brain.doubt import lengths
from citybrain.brain.health import hear_verdicts
from citybrain.brain.ids import Places
from citybrain.brain.kept import Kept
from citybrain.brain.lanes import Lanes
from citybrain.brain.layout import SATURATION_VPS, Flags, Floats, Layout
from citybrain.brain.permitted import PermittedGreens
from citybrain.brain.queue import BLIND_AFTER_MS, free_time, read_readings, seen_queue
from citybrain.brain.sojourn import head, stayed
from citybrain.model import State

NEVER = -1
LATEST_MS = 5_000
"""What went on for longer since a lane was read is not guessed."""
STANDS_VEH = 0.5
"""A lane with less of a queue than this has none: what is left of vehicles in sums."""


class LaneWatch:
    """Keeps the lanes of a network in the state of the step that owns it. Among it:

    - `discharge_vps` (2, G + 1): vehicles a second that lanes let out in each of their greens, while nobody goes
      before them and while somebody does;
    - `clear_s` (G + 1,): how long those take to pass who go before each green;
    - `lane_stands_s` (Z,): for how long each lane has had a queue without once being rid of it; 0 where it is
      blind, for a model is never rid of one.
    """

    def __init__(self, layout: Layout, lanes: Lanes, ordered: Places) -> None:
        self._layout = layout
        self._lanes = lanes
        self._ordered = ordered
        self._free_s = free_time(layout)
        self._length_m = lengths(layout)
        self._free_mps = self._length_m / self._free_s
        self._ours = lanes.junction >= 0
        self._permitted = PermittedGreens(layout, lanes, ordered)
        self._prior = priors(lanes.green_prior, self._permitted.gives_way)

    def start(self) -> State:
        """What it keeps before the first reading."""
        lanes, greens = self._lanes.count, len(self._lanes.green_prior)
        return {
            **odometer.start(lanes),
            "lane_veh": np.zeros(lanes),
            "lane_queue": np.zeros(lanes),
            "lane_stayed_s": np.zeros(lanes),
            "lane_gone": np.zeros(lanes),
            "lane_stands_s": np.zeros(lanes),
            "read_ms": np.full(lanes, NEVER, np.int64),
            "believed": np.ones(lanes, np.bool_),
            "discharged_veh": np.zeros((2, greens)),
            "discharged_s": np.zeros((2, greens)),
            "discharge_vps": self._prior,
            "clear_s": np.zeros(greens),
            "counted": np.zeros(lanes),
            "faded_ms": np.full(1, NEVER, np.int64),
        }

    def see_health(self, s: Kept, rows: pa.RecordBatch) -> None:
        """Take rows of traffic.detector_health."""
        hear_verdicts(self._layout, rows, s.own("believed"))

    def see(self, s: Kept, rows: pa.RecordBatch) -> None:
        """Take rows of traffic.lane_reading; whoever is out or disbelieved is not heard."""
        readings, zones = self._layout.once(read_readings, rows)
        read_ms = s.own("read_ms")
        works = np.zeros(len(read_ms), np.bool_)
        works[readings.zones] = True
        read_ms[zones[~works[zones]]] = NEVER
        new = (readings.time_ms > read_ms[readings.zones]) & s["believed"][readings.zones]
        readings = readings.at(np.flatnonzero(new))
        at = readings.zones
        gap = (read_ms[at] == NEVER) | (readings.time_ms - read_ms[at] > 1500.0 * readings.period_s)
        self._learn(s, at, readings.passed, readings.period_s, readings.time_ms)
        read_ms[at] = readings.time_ms
        s.own("counted")[at] = readings.count
        s.own("lane_queue")[at] = seen_queue(s["lane_queue"][at], readings)
        np.add.at(s.own("lane_gone"), at, readings.passed)
        odometer.see(s, readings, self._free_mps[at], gap)

    def carry_on(self, s: Kept, vehicles: Floats, now_ms: int, dt_s: float) -> None:
        """Move on to now by `dt_s`. `vehicles` (M,): the estimate of the movements, for the blind lanes; from
        those the vehicles go as they usually do."""
        blind, gone = self.blind(s, now_ms), s["lane_gone"]
        there = s["counted"] - self._left(s, now_ms)
        if blind.any():
            gone = np.where(blind, self._lanes.any_movement(s["green"]) * SATURATION_VPS * dt_s, gone)
            there = np.where(blind, self._lanes.of_movements(vehicles), there)
        s["lane_stayed_s"] = stayed(s["lane_stayed_s"], s["lane_veh"], gone, there, dt_s)
        s["lane_veh"] = there
        stands = (np.minimum(s["lane_queue"], there) >= STANDS_VEH) & ~blind
        s["lane_stands_s"] = np.where(stands, s["lane_stands_s"] + dt_s, 0.0)
        s["lane_gone"] = np.zeros(self._lanes.count)
        self._fade(s, now_ms)
        s["clear_s"] = self._permitted.clear_s(there, s["discharge_vps"][FREE])

    def _left(self, s: Kept, now_ms: int) -> Floats:
        """(Z,): vehicles that have probably left the lanes since they were read."""
        at = np.flatnonzero((s["counted"] > 0.0) & self._ours)
        junction = self._lanes.junction[at]
        stage, since_ms = (s[name][self._ordered[junction]] for name in ("stage", "since_ms"))
        green = self._lanes.greens[junction, np.maximum(stage, 0), self._lanes.slot[at]]
        goes_ms = now_ms - np.maximum(s["read_ms"][at], since_ms + START_UP_MS)
        goes_s = np.where((stage >= 0) & (green >= 0), np.clip(goes_ms, 0, LATEST_MS) / 1000.0, 0.0)
        going = goes_s > 0.0
        at, green, goes_s = at[going], green[going], goes_s[going]
        queue, counted = s["lane_queue"][at], s["counted"][at]
        discharged = s["discharge_vps"][_taken(s, green), green] * goes_s
        found = np.zeros(self._lanes.count)
        found[at] = np.minimum(queue, discharged)
        rolls = np.flatnonzero((queue <= discharged) & (counted > queue))
        at, near = at[rolls], (counted - queue)[rolls]
        found[at] += odometer.crossed(s, at, near, goes_s[rolls], self._length_m[at])
        return found

    def blind(self, s: Kept, now_ms: int) -> Flags:
        """(Z,): lanes of which nothing is known but the estimate."""
        blind: Flags = ~s["believed"] | (s["read_ms"] == NEVER) | (now_ms - s["read_ms"] > BLIND_AFTER_MS)
        return blind

    def too_far(self, s: Kept, now_ms: int, ahead_s: Sequence[float]) -> Floats:
        """(H, Z): which part of the vehicles of each lane comes near and cannot be at the stop line in each of
        `ahead_s`."""
        near = s["lane_veh"] - s["lane_queue"]
        part = np.zeros((len(ahead_s), self._lanes.count))
        at = np.flatnonzero((near > 0.0) & (self._free_s > min(ahead_s)) & self._ours & ~self.blind(s, now_ms))
        if not len(at):
            return part
        age_s = np.clip(now_ms - s["read_ms"][at], 0, LATEST_MS) / 1000.0
        here, due_s = odometer.due_s(s, at, near[at], age_s, self._free_s[at], self._length_m[at])
        for horizon, ahead in zip(part, ahead_s, strict=True):
            far = np.flatnonzero(self._free_s[at] > ahead)
            horizon[at[far]] = odometer.too_far(here[far], due_s[far], ahead) / s["lane_veh"][at[far]]
        return part

    def held_up_s(self, s: Kept) -> Floats:
        """(Z,): for how long the head of each lane has been there, beyond what its way takes freely."""
        return np.maximum(head(s["lane_stayed_s"], s["lane_veh"]) - self._free_s, 0.0)

    def _learn(self, s: Kept, at: Places, passed: Floats, period_s: Floats, read_ms: Places) -> None:
        """The discharge of lanes that had green for the whole of a reading, and a queue before it."""
        junction = self._lanes.junction[at]
        rows = np.flatnonzero((junction >= 0) & (s["lane_queue"][at] >= QUEUED_VEH))
        at, junction = at[rows], junction[rows]
        stage, since_ms = (s[name][self._ordered[junction]] for name in ("stage", "since_ms"))
        begin_ms = read_ms[rows] - np.round(period_s[rows] * 1000.0).astype(np.int64)
        green = self._lanes.greens[junction, np.maximum(stage, 0), self._lanes.slot[at]]
        says = (stage >= 0) & (green >= 0) & (begin_ms >= since_ms + START_UP_MS)
        now = np.flatnonzero(says)
        rows, green = rows[now], green[now]
        vehicles, seconds = s.own("discharged_veh"), s.own("discharged_s")
        taken = _taken(s, green)
        vehicles[taken, green] += passed[rows]
        seconds[taken, green] += period_s[rows]
        learnt = vehicles[:, green], seconds[:, green]
        s.own("discharge_vps")[:, green] = discharge(*learnt, self._prior[:, green])

    def _fade(self, s: Kept, now_ms: int) -> None:
        """Now and then, let what was learnt fade."""
        passed_ms = now_ms - int(s["faded_ms"][0])
        if s["faded_ms"][0] != NEVER and 0 <= passed_ms < FADE_EVERY_MS:
            return
        if s["faded_ms"][0] != NEVER and passed_ms > 0:
            s["discharged_veh"], s["discharged_s"] = faded(s["discharged_veh"], s["discharged_s"], passed_ms)
            learnt = s["discharged_veh"], s["discharged_s"]
            s["discharge_vps"] = discharge(*learnt, self._prior)
        s.own("faded_ms")[0] = now_ms


def _taken(s: Kept, green: Places) -> Places:
    """For each green which row of the discharge counts: FREE, or TAKEN where somebody goes before it."""
    taken: Places = (s["clear_s"][green] >= TAKEN_S).astype(np.int64)
    return taken

"""What is learnt of flows while readings come: arrivals, saturation, turning, and what a lane without eyes is
given."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from citybrain.brain import saturation as sat
from citybrain.brain.approach import NOW_MEMORY_S, SHARE_MEMORY_S, Approaches
from citybrain.brain.green_log import green_between
from citybrain.brain.ids import Places
from citybrain.brain.kept import Kept
from citybrain.brain.layout import Flags, Floats, Layout
from citybrain.brain.queue import ARRIVAL_MEMORY_S, PRIOR_ARRIVAL_VPS, Readings, seen_arrival
from citybrain.brain.turning import FIT_EVERY_MS, Turning

START_UP_S = 4.0
"""Of a green, before the discharge is steady (HCM 7th ed., ch. 31: from the fifth vehicle on; two lanes of 2
s)."""
OPEN_MS = 5_000
"""Who passes is of a movement that has or had green so lately: readings are late, and the yellow is used."""
PRIOR_S = 60.0
"""The prior of the usual arrivals counts as much as this much counting."""
BLIND_DOUBT = 0.5
"""Standard deviation over mean of an arrival rate that was not measured."""
NEVER = -1

Arrays = dict[str, npt.NDArray[Any]]


class FlowLearner:
    """Keeps its part of the estimate's state: arrays by lane (Z) and by pair of lane and movement (P)."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.approaches = Approaches(layout)
        self.turning = Turning(layout)

    def start(self) -> Arrays:
        """Its state before anything is known: arrivals (veh/s), saturated green, turning."""
        zones = len(self._layout.zones)
        rates = ("arrival", "arrival_now")
        return {name: np.full(zones, PRIOR_ARRIVAL_VPS) for name in rates} | {
            "usual_veh": np.zeros(zones),
            "usual_s": np.zeros(zones),
            "saturated_veh": np.zeros(zones),
            "saturated_s": np.zeros(zones),
            "turned_veh": self.turning.start(),
            "lane_turned_veh": self.turning.lane_start,
            "watched_s": np.zeros(zones),
            "passed_ms": np.full(zones, NEVER, np.int64),
            "green_ms": np.full(len(self._layout.movements), NEVER, np.int64),
            "fitted_ms": np.full(1, NEVER, np.int64),
        }

    def see(self, s: Kept, readings: Readings, queue: Floats) -> None:
        """Learn from readings, each zone at most once; `queue` is the queue before them."""
        at = readings.zones
        for name, memory_s in (("arrival", ARRIVAL_MEMORY_S), ("arrival_now", NOW_MEMORY_S)):
            s.own(name)[at] = seen_arrival(s[name][at], readings, memory_s)
        self.see_usual(s, at, readings.entered, readings.period_s)
        self._see_saturated(s, readings, queue)
        passed, watched = np.zeros(len(self._layout.zones)), np.zeros(len(self._layout.zones))
        passed[at], watched[at] = readings.passed, readings.period_s
        open_ = (s["green_ms"] != NEVER) & (s["time_ms"][0] - s["green_ms"] <= OPEN_MS)
        s["turned_veh"] = self.turning.counted(s["turned_veh"], passed, watched, open_)
        s.own("lane_turned_veh")[at] = self.turning.lane_counted(
            s["lane_turned_veh"][at], readings.passed, readings.period_s, at
        )
        s.own("watched_s")[at] = self.turning.watched(s["watched_s"][at], readings.period_s)

    @staticmethod
    def _see_saturated(s: Kept, readings: Readings, queue: Floats) -> None:
        """Learn the saturation flow from lanes that had green, and a queue, for the whole of a reading."""
        at = readings.zones
        s.own("passed_ms")[at] = np.where(readings.passed > 0.0, readings.time_ms, s["passed_ms"][at])
        flows = (s["passed_ms"][at] != NEVER) & (readings.time_ms - s["passed_ms"][at] <= sat.HELD_UP_MS)
        stands = queue >= np.maximum(1.0, sat.HIGHEST_VPS * readings.period_s)
        rows = np.flatnonzero(flows & stands)
        at, period_s, until_ms = at[rows], readings.period_s[rows], readings.time_ms[rows]
        begin_ms = until_ms - (1000 * (period_s + START_UP_S)).astype(np.int64)
        shown_s = green_between(s["log_ms"], s["log_green"], begin_ms, until_ms, at)
        steady = np.flatnonzero(shown_s >= period_s + START_UP_S - 0.5)
        at, passed, period_s = at[steady], readings.passed[rows][steady], period_s[steady]
        s.own("saturated_veh")[at], s.own("saturated_s")[at] = sat.learnt(
            s["saturated_veh"][at], s["saturated_s"][at], passed, period_s
        )

    def fit(self, s: Kept, blind: Flags) -> None:
        """Now and then, let the exits correct the turning shares."""
        now_ms = int(s["time_ms"][0])
        if s["fitted_ms"][0] == NEVER:
            s.own("fitted_ms")[0] = now_ms
        elif now_ms - int(s["fitted_ms"][0]) >= FIT_EVERY_MS:
            s.own("fitted_ms")[0] = now_ms
            s["turned_veh"] = self.turning.fitted(s["turned_veh"], s["lane_turned_veh"], s["watched_s"], ~blind)

    @staticmethod
    def see_usual(s: Kept, at: Places, vehicles: Floats, seconds: Floats) -> None:
        """Add to what usually comes into lanes, (n,) each: vehicles counted in so many seconds."""
        fades = np.exp(-seconds / SHARE_MEMORY_S)
        s.own("usual_veh")[at] = s["usual_veh"][at] * fades + vehicles
        s.own("usual_s")[at] = s["usual_s"][at] * fades + seconds

    def came_unseen(self, s: Kept, blind: Flags, at: Places, dt_s: Floats, counted: Flags) -> Floats:
        """What is taken to have come into each of some blind lanes (veh/s) in the last `dt_s`, shape (n,).

        Its usual share of what comes on the lanes beside it, where none of them sees what usually comes. Its own
        memories follow that, so that it keeps its share while the traffic of the approach changes; where a loop
        of it counts (`counted`, (n,)) they follow this. (Into a lane that is seen nobody is taken to have come:
        whoever came in the last seconds will be in its next reading, and a fraction of a vehicle on every lane
        looks like somebody everywhere.)"""
        usual = self.usual(s)
        share, seen = self.approaches.share_of(self.approaches.link, usual, ~blind, s["arrival_now"])
        seen = seen[at]
        rate: Floats = np.where(seen, share[at], usual[at])
        s.own("arrival")[at] += -np.expm1(-dt_s / ARRIVAL_MEMORY_S) * (rate - s["arrival"][at])
        follows = seen & ~counted
        more_s = np.minimum(dt_s[follows], SHARE_MEMORY_S)
        self.see_usual(s, at[follows], rate[follows] * more_s, more_s)
        return rate

    def usual(self, s: Kept) -> Floats:
        """What usually comes into each lane (veh/s): what was counted and a prior, by their time. The prior is
        what the approach has, by what lanes of such turns are likely to carry."""
        link, likely = self.approaches.link, self.turning.lane_prior
        size = int(link.max(initial=-1)) + 1
        seen = np.bincount(link, s["usual_veh"], minlength=size) + PRIOR_ARRIVAL_VPS * PRIOR_S
        weight = np.bincount(link, s["usual_s"] * likely, minlength=size)
        mean = np.bincount(link, likely, minlength=size) / np.maximum(np.bincount(link, minlength=size), 1)
        prior = (seen / (weight + mean * PRIOR_S))[link] * likely
        found: Floats = (s["usual_veh"] + prior * PRIOR_S) / (s["usual_s"] + PRIOR_S)
        return found

    @staticmethod
    def arrival_variance(arrival: Floats, blind: Flags) -> Floats:
        """Variance of smoothed arrivals (veh/s), (veh/s)²: of a Poisson count over twice the memory; unmeasured
        ones are doubtful by half."""
        return arrival / (2.0 * ARRIVAL_MEMORY_S) + np.where(blind, (BLIND_DOUBT * arrival) ** 2, 0.0)

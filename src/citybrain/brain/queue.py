"""The queue of an approach lane: kept by readings, carried on to now by a model of arrivals and departures.

All functions take and return arrays over zones; none changes its arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from citybrain.brain.ids import Places
from citybrain.brain.lamps import integers
from citybrain.brain.layout import VEHICLE_M, Flags, Floats, Layout

PRIOR_ARRIVAL_VPS = 0.05
"""Arrivals of a lane of which nothing is known yet: 180 vehicles an hour."""
ARRIVAL_MEMORY_S = 120.0
MISCOUNT = 0.05
"""Part of the vehicles that a detector misses or sees twice."""
DISCHARGE_DOUBT = 0.3
"""Variance of the departures of a standing queue over their mean: headways are steadier than chance."""


BLIND_AFTER_MS = 10_000
"""A lane is blind when its last good reading was measured longer ago (they come each 1-4 s, up to 3 s late)."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Rows of `traffic.lane_reading` of working detectors; `zones` are places."""

    zones: Places
    time_ms: Places
    period_s: Floats
    count: Floats
    halted: Floats
    entered: Floats
    passed: Floats
    speed_mps: Floats
    """Mean of the vehicles; 0 where there are none, or no camera."""
    line_works: Flags
    """A loop at the stop line, too, says whether somebody stands there."""

    def at(self, rows: Places) -> Readings:
        """Those rows, in ascending order; itself where all are asked for."""
        if len(rows) == len(self.zones):
            return self
        return Readings(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Partial:
    """Rows of `traffic.lane_reading` of lanes that are not healthy, but one of whose loops works."""

    zones: Places
    time_ms: Places
    period_s: Floats
    entered: Floats
    passed: Floats
    occupied: Flags
    """Somebody stands at the stop line."""
    counts_in: Flags
    counts_out: Flags


@dataclass(frozen=True, slots=True)
class Lanes:
    """Vehicles of each lane that stand or have stood (`queue`) and that come near, and the variance of the
    queue."""

    queue: Floats
    approaching: Floats
    variance: Floats


def read_readings(layout: Layout, rows: pa.RecordBatch) -> tuple[Readings, Places]:
    """The believable rows, and the zones of all rows, working or not. Negative numbers are not believed."""
    zones = layout.zones.places(rows.column("zone"))
    known = zones >= 0
    numbers, good = _counted(rows, ("period_s", "count", "halted", "entered", "passed"))
    good &= known & rows.column("healthy").to_numpy(zero_copy_only=False)
    speed = rows.column("mean_speed_mps").to_numpy(zero_copy_only=False).astype(np.float64)
    numbers["speed_mps"] = np.nan_to_num(speed, nan=0.0, posinf=0.0, neginf=0.0)
    line_works = rows.column("stop_works").fill_null(False).to_numpy(zero_copy_only=False)
    readings = Readings(zones, integers(rows.column("time")), **numbers, line_works=line_works)
    return readings.at(np.flatnonzero(good)), zones[known]


def read_partial(layout: Layout, rows: pa.RecordBatch) -> Partial:
    """What the loops of lanes say that are not healthy. Negative numbers are not believed."""
    rows = rows.take(pa.array(np.flatnonzero(~rows.column("healthy").to_numpy(zero_copy_only=False))))
    names = ("stop_occupied", "upstream_works", "stop_works")
    flags = [rows.column(n).fill_null(False).to_numpy(zero_copy_only=False) for n in names]
    numbers, good = _counted(rows, ("period_s", "entered", "passed"))
    zones = layout.zones.places(rows.column("zone"))
    good &= (zones >= 0) & (flags[1] | flags[2])
    columns = (*numbers.values(), *flags)
    return Partial(zones[good], integers(rows.column("time"))[good], *(x[good] for x in columns))


def _counted(rows: pa.RecordBatch, names: Sequence[str]) -> tuple[dict[str, Floats], Flags]:
    """Columns of numbers, and in which rows none of them is negative or no number."""
    numbers = {n: rows.column(n).to_numpy(zero_copy_only=False).astype(np.float64) for n in names}
    good = np.ones(rows.num_rows, np.bool_)
    for values in numbers.values():
        good &= np.isfinite(values) & (values >= 0.0)
    return numbers, good


def seen_queue(queue: Floats, readings: Readings) -> Floats:
    """Queue after a reading, given the queue before it: who has stood leaves it only over the stop line.

    Those that stand now are in it; those that stood and roll again stay in it until they pass; never more than the
    vehicles that are there. With perfect counts queue plus approaching is the number of vehicles in the zone.
    """
    rolling = np.maximum(readings.halted, queue - readings.passed)
    return np.minimum(readings.count, rolling)


def seen_arrival(rate: Floats, readings: Readings, memory_s: float = ARRIVAL_MEMORY_S) -> Floats:
    """Arrival rate (veh/s), smoothed exponentially over `memory_s`."""
    weight = -np.expm1(-readings.period_s / memory_s)
    measured = readings.entered / np.maximum(readings.period_s, 1e-3)
    return np.where(readings.period_s > 0.0, rate + weight * (measured - rate), rate)


def seen_variance(readings: Readings) -> Floats:
    """Variance (veh²) of a counted queue: each vehicle is miscounted independently."""
    return MISCOUNT * (1.0 - MISCOUNT) * readings.count


def carried(
    lanes: Lanes,
    dt_s: Floats,
    open_s: Floats,
    rate: Floats,
    saturation: Floats,
    capacity: Floats,
    free_s: Floats,
) -> Lanes:
    """The lanes `dt_s` later, `open_s` of it with green.

    Who approaches comes to the end of the queue evenly over the time that its way there takes (`free_s`: for the
    whole zone), joins it while it stands or the lamp is red, else passes. The queue discharges at `saturation`
    (veh/s) while green. `rate` (veh/s) comes into the zone, at most to what fits into it (or is there already).
    Vertical queue; arrivals vary as Poisson's do, departures by DISCHARGE_DOUBT. The green counts as it is shown:
    what is lost at its start is used of the yellow after it (HCM 7th ed., ch. 19: 2 s each).
    """
    full = np.maximum(capacity, lanes.queue + lanes.approaching)
    way_s = np.maximum(1.0, free_s * (1.0 - np.minimum(lanes.queue / capacity, 0.9)))
    come = lanes.approaching * np.minimum(1.0, dt_s / way_s) + rate * np.maximum(0.0, dt_s - way_s)
    near = lanes.approaching * np.maximum(0.0, 1.0 - dt_s / way_s) + rate * np.minimum(dt_s, way_s)
    gone = np.minimum(lanes.queue + come, saturation * open_s)
    open_share = np.divide(open_s, dt_s, out=np.zeros_like(dt_s), where=dt_s > 0.0).clip(0.0, 1.0)
    left = np.maximum(0.0, lanes.queue - gone)
    join = np.where(left > 0.0, come, come * (1.0 - open_share))
    queue = np.minimum(left + join, full)
    stays = np.divide(left, lanes.queue, out=np.zeros_like(left), where=lanes.queue > 0.0)
    doubt = lanes.variance * stays + join + DISCHARGE_DOUBT * np.minimum(gone, lanes.queue)
    most = np.maximum(lanes.variance, capacity**2 / 12.0)
    return Lanes(queue, np.minimum(near, full - queue), np.minimum(doubt, most))


def free_time(layout: Layout) -> Floats:
    """Seconds that a vehicle takes freely through each zone, shape (Z,)."""
    zones = [z for j in layout.net.junctions for z in j.zones]
    return np.array([max(z.length_m, VEHICLE_M) / max(z.speed_mps, 1.0) for z in zones], np.float64)

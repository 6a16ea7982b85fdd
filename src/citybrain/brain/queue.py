"""The queue of an approach lane: kept by readings while its detectors work, carried on by a model while blind.

All functions take and return arrays over zones; none changes its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from citybrain.brain.ids import Places
from citybrain.brain.lamps import integers
from citybrain.brain.layout import SATURATION_VPS, Flags, Floats, Layout

PRIOR_ARRIVAL_VPS = 0.05
"""Arrivals of a lane of which nothing is known yet: 180 vehicles an hour."""
ARRIVAL_MEMORY_S = 120.0
MISCOUNT = 0.05
"""Part of the vehicles that a detector misses or sees twice."""
BLIND_AFTER_MS = 6_000
"""A lane is blind when its last good reading is older than this (readings of big cities come every 1-4 s)."""


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


def read_readings(layout: Layout, rows: pa.RecordBatch) -> tuple[Readings, Places]:
    """The believable rows, and the zones of all rows, working or not. Negative numbers are not believed."""
    zones = layout.zones.places(rows.column("zone"))
    known = zones >= 0
    names = ("period_s", "count", "halted", "entered", "passed")
    numbers = {n: rows.column(n).to_numpy(zero_copy_only=False).astype(np.float64) for n in names}
    good = known & rows.column("healthy").to_numpy(zero_copy_only=False)
    for values in numbers.values():
        good &= np.isfinite(values) & (values >= 0.0)
    time_ms = integers(rows.column("time"))
    return Readings(zones[good], time_ms[good], **{n: v[good] for n, v in numbers.items()}), zones[known]


def seen_queue(queue: Floats, readings: Readings) -> Floats:
    """Queue after a reading, given the queue before it: who has stood leaves it only over the stop line.

    Those that stand now are in it; those that stood and roll again stay in it until they pass; never more than the
    vehicles that are there. With perfect counts queue plus approaching is the number of vehicles in the zone.
    """
    rolling = np.maximum(readings.halted, queue - readings.passed)
    return np.minimum(readings.count, rolling)


def seen_arrival(rate: Floats, readings: Readings) -> Floats:
    """Arrival rate (veh/s), smoothed exponentially over ARRIVAL_MEMORY_S."""
    weight = -np.expm1(-readings.period_s / ARRIVAL_MEMORY_S)
    measured = readings.entered / np.maximum(readings.period_s, 1e-3)
    return np.where(readings.period_s > 0.0, rate + weight * (measured - rate), rate)


def seen_variance(readings: Readings) -> Floats:
    """Variance (veh²) of a counted queue: each vehicle is miscounted independently."""
    return MISCOUNT * (1.0 - MISCOUNT) * readings.count


def blind_queue(queue: Floats, rate: Floats, green: Flags, dt_s: Floats, capacity: Floats) -> Floats:
    """Queue after `dt_s` without a reading: arrivals join, and while green the lane discharges at saturation."""
    out = np.where(green, SATURATION_VPS, 0.0) * dt_s
    return np.clip(queue + rate * dt_s - out, 0.0, capacity)


def blind_variance(variance: Floats, rate: Floats, green: Flags, dt_s: Floats, capacity: Floats) -> Floats:
    """Its variance: arrivals and departures are both taken as Poisson, so their means add; at most that of a queue
    of which nothing is known but that it fits the zone (uniform)."""
    grown = variance + (rate + np.where(green, SATURATION_VPS, 0.0)) * dt_s
    return np.maximum(variance, np.minimum(grown, capacity**2 / 12.0))

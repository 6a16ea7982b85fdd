"""What the plots of a trial show, read from SUMO's own outputs of a run."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from citybrain.city.trial_arterial import Arterial
from citybrain.city.trial_output import LAMPS, SUMMARY, TRAJECTORIES
from citybrain.city.trial_score import scan

Floats = npt.NDArray[np.float64]
QUEUE_STEP_S = 10
AWAY_S = 20.0
"""Who was not on a link of the arterial for longer than this has left it: crossing a junction takes less."""


class QueueTrace(Struct, frozen=True):
    """Standing vehicles on the road, and those that wait to depart, over time (s from the begin of the run)."""

    time_s: Floats
    standing: Floats
    waiting: Floats


class Course(Struct):
    """One drive of one vehicle along the arterial: seconds and metres from its begin."""

    time_s: list[float]
    at_m: list[float]


class Light(Struct):
    """A stop line showing one colour for a while. `colour`: g, y or r."""

    at_m: float
    begin_s: float
    end_s: float
    colour: str


class ArterialTrace(Struct, frozen=True):
    """Who drove along the arterial, and what its lights showed."""

    courses: list[Course]
    lights: list[Light]


def read_queue(outputs: Path) -> QueueTrace:
    """A value each QUEUE_STEP_S. Raises ScoreError."""
    rows: list[tuple[float, float, float]] = []

    def step(tag: str, a: dict[str, str]) -> None:
        if tag == "step":
            rows.append((float(a["time"]), float(a["halting"]), float(a["waiting"])))

    scan(outputs / SUMMARY, step)
    table = np.array(rows[::QUEUE_STEP_S], np.float64).reshape(-1, 3)
    begin_s = table[0, 0] if len(table) else 0.0
    return QueueTrace(table[:, 0] - begin_s, table[:, 1], table[:, 2])


def read_arterial(outputs: Path, arterial: Arterial, begin_s: float, end_s: float) -> ArterialTrace:
    """What happened on the arterial between two seconds of the simulation. Raises ScoreError."""
    return ArterialTrace(_courses(outputs, arterial, begin_s, end_s), _lights(outputs, arterial, begin_s, end_s))


def _courses(outputs: Path, arterial: Arterial, begin_s: float, end_s: float) -> list[Course]:
    begins = dict(zip(arterial.links, arterial.begins_m, strict=True))
    open_, done = dict[str, Course](), list[Course]()
    now = -1.0

    def take(tag: str, a: dict[str, str]) -> None:
        nonlocal now
        if tag == "timestep":
            now = float(a["time"])
        elif tag == "vehicle" and begin_s <= now <= end_s:
            begin_m = begins.get(a["lane"].rsplit("_", 1)[0])
            if begin_m is None:
                return  # within a junction
            at_m = begin_m + float(a["pos"])
            course = open_.get(a["id"])
            if course is None or now - course.time_s[-1] > AWAY_S:
                course = open_[a["id"]] = Course([], [])
                done.append(course)
            course.time_s.append(now)
            course.at_m.append(at_m)

    scan(outputs / TRAJECTORIES, take)
    return done


def _lights(outputs: Path, arterial: Arterial, begin_s: float, end_s: float) -> list[Light]:
    stops = {stop.junction: stop for stop in arterial.stops}
    lights: dict[str, list[Light]] = defaultdict(list)

    def take(tag: str, a: dict[str, str]) -> None:
        if tag != "tlsState" or not begin_s <= (now := float(a["time"])) <= end_s:
            return
        stop = stops[a["id"]]
        letter = a["state"][stop.signal_link].lower()
        colour = letter if letter in "gy" else "r"
        shown = lights[stop.junction]
        if shown:
            shown[-1].end_s = now
        if not shown or shown[-1].colour != colour:
            shown.append(Light(stop.at_m, now, now + 1.0, colour))

    scan(outputs / LAMPS, take)
    return [light for shown in lights.values() for light in shown]

"""How traffic fared in a run, from SUMO's own outputs alone.

Independent of everything that controls or estimates: the figures of this file are what all claims rest on.
"""

from __future__ import annotations

import gzip
from array import array
from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat

import numpy as np
from msgspec import Struct

from citybrain.city.trial_output import SPILLBACK, SUMMARY, TRIPINFO

_MG = 1e-6
_ON_ITS_OWN = ("", "end")
"""Of `vaporized`: SUMO took the vehicle off the road for no other reason than its arrival or the end."""


class ScoreError(ValueError):
    """Output that is missing or not what SUMO writes; one line."""


class Score(Struct, frozen=True):
    """All vehicles that should have departed by the end of the run; those still waiting to depart included."""

    vehicles: int
    arrived: int
    running: int
    """On the way at the end, or taken off the road by SUMO before (jammed, collided): these are charged to the end
    as if they stood there."""
    undeparted: int
    delay_s: float
    """Sum over all vehicles of time lost on the way (SUMO's timeLoss: against driving freely) and of waiting to
    depart (departDelay), each up to the end of the run."""
    travel_s: float
    """Sum over all vehicles of time on the way and of waiting to depart."""
    p95_delay_s: float
    """95th percentile of the delays of all vehicles (between two of them, on the straight line)."""
    halts: int
    """Times that a vehicle came to stand (SUMO's waitingCount: below 0.1 m/s)."""
    co2_kg: float
    """What the vehicles emitted until the end of the run by SUMO's emission model; 0 where nobody asked for it."""
    distance_km: float
    """What the vehicles drove until the end of the run."""
    teleports: int
    spillback_s: float
    """Sum over all exit lanes of signals of the seconds that a vehicle stood on the lane's first 7.5 m, for at
    least a second: nobody has room to enter then."""

    @property
    def mean_delay_s(self) -> float:
        """timeLoss + departDelay a scheduled vehicle, finished or not (the measure of RESCO's benchmark, here
        without leaving out those that have not finished)."""
        return self.delay_s / self.vehicles if self.vehicles else 0.0

    @property
    def mean_travel_s(self) -> float:
        return self.travel_s / self.vehicles if self.vehicles else 0.0

    @property
    def stops(self) -> float:
        """Halts a scheduled vehicle."""
        return self.halts / self.vehicles if self.vehicles else 0.0


def read_score(outputs: Path) -> Score:
    """The score of a run from its trip output (written with unfinished and undeparted vehicles), summary and
    detectors on exit lanes. Raises ScoreError."""
    summary = {"teleports": "0", "time": "0"}
    scan(outputs / SUMMARY, lambda tag, a: summary.update(a) if tag == "step" else None)
    trips = _Trips(float(summary["time"]))
    scan(outputs / TRIPINFO, trips.take)
    spillback = array("d")

    def lane(tag: str, attributes: dict[str, str]) -> None:
        if tag == "interval":
            spillback.append(float(attributes["intervalHaltingDurationSum"]))

    scan(outputs / SPILLBACK, lane)
    return Score(
        vehicles=len(trips.delays),
        arrived=trips.arrived,
        running=trips.running,
        undeparted=len(trips.delays) - trips.arrived - trips.running,
        delay_s=sum(trips.delays),
        travel_s=trips.travel_s,
        p95_delay_s=float(np.percentile(trips.delays, 95)) if trips.delays else 0.0,
        halts=trips.halts,
        co2_kg=trips.co2_mg * _MG,
        distance_km=trips.distance_m / 1000,
        teleports=int(summary["teleports"]),
        spillback_s=sum(spillback),
    )


class _Trips:
    """Sums over the lines of a trip output of a run that ended at `end_s`."""

    def __init__(self, end_s: float) -> None:
        self._end_s = end_s
        self.delays = array("d")
        self.arrived = self.running = self.halts = 0
        self.travel_s = self.co2_mg = self.distance_m = 0.0

    def take(self, tag: str, a: dict[str, str]) -> None:
        if tag == "tripinfo":
            self._trip(a)
        elif tag == "emissions":
            self.co2_mg += float(a["CO2_abs"])

    def _trip(self, a: dict[str, str]) -> None:
        wait_s = float(a["departDelay"])
        if float(a["depart"]) < 0:
            if wait_s > 0:  # else read ahead of its time: not scheduled before the end
                self.delays.append(wait_s)
                self.travel_s += wait_s
            return
        arrival_s = float(a["arrival"])
        removed = arrival_s >= 0 and a.get("vaporized", "") not in _ON_ITS_OWN
        if arrival_s >= 0 and not removed:
            self.arrived += 1
        else:
            self.running += 1
        missing_s = max(0.0, self._end_s - arrival_s) if removed else 0.0
        self.delays.append(wait_s + float(a["timeLoss"]) + missing_s)
        self.travel_s += wait_s + float(a["duration"]) + missing_s
        self.halts += int(a["waitingCount"])
        self.distance_m += float(a["routeLength"])


def scan(file: Path, take: Callable[[str, dict[str, str]], object]) -> None:
    """Call `take` on each opening tag of a gzipped file. Raises ScoreError."""
    parser = expat.ParserCreate()
    parser.StartElementHandler = take
    try:
        with gzip.open(file) as stream:
            parser.ParseFile(stream)
    except (OSError, EOFError) as e:
        raise ScoreError(f"{file}: cannot be read: {getattr(e, 'strerror', None) or e}") from None
    except expat.ExpatError as e:
        raise ScoreError(f"{file}: broken XML at line {e.lineno}: the run did not end properly") from None
    except (KeyError, ValueError) as e:
        raise ScoreError(f"{file}: line {parser.CurrentLineNumber}: a value is missing or wrong: {e}") from None

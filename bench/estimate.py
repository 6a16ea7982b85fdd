"""How near the estimate comes to what really stands on the street, movement by movement.

    python bench/estimate.py [seconds] [city ...]

Without arguments: 900 s of cologne8 and hangzhou4x4 after 120 s that warm up, clean and field detectors, seed 1.
The brain drives, behind the guard. Beside its estimate, from the same readings: the last reading of each lane as
it is, and the rule of this project's first version. The truth follows each vehicle by its route; only this bench
sees it.

MAE, RMSE and bias in vehicles over movements and seconds; `busy`: MAE while somebody is there; `within`: share of
movement-seconds in which the true queue is within 1.645 standard deviations (90 % if they were normal), all and
busy."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from _estimators import Before, Brain, Estimator, LastReading
from _street_truth import StreetTruth
from citybrain.brain.layout import Layout
from citybrain.city.loop import Loop
from citybrain.city.second import Second
from citybrain.guard import Guard
from citybrain.hub import load_catalogue
from citybrain.model import Batch, RoadNet
from citybrain.network import SimulatedCity, read_scenario
from citybrain.network.field_fault import FieldFaults
from citybrain.network.lane_detectors import CAMERA

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[2] / "shared" / "data"))
CITIES = ("cologne8", "hangzhou4x4")
WARM_UP_S = 120
SEED = 1
SIGMAS = 1.645
HEADS = (
    *(("queue: MAE", 10), ("RMSE", 8), ("bias", 8), ("busy", 8)),
    *(("all: MAE", 10), ("RMSE", 8), ("bias", 8), ("busy", 8), ("within", 9), ("busy", 7)),
)

Floats = npt.NDArray[np.float64]


class Errors:
    """Errors of one estimator, second by second."""

    def __init__(self, estimator: Estimator) -> None:
        self.estimator = estimator
        self._queue: list[Floats] = []
        self._vehicles: list[Floats] = []
        self._sd: list[Floats] = []
        self._busy: list[npt.NDArray[np.bool_]] = []

    def note(self, truth: StreetTruth, fed: npt.NDArray[np.bool_]) -> None:
        """Compare with this second's truth, for the movements that detectors see (`fed`)."""
        self._queue.append((self.estimator.queue - truth.queue)[fed])
        self._vehicles.append((self.estimator.vehicles - truth.vehicles)[fed])
        self._sd.append(self.estimator.sd[fed].copy())
        self._busy.append(truth.vehicles[fed] > 0)

    def line(self) -> str:
        """The figures as a line of the table."""
        queue, vehicles, sd, busy = (np.array(x) for x in (self._queue, self._vehicles, self._sd, self._busy))
        text = f"  {self.estimator.name:14}"
        for errors in (queue, vehicles):
            text += f"{np.abs(errors).mean():10.3f}{np.sqrt((errors**2).mean()):8.3f}{errors.mean():+8.3f}"
            text += f"{np.abs(errors[busy]).mean():8.3f}"
        if np.isnan(sd).any():
            return text
        within = np.abs(queue) <= SIGMAS * sd + 1e-9
        return text + f"{within.mean():9.3f}{within[busy].mean():7.3f}"


@dataclass
class Watch:
    """What the brain thinks of the detectors, against what was done to them."""

    faults: FieldFaults | None
    zones: list[str]

    def __post_init__(self) -> None:
        self.doubted = np.zeros(len(self.zones), np.bool_)
        self.place = {zone: at for at, zone in enumerate(self.zones)}
        self.stuck_s = self.found_s = self.wrong_s = self.alarms = self.seconds = 0

    def note(self, batches: tuple[Batch, ...], time_ms: int) -> None:
        """Count this second."""
        before, nothing = self.doubted.copy(), np.zeros(len(self.zones), np.bool_)
        for rows in (b.rows.to_pylist() for b in batches if b.dataset == "traffic.detector_health"):
            for row in rows:
                self.doubted[self.place[row["zone"]]] = row["state"] == "disbelieved"
        stuck = self.faults.stuck(time_ms)[CAMERA] if self.faults else nothing
        late = stuck | (self.faults.stuck(time_ms - 5000)[CAMERA] if self.faults else nothing)
        self.stuck_s += int(stuck.sum())
        self.found_s += int((stuck & self.doubted).sum())
        self.wrong_s += int((self.doubted & ~late).sum())
        self.alarms += int((self.doubted & ~before & ~late).sum())
        self.seconds += len(self.zones)

    def line(self) -> str:
        """The figures in words."""
        found = f"{self.found_s / self.stuck_s:.0%} of the time found out" if self.stuck_s else "none"
        hours = self.seconds / 3600
        return (
            f"  stuck cameras {self.stuck_s / self.seconds:.2%}: {found}; honest ones doubted "
            f"{self.wrong_s / self.seconds:.2%} of the time, {self.alarms / hours:.2f} alarms a lane and hour"
        )


def learnt(net: RoadNet, layout: Layout, rows: dict[str, dict[str, object]], passed: Floats) -> str:
    """Error of the learnt turning shares against the routes of those who passed, and the saturation flows."""
    movements = [m for j in net.junctions for m in j.movements]
    links = {link: at for at, link in enumerate(dict.fromkeys(m.from_link for m in movements))}
    of = np.array([links[m.from_link] for m in movements])
    flow = np.bincount(of, passed)[of]
    options = np.bincount(of, [bool(m.zones) for m in movements])[of]
    real = passed / np.maximum(flow, 1.0)
    told = np.array([rows[m.id]["turning_share"] or 0.0 for m in movements], np.float64)
    sd = np.array([rows[m.id]["turning_share_sd"] or 0.0 for m in movements], np.float64)
    even = 1.0 / np.maximum(options, 1)
    use = (flow >= 20) & (options > 1) & np.array([bool(m.zones) for m in movements])
    error, plain = (float(np.average(np.abs(x - real)[use], weights=flow[use])) for x in (told, even))
    chance = np.sqrt(real * (1 - real) / np.maximum(flow, 1.0))
    inside = (np.abs(told - real) <= SIGMAS * np.hypot(sd, chance))[use].mean()
    return f"  turning shares: mean error {error:.3f} (even split {plain:.3f}), {inside:.0%} within their 90 %"


def run(name: str, sensors: str, seconds: int) -> None:
    """One run and its lines of the table."""
    scenario = msgspec.structs.replace(read_scenario(DATA / name), seed=SEED, loops=False)
    net, catalogue = scenario.net(), load_catalogue(None)
    layout = Layout(net)
    zones = [z for j in net.junctions for z in j.zones]
    fed = np.array([bool(m.zones) for j in net.junctions for m in j.movements])
    errors = [Errors(e(layout)) for e in (LastReading, Before, Brain)]
    watch = Watch(FieldFaults(SEED, zones) if sensors == "field" else None, [z.id for z in zones])
    rows: dict[str, dict[str, object]] = {}
    passed = np.zeros(len(fed))
    with SimulatedCity(scenario, net, sensors="field" if sensors == "field" else "clean", score=False) as city:
        loop = Loop(Second(city, Guard(net, city.time_ms), catalogue, 1), net, catalogue)
        truth = StreetTruth(net)
        for second in range(WARM_UP_S + seconds):
            tick, batches = loop.advance()
            made = loop.decide(tick, batches)
            truth.look()
            passed += truth.passed
            for each in errors:
                each.estimator.see(tick.time_ms, (*batches, *made))
                if second >= WARM_UP_S:
                    each.note(truth, fed)
            watch.note(made, tick.time_ms)
            if second + 6 >= WARM_UP_S + seconds:
                rows |= {
                    r["movement"]: r
                    for b in made
                    if b.dataset == "traffic.movement_queue"
                    for r in b.rows.to_pylist()
                }
    print(f"{name}, {sensors}, {seconds} s, seed {SEED}")
    print("\n".join(each.line() for each in errors))
    print(learnt(net, layout, rows, passed))
    print(watch.line(), flush=True)


def main() -> None:
    """Print the tables."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 900
    print(f"simulated; {platform.machine()}, {os.cpu_count()} cores; vehicles")
    print(f"  {'':14}" + "".join(f"{head:>{width}}" for head, width in HEADS))
    for name in sys.argv[2:] or CITIES:
        if not (DATA / name).is_dir():
            print(f"{DATA / name} is absent: nothing to measure")
            continue
        for sensors in ("clean", "field"):
            run(name, sensors, seconds)


if __name__ == "__main__":
    main()

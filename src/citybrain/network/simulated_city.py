"""A simulated city behind the ports of detectors and signals: SUMO by libsumo, one a process."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Thread
from time import thread_time
from types import TracebackType
from typing import Literal, Self
from zoneinfo import ZoneInfo

import libsumo
import pyarrow as pa

from citybrain.model import Batch, RoadNet, Tick, to_ms
from citybrain.network.additional_file import silent, without_clocks
from citybrain.network.day_file import DAY_S, day_file
from citybrain.network.event import CityEvent, Events
from citybrain.network.frame import FrameMaker
from citybrain.network.lane_sensor import LaneSensors
from citybrain.network.link_probe import SHARE, LinkProbes
from citybrain.network.saved_city import FORMAT, Kept, read_saved, write_saved
from citybrain.network.scenario import Scenario, ScenarioError
from citybrain.network.sumo_control import write_programs
from citybrain.network.sumo_run import start_sumo
from citybrain.network.traffic_score import CityLabel, TrafficScore
from citybrain.network.transit_report import DATASET as TRANSIT
from citybrain.network.transit_report import TransitReports

AHEAD_S = 600
"""So long before midnight the next day's file is made."""
SignalMode = Literal["guard", "own", "actuated", "delay_based"]


class SimulatedCity:
    """SUMO running a scenario, behind the ports `DetectorSource` and `SignalController`.

    `control`: "guard" — lamps come through `show`; "own" — the network's own programs; "actuated" and
    "delay_based" — SUMO's own controllers on the real stages (these are the shadow: no detectors are read).
    `state`: a saved minute to go on from. `run`: number of this incarnation. `sensors`: "field" as in
    `FieldFaults`: out, stuck, late and miscounting. `events`: what shall happen besides the scenario's
    own. `score`: whether `sim.score` is made. `outputs`: folder for SUMO's own trip output.

    Close one before the next is made in a process. Raises ScenarioError in one line where SUMO refuses the
    scenario or the saved minute does not fit, RuntimeError where a simulation runs in this process already.
    """

    def __init__(
        self,
        scenario: Scenario,
        net: RoadNet,
        *,
        control: SignalMode = "guard",
        state: Path | None = None,
        run: int = 1,
        probes: float = SHARE,
        sensors: Literal["clean", "field"] = "clean",
        events: Sequence[CityEvent] = (),
        score: bool = True,
        outputs: Path | None = None,
    ) -> None:
        self.scenario = scenario
        self.net = net
        self._signals = [j.id for j in net.junctions]
        self.control: SignalMode = control
        self.run = run
        label: CityLabel = "live" if control == "guard" else "own" if control == "own" else "shadow"
        self._source = {"live": "street", "shadow": "shadow", "own": "shadow-own"}[label]
        self._folder = tempfile.TemporaryDirectory(prefix="citybrain-")
        self._outputs = outputs
        self._offset_ms = to_ms(scenario.epoch)
        self._steps = max(1, round(1.0 / scenario.step_s))
        self._extra_events = tuple(events)
        self.simulator_s = 0.0
        """Processor time that SUMO's own steps have taken."""
        self._ahead: Thread | None = None
        self._running = False
        self._lamps: dict[str, str] = {}
        self._frames = FrameMaker(net, run)
        self._events = Events(net)
        self._lanes: LaneSensors | None = None
        self._faulty = scenario.seed if sensors == "field" else None
        self._transit = TransitReports([z for j in net.junctions for z in j.zones])
        self._probes = LinkProbes(net, scenario.seed, probes)
        self._score = TrafficScore(net, label) if score else None
        try:
            self._open(state)
        except BaseException:
            self.close()
            raise

    @property
    def time_ms(self) -> int:
        """City time, milliseconds since 1970 UTC."""
        sim_s: float = libsumo.simulation.getTime()
        return self._offset_ms + round(sim_s * 1000)

    @property
    def finished(self) -> bool:
        """Whether the scenario is over: its end is reached, or everybody has arrived and nobody is to come.
        Never, for a scenario that loops; for the default city only where an end is given."""
        return not self.scenario.loops and self._over()

    def step(self) -> None:
        """Move the street on by one second."""
        for _ in range(self._steps):
            begin = thread_time()
            libsumo.simulationStep()
            self.simulator_s += thread_time() - begin
            departed = libsumo.simulation.getDepartedIDList()
            if self._score is not None:
                self._score.step(departed)
            if self._lanes is not None:
                self._probes.step(departed, self.time_ms)
        self._events.step(self.time_ms)
        if self.scenario.days is not None:
            self._turn_day(libsumo.simulation.getTime())
        elif self.scenario.loops and self._over():
            self._begin_again()

    def read(self, tick: Tick) -> Sequence[Batch]:
        """The readings of this tick: `traffic.lane_reading` each time, `traffic.transit_approach` while buses or
        trams with known passengers are near a signal, `traffic.link_speed` each minute, `sim.score` each 10 s,
        `sim.event` as events begin."""
        now = self.time_ms
        made: list[tuple[str, pa.RecordBatch | None]] = []
        if self._lanes is not None:
            made.append(("traffic.lane_reading", self._lanes.read(now)))
            made.append((TRANSIT, self._transit.read(self._lanes.vehicles, now)))
            made.append(("traffic.link_speed", self._probes.read(now)))
        if self._score is not None:
            made.append(("sim.score", self._score.read(now)))
        if self.control == "guard":
            made.append(("sim.event", self._events.read(now)))
        return [Batch(d, tick.batch_id(d, self._source), rows) for d, rows in made if rows is not None]

    def show(self, junction: str, lamps: str) -> None:
        """Show a lamp string at a junction."""
        libsumo.trafficlight.setRedYellowGreenState(junction, lamps)
        self._lamps[junction] = lamps

    def lamps(self) -> list[str]:
        """What the lamps of each junction show now, in the order of the network's junctions."""
        return list(map(libsumo.trafficlight.getRedYellowGreenState, self._signals))

    def frame(self, lamps: Sequence[str] | None = None) -> bytes:
        """The live frame of this moment (layout: `citybrain.network.frame`)."""
        return self._frames.frame(self.time_ms, self.lamps() if lamps is None else lamps)

    def save(self, path: Path) -> None:
        """Keep this moment in a file, whole or not at all. Raises OSError."""
        state = Path(self._folder.name) / "save.xml.gz"
        libsumo.simulation.saveState(str(state))
        write_saved(path, state, self._keep())

    def close(self) -> None:
        """End the simulation; its outputs are complete afterwards."""
        self._stop()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, saved: Path | None) -> None:
        """Start SUMO, anew or from a saved minute."""
        kept, state = None, None
        if saved is not None:
            kept, state = read_saved(saved, Path(self._folder.name))
            if (kept.digest, kept.scenario) != (self.net.digest, self.scenario.name):
                raise ScenarioError(f"{saved}: is of another city ({kept.scenario}): remove it to begin anew")
            self._offset_ms = kept.offset_ms
        self._start(state, (kept.time_ms - kept.offset_ms) / 1000 if kept else self.scenario.begin_s)
        if self.control == "guard":
            self._lanes = LaneSensors(self.net, self._faulty)
        self._resume(kept)

    def _start(self, state: Path | None, sim_s: float) -> None:
        folder = Path(self._folder.name)
        additional = list(self.scenario.additional_files)
        if self.control != "own":
            additional = without_clocks(additional, folder)
        additional += silent(self.scenario.detector_files, folder)
        if self.control in ("actuated", "delay_based"):
            additional.append(folder / "programs.add.xml")
            write_programs(self.net.junctions, self.control, additional[-1])
        routes, events = self.scenario.route_files, self._extra_events
        if self.scenario.days is not None:
            number = int(sim_s // DAY_S)
            day = day_file(self.scenario, self._date(number), number)
            routes, events = (day.routes,), (*events, *day.events)
        start_sumo(self.scenario, folder, routes=routes, additional=additional, state=state, outputs=self._outputs)
        self._running = True
        self._events.start(events)

    def _stop(self) -> None:
        if self._running:
            self._running = False
            libsumo.close()

    def _resume(self, kept: Kept | None) -> None:
        """Let the parts go on on a SUMO that has just started."""
        if kept is not None:
            self._lamps = dict(kept.lamps)
            self._probes.memory = kept.probes
            self._events.recall(kept.events)
        for junction, lamps in self._lamps.items():
            libsumo.trafficlight.setRedYellowGreenState(junction, lamps)
        self._probes.start()
        if self._lanes is not None:
            self._lanes.start(kept.lanes if kept else None)
        if self._score is not None:
            self._score.start(kept.score if kept else None)
        self._events.step(self.time_ms)

    def _keep(self) -> Kept:
        return Kept(
            FORMAT,
            self.net.digest,
            self.scenario.name,
            self._offset_ms,
            self.time_ms,
            self._lamps,
            self._lanes.keep() if self._lanes is not None else None,
            self._probes.memory,
            self._score.keep(self.time_ms) if self._score is not None else None,
            self._events.keep(),
        )

    def _over(self) -> bool:
        if self.scenario.end_s is not None and libsumo.simulation.getTime() >= self.scenario.end_s:
            return True
        return self.scenario.days is None and bool(libsumo.simulation.getMinExpectedNumber() == 0)

    def _begin_again(self) -> None:
        """Start the scenario from its beginning, city time going on."""
        now, kept = self.time_ms, self._keep()
        self._stop()
        self._start(None, self.scenario.begin_s)
        self._offset_ms = now - round(self.scenario.begin_s * 1000)
        kept.lanes = None
        self._resume(kept)

    def _turn_day(self, sim_s: float) -> None:
        """Make the next day's file ahead of midnight, beside the running street, and go over to it at midnight."""
        ahead = int((sim_s + AHEAD_S) // DAY_S)
        if (sim_s + AHEAD_S) % DAY_S == 0:
            self._ahead = Thread(target=day_file, args=(self.scenario, self._date(ahead), ahead), daemon=True)
            self._ahead.start()
        if sim_s % DAY_S == 0:
            if self._ahead is not None:
                self._ahead.join()
            self._next_day()

    def _next_day(self) -> None:
        """Go on with the next day's demand; everybody on the road stays where they are."""
        state = Path(self._folder.name) / "midnight.xml.gz"
        libsumo.simulation.saveState(str(state))
        kept, sim_s = self._keep(), libsumo.simulation.getTime()
        self._stop()
        self._start(state, sim_s)
        self._resume(kept)

    def _date(self, number: int) -> date:
        zone = ZoneInfo(self.scenario.timezone)
        return datetime.fromtimestamp(self._offset_ms / 1000, zone).date() + timedelta(days=number)

"""A simulated city behind the ports of detectors and signals: SUMO by libsumo, one a process."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import libsumo

from citybrain.model import Batch, RoadNet, Tick, to_ms
from citybrain.network.lane_sensor import LaneSensors
from citybrain.network.scenario import Scenario, ScenarioError
from citybrain.network.sumo_control import write_programs

SignalMode = Literal["guard", "own", "actuated", "delay_based"]
TELEPORT_S = 600


class SimulatedCity:
    """SUMO running a scenario. libsumo holds one simulation a process: close one before the next is made.

    `control`: "guard" — lamps come through `show`; "own" — the network's own programs; "actuated" and
    "delay_based" — SUMO's own controllers on the real stages. Raises ScenarioError in one line where SUMO
    refuses the scenario.
    """

    def __init__(
        self,
        scenario: Scenario,
        net: RoadNet,
        *,
        control: SignalMode = "guard",
        state: Path | None = None,
        run: int = 1,
        outputs: Path | None = None,
    ) -> None:
        self.scenario = scenario
        self.net = net
        self.control: SignalMode = control
        self.run = run
        self._epoch_ms = to_ms(scenario.epoch)
        self._folder = tempfile.TemporaryDirectory(prefix="citybrain-")
        self._outputs = outputs
        self._steps = max(1, round(1.0 / scenario.step_s))
        self._start(state)
        self._lanes = LaneSensors(net)

    @property
    def time_ms(self) -> int:
        """City time, milliseconds since 1970 UTC."""
        return self._epoch_ms + int(libsumo.simulation.getCurrentTime())

    @property
    def finished(self) -> bool:
        """Whether the scenario is over: its end is reached, or everybody has arrived and nobody is to come."""
        end = self.scenario.end_s
        if end is not None:
            return bool(libsumo.simulation.getTime() >= end)
        return bool(libsumo.simulation.getMinExpectedNumber() == 0)

    def step(self) -> None:
        """Move the street on by one second."""
        for _ in range(self._steps):
            libsumo.simulationStep()

    def read(self, tick: Tick) -> Sequence[Batch]:
        """The readings of this tick (DetectorSource)."""
        rows = self._lanes.read(self.time_ms)
        return [Batch("traffic.lane_reading", tick.batch_id("traffic.lane_reading", "street"), rows)]

    def show(self, junction: str, lamps: str) -> None:
        """Show a lamp string at a junction (SignalController)."""
        libsumo.trafficlight.setRedYellowGreenState(junction, lamps)

    def close(self) -> None:
        """End the simulation; outputs are complete afterwards."""
        if libsumo.isLoaded():
            libsumo.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, state: Path | None) -> None:
        if libsumo.isLoaded():
            raise RuntimeError("a simulated city runs in this process already: close it first")
        errors = Path(self._folder.name) / "errors.txt"
        try:
            libsumo.start(["sumo", *self._arguments(state), "--error-log", str(errors)])
        except libsumo.TraCIException as e:
            told = errors.read_text(encoding="utf-8", errors="replace") if errors.exists() else ""
            lines = [line.removeprefix("Error: ").strip() for line in (told or str(e)).splitlines()]
            why = next((line for line in lines if line and not line.startswith("Quitting")), "no reason given")
            raise ScenarioError(f"{self.scenario.net_file}: SUMO cannot run this scenario: {why}") from None

    def _arguments(self, state: Path | None) -> list[str]:
        s = self.scenario
        additional = list(s.additional_files)
        if self.control in ("actuated", "delay_based"):
            additional.append(Path(self._folder.name) / "programs.add.xml")
            write_programs(self.net.junctions, self.control, additional[-1])
        options = {
            "net-file": str(s.net_file),
            "route-files": ",".join(map(str, s.route_files)),
            "additional-files": ",".join(map(str, additional)),
            "begin": str(s.begin_s),
            "step-length": str(s.step_s),
            "seed": str(s.seed),
            "scale": str(s.scale),
            "time-to-teleport": str(TELEPORT_S),
            "no-step-log": "true",
            "no-warnings": "true",
            "no-duration-log": "true",
            "xml-validation": "never",
            "device.tripinfo.probability": "1",
            "save-state.rng": "true",
            "save-state.precision": "9",
        } | dict(s.options)
        if self._outputs is not None:
            self._outputs.mkdir(parents=True, exist_ok=True)
            options |= {
                "tripinfo-output": str(self._outputs / "tripinfo.xml"),
                "tripinfo-output.write-unfinished": "true",
                "tripinfo-output.write-undeparted": "true",
                "summary-output": str(self._outputs / "summary.xml"),
            }
        if state is not None:
            options["load-state"] = str(state)
        return [part for key, value in options.items() if value for part in (f"--{key}", value)]

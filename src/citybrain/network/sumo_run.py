"""Starts SUMO in this process. libsumo holds one simulation a process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import libsumo

from citybrain.network.scenario import Scenario, ScenarioError

TELEPORT_S = 600
"""A vehicle that stands this long is moved on, as in the published baselines."""


def start_sumo(
    scenario: Scenario,
    folder: Path,
    *,
    routes: Sequence[Path],
    additional: Sequence[Path],
    state: Path | None,
    outputs: Path | None,
) -> None:
    """Start a simulation; `state` continues one that was saved. `folder` takes what SUMO says of errors.

    Raises ScenarioError in one line where SUMO refuses, RuntimeError where one runs already.
    """
    if libsumo.isLoaded():
        raise RuntimeError("a simulated city runs in this process already: close it first")
    errors = folder / "errors.txt"
    options = _options(scenario, routes, additional, state) | _outputs(outputs)
    arguments = [part for key, value in options.items() if value for part in (f"--{key}", value)]
    try:
        with _heard(errors):
            libsumo.start(["sumo", *arguments])
    except libsumo.TraCIException as e:
        if libsumo.isLoaded():
            libsumo.close()
        raise ScenarioError(f"{scenario.net_file}: SUMO cannot run this: {_reason(errors, e)}") from None


def _options(
    s: Scenario, routes: Sequence[Path], additional: Sequence[Path], state: Path | None
) -> dict[str, str]:
    return {
        "net-file": str(s.net_file),
        "route-files": ",".join(map(str, routes)),
        "additional-files": ",".join(map(str, additional)),
        "load-state": str(state) if state is not None else "",
        "begin": str(s.begin_s),
        "step-length": str(s.step_s),
        "seed": str(s.seed),
        "scale": str(s.scale),
        "time-to-teleport": str(TELEPORT_S),
        "no-step-log": "true",
        "no-warnings": "true",
        "no-duration-log": "true",
        "xml-validation": "never",
        "precision": "4",
        "device.tripinfo.probability": "1",
        "save-state.rng": "true",
        "save-state.precision": "17",
    } | dict(s.options)


def _outputs(outputs: Path | None) -> dict[str, str]:
    if outputs is None:
        return {}
    outputs.mkdir(parents=True, exist_ok=True)
    return {
        "tripinfo-output": str(outputs / "tripinfo.xml.gz"),
        "tripinfo-output.write-unfinished": "true",
        "tripinfo-output.write-undeparted": "true",
        "summary-output": str(outputs / "summary.xml.gz"),
    }


@contextmanager
def _heard(file: Path) -> Iterator[None]:
    """What this process says on standard error goes to the file: SUMO names its reason there and nowhere else in
    time (the log that it keeps of errors is written when the process ends)."""
    sys.stderr.flush()
    before = os.dup(2)
    with file.open("wb") as out:
        os.dup2(out.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)


def _reason(errors: Path, error: Exception) -> str:
    told = errors.read_text(encoding="utf-8", errors="replace")
    lines = [line.removeprefix("Error: ").strip() for line in (told or str(error)).splitlines()]
    return next((line for line in lines if line and not line.startswith("Quitting")), "it gives no reason")

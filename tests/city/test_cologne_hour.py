"""An hour of cologne8: the brain against SUMO's own `actuated`, recomputed here from SUMO's trip output."""

from __future__ import annotations

import gzip
import xml.etree.ElementTree as ET
from pathlib import Path
from statistics import fmean

import pytest

from citybrain.city.trial import run_trial
from citybrain.city.trial_plan import Controller
from citybrain.network import read_scenario
from tests.city.running import SHARED

COLOGNE = SHARED / "cologne8"
VEHICLES = 2046
SEEDS = (1, 2, 3)
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not COLOGNE.is_dir(), reason=f"{COLOGNE} is not there (set CITYBRAIN_DATA)"),
]


def _mean_delay_s(folder: Path) -> float:
    """Time lost on the way and waiting to depart, over all scheduled vehicles, finished or not."""
    with gzip.open(folder / "tripinfo.xml.gz") as stream:
        trips = ET.parse(stream).getroot().findall("tripinfo")
    assert len(trips) == VEHICLES
    return fmean(float(t.attrib["timeLoss"]) + max(0.0, float(t.attrib["departDelay"])) for t in trips)


def _run(controller: Controller, seed: int, folder: Path) -> float:
    scenario = read_scenario(COLOGNE)
    run_trial(scenario, scenario.net(), controller, seed, outputs=folder)
    return _mean_delay_s(folder)


def test_the_brain_more_than_halves_the_delay_of_actuated(tmp_path: Path) -> None:
    delays = {c: [_run(c, s, tmp_path / f"{c}{s}") for s in SEEDS] for c in ("actuated", "brain")}
    assert fmean(delays["brain"]) <= 0.45 * fmean(delays["actuated"]), delays
    assert max(delays["brain"]) < min(delays["actuated"]), delays

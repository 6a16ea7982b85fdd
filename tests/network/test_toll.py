"""Halts, arrivals and CO₂ of the score against SUMO's own trip output."""

from __future__ import annotations

import gzip
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest
from cities import data

from citybrain.model import Tick
from citybrain.network import SimulatedCity, read_scenario

SECONDS = 600


def test_the_score_counts_halts_arrivals_and_co2_as_sumo_does(tmp_path: Path) -> None:
    scenario = read_scenario(data("cologne8"))
    options = (*scenario.options, ("device.emissions.probability", "1"))
    rows = []
    with SimulatedCity(
        msgspec.structs.replace(scenario, options=options), scenario.net(), control="own", outputs=tmp_path
    ) as city:
        for second in range(SECONDS):
            city.step()
            for batch in city.read(Tick(1, second, city.time_ms)):
                rows += batch.rows.to_pylist()
    with gzip.open(tmp_path / "tripinfo.xml.gz") as file:
        trips = [t for _, t in ET.iterparse(file) if t.tag == "tripinfo"]
    arrived = [t for t in trips if float(t.attrib["arrival"]) >= 0]
    assert len(rows) == SECONDS // 10
    halts = sum(int(t.attrib["waitingCount"]) for t in trips)
    assert halts > 100
    assert sum(r["stops"] for r in rows) == pytest.approx(halts, rel=0.01), (
        "who halts right before arriving is missed"
    )
    assert sum(r["trips"] for r in rows) == len(arrived) > 100
    travel_s = sum(float(t.attrib["duration"]) + float(t.attrib["departDelay"]) for t in arrived)
    assert sum(r["travel_s"] for r in rows) == pytest.approx(travel_s, rel=0.001)
    co2_kg = sum(float(e.attrib["CO2_abs"]) for t in trips for e in t.iter("emissions")) / 1e6
    assert sum(r["co2_kg"] for r in rows) == pytest.approx(co2_kg, rel=0.05), "it is sampled"

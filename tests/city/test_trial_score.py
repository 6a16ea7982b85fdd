"""The figures of a trial, recomputed from SUMO's raw output by other code."""

from __future__ import annotations

import gzip
import math
import os
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from citybrain.city.trial import run_trial
from citybrain.city.trial_score import Score, ScoreError, read_score
from citybrain.network import read_scenario
from tests.city.odd_networks import configuration, two_junctions

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[3] / "shared" / "data"))
TRIP = (
    '<tripinfo id="{id}" depart="{depart}" departDelay="{wait}" arrival="{arrival}" duration="{way}" '
    'routeLength="1500" waitingCount="3" timeLoss="{loss}" vType="pkw"><emissions CO2_abs="2000000"/></tripinfo>'
)
NEVER = '<tripinfo id="{id}" depart="-1" departDelay="{wait}" arrival="-1.0" duration="0" timeLoss="0"/>'


def write(folder: Path, trips: str, summary: str = "<summary/>", spillback: str = "<detector/>") -> None:
    texts = {"tripinfo": trips, "summary": summary, "spillback": spillback}
    for name, text in texts.items():
        with gzip.open(folder / f"{name}.xml.gz", "wt") as file:
            file.write(text)


def test_the_score_charges_those_who_never_left_and_leaves_out_the_future(tmp_path: Path) -> None:
    trips = [
        TRIP.format(id="home", depart="10.0", wait="2.0", arrival="110.0", way="100.0", loss="40.0"),
        TRIP.format(id="on its way", depart="50.0", wait="0.0", arrival="-1.0", way="70.0", loss="30.0"),
        NEVER.format(id="never left", wait="25.0"),
        NEVER.format(id="tomorrow", wait="-9.0"),
    ]
    lanes = '<interval intervalHaltingDurationSum="12.5"/><interval intervalHaltingDurationSum="4"/>'
    write(
        tmp_path,
        f"<tripinfos>{''.join(trips)}</tripinfos>",
        '<summary><step teleports="1"/><step teleports="4"/></summary>',
        f"<detector>{lanes}</detector>",
    )
    score = read_score(tmp_path)
    assert (score.vehicles, score.arrived, score.running, score.undeparted, score.teleports) == (3, 1, 1, 1, 4)
    assert score.mean_delay_s == pytest.approx((42 + 30 + 25) / 3)
    assert score.mean_travel_s == pytest.approx((102 + 70 + 25) / 3)
    assert score.p95_delay_s == pytest.approx(30 + 0.9 * 12)  # place 1.9 of 25, 30, 42
    assert (score.stops, score.co2_kg, score.distance_km) == (2.0, 4.0, 3.0)
    assert score.spillback_s == 16.5


def test_nobody_at_all_has_no_delay(tmp_path: Path) -> None:
    write(tmp_path, "<tripinfos/>")
    assert read_score(tmp_path).mean_delay_s == 0.0


@pytest.mark.parametrize("text", ["", "<tripinfos><tripinfo", '<tripinfos><tripinfo id="a"/></tripinfos>'])
def test_broken_output_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    if not text:
        (tmp_path / "tripinfo.xml.gz").unlink()
    with pytest.raises(ScoreError, match=r"tripinfo\.xml\.gz: .+") as caught:
        read_score(tmp_path)
    assert "\n" not in str(caught.value)


def test_who_is_taken_off_the_road_has_not_arrived_and_is_charged_to_the_end(tmp_path: Path) -> None:
    jammed = TRIP.format(id="jammed", depart="10.0", wait="2.0", arrival="110.0", way="100.0", loss="40.0")
    write(
        tmp_path,
        "<tripinfos>" + jammed.replace("vType", 'vaporized="teleport" vType') + "</tripinfos>",
        '<summary><step time="599.00" teleports="1"/><step time="600.00" teleports="1"/></summary>',
    )
    score = read_score(tmp_path)
    assert (score.vehicles, score.arrived, score.running) == (1, 0, 1)
    assert (score.mean_delay_s, score.mean_travel_s) == (2 + 40 + 490, 2 + 100 + 490)


def test_the_figures_of_a_crowded_street_come_out_again(tmp_path: Path) -> None:
    """More want to depart than there is room for: many leave late, and some never do."""
    scenario = msgspec.structs.replace(read_scenario(configuration(tmp_path, two_junctions(tmp_path))), scale=8.0)
    found = run_trial(scenario, scenario.net(), "wave", 1, end_s=150.0, outputs=tmp_path / "raw").score
    assert found.undeparted > 0
    trips = _tree(tmp_path / "raw" / "tripinfo.xml.gz").findall("tripinfo")
    assert sum(float(v.attrib["departDelay"]) for v in trips if float(v.attrib["depart"]) >= 0) > 100.0
    _same(found, tmp_path / "raw", 150.0)


@pytest.mark.parametrize("controller", ["fixed", "brain"])
def test_the_figures_come_out_again_from_sumos_raw_output(tmp_path: Path, controller: str) -> None:
    """Eight minutes of hangzhou4x4, where not everybody arrives: each figure by other code and formula."""
    if not (DATA / "hangzhou4x4").is_dir():
        pytest.skip("shared/data/hangzhou4x4 is absent")
    scenario = read_scenario(DATA / "hangzhou4x4")
    found = run_trial(scenario, scenario.net(), controller, 1, end_s=480.0, outputs=tmp_path).score
    _same(found, tmp_path, 480.0)


def _same(found: Score, folder: Path, end_s: float) -> None:
    vehicles = _tree(folder / "tripinfo.xml.gz").findall("tripinfo")
    delays, travels, states = [], [], Counter[str]()
    for v in vehicles:
        begun, home = float(v.attrib["depart"]), float(v.attrib["arrival"])
        due = float(v.attrib["departDelay"])
        if begun < 0 and due <= 0:
            continue
        until = home if home >= 0 else end_s
        way = until - begun if begun >= 0 else 0.0
        states["home" if home >= 0 else "way" if begun >= 0 else "waits"] += 1
        delays.append(due + float(v.attrib["timeLoss"]))
        travels.append(due + way)
    assert (found.arrived, found.running, found.undeparted) == (states["home"], states["way"], states["waits"])
    assert states["home"] > 0 and states["way"] > 0
    assert found.mean_delay_s == pytest.approx(math.fsum(delays) / len(delays))
    assert found.mean_travel_s == pytest.approx(math.fsum(travels) / len(travels), rel=1e-3)
    assert sum(d < found.p95_delay_s for d in delays) / len(delays) == pytest.approx(0.95, abs=1 / len(delays))
    co2_mg = [float(e.attrib["CO2_abs"]) for v in vehicles for e in v.iter("emissions")]
    assert found.co2_kg == pytest.approx(math.fsum(co2_mg) / 1e6) and found.co2_kg > 0
    stops = sum(int(v.attrib["waitingCount"]) for v in vehicles)
    assert found.stops == pytest.approx(stops / len(delays)) and stops > 0
    steps = _tree(folder / "summary.xml.gz").findall("step")
    assert found.teleports == max(int(s.attrib["teleports"]) for s in steps)
    assert found.arrived == int(steps[-1].attrib["arrived"])
    assert found.running == int(steps[-1].attrib["running"])
    lanes = _tree(folder / "spillback.xml.gz").iter("interval")
    assert found.spillback_s == pytest.approx(
        math.fsum(float(i.attrib["intervalHaltingDurationSum"]) for i in lanes)
    )


def _tree(file: Path) -> ET.Element:
    with gzip.open(file) as stream:
        return ET.parse(stream).getroot()

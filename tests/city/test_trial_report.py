"""The report of a trial: what is drawn, against SUMO's raw outputs; the page stands by itself."""

from __future__ import annotations

import gzip
import os
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from citybrain.city.trial import TrialResult
from citybrain.city.trial_arterial import Arterial, find_arterial
from citybrain.city.trial_command import TrialWish, run_trials
from citybrain.city.trial_table import figures
from citybrain.city.trial_trace import read_arterial, read_queue
from citybrain.model import RoadNet
from citybrain.network import read_scenario

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[3] / "shared" / "data"))
PNG = b"\x89PNG\r\n\x1a\n"


def net_of(name: str) -> RoadNet:
    if not (DATA / name).is_dir():
        pytest.skip(f"shared/data/{name} is absent")
    return read_scenario(DATA / name).net()


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[TrialResult], Path]:
    pytest.importorskip("matplotlib", reason="the extra `report` is not installed")
    net_of("cologne8")
    folder = tmp_path_factory.mktemp("report")
    wish = TrialWish(DATA / "cologne8", "fixed,brain", end="+300", jobs=2, out=folder / "runs", report=folder)
    return run_trials(wish), folder


def test_the_page_stands_by_itself(reported: tuple[list[TrialResult], Path]) -> None:
    results, folder = reported
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=[\"'](?!data:)", page) and "<script" not in page and "url(" not in page
    assert page.count('src="data:image/png;base64,') == 3
    assert page.count('lang="zh"') > 10
    for result in results:
        row = [result.controller, *figures([result], results[0].score.mean_delay_s)]
        assert "".join(f"<td>{cell}</td>" for cell in row) in page
        assert result.outputs in page


def test_the_plots_are_pictures(reported: tuple[list[TrialResult], Path]) -> None:
    for name in ("delay", "queue", "arterial"):
        data = (reported[1] / f"{name}.png").read_bytes()
        assert data.startswith(PNG)
        width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
        assert width > 600 and height > 150


def test_the_queue_is_that_of_sumos_summary(reported: tuple[list[TrialResult], Path]) -> None:
    folder = Path(reported[0][0].outputs)
    steps = _tree(folder / "summary.xml.gz").findall("step")
    trace = read_queue(folder)
    assert trace.time_s.tolist() == [float(t) for t in range(0, 300, 10)]
    assert trace.standing.tolist() == [float(s.attrib["halting"]) for s in steps[::10]]
    assert trace.waiting.tolist() == [float(s.attrib["waiting"]) for s in steps[::10]]
    assert trace.standing.max() > 5


def test_the_drives_are_those_of_sumos_output(reported: tuple[list[TrialResult], Path]) -> None:
    folder, arterial = Path(reported[0][0].outputs), find_arterial(net_of("cologne8"))
    begin_s = reported[0][0].begin_s + 100
    trace = read_arterial(folder, arterial, begin_s, begin_s + 100)
    begins = dict(zip(arterial.links, arterial.begins_m, strict=True))
    raw = {
        (float(step.attrib["time"]), begins[v.attrib["lane"][:-2]] + float(v.attrib["pos"]))
        for step in _tree(folder / "arterial.xml.gz").findall("timestep")
        for v in step.findall("vehicle")
        if begin_s <= float(step.attrib["time"]) <= begin_s + 100 and v.attrib["lane"][:-2] in begins
    }
    drawn = {pair for course in trace.courses for pair in zip(course.time_s, course.at_m, strict=True)}
    assert drawn == raw and len(raw) > 100
    for course in trace.courses:
        assert course.time_s == sorted(course.time_s)


def test_the_lights_cover_the_time_without_gap(reported: tuple[list[TrialResult], Path]) -> None:
    folder, arterial = Path(reported[0][0].outputs), find_arterial(net_of("cologne8"))
    begin_s = reported[0][0].begin_s
    trace = read_arterial(folder, arterial, begin_s + 100, begin_s + 200)
    for stop in arterial.stops:
        lights = [light for light in trace.lights if light.at_m == stop.at_m]
        assert lights[0].begin_s == begin_s + 100
        assert all(a.end_s == b.begin_s and a.colour != b.colour for a, b in pairwise(lights))
    assert {light.colour for light in trace.lights} == {"g", "y", "r"}


@pytest.mark.parametrize(("name", "signals"), [("cologne8", 3), ("hangzhou4x4", 4), ("jinan3x4", 4)])
def test_the_arterial_goes_straight_through_most_signals(name: str, signals: int) -> None:
    """In a grid of r x c the longest straight way meets max(r, c) signals."""
    net = net_of(name)
    arterial = find_arterial(net)
    assert len(arterial.stops) == signals
    assert len({s.junction for s in arterial.stops}) == signals
    assert [s.at_m for s in arterial.stops] == sorted(s.at_m for s in arterial.stops)
    ends = {link.id: link for link in net.links}
    for a, b in pairwise(arterial.links):
        assert ends[a].to_node == ends[b].from_node
    for stop in arterial.stops:
        junction = next(j for j in net.junctions if j.id == stop.junction)
        assert any(stop.signal_link in m.signal_links and m.turn == "s" for m in junction.movements)


def test_a_network_without_a_way_straight_on_has_no_arterial(small: RoadNet) -> None:
    assert find_arterial(small) == Arterial((), (), ())


@pytest.fixture
def small() -> RoadNet:
    """cologne8 with its straight movements taken for left turns."""
    net = net_of("cologne8")
    turned = [
        msgspec.structs.replace(j, movements=tuple(msgspec.structs.replace(m, turn="l") for m in j.movements))
        for j in net.junctions
    ]
    return msgspec.structs.replace(net, junctions=tuple(turned))


def _tree(file: Path) -> ET.Element:
    with gzip.open(file) as stream:
        return ET.parse(stream).getroot()

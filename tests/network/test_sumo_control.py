"""The programs that SUMO's own controllers are given."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from cities import data

from citybrain.network import read_scenario
from citybrain.network.sumo_control import write_programs


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    net = read_scenario(data("bologna_joined")).net(None)
    file = tmp_path_factory.mktemp("programs") / "programs.add.xml"
    write_programs(net.junctions, "actuated", file)
    return {p.get("id", ""): [dict(x.attrib) for x in p.iter("phase")] for p in ET.parse(file).getroot()}


def original(signal: str) -> list[dict[str, str]]:
    file = data("bologna_joined") / "joined_tls.add.xml"
    return [dict(x.attrib) for p in ET.parse(file).getroot() if p.get("id") == signal for x in p.iter("phase")]


def test_pieces_of_a_stage_are_one_and_every_second_stays(programs: dict[str, list[dict[str, str]]]) -> None:
    for signal, phases in programs.items():
        lamps = [p["state"] for p in phases]
        assert all(a != b for a, b in zip(lamps, [*lamps[1:], lamps[0]], strict=True)), signal
        before = {p["state"] for p in original(signal)}
        kept = sum(float(p["duration"]) for p in phases if p["state"] in before)
        assert kept >= sum(float(p["duration"]) for p in original(signal)), signal


def test_a_stage_keeps_the_range_that_its_program_gives(programs: dict[str, list[dict[str, str]]]) -> None:
    found = {p["state"]: (float(p["minDur"]), float(p["maxDur"])) for p in programs["210"] if "minDur" in p}
    asked: dict[str, list[float]] = {}
    for p in original("210"):
        if p["state"] in found:
            least, most = asked.setdefault(p["state"], [0.0, 0.0])
            asked[p["state"]] = [least + float(p["minDur"]), most + float(p["maxDur"])]
    assert found and {s: tuple(r) for s, r in asked.items()} == found


def test_what_lies_between_stages_keeps_its_duration(programs: dict[str, list[dict[str, str]]]) -> None:
    for phases in programs.values():
        assert all("minDur" not in p for p in phases if "y" in p["state"])

"""Trials on unusual SUMO configurations: each controller runs, keeps its clearance, and lets everybody through."""

from __future__ import annotations

import gzip
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from citybrain.city.trial import run_trial
from citybrain.city.trial_plan import CONTROLLERS, Controller
from citybrain.model import RoadNet
from citybrain.network import Scenario, read_scenario
from tests.city.odd_networks import configuration, two_junctions


def plain(folder: Path) -> Path:
    return configuration(folder, two_junctions(folder))


def pedestrians(folder: Path) -> Path:
    net = two_junctions(folder, "--sidewalks.guess", "--crossings.guess")
    return configuration(folder, net, walkers=True)


def joined(folder: Path) -> Path:
    """Two nodes 40 m apart under one signal."""
    net = two_junctions(folder, "--tls.join", "--tls.join-dist", "60", apart_m=40)
    return configuration(folder, net)


def nema(folder: Path) -> Path:
    """Phases in two rings without yellow among them: SUMO makes it by itself."""
    return configuration(folder, two_junctions(folder, "--tls.default-type", "NEMA"))


def own_detectors(folder: Path) -> Path:
    """An actuated program that asks a loop of a file of its own, beside a file of loops that nobody asks."""
    net = two_junctions(folder)
    program = re.search(r'<tlLogic id="a".*?</tlLogic>', net.read_text(), re.S)
    assert program
    loop = '<inductionLoop id="{0}" lane="w-a_0" pos="-20" period="60" file="{0}.xml"/>'
    ask = '<param key="w-a_0" value="asked"/></tlLogic>'
    text = program[0].replace('programID="0"', 'programID="day"').replace('type="static"', 'type="actuated"')
    config = configuration(folder, net, additional=text.replace("</tlLogic>", ask))
    for name in ("asked", "unasked"):
        (folder / f"{name}.add.xml").write_text(f"<additional>{loop.format(name)}</additional>")
    files = "asked.add.xml,unasked.add.xml,odd.add.xml"
    config.write_text(config.read_text().replace('value="odd.add.xml"', f'value="{files}"'))
    scenario = read_scenario(config)
    assert [f.name for f in scenario.detector_files] == ["asked.add.xml"]
    assert [f.name for f in scenario.additional_files] == ["odd.add.xml"]
    return config


def several_programs(folder: Path) -> Path:
    """A second program a signal, to which a clock goes over after 40 s and back after 80 s."""
    net = two_junctions(folder)
    more = []
    for signal in "ab":
        program = re.search(rf'<tlLogic id="{signal}".*?</tlLogic>', net.read_text(), re.S)
        assert program
        more.append(program[0].replace('programID="0"', 'programID="day"').replace('duration="4', 'duration="2'))
        more.append(
            f'<WAUT id="w{signal}" refTime="0" startProg="0"><wautSwitch time="40" to="day"/>'
            f'<wautSwitch time="80" to="0"/></WAUT><wautJunction wautID="w{signal}" junctionID="{signal}"/>'
        )
    return configuration(folder, net, additional="".join(more))


def uncontrolled(folder: Path) -> Path:
    """A free right turn beside the signal's links."""
    ways = (("a-w", 0, 0, True), ("a-as", 0, 0, False), ("a-as", 1, 1, False), ("a-b", 1, 1, False))
    lines = [
        f'<connection from="an-a" to="{to}" fromLane="{a}" toLane="{b}" uncontrolled="{str(free).lower()}"/>'
        for to, a, b, free in ways
    ]
    return configuration(folder, two_junctions(folder, connections="".join(lines)))


KINDS = (plain, pedestrians, joined, nema, own_detectors, several_programs, uncontrolled)


@pytest.mark.parametrize("made", KINDS, ids=lambda kind: kind.__name__)
def test_every_controller_lets_everybody_through(made: Callable[[Path], Path], tmp_path: Path) -> None:
    scenario = read_scenario(made(tmp_path))
    net = scenario.net()
    assert [j.refused for j in net.junctions] == [None] * len(net.junctions)
    vehicles = set()
    for controller in CONTROLLERS:
        outputs = tmp_path / controller
        score = run_trial(scenario, net, controller, 1, sensors="field", outputs=outputs).score
        vehicles.add(score.vehicles)
        assert score.arrived >= 0.8 * score.vehicles and score.teleports == 0
        if controller != "fixed":  # what the network's own program does is its own affair
            _keeps_clearance(net, outputs / "lamps.xml.gz")
    assert len(vehicles) == 1 and vehicles.pop() > 50


def _keeps_clearance(net: RoadNet, lamps: Path) -> None:
    """No link goes from green to red without its yellow, and no two links of a conflict are both G."""
    junctions = {j.id: j for j in net.junctions}
    shown: dict[str, list[str]] = {}
    with gzip.open(lamps) as stream:
        for state in ET.parse(stream).getroot().iter("tlsState"):
            shown.setdefault(state.attrib["id"], []).append(state.attrib["state"])
    assert shown
    for name, states in shown.items():
        junction = junctions[name]
        crossings = {k for m in junction.movements if m.turn == "p" for k in m.signal_links}
        changes = 0
        for before, after in pairwise(states):
            changes += before != after
            for i, (a, b) in enumerate(zip(before, after, strict=True)):
                assert not (a in "Gg" and b == "r") or i in crossings, f"{name}: link {i} had no yellow"
            greens = [i for i, letter in enumerate(after) if letter == "G"]
            assert not [(i, j) for i in greens for j in greens if j in junction.conflicts[i]]
        assert changes > 3


def test_a_clock_takes_the_lamps_from_nobody(tmp_path: Path) -> None:
    """With and without the clock in its files wave's run is the same; the network's own programs follow it."""
    scenario = read_scenario(several_programs(tmp_path))
    text = scenario.additional_files[0].read_text()
    still = tmp_path / "still.add.xml"
    still.write_text(re.sub(r"<WAUT.*?</WAUT>|<wautJunction[^>]*/>", "", text))

    without = msgspec.structs.replace(scenario, additional_files=(still,))

    def delay_s(controller: Controller, of: Scenario) -> float:
        return run_trial(of, scenario.net(), controller, 1).score.delay_s

    assert delay_s("wave", scenario) == delay_s("wave", without)
    assert delay_s("actuated", scenario) == delay_s("actuated", without)
    assert delay_s("fixed", scenario) != delay_s("fixed", without)


def test_nobody_is_left_out_who_waits_long_to_depart(tmp_path: Path) -> None:
    """A configuration that gives up who waits for 5 s, and twice the cars that its road takes: all 200 count."""
    config = configuration(tmp_path, two_junctions(tmp_path))
    flow = '<flow id="a" from="w-a" to="b-e" begin="0" end="100" period="0.5"/>'
    (tmp_path / "odd.rou.xml").write_text(f"<routes>{flow}</routes>")
    config.write_text(config.read_text().replace("<begin", '<max-depart-delay value="5"/><begin'))
    scenario = read_scenario(config)
    score = run_trial(scenario, scenario.net(), "fixed", 1, end_s=120.0).score
    assert (score.vehicles, score.arrived + score.running + score.undeparted) == (200, 200)
    assert score.undeparted > 20 and score.p95_delay_s > 20

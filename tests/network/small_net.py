"""Small networks made for a test: a crossroads of two-lane streets 150 m long, by SUMO's netconvert."""

from __future__ import annotations

import subprocess
from pathlib import Path

import sumo

ARMS = {"n": (0, 150), "e": (150, 0), "s": (0, -150), "w": (-150, 0)}


def crossroads(folder: Path, *options: str, arms: str = "nesw", connections: str = "") -> Path:
    """A network of one signal, `c`, with streets `<arm>c` into it and `c<arm>` out of it."""
    nodes = [f'<node id="{a}" x="{x}" y="{y}"/>' for a, (x, y) in ARMS.items() if a in arms]
    edges = [
        f'<edge id="{a}{b}" from="{a}" to="{b}" numLanes="2" speed="13.89"/>'
        for arm in arms
        for a, b in ((arm, "c"), ("c", arm))
    ]
    parts = {
        "nod": ("nodes", '<node id="c" x="0" y="0" type="traffic_light"/>' + "".join(nodes)),
        "edg": ("edges", "".join(edges)),
        "con": ("connections", connections),
    }
    command = [str(Path(sumo.SUMO_HOME) / "bin" / "netconvert"), "--no-turnarounds", *options]
    for kind, (root, text) in parts.items():
        file = folder / f"c.{kind}.xml"
        file.write_text(f"<{root}>{text}</{root}>")
        word = {"nod": "node", "edg": "edge", "con": "connection"}[kind]
        command += [f"--{word}-files", str(file)]
    net = folder / "c.net.xml"
    subprocess.run([*command, "-o", str(net)], check=True, capture_output=True)
    return net


def level_crossing(folder: Path) -> Path:
    """A configuration: a road from `w` over signal `c` and level crossing `r` to `e`, a street across at `c`, and
    a train each minute at `r`, whose lamps SUMO drives without a program."""
    at = {"c": (0, 0), "r": (200, 0), "w": (-200, 0), "e": (400, 0), "n": (0, 200), "s": (0, -200)}
    at |= {"rn": (200, 200), "rs": (200, -200)}
    kinds = {"c": ' type="traffic_light"', "r": ' type="rail_crossing"'}
    nodes = "".join(f'<node id="{n}" x="{x}" y="{y}"{kinds.get(n, "")}/>' for n, (x, y) in at.items())
    edges = "".join(
        f'<edge id="{a}{b}" from="{a}" to="{b}" numLanes="1" speed="13.89"/>'
        for x, y in ("wc", "cr", "re", "nc", "sc")
        for a, b in ((x, y), (y, x))
    )
    edges += '<edge id="up" from="rn" to="r" numLanes="1" speed="20" allow="rail"/>'
    edges += '<edge id="down" from="r" to="rs" numLanes="1" speed="20" allow="rail"/>'
    command = [str(Path(sumo.SUMO_HOME) / "bin" / "netconvert"), "--no-turnarounds"]
    for word, text in (("node", nodes), ("edge", edges)):
        (folder / f"{word}.xml").write_text(f"<{word}s>{text}</{word}s>")
        command += [f"--{word}-files", str(folder / f"{word}.xml")]
    net = folder / "c.net.xml"
    subprocess.run([*command, "-o", str(net)], check=True, capture_output=True)
    flows = "".join(
        f'<flow id="{a}" from="{a}" to="{b}" begin="0" end="200" period="6"/>'
        for a, b in (("wc", "re"), ("nc", "cs"))
    )
    flows += '<vType id="t" vClass="rail" length="60"/>'
    flows += '<flow id="t" type="t" from="up" to="down" begin="40" end="200" period="60"/>'
    return city_of(folder, net, demand=flows)


def city_of(folder: Path, net: Path, *, demand: str | None = None, program: str = "") -> Path:
    """A SUMO configuration beside the network: `demand` (routes XML; none: cars on all streets), and a signal
    program (the inside of <additional>) in place of the network's."""
    (folder / "c.rou.xml").write_text(f"<routes>{demand if demand is not None else cars()}</routes>")
    additional = ""
    if program:
        (folder / "c.add.xml").write_text(f"<additional>{program}</additional>")
        additional = '<additional-files value="c.add.xml"/>'
    config = folder / "c.sumocfg"
    config.write_text(
        f'<configuration><net-file value="{net.name}"/><route-files value="c.rou.xml"/>{additional}'
        '<begin value="0"/><end value="120"/></configuration>'
    )
    return config


def cars(arms: str = "nesw") -> str:
    """A car each 6 s from each arm to the one opposite."""
    pairs = [(a, b) for a, b in ("ns", "sn", "ew", "we") if a in arms and b in arms]
    return "".join(f'<flow id="{a}{b}" from="{a}c" to="c{b}" begin="0" end="120" period="6"/>' for a, b in pairs)


def program(*phases: tuple[float, str], kind: str = "static", number: str = "1", offset: float = 0.0) -> str:
    """A program of signal `c`."""
    inside = "".join(f'<phase duration="{d:g}" state="{s}"/>' for d, s in phases)
    return f'<tlLogic id="c" type="{kind}" programID="{number}" offset="{offset:g}">{inside}</tlLogic>'


def lefts_apart() -> str:
    """A program of the crossroads in which straight on and left take turns: four stages."""
    states = ("GGGrrrrrGGGrrrrr", "rrrGrrrrrrrGrrrr", "rrrrGGGrrrrrGGGr", "rrrrrrrGrrrrrrrG")
    return program(*(phase for s in states for phase in ((20, s), (3, s.replace("G", "y")))))

"""Unusual SUMO configurations, made with SUMO's own netconvert: two junctions of a main street, four ways each."""

from __future__ import annotations

import subprocess
from pathlib import Path

import sumo

FAR_M, APART_M = 250, 200
MINUTES_2 = 120


def two_junctions(folder: Path, *options: str, apart_m: int = APART_M, connections: str = "") -> Path:
    """A network of the signals `a` and `b` on a street from west to east, each with a street across."""
    at = {"w": (-FAR_M, 0), "a": (0, 0), "b": (apart_m, 0), "e": (apart_m + FAR_M, 0)}
    at |= {"an": (0, FAR_M), "as": (0, -FAR_M), "bn": (apart_m, FAR_M), "bs": (apart_m, -FAR_M)}
    kinds = {n: ' type="traffic_light"' if n in "ab" else "" for n in at}
    nodes = "".join(f'<node id="{n}" x="{x}" y="{y}"{kinds[n]}/>' for n, (x, y) in at.items())
    pairs = [("w", "a"), ("a", "b"), ("b", "e"), ("an", "a"), ("as", "a"), ("bn", "b"), ("bs", "b")]
    edges = "".join(
        f'<edge id="{x}-{y}" from="{x}" to="{y}" numLanes="2" speed="13.89"/>'
        for one, other in pairs
        for x, y in ((one, other), (other, one))
    )
    texts = {"node": f"<nodes>{nodes}</nodes>", "edge": f"<edges>{edges}</edges>"}
    texts["connection"] = f"<connections>{connections}</connections>"
    command = [str(Path(sumo.SUMO_HOME) / "bin" / "netconvert"), "--no-turnarounds", "--no-warnings", *options]
    for word, text in texts.items():
        file = folder / f"{word}.xml"
        file.write_text(text)
        command += [f"--{word}-files", str(file)]
    net = folder / "odd.net.xml"
    subprocess.run([*command, "-o", str(net)], check=True, capture_output=True)
    return net


def configuration(folder: Path, net: Path, *, walkers: bool = False, additional: str = "") -> Path:
    """A configuration beside the network: cars both ways along the street and across, for two minutes."""
    ways = [("w-a", "b-e", 4), ("e-b", "a-w", 6), ("an-a", "a-as", 8), ("bs-b", "b-bn", 8), ("as-a", "b-e", 12)]
    routes = "".join(
        f'<flow id="{x}_{y}" from="{x}" to="{y}" begin="0" end="{MINUTES_2}" period="{s}"/>' for x, y, s in ways
    )
    if walkers:
        routes += f'<personFlow id="p" begin="0" end="{MINUTES_2}" period="10">'
        routes += '<walk from="an-a" to="a-as"/></personFlow>'
    (folder / "odd.rou.xml").write_text(f"<routes>{routes}</routes>")
    more = ""
    if additional:
        (folder / "odd.add.xml").write_text(f"<additional>{additional}</additional>")
        more = '<additional-files value="odd.add.xml"/>'
    config = folder / "odd.sumocfg"
    config.write_text(
        f'<configuration><net-file value="{net.name}"/><route-files value="odd.rou.xml"/>{more}'
        f'<begin value="0"/><end value="{MINUTES_2 * 2}"/></configuration>'
    )
    return config

"""SUMO's own outputs of a run, from which every figure of a trial can be made again."""

from __future__ import annotations

from html import escape
from pathlib import Path

import msgspec

from citybrain.city.trial_arterial import Arterial
from citybrain.model import RoadNet
from citybrain.network import Scenario

TRIPINFO = "tripinfo.xml.gz"
"""One line a vehicle, those that are on their way or never left included; CO₂ by SUMO's emission model."""
SUMMARY = "summary.xml.gz"
"""One line a second: vehicles on the road, standing, waiting to depart, teleports so far."""
SPILLBACK = "spillback.xml.gz"
"""One line an exit lane: how long somebody stood on its first metres."""
TRAJECTORIES = "arterial.xml.gz"
"""Places of the vehicles on one arterial."""
LAMPS = "lamps.xml.gz"
"""Lamps of the signals along it."""
_MEASURES = "measures.add.xml"
_ARTERIAL = "arterial.txt"
BEGIN_M = 7.5
"""Room that a vehicle needs, gap included: while another stands in it, nobody can enter the lane."""
HALTED_MPS = 0.1
TRAJECTORY_S = 2
DAY_S = 86_400
"""Longer than a run: one line a detector, written at its end."""


def measured(scenario: Scenario, net: RoadNet, arterial: Arterial, folder: Path, *, emissions: bool) -> Scenario:
    """The scenario with what makes SUMO write its outputs beside trips and summary; none changes how it runs.

    Every exit lane of a signal gets a detector on its begin. Nobody is given up who waits long to depart: he would
    be missing among the scheduled. Raises OSError.
    """
    length = {lane.id: lane.length_m for link in net.links for lane in link.lanes}
    lanes = dict.fromkeys(lane for j in net.junctions for m in j.movements for lane in m.exit_lanes)
    lines = [
        f'  <laneAreaDetector id="exit_{escape(lane)}" lane="{escape(lane)}" pos="0" '
        f'endPos="{min(BEGIN_M, length[lane])}" speedThreshold="{HALTED_MPS:g}" period="{DAY_S}" '
        f'file="{SPILLBACK}"/>'
        for lane in lanes
    ]
    lines += [
        f'  <timedEvent type="SaveTLSStates" source="{escape(stop.junction)}" dest="{LAMPS}"/>'
        for stop in arterial.stops
    ]
    file = folder / _MEASURES
    file.write_text("\n".join(["<additional>", *lines, "</additional>"]), encoding="utf-8")
    options = {"device.emissions.probability": "1"} if emissions else {}
    if arterial.links:
        links = folder / _ARTERIAL
        links.write_text("".join(f"edge:{link}\n" for link in arterial.links), encoding="utf-8")
        options |= {
            "fcd-output": str(folder / TRAJECTORIES),
            "fcd-output.filter-edges.input-file": str(links),
            "fcd-output.attributes": "lane,pos",
            "device.fcd.period": str(TRAJECTORY_S),
        }
    return msgspec.structs.replace(
        scenario,
        additional_files=(*scenario.additional_files, file),
        options=(*(o for o in scenario.options if o[0] != "max-depart-delay"), *options.items()),
    )

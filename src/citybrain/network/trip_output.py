"""SUMO's own trip output: the outside measure that every trial is recomputed from."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from citybrain.network.netfile import Attributes, NetError, scan_xml
from citybrain.network.scenario import ScenarioError


class TripScore(Struct, frozen=True):
    """How the scheduled vehicles of a run fared, finished or not."""

    scheduled: int
    arrived: int
    undeparted: int
    mean_delay_s: float
    """Mean of time loss and waiting to enter over all scheduled vehicles."""
    mean_travel_s: float
    """Mean time on the road of those that departed."""


def read_trips(tripinfo: Path) -> TripScore:
    """The score of a `tripinfo.xml` written with unfinished and undeparted vehicles. Raises ScenarioError."""
    total = arrived = undeparted = 0
    delay = travel = 0.0

    def start(tag: str, a: Attributes) -> None:
        nonlocal total, arrived, undeparted, delay, travel
        if tag != "tripinfo":
            return
        total += 1
        delay += max(float(a["timeLoss"]), 0.0) + max(float(a["departDelay"]), 0.0)
        if float(a["depart"]) < 0:
            undeparted += 1
            return
        travel += float(a["duration"])
        arrived += float(a["arrival"]) >= 0

    try:
        scan_xml(tripinfo, start)
    except NetError as e:
        raise ScenarioError(str(e)) from None
    gone = total - undeparted
    return TripScore(total, arrived, undeparted, delay / max(total, 1), travel / max(gone, 1))

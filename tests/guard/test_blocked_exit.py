"""An exit is blocked for ten minutes, detectors as they are: control goes on, and it ends with the block."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import libsumo
import msgspec
import pytest
from guard_oracle import violations
from tests.city.odd_networks import configuration, two_junctions

from citybrain.city.loop import Loop
from citybrain.city.second import Second
from citybrain.guard import Guard
from citybrain.hub import load_catalogue
from citybrain.model import Batch, RoadNet
from citybrain.network import SimulatedCity, read_scenario

BLOCKED, OPEN_AGAIN, END = 120, 720, 1200
EXIT = "a-b"
VEHICLE_M = 7.5
FLOWS = {
    "through": ("w-a", "b-e", 8),
    "back": ("e-b", "a-w", 8),
    "down_a": ("an-a", "a-as", 12),
    "up_a": ("as-a", "a-an", 12),
    "down_b": ("bn-b", "b-bs", 12),
    "up_b": ("bs-b", "b-bn", 12),
}
"""From, to, seconds between two vehicles."""


@dataclass
class Seen:
    """What a run showed: for each second the arrivals of each flow and how many stand before the junction whose
    exit is blocked; the lamps of each junction; what the brain said
    of the exit while it lasted (part taken of its freest lane), and what it really was."""

    net: RoadNet
    arrived: list[Counter[str]] = field(default_factory=list)
    standing: list[int] = field(default_factory=list)
    lamps: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    taken: list[float | None] = field(default_factory=list)
    really: list[float] = field(default_factory=list)
    teleports: int = 0

    def between(self, begin: int, end: int) -> Counter[str]:
        """Arrivals of each flow in [begin, end)."""
        return sum(self.arrived[begin:end], Counter())

    def look(self, second: int, made: tuple[Batch, ...]) -> None:
        self.arrived.append(Counter(v.rpartition(".")[0] for v in libsumo.simulation.getArrivedIDList()))
        self.standing.append(libsumo.edge.getLastStepHaltingNumber("w-a"))
        self.teleports += libsumo.simulation.getStartingTeleportNumber()
        for junction in self.net.junctions:
            shown = libsumo.trafficlight.getRedYellowGreenState(junction.id)
            self.lamps.setdefault(junction.id, []).append((float(second), shown))
        if BLOCKED <= second < OPEN_AGAIN:
            rows = [r for b in made if b.dataset == "traffic.movement_queue" for r in b.rows.to_pylist()]
            (link,) = (k for k in self.net.links if k.id == EXIT)
            there = [libsumo.lane.getLastStepVehicleNumber(lane.id) for lane in link.lanes]
            self.really.append(min(there) * VEHICLE_M / link.lanes[0].length_m)
            self.taken += [r["exit_occupied"] for r in rows if r["movement"] == "a:w-a>a-b"]


def block(net: RoadNet, where: float, second: int) -> None:
    """Let a vehicle break down at that part of each lane of the exit: the first that can still brake for it."""
    (link,) = (k for k in net.links if k.id == EXIT)
    for index, lane in enumerate(link.lanes):
        vehicles = libsumo.lane.getLastStepVehicleIDs(lane.id)
        if any(libsumo.vehicle.getStops(v, 1) for v in vehicles):
            continue
        for vehicle in vehicles:
            at, speed = libsumo.vehicle.getLanePosition(vehicle), libsumo.vehicle.getSpeed(vehicle)
            if at + speed**2 / 6 + 5 < where * lane.length_m:
                left_s = OPEN_AGAIN - second
                libsumo.vehicle.setStop(vehicle, EXIT, where * lane.length_m, index, left_s)
                break


def drive(folder: Path, apart_m: int, where: float) -> Seen:
    config = configuration(folder, two_junctions(folder, apart_m=apart_m))
    flows = "".join(
        f'<flow id="{name}" from="{begin}" to="{end}" begin="0" end="{END}" period="{period_s}"/>'
        for name, (begin, end, period_s) in FLOWS.items()
    )
    (folder / "odd.rou.xml").write_text(f"<routes>{flows}</routes>")
    scenario = msgspec.structs.replace(read_scenario(config), end_s=END)
    net, declared = scenario.net(), load_catalogue(None)
    seen = Seen(net)
    with SimulatedCity(scenario, net, sensors="field") as city:
        guard = Guard(net, city.time_ms)
        loop = Loop(Second(city, guard, declared, 1), net, declared)
        for second in range(END):
            seen.look(second, loop.decide(*loop.advance()))
            if BLOCKED <= second < OPEN_AGAIN:
                block(net, where, second)
        assert guard.faults == {}
    return seen


@pytest.mark.parametrize(("apart_m", "where", "seen_by_detectors"), [(120, 0.95, True), (300, 0.5, False)])
def test_a_blocked_exit_holds_up_nobody_else_and_is_over_when_it_is_over(
    apart_m: int, where: float, seen_by_detectors: bool, tmp_path: Path
) -> None:
    seen = drive(tmp_path, apart_m, where)
    for junction in seen.net.junctions:
        assert violations(junction, seen.lamps[junction.id], max_red_s=junction.max_red_s) == []
    known = [part for part in seen.taken if part is not None]
    if seen_by_detectors:  # late and miscounted: as full as it got within a vehicle, two counted twice at times
        assert max(seen.really) - 0.08 <= max(known) <= max(seen.really) + 0.16
        assert quantiles(known, n=10)[-1] == pytest.approx(max(seen.really), abs=0.08)
        assert max(known) > 0.75
    else:
        assert not known, "it says what it does not know"
    meanwhile = seen.between(BLOCKED, OPEN_AGAIN)
    assert meanwhile["through"] <= 10, "the exit is blocked indeed"
    assert seen.standing[OPEN_AGAIN] >= 30
    for name, (_, _, period_s) in FLOWS.items():
        came = (OPEN_AGAIN - BLOCKED) / period_s
        assert name == "through" or meanwhile[name] >= 0.85 * came, name
    afterwards = seen.between(OPEN_AGAIN, END)["through"]
    assert afterwards >= 0.9 * (END - BLOCKED) / FLOWS["through"][2], "who was held up has gone"
    assert max(seen.standing[OPEN_AGAIN + 240 :]) <= 10
    assert seen.teleports == 0

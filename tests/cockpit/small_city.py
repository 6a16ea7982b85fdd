"""A small city for the tests of this room: four signals, their streets, and what happens there each second."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import citybrain
from citybrain.model import (
    Area,
    Batch,
    Declarations,
    Junction,
    Lane,
    Level,
    Link,
    MapProjection,
    Movement,
    OwnPlan,
    PlanPhase,
    Point,
    Priority,
    Reach,
    RoadNet,
    Stage,
    Zone,
    arrow_schema,
    read_declarations,
)

BLOCK_M = 300.0
LANE_M = 3.2
START_MS = 1_794_006_000_000
"""07:00 of a Saturday in November 2026, in Shanghai."""
VEHICLES = 60
_SIDES = ((0, 1), (1, 0), (0, -1), (-1, 0))
_STREETS = {0: ("Rose Lane", "Elm Street"), 1: ("Mill Road", "解放路")}


def declarations() -> Declarations:
    """The declarations of the package's rooms."""
    package = Path(citybrain.__file__).parent
    return read_declarations(sorted(package.glob("*/datasets")))


def small_net() -> RoadNet:
    """Two by two junctions, arms of 300 m between and around them, one lane each way."""
    links = {link.id: link for link in _links()}
    junctions = tuple(_junction(x, y, links) for y in range(2) for x in range(2))
    south, north = (
        Area("south", Level.DISTRICT, "South", "南片", "city"),
        Area("north", Level.DISTRICT, "North", "北片", "city"),
    )
    city = Area("city", Level.CITY, "Smallville", "小城")
    return RoadNet(
        digest="5ma11c17y0000000000000000000000000000000",
        name="Smallville",
        projection=_projection(),
        bounds=(-BLOCK_M, -BLOCK_M, 2 * BLOCK_M, 2 * BLOCK_M),
        links=tuple(links.values()),
        junctions=junctions,
        areas=(city, south, north, *(Area(j.id, Level.JUNCTION, j.name, j.name, j.district) for j in junctions)),
        attribution="© OpenStreetMap contributors",
    )


def _projection() -> MapProjection:
    """Near Hangzhou, a metre a metre (to within what a test needs)."""
    scale = 1000.0
    unit = scale / (40_075_016.0 * math.cos(math.radians(30.25)))
    x0, y0 = (120.16 + 180) / 360, 0.5 - math.asinh(math.tan(math.radians(30.25))) / (2 * math.pi)
    return MapProjection("local", 0, 0, scale, (x0, unit, 0, 0, 0, 0), (y0, 0, -unit, 0, 0, 0), 0.0)


def _node(x: int, y: int) -> str:
    return f"n{x}{y}".replace("-", "m")


def _links() -> Iterator[Link]:
    for y in range(2):
        for x in range(2):
            for dx, dy in _SIDES:
                yield _link((x, y), (x + dx, y + dy))
                if not (0 <= x + dx < 2 and 0 <= y + dy < 2):
                    yield _link((x + dx, y + dy), (x, y))


def _link(a: tuple[int, int], b: tuple[int, int]) -> Link:
    """A link that keeps to the right and ends 12 m before the middle of a junction."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    right = (dy * LANE_M / 2, -dx * LANE_M / 2)

    def at(node: tuple[int, int], shift: float) -> Point:
        return (node[0] * BLOCK_M + right[0] + dx * shift, node[1] * BLOCK_M + right[1] + dy * shift)

    shape = (at(a, 12.0), at(b, -12.0))
    name = f"{_node(*a)}{_node(*b)}"
    street = _STREETS[0 if dx else 1][a[1] % 2 if dx else a[0] % 2]
    length = math.dist(*shape)
    lane = Lane(f"{name}_0", 0, length, 13.9, shape)
    return Link(name, street, _node(*a), _node(*b), length, 13.9, (lane,), shape, 2)


def _junction(x: int, y: int, links: dict[str, Link]) -> Junction:
    """Two stages: north and south go; east and west go, and people on foot. Straight on and right, one each. A
    further stage: one arm alone."""
    zones, movements = [], []
    for dx, dy in _SIDES:
        into = f"{_node(x + dx, y + dy)}{_node(x, y)}"
        lane = links[into].lanes[0]
        zones.append(Zone(lane.id, f"J{x}{y}", 100.0, 13.9, (Reach(lane.id, lane.length_m - 100, lane.length_m),)))
        for turn, (ox, oy) in (("s", (-dx, -dy)), ("r", (-dy, dx))):
            out = f"{_node(x, y)}{_node(x + ox, y + oy)}"
            index = len(movements)
            movements.append(
                Movement(
                    f"J{x}{y}:{into}>{out}", into, out, turn, (lane.id,), (index,), (f"{out}_0",), 276.0, False
                )
            )
    movements.append(Movement(f"J{x}{y}::crossing", "", "", "p", (), (8,), (), 0.0, False))
    vertical, horizontal = "GGrrGGrrr", "rrGGrrGGG"
    phases = (PlanPhase(vertical, 20, 0), PlanPhase("yyrryyrrr", 3, -1), PlanPhase(horizontal, 20, 1))
    return Junction(
        id=f"J{x}{y}",
        name=f"{_STREETS[0][y]} / {_STREETS[1][x]}",
        point=(x * BLOCK_M, y * BLOCK_M),
        district="north" if y else "south",
        zones=tuple(zones),
        movements=tuple(movements),
        stages=(
            Stage(0, vertical, (0, 1, 4, 5)),
            Stage(1, horizontal, (2, 3, 6, 7, 8)),
            Stage(2, "GGrrrrrrr", (0, 1), further=True),
        ),
        plan=OwnPlan("0", phases, 0.0),
        conflicts=((),) * 9,
        yields=((),) * 9,
        yellow_s=(3.0,) * 9,
        all_red_s=1.0,
        min_green_s=5.0,
        max_red_s=120.0,
        max_green_s=45.0,
        group="" if y else "Rose Lane",
        priorities=(Priority((0,), 2.5, 25_200, 32_400, (0, 1, 2, 3, 4)),),
    )


class Happenings:
    """What happens in the small city at each second, as batches and frames: the same each time."""

    def __init__(self, net: RoadNet, declared: Declarations) -> None:
        self.net = net
        self.declared = declared
        self.control = {j.id: "brain" for j in net.junctions}

    @staticmethod
    def time_ms(s: int) -> int:
        return START_MS + s * 1000

    def batch(self, dataset: str, rows: list[dict[str, Any]], name: str) -> Batch:
        schema = arrow_schema(self.declared[dataset])
        return Batch(dataset, f"{dataset}/test/{name}", pa.RecordBatch.from_pylist(rows, schema=schema))

    def second(self, s: int) -> list[Batch]:
        """The batches of second `s`: signals, queues and orders; scores each 10 s, link speeds each 60 s."""
        ms = START_MS + s * 1000
        found = [
            self.batch("traffic.signal_state", [self._signal(j, s, ms) for j in self.net.junctions], str(s)),
            self.batch("traffic.movement_queue", list(self._queues(s, ms)), str(s)),
            self.batch("traffic.signal_order", [self._order(j, s, ms) for j in self.net.junctions], str(s)),
        ]
        if s % 10 == 0:
            found.append(self.batch("sim.score", [self.score("live", s), self.score("shadow", s)], str(s)))
        if s % 60 == 0:
            found.append(self.batch("traffic.link_speed", self._speeds(ms), str(s)))
        return found

    def score(self, which: str, s: int) -> dict[str, Any]:
        worse = 1.0 if which == "live" else 1.6
        return {
            "city": which,
            "time": START_MS + s * 1000,
            "in_transit": VEHICLES if which == "live" else 2 * VEHICLES,
            "waiting": 0,
            "mean_delay_s": (20.0 + s % 7) * worse,
            "delay_index": 1.2 * worse,
            "mean_speed_mps": 8.0 / worse,
            "arrived": 900 if which == "live" else 800,
            "halted": 6,
            "longest_queue_m": 40.0 * worse,
            "longest_queue_zone": self.net.junctions[0].zones[0].id,
            "teleports": 0,
            "stops": 5 if which == "live" else 8,
            "trips": 3,
            "travel_s": 240.0 * worse,
            "co2_kg": 0.3 * worse,
        }

    def frame(self, s: int) -> bytes:
        """Vehicles on their way along the links, a frame of second `s`."""
        links = self.net.links
        x0, y0, x1, y1 = self.net.bounds
        at = [(links[i % len(links)].shape, (0.07 * i + 0.04 * s) % 1.0) for i in range(VEHICLES)]
        x = np.array([a[0] + (b[0] - a[0]) * t for (a, b), t in at])
        y = np.array([a[1] + (b[1] - a[1]) * t for (a, b), t in at])
        heading = np.array([math.atan2(b[0] - a[0], b[1] - a[1]) % (2 * math.pi) for (a, b), _ in at])
        lamps = "".join(self._lamps(s) for _ in self.net.junctions).encode()
        return b"".join(
            (
                struct.pack("<IHHdIII12x", 0x31464243, 1, 0, float(START_MS + s * 1000), 1, VEHICLES, len(lamps)),
                np.arange(1, VEHICLES + 1, dtype="<u4").tobytes(),
                ((x - x0) / (x1 - x0) * 65535).astype("<u2").tobytes(),
                ((y - y0) / (y1 - y0) * 65535).astype("<u2").tobytes(),
                (heading / (2 * math.pi) * 255).astype("u1").tobytes(),
                np.full(VEHICLES, 48, "u1").tobytes(),
                (np.arange(VEHICLES) % 6).astype("u1").tobytes(),
                lamps,
            )
        )

    def _lamps(self, s: int) -> str:
        return self.net.junctions[0].stages[s // 10 % 2].lamps

    def _signal(self, junction: Junction, s: int, ms: int) -> dict[str, Any]:
        stage = s // 10 % 2
        return {
            "junction": junction.id,
            "time": ms,
            "stage": stage,
            "next_stage": stage,
            "since": START_MS + s // 10 * 10_000,
            "lamps": self._lamps(s),
            "control": self.control[junction.id],
        }

    def _queues(self, s: int, ms: int) -> Iterator[dict[str, Any]]:
        for junction in self.net.junctions:
            for i, movement in enumerate(junction.movements):
                yield {
                    "movement": movement.id,
                    "junction": junction.id,
                    "time": ms,
                    "queue_veh": float((s + i) % 9),
                    "queue_sd_veh": 0.8,
                    "arrival_vph": 300.0,
                    "waited_s": float(s % 30),
                    "age_s": 0.5,
                }

    def _order(self, junction: Junction, s: int, ms: int) -> dict[str, Any]:
        return {
            "junction": junction.id,
            "time": ms,
            "stage": s // 10 % 2,
            "why": "longest_queue",
            "serves": junction.movements[0].id,
            "serves_veh": 8.0,
            "waits": junction.movements[2].id,
            "waits_s": 12.0,
        }

    def performance(self, junction: Junction, begin_s: int, end_s: int) -> list[Batch]:
        """Measures of each five minutes and cycles of a minute each, of all movements, between two seconds. Those
        from the north are too short of green in each third cycle; the crossing has no vehicles."""
        measured = [self._measure(junction, i, s) for s in range(begin_s + 300, end_s + 1, 300) for i in range(9)]
        cycles = [self._cycle(junction, i, s) for s in range(begin_s + 60, end_s + 1, 60) for i in range(9)]
        return [
            self.batch("traffic.movement_measure", measured, f"{junction.id}/{begin_s}"),
            self.batch("traffic.movement_cycle", cycles, f"{junction.id}/{begin_s}"),
        ]

    def _measure(self, junction: Junction, i: int, s: int) -> dict[str, Any]:
        counted = i < 8
        return {
            "movement": junction.movements[i].id,
            "junction": junction.id,
            "time": START_MS + s * 1000,
            "cycles": 5,
            "cycle_s": 60.0,
            "green_share": 0.4,
            "volume_vph": 600.0 - 60 * i + s % 900 / 9 if counted else None,
            "arrivals_vph": 600.0 - 60 * i if counted else None,
            "on_green_share": 0.6 if counted else None,
            "platoon_ratio": 1.5 if counted else None,
            "split_failures": (2 if i == 0 else 0) if counted else None,
            "delay_s": 11.0 + s % 700 / 100 if counted else None,
            "standing_s": 14.0 if counted else None,
            "queue_veh": 9.0 - i if counted else None,
            "on_yellow_veh": 0.5 if counted else None,
            "on_red_veh": 0.0 if counted else None,
            "walk_wait_s": None if counted else 21.0,
            "seen": 0.97 if counted else None,
        }

    def _cycle(self, junction: Junction, i: int, s: int) -> dict[str, Any]:
        begin = START_MS + (s - 60) * 1000
        green = 33 + 4 * math.sin(s / 900)
        arrivals = [round((11.7 * k + s / 7) % 30 + 30 * (k % 3 > 0), 1) for k in range(10 - i)] if i < 8 else []
        return {
            "movement": junction.movements[i].id,
            "junction": junction.id,
            "time": START_MS + s * 1000,
            "begin": begin,
            "green": begin + round(green * 1000),
            "yellow": begin + 57_000,
            "offsets_s": json.dumps(arrivals),
            "split_failed": i == 0 and s // 60 % 3 == 0,
        }

    def _speeds(self, ms: int) -> list[dict[str, Any]]:
        """The first link crawls, the second is slow, the third has too few probes to tell."""
        speeds = (2.0, 5.0, 1.0, 13.0)
        return [
            {"link": link.id, "time": ms, "speed_mps": v, "free_speed_mps": 13.9, "probes": 1 if i == 2 else 5}
            for i, (link, v) in enumerate(zip(self.net.links, speeds, strict=False))
        ]

"""A network drawn by hand for the tests of the brain, rows of its detectors, a toy street behind the guard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa
from msgspec import structs

import citybrain
from citybrain.guard import Guard
from citybrain.model import (
    Batch,
    Declarations,
    Junction,
    Lane,
    Link,
    MapProjection,
    Movement,
    OwnPlan,
    PlanPhase,
    Reach,
    RoadNet,
    Stage,
    Step,
    Tick,
    Zone,
    arrow_schema,
    read_declarations,
)

T0 = 1_767_571_200_000
SIDES = ("n", "s", "w", "e")
LAMPS = ("GGrrrG", "rrGGgG")
READING, STATE, QUEUE = "traffic.lane_reading", "traffic.signal_state", "traffic.movement_queue"


@cache
def declared() -> Declarations:
    return read_declarations(sorted(Path(citybrain.__file__).parent.glob("*/datasets")))


def crossing(name: str, exit_to: str = "", refused: str | None = None) -> Junction:
    """North-south and east-west, one lane each; from the east a left turn shares the lane (movement 4); a free
    right turn from the north has its own (movement 5). With `exit_to`, all leave into the north lane there."""
    exits = (f"{exit_to}/n_0",) if exit_to else ("away_0",)
    length = 90.0 if exit_to else 500.0
    lanes = {side: f"{name}/{side}_0" for side in (*SIDES, "free")}
    zones = tuple(Zone(z, name, 75.0, 13.9, (Reach(z, 0.0, 90.0),)) for z in lanes.values())
    feeds = ("n", "s", "w", "e", "e", "free")
    turns = ("s", "s", "s", "s", "l", "r")
    names = ("n", "s", "w", "e", "left", "free")
    movements = tuple(
        Movement(f"{name}:{names[i]}", feeds[i], "out", turns[i], (lanes[feeds[i]],), (i,), exits, length, i == 5)
        for i in range(6)
    )
    stages = tuple(Stage(k, w, tuple(i for i, c in enumerate(w) if c in "Gg")) for k, w in enumerate(LAMPS))
    phases = tuple(PlanPhase(w, 30.0, k) for k, w in enumerate(LAMPS))
    return Junction(
        id=name,
        name=name,
        point=(0.0, 0.0),
        district="d",
        zones=zones,
        movements=movements,
        stages=stages,
        plan=OwnPlan("0", phases, 0.0),
        conflicts=((2, 3, 4), (2, 3, 4), (0, 1, 4), (0, 1), (0, 1, 2), ()),
        yields=((), (), (), (), (2,), ()),
        yellow_s=(3.0,) * 6,
        all_red_s=2.0,
        min_green_s=5.0,
        max_red_s=90.0,
        refused=refused,
    )


def with_further() -> Junction:
    """The crossing of a program that lets north, south, and west and east go one after the other, and its further
    stage 3: north and south together."""
    words = ("GrrrrG", "rGrrrG", "rrGGgG", "GGrrrG")
    stages = (Stage(k, w, tuple(i for i, c in enumerate(w) if c in "Gg"), k == 3) for k, w in enumerate(words))
    return structs.replace(crossing("a"), stages=tuple(stages))


def city(*junctions: Junction) -> RoadNet:
    """A network of those junctions; each lane of a zone is a link of 90 m."""
    plane = MapProjection("local", 0.0, 0.0, 1.0, (0.0,) * 6, (0.0,) * 6, 0.0)
    links = tuple(
        Link(z.id[:-2], "", "a", j.id, 90.0, 13.9, (Lane(z.id, 0, 90.0, 13.9, ()),), (), 3)
        for j in junctions
        for z in j.zones
    )
    return RoadNet("by hand", "City", plane, (0.0, 0.0, 1.0, 1.0), links, junctions, (), "")


def two() -> RoadNet:
    """Junction a, whose traffic leaves towards b; b; and c, which the brain may not control."""
    return city(crossing("a", exit_to="b"), crossing("b"), crossing("c", refused="no stages"))


def tick(second: int, run: int = 1) -> Tick:
    return Tick(run, second, T0 + second * 1000)


def reading(zone: str, second: int, count: int = 0, halted: int = 0, **more: object) -> dict[str, object]:
    """A row of traffic.lane_reading."""
    row: dict[str, object] = {"zone": zone, "junction": zone.split("/")[0], "time": T0 + second * 1000}
    row |= {"period_s": 1.0, "count": count, "halted": halted, "mean_speed_mps": None, "entered": 0, "passed": 0}
    row |= {"stop_occupied": halted > 0, "upstream_occupied": False, "healthy": True}
    return row | more


def lamp(junction: str, second: int, stage: int, since: int = 0, to: int | None = None) -> dict[str, object]:
    """A row of traffic.signal_state; the lamps of `stage`, all red while they change."""
    lamps = LAMPS[stage] if stage >= 0 else "r" * 5 + "G"
    row: dict[str, object] = {"junction": junction, "time": T0 + second * 1000, "stage": stage, "lamps": lamps}
    return row | {"next_stage": stage if to is None else to, "since": T0 + since * 1000, "control": "brain"}


def batch(dataset: str, rows: Iterable[dict[str, object]], second: int) -> Batch:
    table = pa.RecordBatch.from_pylist(list(rows), schema=arrow_schema(declared()[dataset]))
    return Batch(dataset, tick(second).batch_id(dataset, "test"), table)


class ToyStreet:
    """Lanes as counters behind the guard: arrivals join the queue at once, green lets one go every two seconds.
    Feeds the steps of one junction, and the guard with their orders; notes which stage was shown each second (-1
    while lamps change)."""

    def __init__(self, steps: Sequence[Step], junction: Junction, period_s: int = 1) -> None:
        self.steps = steps
        self.junction = junction
        self.guard = Guard(city(junction), T0)
        self.states = [s.start() for s in steps]
        self.period_s = period_s
        self.waiting = {z.id: 0 for z in junction.zones}
        self.entered = dict.fromkeys(self.waiting, 0)
        self.passed = dict.fromkeys(self.waiting, 0)
        self.second = 0
        self.orders: list[dict[str, object]] = []
        self.shown: list[int] = []

    def second_goes_by(self, arrivals: dict[str, int], healthy: bool = True) -> None:
        self.second += 1
        self.guard.advance(T0 + self.second * 1000)
        for zone, number in arrivals.items():
            self.waiting[zone] += number
            self.entered[zone] += number
        self._let_go()
        self._decide(healthy)

    def _let_go(self) -> None:
        (lamps,) = self.guard.lamps
        self.shown.append(LAMPS.index(lamps) if lamps in LAMPS else -1)
        for slot, movement in enumerate(self.junction.movements):
            zone = movement.zones[0]
            if self.waiting[zone] and slot != 4 and lamps[slot] in "Gg" and self.second % 2 == 0:
                self.waiting[zone] -= 1
                self.passed[zone] += 1

    def _decide(self, healthy: bool) -> None:
        inputs = []
        if self.second % self.period_s == 0:
            rows = [
                reading(
                    zone,
                    self.second,
                    number,
                    number,
                    period_s=float(self.period_s),
                    entered=self.entered[zone],
                    passed=self.passed[zone],
                    healthy=healthy,
                )
                for zone, number in self.waiting.items()
            ]
            inputs.append(batch(READING, rows, self.second))
            self.entered, self.passed = dict.fromkeys(self.waiting, 0), dict.fromkeys(self.waiting, 0)
        state = self.guard.state_rows(T0 + self.second * 1000)
        if state is not None:
            inputs.append(Batch(STATE, tick(self.second).batch_id(STATE, "guard"), state))
        for at, step in enumerate(self.steps):
            self.states[at], rows_out = step.run(self.states[at], tick(self.second), inputs)
            if rows_out is not None:
                inputs.append(Batch(step.writes, tick(self.second).batch_id(step.writes, step.name), rows_out))
        self.guard.orders(inputs[-1].rows, "brain")
        self.orders += inputs[-1].rows.to_pylist()

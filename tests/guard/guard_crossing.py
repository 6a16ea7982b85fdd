"""Junctions for the tests of the guard: one drawn by hand, and the real ones of the shared data."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from citybrain.guard import Limits, start, step
from citybrain.model import Area, Junction, Level, MapProjection, Movement, OwnPlan, PlanPhase, RoadNet, Stage
from citybrain.network import read_scenario

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[3] / "shared" / "data"))
REAL = ("cologne8", "bologna_joined", "hangzhou4x4")
T0 = 1_767_571_200_000

# Links: 0 north through, 1 north left, 2 south through, 3 south left, 4 west, 5 east, 6 a free right turn.
_CONFLICTS = ((3, 4, 5), (2, 4, 5), (1, 4, 5), (0, 4, 5), (0, 1, 2, 3), (0, 1, 2, 3), ())
_YIELDS = ((), (2,), (), (0,), (), (), ())


def crossing(**changes: object) -> Junction:
    """A crossing with permitted and protected left turns, stages that overlap, and links of unequal yellow."""
    lamps = ("GgGgrrG", "rGrGrrG", "rrrrGGG", "GGrrrrG")
    names = ("nt", "nl", "st", "sl", "w", "e", "free")
    ways = (("n", "s'"), ("n", "e'"), ("s", "n'"), ("s", "w'"), ("w", "e'"), ("e", "w'"), ("s", "e'"))
    movements = tuple(
        Movement(
            f"x:{n}",
            ways[i][0],
            ways[i][1],
            "lr"[n == "free"] if n in ("nl", "sl", "free") else "s",
            (),
            (i,),
            (),
            0.0,
            n == "free",
        )
        for i, n in enumerate(names)
    )
    stages = tuple(
        Stage(k, word, tuple(i for i, c in enumerate(word) if c in "Gg")) for k, word in enumerate(lamps)
    )
    phases = [
        PlanPhase(phase, duration, stage)
        for stage, green_s in ((0, 20.0), (1, 10.0), (2, 15.0))
        for phase, duration, stage in ((lamps[stage], green_s, stage), ("y" * 7, 3.0, -1), ("r" * 7, 2.0, -1))
    ]
    base = Junction(
        id="x",
        name="Crossing",
        point=(0.0, 0.0),
        district="d",
        zones=(),
        movements=movements,
        stages=stages,
        plan=OwnPlan("0", tuple(phases), 0.0),
        conflicts=_CONFLICTS,
        yields=_YIELDS,
        yellow_s=(3.0, 4.0, 3.0, 4.0, 3.5, 5.0, 3.0),
        all_red_s=1.5,
        min_green_s=5.0,
        max_red_s=90.0,
    )
    return msgspec.structs.replace(base, **changes)


def city(*junctions: Junction) -> RoadNet:
    """A network of those junctions, one district each."""
    areas = [Area("c", Level.CITY, "City", "城市")]
    areas += [Area(d, Level.DISTRICT, d, d, "c") for d in sorted({j.district for j in junctions})]
    areas += [Area(j.id, Level.JUNCTION, j.name, j.name, j.district) for j in junctions]
    plane = MapProjection("local", 0.0, 0.0, 1.0, (0.0,) * 6, (0.0,) * 6, 0.0)
    return RoadNet("by hand", "City", plane, (0.0, 0.0, 1.0, 1.0), (), junctions, tuple(areas), "")


@cache
def real_net(name: str) -> RoadNet | None:
    """The network of a folder of the shared data, None where that is absent."""
    return read_scenario(DATA / name).net() if (DATA / name).is_dir() else None


@cache
def junctions() -> tuple[Junction, ...]:
    """The crossing by hand and every real junction at hand that may be controlled."""
    nets = [net for net in map(real_net, REAL) if net is not None]
    return (crossing(), *(j for net in nets for j in net.junctions if j.refused is None))


def stubborn(seed: int, stages: int) -> Iterator[int | None]:
    """An adversary's wishes: any stage, now for a second, now for minutes, at times none at all."""
    rng = random.Random(seed)
    while True:
        wish = rng.choice([None, *range(stages)])
        yield from [wish] * rng.choice((1, 1, 2, 3, 7, 30, 200, 400))


def drive(limits: Limits, wishes: Iterator[int | None], seconds: int) -> list[tuple[float, str]]:
    """The lamps of the core under those wishes, second by second from all-red."""
    signal = start(limits, T0)
    history = [(0.0, limits.lamps[-1])]
    for second in range(1, seconds):
        signal, lamps, _ = step(limits, signal, next(wishes), T0 + second * 1000)
        history.append((float(second), lamps))
    return history

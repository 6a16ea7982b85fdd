"""A network cut into parts: every junction is in one, and together they decide bit for bit what the whole does."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import pyarrow as pa
from brain_street import READING, STATE, batch, city, crossing, declared, lamp, reading, tick
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.brain import parts
from citybrain.city.worker import worker_graph
from citybrain.cloud import LocalRunner
from citybrain.model import Batch, Junction, RoadNet

SECONDS = 130
"""Long enough for the turning shares to be fitted twice."""


def ring(size: int, turned: list[bool], refused: set[int]) -> RoadNet:
    """Junctions in a ring, each of which leads into the next one; where `turned` by its left turn only."""
    junctions = []
    for at in range(size):
        to = f"j{(at + 1) % size}"
        one = crossing(f"j{at}", exit_to=to, refused="not today" if at in refused else None)
        movements = tuple(
            msgspec.structs.replace(m, from_link=f"{one.id}/{m.from_link}", to_link=link)
            for m in one.movements
            for link in [f"{to}/n" if m.turn == "l" or not turned[at] else f"out{at}"]
        )
        junctions.append(msgspec.structs.replace(one, movements=movements, point=(at * 0.01, at % 3 * 0.005)))
    return city(*junctions)


def second(net: RoadNet, chance: random.Random, at: int) -> list[Batch]:
    """What detectors and lamps might say: most lanes speak each second, some are out, some say nothing."""
    rows = [_reading(z.id, chance, at) for j in net.junctions for z in j.zones if chance.random() < 0.8]
    lamps = [lamp(j.id, at, at // 15 % 2, at // 15 * 15) for j in net.junctions]
    return [batch(READING, rows, at), batch(STATE, lamps, at)]


def _reading(zone: str, chance: random.Random, at: int) -> dict[str, object]:
    count = chance.randrange(9)
    return reading(
        zone,
        at,
        count,
        chance.randint(0, count),
        mean_speed_mps=chance.random() * 14 if count else None,
        entered=chance.randrange(2),
        passed=chance.randrange(2),
        healthy=chance.random() < 0.9,
    )


def rows_of(batches: list[Batch]) -> dict[str, pa.Table]:
    """All rows of a dataset, in the order of their ids."""
    found: dict[str, list[pa.RecordBatch]] = {}
    for b in batches:
        found.setdefault(b.dataset, []).append(b.rows)
    keys = ("junction", "zone", "movement")
    return {
        name: pa.Table.from_batches(rows).sort_by([(k, "ascending") for k in keys if k in rows[0].schema.names])
        for name, rows in found.items()
    }


@settings(max_examples=4, deadline=None)
@given(st.integers(1, 7), st.integers(2, 5), st.integers(0, 2**32), st.data())
def test_parts_decide_together_what_the_whole_does(size: int, count: int, seed: int, data: st.DataObject) -> None:
    turned = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    net = ring(size, turned, data.draw(st.sets(st.integers(0, size - 1), max_size=2)))
    whole = LocalRunner(worker_graph(net, declared(), 1, 1))
    workers = [LocalRunner(worker_graph(net, declared(), k, count)) for k in range(1, count + 1)]
    chance = random.Random(seed)
    for at in range(1, SECONDS):
        inputs = second(net, chance, at)
        expected = whole.run(tick(at), inputs)
        made = [b for worker in workers for b in worker.run(tick(at), inputs)]
        assert len({b.id for b in made}) == len(made)
        assert rows_of(made) == rows_of(list(expected))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(1, 16))
def test_every_junction_is_in_one_part_with_those_that_see_its_exits(size: int, count: int) -> None:
    net = ring(size, [at % 2 == 0 for at in range(size)], set())
    cut = parts(net, count)
    assert len(cut) == count and parts(net, count) == cut
    assert Counter(name for part in cut for name in part.own) == Counter(j.id for j in net.junctions)
    for part in cut:
        able = {j.id for j in part.net.junctions if j.refused is None}
        assert able == part.own
        ahead = {m.to_link.split("/")[0] for j in net.junctions if j.id in able for m in j.movements}
        assert {j for j in ahead if j.startswith("j")} <= {j.id for j in part.net.junctions}
    busy = [len(part.own) for part in cut]
    assert max(busy) - min(busy) <= max(2, size // count)


def test_junctions_that_share_a_link_stay_together() -> None:
    net = ring(4, [True] * 4, set())
    shared = msgspec.structs.replace(net.junctions[2].movements[4], to_link="j1/n")
    movements = (*net.junctions[2].movements[:4], shared, net.junctions[2].movements[5])
    junctions: list[Junction] = list(net.junctions)
    junctions[2] = msgspec.structs.replace(junctions[2], movements=movements)
    (home,) = (p for p in parts(msgspec.structs.replace(net, junctions=tuple(junctions)), 4) if "j0" in p.own)
    assert "j2" in home.own

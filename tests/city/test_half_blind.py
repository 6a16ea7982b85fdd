"""Half of all detectors dead, and all of one junction: the brain still beats the own plan of a real network."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from citybrain.city.loop import Loop
from citybrain.city.second import Second
from citybrain.guard import Guard
from citybrain.hub import load_catalogue
from citybrain.model import Batch, Tick
from citybrain.network import SimulatedCity, read_scenario

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[3] / "shared" / "data"))
SECONDS = 600


def is_dead(zone: str) -> bool:
    return zlib.crc32(zone.encode()) % 2 == 0


def half_dead(batch: Batch, blind: str) -> Batch:
    """The readings without those of every other zone, and without those of the junction `blind`."""
    if batch.dataset != "traffic.lane_reading":
        return batch
    rows = batch.rows
    zones = rows.column("zone").to_pylist()
    dead = np.array([is_dead(z) for z in zones])
    dead |= np.array([j == blind for j in rows.column("junction").to_pylist()])
    columns = {name: rows.column(name) for name in rows.schema.names}
    for name in ("count", "halted", "entered", "passed"):
        columns[name] = pa.array(np.where(dead, 0, columns[name].to_numpy()))
    columns |= dict.fromkeys(("healthy", "upstream_works", "stop_works"), pa.array(~dead))
    return Batch(batch.dataset, batch.id, pa.RecordBatch.from_arrays(list(columns.values()), schema=rows.schema))


def delay_s(batches: list[Batch]) -> float:
    scores = [b.rows.column("mean_delay_s")[0].as_py() for b in batches if b.dataset == "sim.score"]
    return float(scores[-1])


def test_a_half_blind_brain_still_beats_the_own_plan() -> None:
    if not (DATA / "cologne8").is_dir():
        pytest.skip("the data of cologne8 is not here (set CITYBRAIN_DATA)")
    scenario = read_scenario(DATA / "cologne8")
    net, catalogue = scenario.net(), load_catalogue(None)
    with SimulatedCity(scenario, net, control="own") as city:
        own: list[Batch] = []
        for _ in range(SECONDS):
            city.step()
            own += city.read(Tick(1, 0, city.time_ms))
    blind = net.junctions[0].id
    with SimulatedCity(scenario, net) as city:
        guard = Guard(net, city.time_ms)
        loop = Loop(Second(city, guard, catalogue, 1), net, catalogue)
        ours: list[Batch] = []
        shown: set[str] = set()
        known: dict[str, dict[str, Any]] = {}
        for _ in range(SECONDS):
            tick, batches = loop.advance()
            made = loop.decide(tick, [half_dead(b, blind) for b in batches])
            queues = [r for b in made if b.dataset == "traffic.movement_queue" for r in b.rows.to_pylist()]
            known |= {r["movement"]: r for r in queues}
            ours += [b for b in batches if b.dataset == "sim.score"]
            shown.add(city.lamps()[0])
    green = {m for s in net.junctions[0].stages if s.lamps in shown for m in s.movements}
    assert green == set(range(len(net.junctions[0].movements))), "who is seen by nobody is served too"
    assert delay_s(ours) < delay_s(own)
    dead = {z.id for z in (z for j in net.junctions for z in j.zones) if is_dead(z.id) or z.junction == blind}
    ways = [m for j in net.junctions for m in j.movements if m.zones and m.id in known]
    unseen, seen = (
        [known[m.id] for m in ways if {*m.zones} <= dead],
        [known[m.id] for m in ways if not {*m.zones} & dead],
    )
    assert len(unseen) > 10 and len(seen) > 10
    assert all(r["age_s"] is None for r in unseen), "it says what it does not know"
    heard = [r["age_s"] is not None and r["age_s"] <= 10.0 for r in seen]
    assert sum(heard) >= 0.9 * len(heard), "a few are disbelieved"
    assert fmean(r["queue_sd_veh"] for r in unseen) > 1.2 * fmean(r["queue_sd_veh"] for r in seen)
    doubts = [r["arrival_sd_vph"] / r["arrival_vph"] for r in unseen if r["arrival_vph"] > 0.0]
    assert len(doubts) > 10 and min(doubts) > 0.25, "half of what is only usual on each lane"

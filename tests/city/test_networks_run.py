"""Every shared network runs under the brain: safe lamps, orders for all, nobody stuck at the start."""

from __future__ import annotations

from itertools import combinations

import pytest

from citybrain.city.loop import ORDERS, Loop
from citybrain.city.second import Second
from citybrain.guard import Guard
from citybrain.hub import load_catalogue
from citybrain.network import SimulatedCity, read_scenario
from tests.city.running import SHARED

SECONDS = 60
NETWORKS = {"cologne8": 8, "hangzhou4x4": 16, "jinan3x4": 12, "bologna_joined": 13, "nanchang859": 859}


@pytest.mark.parametrize("name", NETWORKS)
def test_it_runs_under_the_brain(name: str) -> None:
    if not (SHARED / name).is_dir():
        pytest.skip(f"{SHARED / name} is not there (set CITYBRAIN_DATA)")
    scenario = read_scenario(SHARED / name, scale=0.1 if name == "nanchang859" else 1.0)
    net = scenario.net()
    assert len(net.junctions) == NETWORKS[name]
    able = {j.id for j in net.junctions if j.refused is None}
    assert len(able) > 0.85 * len(net.junctions)
    declared = load_catalogue(None)
    ordered: set[str] = set()
    with SimulatedCity(scenario, net) as city:
        guard = Guard(net, city.time_ms)
        loop = Loop(Second(city, guard, declared, 1), net, declared)
        for _ in range(SECONDS):
            for batch in loop.decide(*loop.advance()):
                if batch.dataset == ORDERS:
                    ordered |= set(batch.rows.column("junction").to_pylist())
            for junction, lamps in zip(net.junctions, guard.lamps, strict=True):
                greens = [i for i, lamp in enumerate(lamps) if lamp == "G"]
                if junction.refused is None:
                    assert not [1 for i, j in combinations(greens, 2) if j in junction.conflicts[i]]
        assert guard.faults == {}
    assert ordered == able

"""The brain behind the guard in a real simulation: the oracle reads the lamps from SUMO itself."""

from __future__ import annotations

import libsumo
import msgspec
import pytest
from guard_crossing import DATA, T0
from guard_oracle import violations

from citybrain import brain
from citybrain.city.second import Second
from citybrain.cloud import Graph, LocalRunner
from citybrain.guard import Guard
from citybrain.hub import load_catalogue
from citybrain.model import Control, SwitchRequest
from citybrain.network import SimulatedCity, read_scenario

SECONDS = 500


@pytest.mark.parametrize("name", ["cologne8", "bologna_joined", "hangzhou4x4"])
def test_no_lamp_of_a_real_city_is_ever_unsafe(name: str) -> None:
    if not (DATA / name).is_dir():
        pytest.skip(f"shared/data/{name} is absent")
    scenario = read_scenario(DATA / name)
    scenario = msgspec.structs.replace(scenario, end_s=scenario.begin_s + SECONDS)
    net = scenario.net()
    declarations = load_catalogue(None)
    runner = LocalRunner(Graph(brain.steps(net), declarations))
    histories: dict[str, list[tuple[float, str]]] = {j.id: [] for j in net.junctions}
    with SimulatedCity(scenario, net, control="guard") as city:
        second = Second(city, Guard(net, city.time_ms), declarations, 1)
        written = runner.run(*second.advance())
        while not city.finished:
            orders = [b.rows for b in written if b.dataset == "traffic.signal_order"]
            written = runner.run(*second.advance(orders))
            for junction, seen in histories.items():
                lamps = libsumo.trafficlight.getRedYellowGreenState(junction)
                seen.append((float(second.seq), lamps))
            second.guard.read_back(((j, seen[-1][1]) for j, seen in histories.items()), second.guard.time_ms)
    assert not second.guard.faults
    changed = 0
    for junction in net.junctions:
        if junction.refused is None:
            assert violations(junction, histories[junction.id], max_red_s=junction.max_red_s) == []
            changed += len({lamps for _, lamps in histories[junction.id]}) > 3
    assert changed > len(net.junctions) / 2


def test_the_simulator_shows_what_a_person_commands() -> None:
    if not (DATA / "cologne8").is_dir():
        pytest.skip("shared/data/cologne8 is absent")
    scenario = read_scenario(DATA / "cologne8")
    net = scenario.net()
    held, flashing = (j for j in net.junctions[:2])
    with SimulatedCity(scenario, net, control="guard") as city:
        second = Second(city, Guard(net, city.time_ms), load_catalogue(None), 1)
        for request in (
            SwitchRequest("a", held.id, Control.HOLD, "a", "test", T0, city.time_ms + 90_000, stage=1),
            SwitchRequest("b", flashing.id, Control.FLASH, "a", "test", T0, city.time_ms + 60_000),
        ):
            assert second.guard.switch(request).to_pylist()[0]["accepted"]
        shown = []
        for _ in range(100):
            second.advance()
            shown.append([libsumo.trafficlight.getRedYellowGreenState(j.id) for j in (held, flashing)])
    assert [lamps for lamps, _ in shown].count(held.stages[1].lamps) > 60
    flash, red = ("o" * flashing.signal_links, "r" * flashing.signal_links)
    words = [lamps for _, lamps in shown]
    last = len(words) - 1 - words[::-1].index(flash)
    assert 40 < words.count(flash) <= 60
    assert words[last + 1] == red
    assert set(words[last + 1 :]) & {s.lamps for s in flashing.stages}

"""Buses and trams count by those who ride in them."""

from __future__ import annotations

from pathlib import Path

import libsumo
import msgspec
import numpy as np
import pyarrow as pa
import pytest
from brain_street import T0, batch, two
from tests.city.odd_networks import configuration, two_junctions

from citybrain.brain import transit
from citybrain.brain.kept import Kept
from citybrain.brain.layout import Layout
from citybrain.city.loop import Loop
from citybrain.city.second import Second
from citybrain.guard import Guard
from citybrain.hub import load_catalogue
from citybrain.model import from_ms
from citybrain.network import SimulatedCity, read_scenario

CARS = np.full(15, 4.0)


def reports(*told: tuple[str, int, int], second: int = 1) -> pa.RecordBatch:
    rows = [
        {"zone": zone, "junction": "a", "time": from_ms(T0 + second * 1000), "vehicles": n, "persons": persons}
        for zone, n, persons in told
    ]
    return batch(transit.DATASET, rows, second).rows


@pytest.mark.parametrize(
    ("vehicles", "persons", "cars"),
    [
        (1, 30, 20.0),
        (2, 30, 20.0),
        (1, 1, 1.0),
        (1, 1000, transit.MOST_CARS),
        (1, 0, 1.0),
        (-1, 30, 0.0),
        (1, -5, 1.0),
    ],
)
def test_a_bus_counts_as_the_cars_that_its_passengers_would_need(vehicles: int, persons: int, cars: float) -> None:
    layout = Layout(two())
    step, s = transit.Transit(layout), Kept(transit.Transit(layout).start())
    step.see(s, reports(("a/w_0", vehicles, persons), ("nowhere", 1, 50)))
    found = step.weights(s, CARS, T0 + 2000)
    at = int(layout.zones.places(pa.array(["a/w_0"]))[0])
    if cars > max(vehicles, 0):
        assert found is not None and found[at] * 4.0 == 4.0 - vehicles + cars
        assert np.delete(found, at).tolist() == [1.0] * 14
        assert step.weights(s, CARS, T0 + 1000 + transit.FRESH_MS + 1) is None, "it has passed"
    else:
        assert found is None or (found == 1.0).all()


def driven(folder: Path, heard: bool) -> tuple[float, int]:
    """Seconds for which two trams with 90 persons stood on the street across, and cars that arrived, while a car
    every 3 s drives on the main street."""
    config = configuration(folder, two_junctions(folder))
    trams = "".join(
        f'<vehicle id="t{k}" type="t" depart="{60 + 60 * k}"><route edges="an-a a-as"/></vehicle>'
        + "".join(
            f'<person id="p{k}.{n}" depart="triggered"><ride from="an-a" to="a-as" lines="t{k}"/></person>'
            for n in range(90)
        )
        for k in range(4)
    )
    cars = "".join(
        f'<flow id="{x}" from="{x}" to="{y}" begin="0" end="320" period="3"/>'
        for x, y in (("w-a", "b-e"), ("e-b", "a-w"))
    )
    kind = '<vType id="t" vClass="tram" personCapacity="120" length="20"/>'
    (folder / "odd.rou.xml").write_text(f"<routes>{kind}{cars}{trams}</routes>")
    scenario = msgspec.structs.replace(read_scenario(config), end_s=330.0)
    net, declared = scenario.net(), load_catalogue(None)
    stood_s, arrived = 0.0, 0
    with SimulatedCity(scenario, net) as city:
        loop = Loop(Second(city, Guard(net, city.time_ms), declared, 1), net, declared)
        while not city.finished:
            tick, batches = loop.advance()
            loop.decide(tick, [b for b in batches if heard or b.dataset != transit.DATASET])
            for vehicle in libsumo.vehicle.getIDList():
                if libsumo.vehicle.getVehicleClass(vehicle) == "tram":
                    stood_s += libsumo.vehicle.getSpeed(vehicle) < 0.1
            arrived += libsumo.simulation.getArrivedNumber()
            told = [r for b in batches if b.dataset == transit.DATASET for r in b.rows.to_pylist()]
            assert all(r["persons"] == 90 * r["vehicles"] and r["zone"].startswith("an-a") for r in told)
    return stood_s, arrived


def test_trams_full_of_people_stand_less_and_cars_still_arrive(tmp_path: Path) -> None:
    for name in ("heard", "unheard"):
        (tmp_path / name).mkdir()
    heard, unheard = driven(tmp_path / "heard", True), driven(tmp_path / "unheard", False)
    assert heard[0] < 0.6 * unheard[0] and unheard[0] > 20.0
    assert heard[1] >= 0.95 * unheard[1]

"""The default city: days that repeat from date and seed, and a midnight at which nobody vanishes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import libsumo
import msgspec
import numpy as np
import pytest

from citybrain.model import Tick, from_ms
from citybrain.network import SimulatedCity, default_city
from citybrain.network.day import draw_day

TUESDAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("days")
    default_city.build(folder, TUESDAY, 1)
    return folder


def test_the_same_date_and_seed_give_the_same_day_and_others_another(folder: Path, tmp_path: Path) -> None:
    told: list[float] = []
    default_city.build(tmp_path, TUESDAY, 1, lambda what, done: told.append(done))
    (first,), (again,) = folder.glob("day-*"), tmp_path.glob("day-*")
    assert first.name == again.name
    assert first.read_bytes() == again.read_bytes()
    assert told == sorted(told)
    assert told[-1] == 1.0
    default_city.build(tmp_path, date(2026, 11, 25), 1)
    default_city.build(tmp_path, TUESDAY, 2)
    files = sorted(tmp_path.glob("day-*"))
    assert len({f.read_bytes() for f in files}) == len(files) == 3


def test_days_differ_as_days_do() -> None:
    days = [draw_day(date.fromordinal(TUESDAY.toordinal() + i), 1, ["a", "b"]) for i in range(120)]
    assert days == [draw_day(d.date, 1, ["a", "b"]) for d in days]
    assert all(0.7 < d.factor < 1.2 for d in days)
    assert 0.1 < np.mean([bool(d.rain) for d in days]) < 0.5
    assert any(d.match for d in days)
    assert any(d.breakdowns for d in days)
    weekday, saturday = days[0].shape() / days[0].factor, days[4].shape() / days[4].factor
    assert days[4].weekend
    assert weekday[8 * 60] > 2 * saturday[8 * 60]
    assert weekday[12 * 60] < weekday[8 * 60] and weekday[12 * 60] < weekday[17 * 60]


def test_it_starts_at_seven_with_its_day_told(folder: Path) -> None:
    scenario = default_city.build(folder, TUESDAY, 1)
    with SimulatedCity(scenario, scenario.net()) as city:
        assert from_ms(city.time_ms).isoformat() == "2026-11-24T06:00:00+00:00"
        city.step()
        batches = city.read(Tick(1, 1, city.time_ms))
        (events,) = [b for b in batches if b.dataset == "sim.event"]
        assert events.rows.to_pylist()[0]["kind"] == "day"
        for _ in range(120):
            city.step()
            assert not city.finished
        assert libsumo.vehicle.getIDCount() > 30


def test_nobody_vanishes_at_midnight_and_the_next_day_comes(folder: Path, tmp_path: Path) -> None:
    scenario = msgspec.structs.replace(default_city.build(folder, TUESDAY, 1), begin_s=86_400.0 - 602)
    net = scenario.net()
    saved = tmp_path / "minute.city"
    with SimulatedCity(scenario, net) as city:
        begin = city.time_ms
        known: set[str] = set()
        for _ in range(720):
            before = {*libsumo.vehicle.getIDList(), *libsumo.simulation.getPendingVehicles()}
            city.step()
            here = {*libsumo.vehicle.getIDList(), *libsumo.simulation.getPendingVehicles()}
            gone = before - here
            assert gone <= set(libsumo.simulation.getArrivedIDList()), "a vehicle vanished"
            known |= here
        assert city.time_ms == begin + 720_000
        assert {v.split(".")[0] for v in known} == {"261124", "261125"}
        city.save(saved)
    with SimulatedCity(scenario, net, state=saved) as again:
        assert again.time_ms == begin + 720_000
        for _ in range(30):
            again.step()
        assert again.time_ms == begin + 750_000

"""A saved minute goes on exactly where it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from cities import data, stage_lamps

from citybrain.model import Batch, Tick, to_bytes
from citybrain.network import Scenario, ScenarioError, SimulatedCity, read_scenario


def drive(city: SimulatedCity, seconds: int) -> list[Batch]:
    """Run under a simple round of stages; the readings."""
    told: list[Batch] = []
    for _ in range(seconds):
        second = city.time_ms // 1000
        for junction in city.net.junctions:
            if second % 20 == 0:
                city.show(junction.id, stage_lamps(junction, second // 20))
        city.step()
        told += city.read(Tick(1, second, city.time_ms))
    return told


def readings(batches: list[Batch]) -> list[bytes]:
    """What the detectors said, bit for bit."""
    return [b.id.encode() + to_bytes(b.rows) for b in batches if b.dataset.startswith("traffic.")]


def score(batches: list[Batch]) -> list[float]:
    return [b.rows.column("mean_delay_s")[0].as_py() for b in batches if b.dataset == "sim.score"]


def test_a_restored_city_gives_the_same_readings_lamps_places_and_score(tmp_path: Path) -> None:
    scenario = read_scenario(data("cologne8"))
    net = scenario.net()
    saved = tmp_path / "minute.city"
    with SimulatedCity(scenario, net) as city:
        drive(city, 330)
        city.save(saved)
        at, lamps, places = city.time_ms, city.lamps(), positions(city.frame())
        told = drive(city, 150)
        last = positions(city.frame())
    with SimulatedCity(scenario, net, state=saved) as again:
        assert (again.time_ms, again.lamps(), positions(again.frame())) == (at, lamps, places)
        retold = drive(again, 150)
        assert positions(again.frame()) == last
    assert readings(retold) == readings(told)
    assert score(retold) == pytest.approx(score(told), abs=0.01)  # SUMO's own means have four digits


def positions(frame: bytes) -> list[bytes]:
    """Places of the vehicles of a frame, in order of place: numbers begin anew in a run."""
    n = int.from_bytes(frame[20:24], "little")
    x, y = frame[40 + 4 * n : 40 + 6 * n], frame[40 + 6 * n : 40 + 8 * n]
    return sorted(x[2 * i : 2 * i + 2] + y[2 * i : 2 * i + 2] for i in range(n))


def test_one_seed_gives_the_same_readings_and_another_gives_others() -> None:
    scenario = read_scenario(data("hangzhou4x4"))
    net = scenario.net()

    def told(s: Scenario) -> list[bytes]:
        with SimulatedCity(s, net) as city:
            return readings(drive(city, 120))

    first = told(scenario)
    assert told(scenario) == first
    assert told(read_scenario(data("hangzhou4x4"), seed=7)) != first


def test_a_file_that_is_no_saved_minute_is_refused_in_one_line(tmp_path: Path) -> None:
    scenario = read_scenario(data("cologne8"))
    bad = tmp_path / "minute.city"
    bad.write_bytes(b"PK not really")
    with pytest.raises(ScenarioError, match=r"minute\.city: not a saved minute .*: remove it"):
        SimulatedCity(scenario, scenario.net(), state=bad)


def test_a_saved_minute_of_another_city_is_refused(tmp_path: Path) -> None:
    saved = tmp_path / "minute.city"
    hangzhou, cologne = read_scenario(data("hangzhou4x4")), read_scenario(data("cologne8"))
    with SimulatedCity(hangzhou, hangzhou.net()) as city:
        city.step()
        city.save(saved)
    with pytest.raises(ScenarioError, match="of another city"):
        SimulatedCity(cologne, cologne.net(), state=saved)

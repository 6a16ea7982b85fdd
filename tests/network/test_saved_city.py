"""A saved minute goes on exactly where it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from cities import data, in_own_process, stage_lamps
from msgspec import Struct

from citybrain.model import Batch, Tick, to_bytes
from citybrain.network import ScenarioError, SimulatedCity, read_scenario, saved_time


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


class Moment(Struct):
    """What a city shows at one moment."""

    time_ms: int
    lamps: list[str]
    places: list[bytes]


def moment(city: SimulatedCity) -> Moment:
    return Moment(city.time_ms, city.lamps(), positions(city.frame()))


def run_and_save(saved: Path) -> tuple[Moment, list[Batch], Moment]:
    scenario = read_scenario(data("cologne8"))
    with SimulatedCity(scenario, scenario.net()) as city:
        drive(city, 330)
        city.save(saved)
        return moment(city), drive(city, 150), moment(city)


def restore_and_run(saved: Path) -> tuple[Moment, list[Batch], Moment]:
    scenario = read_scenario(data("cologne8"))
    with SimulatedCity(scenario, scenario.net(), state=saved) as city:
        return moment(city), drive(city, 150), moment(city)


def test_a_restored_city_gives_the_same_readings_lamps_places_and_score(tmp_path: Path) -> None:
    saved = tmp_path / "minute.city"
    then, told, last = in_own_process(run_and_save, saved)
    again, retold, end = in_own_process(restore_and_run, saved)
    assert saved_time(saved) == then.time_ms
    assert (again, end) == (then, last)
    assert readings(retold) == readings(told)
    assert score(retold) == pytest.approx(score(told), abs=0.01)  # SUMO's own means have four digits


def positions(frame: bytes) -> list[bytes]:
    """Places of the vehicles of a frame, in order of place: numbers begin anew in a run."""
    n = int.from_bytes(frame[20:24], "little")
    x, y = frame[40 + 4 * n : 40 + 6 * n], frame[40 + 6 * n : 40 + 8 * n]
    return sorted(x[2 * i : 2 * i + 2] + y[2 * i : 2 * i + 2] for i in range(n))


def test_one_seed_gives_the_same_readings_and_another_gives_others() -> None:
    first = in_own_process(two_minutes, 1)
    assert in_own_process(two_minutes, 1) == first
    assert in_own_process(two_minutes, 7) != first


def two_minutes(seed: int) -> list[bytes]:
    scenario = read_scenario(data("hangzhou4x4"), seed=seed)
    with SimulatedCity(scenario, scenario.net()) as city:
        return readings(drive(city, 120))


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

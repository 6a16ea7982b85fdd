"""The simulated city against SUMO itself: what the detectors, the score and the frames say is what happened."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import libsumo
import msgspec
import numpy as np
import pyarrow.compute as pc
import pytest
from cities import data, stage_lamps

from citybrain.model import Batch, RoadNet, Tick, to_bytes
from citybrain.network import CityEvent, Scenario, SimulatedCity, read_frame, read_scenario, read_trips


def city_of(name: str) -> tuple[Scenario, RoadNet]:
    scenario = read_scenario(data(name))
    return scenario, scenario.net()


def second(city: SimulatedCity) -> list[Batch]:
    """One second under a simple round of stages."""
    now = city.time_ms // 1000
    for junction in city.net.junctions:
        if now % 15 == 0:
            city.show(junction.id, stage_lamps(junction, now // 15))
    city.step()
    return list(city.read(Tick(1, now, city.time_ms)))


@pytest.mark.parametrize("name", ["cologne8", "bologna_joined"])
def test_counts_halts_and_speeds_are_those_of_the_vehicles_in_the_zone(name: str) -> None:
    scenario, net = city_of(name)
    with SimulatedCity(scenario, net) as city:
        for _ in range(240):
            batches = second(city)
        rows = {r["zone"]: r for r in batches[0].rows.to_pylist()}
        inside: dict[str, list[tuple[float, float]]] = {}
        for vehicle in libsumo.vehicle.getIDList():
            at = (libsumo.vehicle.getLanePosition(vehicle), libsumo.vehicle.getSpeed(vehicle))
            inside.setdefault(libsumo.vehicle.getLaneID(vehicle), []).append(at)
        seen = 0
        for zone in (z for j in net.junctions for z in j.zones):
            row = rows[zone.id]
            found = [v for r in zone.reaches for at, v in inside.get(r.lane, []) if at >= r.begin_m]
            hidden = row["count"] - len(found)  # on the way between two lanes of the zone
            assert 0 <= hidden <= (0 if len(zone.reaches) == 1 else 2)
            if hidden == 0:
                assert row["halted"] == sum(v < 0.1 for v in found)
                assert (row["mean_speed_mps"] is None) == (not found)
                if found:
                    assert row["mean_speed_mps"] == pytest.approx(np.mean(found))
            front = max((at for at, _ in inside.get(zone.id, [])), default=-1e9)
            assert row["stop_occupied"] == (front >= zone.reaches[0].end_m - 3.0)
            seen += len(found)
        assert seen > 10


def test_passed_counts_who_crossed_the_stop_line() -> None:
    scenario, net = city_of("cologne8")
    zones = {z.id for j in net.junctions for z in j.zones}
    crossed: Counter[str] = Counter()
    told: Counter[str] = Counter()
    before: dict[str, str] = {}
    with SimulatedCity(scenario, net) as city:
        for _ in range(300):
            (readings, *_) = second(city)
            for zone, passed in zip(
                *(readings.rows.column(c).to_pylist() for c in ("zone", "passed")), strict=True
            ):
                told[zone] += passed
            here = {v: libsumo.vehicle.getLaneID(v) for v in libsumo.vehicle.getIDList()}
            for vehicle, lane in before.items():
                now = here.get(vehicle, lane)
                if lane in zones and now.rsplit("_", 1)[0] != lane.rsplit("_", 1)[0]:
                    crossed[lane] += 1
            before = here
    assert sum(crossed.values()) > 100
    assert sum(abs(crossed[z] - told[z]) for z in zones) <= 0.02 * sum(crossed.values())


def test_the_score_is_that_of_sumos_trip_output(tmp_path: Path) -> None:
    scenario, net = city_of("cologne8")
    window_s = 600  # less than the 15 minutes over which the score looks back: everybody counts
    with SimulatedCity(scenario, net, control="own", outputs=tmp_path) as city:
        for _ in range(window_s):
            city.step()
            batches = city.read(Tick(1, 0, city.time_ms))
    (row,) = batches[-1].rows.to_pylist()
    truth = read_trips(tmp_path / "tripinfo.xml.gz")
    assert row["city"] == "own"
    assert row["arrived"] == truth.arrived
    assert row["in_transit"] + row["arrived"] == truth.scheduled - truth.undeparted
    assert row["waiting"] <= truth.undeparted <= row["waiting"] + 1  # one may be due in this very second
    assert row["mean_delay_s"] == pytest.approx(truth.mean_delay_s, rel=0.005)
    assert row["delay_index"] > 1.0
    assert row["longest_queue_m"] >= 0.0


def test_no_vehicle_id_leaves_the_adapter() -> None:
    scenario, net = city_of("cologne8")
    told: list[bytes] = []
    ids: set[str] = set()
    with SimulatedCity(scenario, net) as city:
        for _ in range(130):
            told += [b.id.encode() + to_bytes(b.rows) for b in second(city)]
            ids.update(libsumo.vehicle.getIDList())
        told.append(city.frame())
    everything = b"\n".join(told)
    assert len(ids) > 50
    assert not [v for v in ids if v.encode() in everything]


def test_link_speeds_come_each_minute_from_probes_alone() -> None:
    scenario, net = city_of("hangzhou4x4")
    minutes: list[Batch] = []
    with SimulatedCity(scenario, net, probes=1.0) as city:
        for _ in range(130):
            minutes += [b for b in second(city) if b.dataset == "traffic.link_speed"]
    assert len(minutes) == 2
    full = minutes[1].rows
    assert full.num_rows > 10
    assert pc.max(pc.subtract(full.column("speed_mps"), full.column("free_speed_mps"))).as_py() < 5.0
    with SimulatedCity(scenario, net) as city:
        few = [b for _ in range(130) for b in second(city) if b.dataset == "traffic.link_speed"]
    assert 0 < pc.sum(few[-1].rows.column("probes")).as_py() < 0.2 * pc.sum(full.column("probes")).as_py()


def test_a_frame_holds_every_vehicle_where_it_is() -> None:
    scenario, net = city_of("cologne8")
    with SimulatedCity(scenario, net, run=3) as city:
        for _ in range(200):
            second(city)
        frame = read_frame(city.frame(), net.bounds)
        places = np.array([libsumo.vehicle.getPosition(v) for v in libsumo.vehicle.getIDList()])
        assert (frame.time_ms, frame.run, len(frame.ids)) == (city.time_ms, 3, len(places))
        assert np.abs(frame.xy - np.clip(places, net.bounds[:2], net.bounds[2:])).max() < 0.1
        assert frame.lamps == "".join(city.lamps())
        again = read_frame(city.frame(), net.bounds)
        assert (again.ids == frame.ids).all()


def test_rain_slows_the_streets_and_ends() -> None:
    scenario, net = city_of("cologne8")
    link = net.links[0]
    begin = round(scenario.epoch.timestamp() * 1000) + round(scenario.begin_s * 1000)
    rain = CityEvent("r", "rain", begin + 10_000, begin + 30_000, None, "rain", 0.8)
    with SimulatedCity(scenario, net, events=[rain]) as city:
        told = []
        speeds = []
        for _ in range(40):
            told += [b for b in second(city) if b.dataset == "sim.event"]
            speeds.append(libsumo.lane.getMaxSpeed(link.lanes[0].id))
    dry = link.lanes[0].speed_mps
    assert speeds[5] == speeds[35] == dry
    assert speeds[20] == pytest.approx(0.8 * dry)
    assert [r["kind"] for b in told for r in b.rows.to_pylist()] == ["rain"]


def test_a_breakdown_stops_a_vehicle_for_its_time() -> None:
    scenario, net = city_of("cologne8")
    begin = round(scenario.epoch.timestamp() * 1000) + round(scenario.begin_s * 1000)
    used = Counter[str]()
    with SimulatedCity(scenario, net) as city:
        for _ in range(200):
            second(city)
            used.update(libsumo.vehicle.getRoadID(v) for v in libsumo.vehicle.getIDList())
    lengths = {link.id: link.length_m for link in net.links}
    link = next(e for e, _ in used.most_common() if lengths.get(e, 0) > 100)
    broken = CityEvent("b", "breakdown", begin + 20_000, begin + 180_000, link, "broken down")
    stopped = []
    with SimulatedCity(scenario, net, events=[broken]) as city:
        for _ in range(240):
            second(city)
            stopped.append(sum(libsumo.vehicle.isStopped(v) for v in libsumo.vehicle.getIDList()))
    assert max(stopped[:20]) == 0
    assert sum(stopped) > 60
    assert stopped[-1] == 0


def test_a_scenario_that_loops_begins_again_while_city_time_goes_on() -> None:
    scenario, net = city_of("cologne8")
    short = msgspec.structs.replace(scenario, end_s=scenario.begin_s + 60, loops=True)
    with SimulatedCity(short, net) as city:
        begin = city.time_ms
        times = []
        for _ in range(150):
            second(city)
            times.append(city.time_ms)
            assert not city.finished
        lamps = city.lamps()
        assert libsumo.simulation.getTime() < scenario.begin_s + 60
    assert times == [begin + 1000 * (i + 1) for i in range(150)]
    assert lamps == [stage_lamps(j, (times[-1] // 1000 - 1) // 15) for j in net.junctions]


def test_a_scenario_ends_at_its_end() -> None:
    scenario, net = city_of("cologne8")
    with SimulatedCity(msgspec.structs.replace(scenario, end_s=scenario.begin_s + 5), net) as city:
        steps = 0
        while not city.finished:
            city.step()
            steps += 1
    assert steps == 5


@pytest.mark.parametrize("control", ["actuated", "delay_based"])
def test_sumos_own_controllers_run_on_the_real_stages(control: str) -> None:
    scenario, net = city_of("hangzhou4x4")
    shown: Counter[str] = Counter()
    junction = net.junctions[0]
    with SimulatedCity(scenario, net, control="actuated" if control == "actuated" else "delay_based") as city:
        assert libsumo.trafficlight.getProgram(junction.id) == "citybrain"
        all_red = 0
        longest = 0
        for _ in range(400):
            city.step()
            lamps = libsumo.trafficlight.getRedYellowGreenState(junction.id)
            shown[lamps] += 1
            free = {i for m in junction.movements if m.always_green for i in m.signal_links}
            all_red = all_red + 1 if all(c == "r" or i in free for i, c in enumerate(lamps)) else 0
            longest = max(longest, all_red)
    assert longest == 2, "an all-red is not held like a stage"
    assert len([s for s in junction.stages if shown[s.lamps]]) >= 4

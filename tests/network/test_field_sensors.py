"""Detectors as a city has them: out, stuck, late and miscounting, the same way each time."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from cities import data, in_own_process, stage_lamps
from msgspec import msgpack

from citybrain.model import Batch, Reach, Tick, Zone, to_bytes
from citybrain.network import SimulatedCity, read_scenario
from citybrain.network.field_fault import (
    LAPSE_MS,
    LATENCIES_S,
    MISCOUNT_SHARE,
    OUT_SHARE,
    SPELL_MS,
    STUCK_SHARE,
    FaultMemory,
    FieldFaults,
    Miscounts,
)
from citybrain.network.lane_detectors import CAMERA, STOP_LINE, UPSTREAM, Numbers
from citybrain.network.schema import schema_of

T0 = 1_767_571_200_000
ZONES = [Zone(f"z{i}_0", "j", 90.0, 13.9, (Reach(f"z{i}_0", 0.0, 90.0),)) for i in range(500)]


def rows(time_ms: int, count: int = 3, stirs: bool = True) -> pa.RecordBatch:
    """A reading of each zone; `entered` says the second, so that a row can be told from another, or nothing stirs
    on any of them."""
    second = (time_ms - T0) // 1000 * stirs
    row = {"junction": "j", "time": time_ms, "period_s": 1.0, "count": count, "halted": 1, "mean_speed_mps": 2.5}
    row |= {
        "entered": second,
        "passed": int(stirs),
        "stop_occupied": True,
        "upstream_occupied": False,
        "healthy": True,
    }
    return pa.RecordBatch.from_pylist(
        [{"zone": z.id, **row} for z in ZONES], schema=schema_of("traffic.lane_reading")
    )


def numbers(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = batch.column(name).to_numpy(zero_copy_only=False)
    return found


def measured_ms(batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    return numbers(batch, "time").astype(np.int64)


def test_each_reading_arrives_once_one_to_three_seconds_late_and_says_when_it_was_measured() -> None:
    faults = FieldFaults(1, ZONES)
    faults.start()
    arrived: dict[tuple[str, int], int] = {}
    for second in range(12):
        now = T0 + 1000 * second
        batch = faults.deliver(rows(now), now)
        if batch is None:
            continue
        for zone, at in zip(batch.column("zone").to_pylist(), measured_ms(batch), strict=True):
            assert (zone, at) not in arrived
            arrived[zone, int(at)] = now - int(at)
    late = {z.id: {s for (zone, _), s in arrived.items() if zone == z.id} for z in ZONES}
    assert all(len(seconds) == 1 for seconds in late.values()), "a detector has one delay"
    found = sorted({ms for seconds in late.values() for ms in seconds})
    assert found == [1000 * s for s in LATENCIES_S]
    assert len(arrived) == sum(12 - next(iter(late[z.id])) // 1000 for z in ZONES)


def test_a_tenth_is_out_and_a_fiftieth_stuck_at_any_time_and_not_all_change_at_once() -> None:
    faults = FieldFaults(1, ZONES)
    times = range(T0, T0 + 20 * SPELL_MS, SPELL_MS // 7)
    out, stuck = np.array([faults.out(t) for t in times]), np.array([faults.stuck(t) for t in times])
    assert out.mean() == pytest.approx(OUT_SHARE, abs=0.01)
    assert stuck.mean() == pytest.approx(STUCK_SHARE, abs=0.005)
    together = (out[:, 0] & out[:, 1]).mean()
    assert together == pytest.approx(OUT_SHARE**2, abs=0.003), "each detector of a lane fails by itself"
    assert out.any(axis=0).mean() > 0.8, "no detector is spared for good"
    changes = (out[1:] != out[:-1]).sum(axis=(1, 2))
    assert changes.max() < 4 * changes.mean()
    assert (FieldFaults(2, ZONES).out(T0) != out[0]).any()


class Listener:
    """Stands where the detectors of a lane are joined, and writes down what each of them says."""

    def __init__(self) -> None:
        self.heard: list[tuple[Numbers, npt.NDArray[np.bool_]]] = []

    def fuse(
        self, seen: Numbers, out: npt.NDArray[np.bool_], period_s: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.bool_]:
        self.heard.append((deepcopy(seen), out))
        return ~out


def test_a_stuck_detector_repeats_itself_is_occupied_or_empty_and_says_that_it_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults, listener = FieldFaults(1, ZONES), Listener()
    faults.start()
    monkeypatch.setattr(faults, "_fusion", listener)
    stuck = faults.stuck(T0) & faults.stuck(T0 + 60_000)
    for second in range(40):
        faults.deliver(rows(T0 + 1000 * second, count=2 + second % 3), T0 + 1000 * second)
    said = [(n.count, n.entered, n.passed, n.stop_occupied, out) for n, out in listener.heard]
    count, entered, passed, occupied, out = (np.array(x) for x in zip(*said, strict=True))
    assert not out[:, stuck].any()
    for numbers_of, detector in ((count, CAMERA), (entered, UPSTREAM), (passed, STOP_LINE)):
        assert stuck[detector].any()
        assert (numbers_of[:, stuck[detector]] == numbers_of[0, stuck[detector]]).all()
    assert set(np.unique(count[0, stuck[CAMERA]])) == {0.0, 2.0, 12.0}, "nobody, what it saw, full"
    assert set(np.unique(occupied[0, stuck[STOP_LINE]])) == {0.0, 1.0}
    free = ~(stuck | out.any(axis=0)).any(axis=0)
    assert (count[:, free] == np.array([[2 + s % 3] for s in range(40)])).all()


def test_a_lane_with_too_few_detectors_says_so_and_tells_what_its_loops_count() -> None:
    faults = FieldFaults(1, ZONES)
    faults.start()
    for second in range(4):
        batch = faults.deliver(rows(T0 + 1000 * second, stirs=False), T0 + 1000 * second)
    assert batch is not None
    place = {z.id: i for i, z in enumerate(ZONES)}
    at = np.array([place[z] for z in batch.column("zone").to_pylist()])
    moments = list(zip(measured_ms(batch).tolist(), at.tolist(), strict=True))
    out = np.array([faults.out(t)[:, z] for t, z in moments]).T
    stuck = np.array([faults.stuck(t)[:, z] for t, z in moments]).T
    dead = out[CAMERA] & (out[UPSTREAM] | out[STOP_LINE])
    assert dead.any()
    healthy = numbers(batch, "healthy") > 0
    assert not healthy[dead].any() and healthy[~out[CAMERA]].all()
    assert not healthy[out[CAMERA]].any(), "of nobody is it known yet how many are there"
    assert (numbers(batch, "upstream_works") == ~out[UPSTREAM]).all()
    assert (numbers(batch, "stop_works") == ~out[STOP_LINE]).all()
    assert (numbers(batch, "count")[dead] == 0).all()
    counts = dead & ~out[STOP_LINE] & ~stuck[STOP_LINE]
    assert counts.any() and numbers(batch, "stop_occupied")[counts].all()
    assert not numbers(batch, "stop_occupied")[dead & out[STOP_LINE]].any()
    assert all(s is None for s, d in zip(batch.column("mean_speed_mps").to_pylist(), dead, strict=True) if d)


def test_a_twentieth_is_miscounted_for_seconds_and_the_mean_is_right() -> None:
    miscounts = Miscounts(1, ZONES)
    vehicles = [f"car{i}" for i in range(4000)]
    seconds = range(T0, T0 + 60_000, 1000)
    apart = [(v,) for v in vehicles]
    seen = np.array([miscounts.numbers([0] * 1000, apart[:1000], CAMERA, t) for t in seconds])
    assert set(np.unique(seen)) == {0, 1, 2}
    assert (seen != 1).mean() == pytest.approx(MISCOUNT_SHARE, abs=0.01)
    assert (seen == 0).mean() == pytest.approx((seen == 2).mean(), abs=0.01)
    changes = (seen[1:] != seen[:-1]).mean()
    assert changes < 2.5 * MISCOUNT_SHARE * 1000 / LAPSE_MS, "an error stays for its lapse"
    assert not seen[0].all() and (seen != 1).all(axis=0).mean() < 0.005, "and goes again"
    together = miscounts.numbers([0, 7, 3], [vehicles, (), vehicles[:50]], CAMERA, T0)
    assert together[0] == miscounts.numbers([0] * len(apart), apart, CAMERA, T0).sum()
    assert together[1] == 0
    assert together[2] == miscounts.numbers([3] * 50, apart[:50], CAMERA, T0).sum()
    assert len({miscounts.numbers([z], [vehicles], CAMERA, T0)[0] for z in range(9)}) > 1, "each sees for itself"


def test_faults_go_on_after_a_restart_as_if_there_had_been_none() -> None:
    def told(restart: bool) -> list[bytes]:
        faults = FieldFaults(1, ZONES)
        faults.start()
        found = []
        for second in range(20):
            if restart and second == 10:
                memory = msgpack.encode(faults.keep())
                faults = FieldFaults(1, ZONES)
                faults.start(msgpack.decode(memory, type=FaultMemory))
            batch = faults.deliver(rows(T0 + 1000 * second, count=second), T0 + 1000 * second)
            found.append(to_bytes(batch) if batch is not None else b"")
        return found

    assert told(True) == told(False)


def readings(sensors: str, seconds: int, saved: Path | None = None, state: Path | None = None) -> list[Batch]:
    """Readings of a street under a simple round of stages."""
    scenario = read_scenario(data("cologne8"))
    told: list[Batch] = []
    with SimulatedCity(
        scenario, scenario.net(), sensors="field" if sensors == "field" else "clean", state=state
    ) as city:
        for _ in range(seconds):
            now = city.time_ms // 1000
            for junction in city.net.junctions:
                if now % 15 == 0:
                    city.show(junction.id, stage_lamps(junction, now // 15))
            city.step()
            told += [b for b in city.read(Tick(1, now, city.time_ms)) if b.dataset == "traffic.lane_reading"]
        if saved is not None:
            city.save(saved)
    return told


def table(batches: list[Batch]) -> dict[tuple[str, int], dict[str, object]]:
    return {(r["zone"], r["time"].timestamp()): r for b in batches for r in b.rows.to_pylist()}


def test_a_street_with_field_sensors_counts_like_one_with_clean_ones_on_the_whole() -> None:
    field, clean = (in_own_process(readings, s, 240) for s in ("field", "clean"))
    told, real = table(field), table(clean)
    faults = FieldFaults(1, [z for j in read_scenario(data("cologne8")).net().junctions for z in j.zones])
    places = {z: i for i, z in enumerate(clean[0].rows.column("zone").to_pylist())}
    wrong = {t: (faults.out(int(t * 1000)) | faults.stuck(int(t * 1000)))[CAMERA] for t in {t for _, t in told}}
    sums = np.zeros(2)
    same = total = 0
    for key, row in told.items():
        if wrong[key[1]][places[key[0]]]:
            continue
        sums += np.array([row["count"], real[key]["count"]], np.float64)
        same += row["count"] == real[key]["count"]
        total += 1
    assert total > 5_000
    assert 0.9 < same / total < 1.0
    assert sums[0] / sums[1] == pytest.approx(1.0, abs=0.04)


def test_a_saved_minute_keeps_the_readings_under_way(tmp_path: Path) -> None:
    saved = tmp_path / "minute.city"
    whole = in_own_process(readings, "field", 90)
    first = in_own_process(readings, "field", 60, saved)
    rest = in_own_process(readings, "field", 30, None, saved)
    assert [to_bytes(b.rows) for b in whole] == [to_bytes(b.rows) for b in first + rest]

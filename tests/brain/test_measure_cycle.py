"""Cycles and measures against counting by hand, on recorded readings and on drawn ones."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from brain_street import QUEUE, READING, STATE, T0, batch, city, crossing, lamp, reading, tick
from measure_oracle import Row, cycles, recorded

from citybrain.brain.cycle import CountCycles
from citybrain.brain.layout import Layout
from citybrain.brain.measure import PERIOD_MS, MeasureMovements
from citybrain.brain.record import schema
from citybrain.guard import Guard
from citybrain.model import Batch, RoadNet, Tick, dump_state, load_state
from citybrain.network import SimulatedCity, read_scenario

Ticks = Sequence[tuple[Tick, Sequence[Batch]]]
CYCLE = "traffic.movement_cycle"


@pytest.fixture(scope="module")
def cologne() -> tuple[RoadNet, Ticks]:
    """Seven minutes of Cologne on its own plans: what its detectors and lamps said."""
    root = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (root / "cologne8").is_dir():
        pytest.skip("the data of cologne8 is not here (set CITYBRAIN_DATA)")
    scenario = read_scenario(root / "cologne8")
    net = scenario.net()
    found = []
    with SimulatedCity(scenario, net, score=False) as street:
        guard = Guard(net, street.time_ms)
        for seq in range(420):
            for junction, lamps in guard.advance(street.time_ms + 1000):
                street.show(junction, lamps)
            street.step()
            now = Tick(1, seq, street.time_ms)
            said = [b for b in street.read(now) if b.dataset == READING]
            state = guard.state_rows(street.time_ms)
            found.append((now, [*said, *([Batch(STATE, f"s{seq}", state)] if state else [])]))
    return net, found


def counted(net: RoadNet, ticks: Ticks) -> list[Row]:
    step = CountCycles(Layout(net))
    state, found = step.start(), list[Row]()
    for now, batches in ticks:
        state, rows = step.run(state, now, batches)
        found += [] if rows is None else rows.to_pylist()
    return found


def agree(found: list[Row], expected: list[Row]) -> None:
    by_cycle = {(r["movement"], _second(r["time"])): r for r in found}
    assert {(r["movement"], r["end"]) for r in expected} == set(by_cycle)
    for want in expected:
        row = by_cycle[want["movement"], want["end"]]
        assert [_second(row[k]) for k in ("begin", "green", "yellow")] == [
            want[k] for k in ("begin", "green", "yellow")
        ]
        if row["arrivals_veh"] is None:
            continue
        assert json.loads(row["offsets_s"]) == want["offsets"]
        got = [row[k] for k in ("arrivals_veh", "on_green_veh", "volume_veh", "delay_s")]
        assert got == pytest.approx([want[k] for k in ("arrivals", "on_green", "volume", "delay")], abs=1e-6)
        assert (row["green_occupied"], row["red_occupied"]) == pytest.approx(want["line"])
        assert row["split_failed"] == (min(want["line"]) >= 0.8)
        assert row["seen"] == 1.0


def _second(time: Any) -> int:
    return round(time.timestamp())


def test_recorded_cycles_are_those_counted_by_hand(cologne: tuple[RoadNet, Ticks]) -> None:
    net, ticks = cologne
    found, expected = counted(net, ticks), cycles(net, recorded(ticks))
    assert len(expected) > 200
    assert sum(r["arrivals"] for r in expected) > 100
    agree(found, expected)


def drawn(seed: int, seconds: int = 90, blind: str = "") -> tuple[RoadNet, Ticks]:
    """A crossing whose lamps and vehicles are drawn: red, green and yellow of any length for each movement; the
    detector of the lane `blind` is out."""
    chance = random.Random(seed)
    net = city(crossing("a"))
    words = [_lamps(chance, seconds) for _ in range(5)]
    ticks = []
    for second in range(seconds):
        lamps = lamp("a", second, 0) | {"lamps": "".join(word[second] for word in words) + "G"}
        readings = []
        for zone in net.junctions[0].zones:
            entered, passed = chance.choice(((0, 0), (0, 0), (1, 0), (0, 1), (2, 1), (3, 2)))
            said = {"entered": entered, "passed": passed, "stop_occupied": chance.random() < 0.7}
            readings.append(reading(zone.id, second, healthy=zone.id != blind, **said))
        ticks.append((tick(second), [batch(READING, readings, second), batch(STATE, [lamps], second)]))
    return net, ticks


def _lamps(chance: random.Random, seconds: int) -> str:
    word = ""
    while len(word) < seconds:
        word += (
            "r" * chance.randint(6, 25) + chance.choice("Gg") * chance.randint(1, 25) + "y" * chance.randint(0, 4)
        )
    return word


@pytest.mark.parametrize("seed", range(12))
def test_drawn_cycles_are_those_counted_by_hand(seed: int) -> None:
    net, ticks = drawn(seed)
    agree(counted(net, ticks), cycles(net, recorded(ticks)))


def test_ticks_taken_together_make_the_same_cycles() -> None:
    net, ticks = drawn(3, 120)
    merged = [
        (ticks[at + 2][0], [b for _, batches in ticks[at : at + 3] for b in batches]) for at in range(0, 120, 3)
    ]
    apart, together = counted(net, ticks), counted(net, merged)
    keys = ("movement", "time", "begin", "green", "yellow", "volume_veh")
    assert sorted(str([r[k] for k in keys]) for r in apart) == sorted(str([r[k] for k in keys]) for r in together)


def test_a_lane_whose_detector_is_out_counts_nobody_and_says_so() -> None:
    net, ticks = drawn(5, 200, blind="a/w_0")
    rows = {r["movement"]: r for r in counted(net, ticks)}
    assert rows["a:w"]["seen"] == 0.0 and rows["a:n"]["seen"] == 1.0
    assert {rows["a:w"][k] for k in ("arrivals_veh", "volume_veh", "split_failed", "delay_s")} == {None}
    assert rows["a:n"]["arrivals_veh"] > 0


def test_a_kept_state_goes_on_and_a_jump_begins_anew() -> None:
    net, ticks = drawn(7)
    step = CountCycles(Layout(net))
    state, kept = step.start(), step.start()
    for now, batches in ticks:
        state, rows = step.run(state, now, batches)
        kept, again = step.run(load_state(dump_state(kept)), now, batches)
        assert rows == again
    state, rows = step.run(state, tick(10), [])
    assert rows is None and (state["shown"] == 0).all()


def test_the_longest_queue_and_its_seconds_are_those_of_the_estimate() -> None:
    net, ticks = drawn(1)
    queue = {"movement": "a:n", "junction": "a", "queue_sd_veh": 0.0, "arrival_vph": 0.0, "waited_s": 0.0}
    noted = []
    for second, (now, batches) in enumerate(ticks):
        row = queue | {"time": now.time_ms, "queue_veh": float(second % 7)}
        noted.append((now, [*batches, batch(QUEUE, [row], second)]))
    for row in counted(net, noted):
        if row["movement"] == "a:n":
            begin, end = (_second(row[k]) - T0 // 1000 for k in ("begin", "time"))
            assert row["queue_veh"] == max(s % 7 for s in range(begin - 1, end))
            assert row["standing_s"] == sum(s % 7 for s in range(begin, end))


def measured(net: RoadNet, cycle_rows: Sequence[tuple[Tick, Sequence[Batch]]]) -> list[Row]:
    step = MeasureMovements(Layout(net))
    state, found = step.start(), list[Row]()
    for now, batches in cycle_rows:
        state, rows = step.run(state, now, batches)
        found += [] if rows is None else rows.to_pylist()
    return found


def test_five_minutes_are_the_sums_of_their_cycles() -> None:
    net, ticks = drawn(2, 700)
    step = CountCycles(Layout(net))
    state, passed_on, rows_of = step.start(), [], list[tuple[int, Row]]()
    for now, batches in ticks:
        state, rows = step.run(state, now, batches)
        passed_on.append((now, [] if rows is None else [Batch(CYCLE, f"c{now.seq}", rows)]))
        rows_of += [] if rows is None else [(now.time_ms, r) for r in rows.to_pylist()]
    found = measured(net, passed_on)
    assert {r["time"].timestamp() * 1000 for r in found} == {T0 + PERIOD_MS, T0 + 2 * PERIOD_MS}
    assert {r["movement"] for r in found} == {m.id for m in net.junctions[0].movements if not m.always_green}
    for row in found:
        end = row["time"].timestamp() * 1000
        mine = [r for t, r in rows_of if r["movement"] == row["movement"] and end - PERIOD_MS < t <= end]
        length = sum(_second(r["time"]) - _second(r["begin"]) for r in mine)
        green = sum(_second(r["yellow"]) - _second(r["green"]) for r in mine)
        arrivals, on_green, volume, delay = (
            sum(r[k] for r in mine) for k in ("arrivals_veh", "on_green_veh", "volume_veh", "delay_s")
        )
        assert (row["cycles"], row["split_failures"]) == (len(mine), sum(r["split_failed"] for r in mine))
        assert row["cycle_s"] == pytest.approx(length / len(mine))
        assert row["green_share"] == pytest.approx(green / length)
        assert row["volume_vph"] == pytest.approx(3600 * volume / length)
        assert row["on_green_share"] == pytest.approx(on_green / arrivals)
        assert row["platoon_ratio"] == pytest.approx(on_green / arrivals / (green / length))
        assert row["delay_s"] == pytest.approx(delay / arrivals)
        assert row["walk_wait_s"] is None


def test_a_pedestrian_who_comes_at_any_time_waits_as_long_as_drawn_ones_do() -> None:
    walk = msgspec.structs.replace(crossing("a").movements[0], turn="p", zones=())
    net = city(msgspec.structs.replace(crossing("a"), movements=(walk, *crossing("a").movements[1:])))
    begin, green, yellow, end = (T0 + 1000 * s for s in (0, 37, 58, 90))
    row = dict.fromkeys(schema(CYCLE).names) | {"movement": "a:n", "junction": "a", "offsets_s": "[]"}
    row |= {"begin": begin, "green": green, "yellow": yellow, "time": end}
    rows = pa.RecordBatch.from_pylist([row], schema=schema(CYCLE))
    ticks = [(tick(0), []), (tick(95), [Batch(CYCLE, "c", rows)]), (tick(300), [])]
    (found,) = (r for r in measured(net, ticks) if r["movement"] == "a:n")
    starts = [s / 10 for s in range(900)]
    waits = [0.0 if 37 <= s < 58 else (37 - s if s < 37 else 37 + 90 - s) for s in starts]
    assert found["walk_wait_s"] == pytest.approx(sum(waits) / len(waits), abs=0.1)
    assert (found["cycles"], found["seen"], found["volume_vph"], found["delay_s"]) == (1, None, None, None)


def test_without_a_whole_cycle_nothing_is_made_up() -> None:
    net = city(crossing("a"))
    for row in measured(net, [(tick(0), []), (tick(300), [])]):
        unknown = {k: v for k, v in row.items() if k not in ("movement", "junction", "time", "cycles")}
        assert row["cycles"] == 0 and set(unknown.values()) == {None}

"""The brain behind the guard in a real simulation: the oracle reads the lamps from SUMO itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from citybrain.model import Batch, Control, SwitchRequest
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


@pytest.fixture
def cologne() -> Iterator[Second]:
    """The second of a real city, its junctions settled under their own plans."""
    if not (DATA / "cologne8").is_dir():
        pytest.skip("shared/data/cologne8 is absent")
    scenario = read_scenario(DATA / "cologne8")
    net = scenario.net()
    with SimulatedCity(scenario, net, control="guard") as city:
        second = Second(city, Guard(net, city.time_ms), load_catalogue(None), 1)
        for _ in range(30):
            second.advance()
        assert not second.guard.faults
        yield second


def states_of(batches: Sequence[Batch], junction: str) -> list[dict[str, object]]:
    states = [b.rows for b in batches if b.dataset == "traffic.signal_state"]
    return [row for rows in states for row in rows.to_pylist() if row["junction"] == junction]


def second_of(second: Second) -> list[Batch]:
    """A second of a city that runs: what became known, and the look at its lamps."""
    _, batches = second.advance()
    second.look()
    return batches


def test_lamps_that_somebody_else_sets_in_conflict_latch_a_fault(cologne: Second) -> None:
    other, junction = cologne.guard.net.junctions[:2]
    libsumo.trafficlight.setRedYellowGreenState(junction.id, "G" * junction.signal_links)
    second_of(cologne)
    assert not cologne.guard.faults
    libsumo.trafficlight.setRedYellowGreenState(junction.id, "G" * junction.signal_links)
    second_of(cologne)
    assert "show green together" in cologne.guard.faults[junction.id]
    assert list(cologne.guard.faults) == [junction.id]
    latched = second_of(cologne)
    (state,) = states_of(latched, junction.id)
    assert (state["control"], state["lamps"]) == ("fault", "r" * junction.signal_links)
    (refusal,) = [row for b in latched if b.dataset == "traffic.order_refusal" for row in b.rows.to_pylist()]
    assert refusal["reason"].startswith("fault: links ")

    shown = [libsumo.trafficlight.getRedYellowGreenState(junction.id) for _ in range(60) if second_of(cologne)]
    assert set(shown) == {"r" * junction.signal_links}
    assert cologne.guard.controls[1] is Control.FAULT
    assert cologne.guard.controls[0] is Control.SILENCE

    again = SwitchRequest("a", other.district, Control.BRAIN, "a", "test", T0)
    assert cologne.guard.switch(again).to_pylist()[0]["accepted"]
    assert cologne.guard.faults
    first = SwitchRequest("b", junction.id, Control.PREEMPTED, "a", "test", T0, cologne.city.time_ms + 9000, 0)
    assert cologne.guard.switch(first).to_pylist()[0]["reason"] == "fault"
    back = SwitchRequest("c", junction.id, Control.BRAIN, "a", "repaired", T0)
    assert cologne.guard.switch(back).to_pylist()[0]["accepted"]
    assert not cologne.guard.faults
    words = {cologne.city.lamps()[1] for _ in range(60) if second_of(cologne)}
    assert words & {s.lamps for s in junction.stages}
    assert not cologne.guard.faults


def test_a_lamp_that_fails_latches_a_fault_and_a_restart_forgets_none(cologne: Second) -> None:
    junction = cologne.guard.net.junctions[1]
    for _ in range(2):
        libsumo.trafficlight.setRedYellowGreenState(junction.id, "O" + cologne.city.lamps()[1][1:])
        second_of(cologne)
    assert cologne.guard.faults == {junction.id: "link 0 shows no lamp for 800 ms"}
    restored = Guard(cologne.guard.net, cologne.city.time_ms)
    restored.load(cologne.guard.dump())
    assert restored.controls[1] is Control.FAULT
    second = Second(cologne.city, restored, load_catalogue(None), 2)
    for _ in range(20):
        batches = second_of(second)
        assert all(state["control"] == "fault" for state in states_of(batches, junction.id))
    assert set(second.city.lamps()[1]) == {"r"}


def test_a_stage_with_priority_is_asked_for_and_released(cologne: Second) -> None:
    junction = cologne.guard.net.junctions[0]
    now = cologne.city.time_ms
    asked = SwitchRequest("a", junction.id, Control.PREEMPTED, "fire brigade", "drill", now, now + 100_000, 1)
    assert cologne.guard.switch(asked).to_pylist()[0]["accepted"]
    words = [cologne.city.lamps()[0] for _ in range(40) if second_of(cologne)]
    assert set(words[20:]) == {junction.stages[1].lamps}
    assert cologne.guard.controls[0] is Control.PREEMPTED
    release = SwitchRequest("b", junction.id, Control.PREEMPTED, "fire brigade", "passed", now)
    assert cologne.guard.switch(release).to_pylist()[0]["accepted"]
    cologne.advance()
    assert cologne.guard.controls[0] is Control.SILENCE

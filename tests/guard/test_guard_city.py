"""A whole city under guard: orders, silence, own plans, switches, faults, save and restore."""

from __future__ import annotations

import msgspec
import pyarrow as pa
import pytest
from guard_crossing import T0, city, crossing, real_net
from guard_oracle import violations
from guard_street import DECLARED, ask, order_rows, refusals, run, switched, three

from citybrain.guard import Guard, PlanClock, limits_of
from citybrain.model import Control, Junction, SwitchRequest, conform

replace = msgspec.structs.replace


def test_the_first_advance_shows_every_junction_and_later_ones_what_changed() -> None:
    guard = Guard(three(), T0)
    assert dict(guard.advance(T0 + 1000)) == {"x": "rrrrrrr", "y": "rrrrrrr", "z": "rrrrrrr"}
    shown = dict(zip("xyz", guard.lamps, strict=True))
    for _ in range(200):
        shown |= dict(guard.advance(guard.time_ms + 1000))
        assert shown == dict(zip("xyz", guard.lamps, strict=True))


def test_an_order_is_carried_out() -> None:
    guard = Guard(three(), T0)
    run(guard, 30, 2)
    assert guard.lamps[:2] == ("rrrrGGG", "rrrrGGG")
    assert guard.controls == (Control.BRAIN, Control.BRAIN, Control.REFUSED)


def test_silence_means_the_own_plan_and_orders_end_it() -> None:
    guard = Guard(three(), T0)
    run(guard, 30, 2)
    run(guard, 2, None)
    assert guard.controls[0] is Control.BRAIN
    run(guard, 1, None)
    assert guard.controls[0] is Control.SILENCE
    twin = Guard(three(), T0)
    run(twin, 33, None)
    for _ in range(200):
        run(guard, 1, None), run(twin, 1, None)
    assert guard.lamps == twin.lamps
    run(guard, 40, 0)
    assert guard.lamps[0] == "GgGgrrG"
    assert guard.controls[0] is Control.BRAIN


def test_the_own_plan_is_read_by_city_time() -> None:
    junction = crossing()
    guard = Guard(city(junction), T0)
    clock = PlanClock(junction.plan)
    run(guard, 300, None)
    stages = [s.lamps for s in junction.stages]
    settled = 0
    for _ in range(300):
        lamps = run(guard, 1, None)[0][0]
        wanted = clock.at(guard.time_ms).stage
        assert clock.at(guard.time_ms).until_ms > guard.time_ms
        settled += lamps == stages[wanted]
        assert lamps in stages or "y" in lamps or "G" not in lamps.replace("G", "", 1)
    assert settled > 180


def test_plan_phases_between_stages_ask_for_the_next_one() -> None:
    plan = crossing().plan
    clock = PlanClock(plan)
    start = T0 - T0 % round(plan.cycle_s * 1000)
    asked = [clock.at(start + second * 1000).stage for second in range(round(plan.cycle_s))]
    assert asked == [0] * 20 + [1] * 15 + [2] * 20 + [0] * 5
    late = PlanClock(replace(plan, offset_s=20.0))
    assert [late.at(start + s * 1000).stage for s in (0, 19, 20, 40)] == [2, 0, 0, 1], "it begins 20 s later"


def test_a_refused_junction_plays_its_plan_as_it_stands() -> None:
    junction = crossing(id="z", refused="blinking lamps")
    guard = Guard(city(junction), T0)
    run(guard, 70, None)
    clock = PlanClock(junction.plan)
    for _ in range(120):
        lamps = run(guard, 1, 1)[0][0]
        assert lamps == clock.at(guard.time_ms).lamps
    assert refusals(guard) == [("z", 1, "not_controllable")]


@pytest.mark.parametrize(
    ("orders", "reason"),
    [
        ([("nowhere", T0, 1)], ("nowhere", 1, "unknown_junction")),
        ([("z", T0, 1)], ("z", 1, "not_controllable")),
        ([("x", T0, 4)], ("x", 4, "no_such_stage")),
        ([("x", T0, -1)], ("x", -1, "no_such_stage")),
        ([("x", T0 + 1, 1)], ("x", 1, "from_the_future")),
        ([("x", T0 - 3001, 1)], ("x", 1, "too_old")),
        ([("x", T0, 1), ("x", T0 - 1000, 2)], ("x", 2, "too_old")),
    ],
)
def test_unsound_orders_are_refused_once(orders: list[tuple[str, int, int]], reason: tuple[str, int, str]) -> None:
    guard = Guard(three(), T0)
    if len(orders) > 1:
        guard.orders(order_rows(orders[:1]), "brain")
    for _ in range(5):
        guard.orders(order_rows(orders[-1:]), "brain")
    assert refusals(guard) == [reason]
    guard.orders(order_rows([("x", T0, 0), ("y", T0, 0)]), "brain")
    guard.orders(order_rows(orders[-1:]), "brain")
    assert refusals(guard) == ([reason] if reason[0] == "x" else [])


def test_rows_that_are_no_orders_raise() -> None:
    guard = Guard(three(), T0)
    with pytest.raises(ValueError, match="do not fit"):
        guard.orders(pa.RecordBatch.from_pylist([{"junction": "x"}]), "brain")
    with pytest.raises(ValueError, match="null"):
        guard.orders(pa.RecordBatch.from_pylist([{"junction": "x", "time": None, "stage": 1}]), "brain")
    with pytest.raises(ValueError, match="not text"):
        guard.orders(pa.RecordBatch.from_pylist([{"junction": 1, "time": T0, "stage": 1}]), "brain")


def test_waiting_orders_are_told_once_until_they_change() -> None:
    guard = Guard(city(crossing()), T0)
    run(guard, 9, 0)
    assert refusals(guard) == [("x", 0, "min_green")]
    run(guard, 60, 0)
    assert refusals(guard) == []
    run(guard, 200, 0)
    told = refusals(guard)
    assert ("x", 0, "max_red") in told
    assert len(told) < 15


def test_a_district_is_switched_off_and_on() -> None:
    guard = Guard(three(), T0)
    run(guard, 30, 2)
    result = switched(guard, ask("e", Control.OWN_PLAN))
    assert result["accepted"] and result["junctions"] == 1 and result["reason"] == ""
    run(guard, 2, 2)
    assert guard.controls == (Control.BRAIN, Control.OWN_PLAN, Control.REFUSED)
    assert ("y", 2, "switched_off") in refusals(guard)
    run(guard, 200, 2)
    assert not [r for r in refusals(guard) if r[2] == "switched_off"]
    assert switched(guard, ask("c", Control.BRAIN))["junctions"] == 1
    run(guard, 1, 2)
    assert guard.controls[:2] == (Control.BRAIN, Control.BRAIN)


def test_a_switch_ends_by_itself() -> None:
    guard = Guard(three(), T0)
    run(guard, 10, 2)
    switched(guard, ask("x", Control.OWN_PLAN, until_ms=guard.time_ms + 20_000))
    run(guard, 19, 2)
    assert guard.controls[0] is Control.OWN_PLAN
    run(guard, 1, 2)
    assert guard.controls[0] is Control.BRAIN


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (ask("nowhere", Control.BRAIN), "unknown_area"),
        (ask("z", Control.BRAIN), "not_controllable"),
        (ask("x", Control.BRAIN, who=" "), "who_is_missing"),
        (ask("x", Control.BRAIN, why=""), "why_is_missing"),
        (ask("x", Control.BRAIN, who="a" * 2001), "who_is_missing"),
        (ask("x", Control.SILENCE), "control_is_not_a_choice"),
        (ask("x", Control.OWN_PLAN, until_ms=T0), "until_is_past"),
    ],
)
def test_bad_switch_requests_are_refused(request_: SwitchRequest, reason: str) -> None:
    guard = Guard(three(), T0)
    result = switched(guard, request_)
    assert (result["accepted"], result["reason"], result["junctions"]) == (False, reason, 0)
    run(guard, 3, 2)
    assert guard.controls[0] is Control.BRAIN


def test_states_are_written_when_they_change_and_all_every_ten_seconds() -> None:
    guard = Guard(three(), T0)
    sizes = []
    last: dict[str, dict[str, object]] = {}
    for _ in range(120):
        run(guard, 1, 2 if guard.time_ms < T0 + 60_000 else 0)
        rows = guard.state_rows(guard.time_ms)
        sizes.append(0 if rows is None else rows.num_rows)
        if rows is not None:
            last |= {r["junction"]: r for r in conform(rows, DECLARED["traffic.signal_state"]).to_pylist()}
        for junction, lamps in zip("xyz", guard.lamps, strict=True):
            assert last[junction]["lamps"] == lamps
    assert sizes[0] == 3
    assert sizes[9::10] == [3] * 12, "at whole tens of seconds, so that a sample of these moments is fair"
    assert 0 in sizes
    assert last["x"]["stage"] == last["x"]["next_stage"] == 0
    assert last["x"]["control"] == "brain"


def test_a_broken_core_is_caught_and_latched(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(junction: Junction) -> object:
        return limits_of(replace(junction, yellow_s=(1.0,) * 7)) if junction.id == "y" else limits_of(junction)

    monkeypatch.setattr("citybrain.guard.limits.limits_of", hasty)
    guard = Guard(three(), T0)
    run(guard, 30, 2)
    run(guard, 30, 0)
    assert list(guard.faults) == ["y"]
    assert guard.lamps[:2] == ("GgGgrrG", "rrrrrrr")
    told = refusals(guard)
    assert any(j == "y" and reason.startswith("fault: link") for j, _, reason in told)
    run(guard, 60, 2)
    assert guard.lamps[1] == "rrrrrrr"
    assert ("y", 2, "fault") in refusals(guard)
    switched(guard, ask("c", Control.OWN_PLAN))
    assert guard.faults
    switched(guard, ask("y", Control.BRAIN))
    assert not guard.faults
    shown = run(guard, 30, 2)
    assert shown[-1][1] == "rrrrGGG"


@pytest.mark.parametrize("jump_ms", [-86_400_000, -1000, 11_000, 86_400_000])
def test_a_jump_of_the_clock_is_survived(jump_ms: int) -> None:
    net = three()
    for at in range(30, 60, 3):
        guard = Guard(net, T0)
        history = [[(0.0, lamps)] for lamps in guard.lamps]
        second = 0.0
        for step in range(200):
            jump = jump_ms if step == at else 1000
            second += 0 if step == at else 1
            wish = (step // 17) % 3
            guard.orders(order_rows((j.id, guard.time_ms, wish) for j in net.junctions), "brain")
            guard.advance(guard.time_ms + jump)
            for seen, lamps in zip(history, guard.lamps, strict=True):
                if seen[-1][0] == second:
                    seen[-1] = (second, lamps)
                else:
                    seen.append((second, lamps))
        for junction, seen in zip(net.junctions[:2], history, strict=False):
            assert violations(junction, seen, max_red_s=junction.max_red_s) == []
        greens = [a != b for (_, a), (_, b) in zip(history[2], history[2][1:], strict=False)]
        assert any(greens)


def test_lost_seconds_never_make_lamps_unsafe() -> None:
    net = three()
    guard = Guard(net, T0)
    history = [[(0.0, lamps)] for lamps in guard.lamps]
    gaps = [1, 2, 10, 1, 1, 7, 3] * 60
    for step, gap in enumerate(gaps):
        guard.orders(order_rows((j.id, guard.time_ms, step // 5 % 4) for j in net.junctions), "brain")
        guard.advance(guard.time_ms + gap * 1000)
        for seen, lamps in zip(history, guard.lamps, strict=True):
            seen.append((seen[-1][0] + gap, lamps))
    for junction, seen in zip(net.junctions[:2], history, strict=False):
        assert violations(junction, seen) == []


def test_a_kept_guard_goes_on_where_it_was() -> None:
    guard, twin = Guard(three(), T0), Guard(three(), T0)
    for g in (guard, twin):
        run(g, 33, 2)
        switched(g, ask("y", Control.OWN_PLAN, until_ms=T0 + 60_000))
        run(g, 2, 0)
    restored = Guard(three(), T0 - 5000)
    restored.load(guard.dump())
    assert restored.time_ms == guard.time_ms
    assert dict(restored.advance(guard.time_ms)) == dict(zip("xyz", guard.lamps, strict=True))
    twin.advance(guard.time_ms)
    assert run(restored, 120, 1) == run(twin, 120, 1)
    assert restored.controls == twin.controls


def test_a_strange_kept_guard_is_refused() -> None:
    guard = Guard(three(), T0)
    other = Guard(replace(three(), digest="another"), T0)
    smaller = Guard(replace(city(crossing()), digest="by hand"), T0)
    for data in (b"", b"nonsense", guard.dump()[:-3], other.dump(), smaller.dump()):
        with pytest.raises(ValueError, match="kept guard"):
            guard.load(data)
    run(guard, 30, 2)
    assert guard.lamps[0] == "rrrrGGG"


@pytest.mark.parametrize("backup_ms", [0, -1, 65_536_000])
def test_a_backup_time_that_would_never_come_is_refused(backup_ms: int) -> None:
    with pytest.raises(ValueError, match="backup time"):
        Guard(three(), T0, backup_ms=backup_ms)


def test_the_backup_time_is_kept() -> None:
    guard = Guard(three(), T0, backup_ms=10_000)
    run(guard, 30, 2)
    run(guard, 9, None)
    assert guard.controls[0] is Control.BRAIN
    restored = Guard(three(), T0, backup_ms=10_000)
    restored.load(guard.dump())
    run(guard, 2, None)
    assert guard.controls[0] is Control.SILENCE


def test_a_real_city_starts_on_its_own_plans() -> None:
    net = real_net("cologne8")
    if net is None:
        pytest.skip("shared/data/cologne8 is absent")
    guard = Guard(net, T0)
    history = [[(0.0, lamps)] for lamps in guard.lamps]
    for second, words in enumerate(run(guard, 600, None), 1):
        for seen, lamps in zip(history, words, strict=True):
            seen.append((float(second), lamps))
    for junction, seen in zip(net.junctions, history, strict=True):
        assert violations(junction, seen, max_red_s=junction.max_red_s) == []
        shown = {lamps for _, lamps in seen}
        assert {s.lamps for s in junction.stages} <= shown

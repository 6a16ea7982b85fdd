"""A person's commands: hold, flash, advice and approval, locks; and pre-emption."""

from __future__ import annotations

from itertools import groupby

import msgspec
import pytest
from guard_crossing import T0, city, crossing
from guard_oracle import violations
from guard_street import DECLARED, ask, order_rows, refusals, run, switched, three

from citybrain.guard import Guard, Reason, limits_of
from citybrain.guard.limits import own_plan_limits
from citybrain.model import Control, Preemption, SwitchRequest, conform

replace = msgspec.structs.replace
HOUR_MS = 3_600_000


def hold(stage: int, **changes: object) -> SwitchRequest:
    return replace(ask("x", Control.HOLD, stage=stage, until_ms=T0 + 600_000), **changes)


def flash(**changes: object) -> SwitchRequest:
    return replace(ask("x", Control.FLASH, until_ms=T0 + 600_000), **changes)


def lamps_of(guard: Guard, seconds: int, stage: int | None) -> list[str]:
    return [words[0] for words in run(guard, seconds, stage)]


def test_a_stage_is_held_but_nobody_waits_beyond_the_maximum_red() -> None:
    junction = crossing()
    guard = Guard(city(junction), T0)
    before = lamps_of(guard, 30, 2)
    assert switched(guard, hold(0))["stage"] == 0
    shown = lamps_of(guard, 500, 2)
    assert guard.controls == (Control.HOLD,)
    assert sum(word == "GgGgrrG" for word in shown) > 400
    others = [len(list(g)) for word, g in groupby(shown) if word == "rrrrGGG"]
    assert others[1:] and set(others[1:]) == {5}
    history = [(float(s), word) for s, word in enumerate(before + shown)]
    assert violations(junction, history, max_red_s=junction.max_red_s) == []
    assert ("x", 2, "switched_off") in refusals(guard)


@pytest.mark.parametrize(("before", "after"), [(Control.BRAIN, 2), (Control.OWN_PLAN, None)])
def test_what_was_before_comes_back_by_itself(before: Control, after: int | None) -> None:
    for command in (hold(1, until_ms=T0 + 60_000), flash(until_ms=T0 + 60_000)):
        guard = Guard(three(), T0)
        switched(guard, ask("x", before))
        run(guard, 10, 2)
        assert switched(guard, command)["accepted"]
        run(guard, 49, 2)
        assert guard.controls[0] is command.control
        run(guard, 1, 2)
        assert guard.controls[0] is before
        if after is not None:
            assert lamps_of(guard, 60, after)[-1] == "rrrrGGG"


def test_flashing_comes_after_all_red_and_ends_in_all_red() -> None:
    guard = Guard(city(crossing()), T0)
    run(guard, 30, 0)
    switched(guard, flash(until_ms=T0 + 100_000))
    shown = lamps_of(guard, 69, 0)
    assert [w for w, _ in groupby(shown)] == ["yyyyrrG", "yyyyrry", "ryryrry", "rrrrrrr", "ooooooo"]
    rows = guard.state_rows(guard.time_ms)
    assert rows is not None
    state = conform(rows, DECLARED["traffic.signal_state"]).to_pylist()[0]
    assert (state["control"], state["stage"], state["lamps"]) == ("flash", -1, "ooooooo")
    shown = lamps_of(guard, 30, 0)
    runs = [(word, len(list(g))) for word, g in groupby(shown)]
    assert runs[0] == ("rrrrrrr", 7)
    assert runs[1][0] == "GgGgrrG"
    assert not guard.faults


def test_advice_is_a_proposal_until_a_person_approves_it() -> None:
    guard, twin = Guard(three(), T0), Guard(three(), T0)
    for g in (guard, twin):
        switched(g, ask("x", Control.ADVISED if g is guard else Control.OWN_PLAN))
    for _ in range(90):
        assert run(guard, 1, 3)[0][0] == run(twin, 1, 3)[0][0]
    assert guard.controls[0] is Control.ADVISED
    assert ("x", 3, "switched_off") not in refusals(guard)
    assert switched(guard, ask("x", Control.ADVISED, stage=1))["reason"] == "proposal_changed"
    answer = switched(guard, ask("x", Control.ADVISED, stage=3))
    assert answer["accepted"] and answer["stage"] == 3
    assert answer["until"].timestamp() * 1000 == guard.time_ms + 60_000
    assert lamps_of(guard, 40, 3)[-1] == "GGrrrrG"
    assert guard.controls[0] is Control.APPROVED
    run(guard, 20, 3)
    assert guard.controls[0] is Control.ADVISED


@pytest.mark.parametrize("then", [0, None])
def test_an_approval_ends_when_the_brain_thinks_otherwise(then: int | None) -> None:
    guard = Guard(three(), T0)
    switched(guard, ask("x", Control.ADVISED))
    run(guard, 10, 3)
    switched(guard, ask("x", Control.ADVISED, stage=3, until_ms=T0 + 600_000))
    run(guard, 20, 3)
    assert guard.controls[0] is Control.APPROVED
    run(guard, 4, then)
    assert guard.controls[0] is Control.ADVISED
    run(guard, 10, 3)
    assert guard.controls[0] is Control.ADVISED


def test_a_junction_may_start_in_advisory_mode() -> None:
    guard = Guard(city(crossing(advisory=True)), T0)
    run(guard, 20, 3)
    assert guard.controls == (Control.ADVISED,)
    switched(guard, ask("x", Control.OWN_PLAN, until_ms=T0 + 40_000))
    run(guard, 1, 3)
    assert guard.controls == (Control.OWN_PLAN,)
    run(guard, 30, 3)
    assert guard.controls == (Control.ADVISED,)
    switched(guard, ask("x", Control.BRAIN, until_ms=guard.time_ms + 10_000))
    run(guard, 1, 3)
    assert guard.controls == (Control.BRAIN,)
    run(guard, 10, 3)
    assert guard.controls == (Control.ADVISED,)
    assert switched(guard, ask("x", Control.ADVISED, until_ms=guard.time_ms + 10_000))["accepted"]
    run(guard, 11, 3)
    assert guard.controls == (Control.ADVISED,)


def test_a_lock_keeps_others_out() -> None:
    guard = Guard(three(), T0)
    run(guard, 10, 2)
    answer = switched(guard, hold(1, lock=True))
    assert answer["accepted"] and answer["lock"]
    other = {"who": "somebody else"}
    for request in (hold(2, **other), flash(**other), ask("x", Control.BRAIN, **other)):
        assert switched(guard, request)["reason"] == "locked"
    answer = switched(guard, ask("c", Control.OWN_PLAN, **other))
    assert (answer["junctions"], answer["locked"]) == (1, 1)
    run(guard, 1, 2)
    assert guard.controls == (Control.HOLD, Control.OWN_PLAN, Control.REFUSED)
    assert switched(guard, hold(2))["accepted"]
    assert switched(guard, flash(**other))["accepted"]


def test_a_lock_ends_by_force_or_by_itself() -> None:
    guard = Guard(three(), T0)
    other = {"who": "somebody else"}
    switched(guard, ask("x", Control.OWN_PLAN, lock=True, until_ms=T0 + 20_000))
    assert switched(guard, ask("x", Control.BRAIN, force=True, **other))["accepted"]
    switched(guard, ask("x", Control.OWN_PLAN, lock=True, until_ms=T0 + 20_000))
    run(guard, 19, 2)
    assert switched(guard, ask("x", Control.BRAIN, **other))["reason"] == "locked"
    run(guard, 1, 2)
    assert guard.controls[0] is Control.BRAIN
    assert switched(guard, ask("x", Control.OWN_PLAN, **other))["accepted"]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (hold(0, area="c"), "one_junction_only"),
        (flash(area="d"), "one_junction_only"),
        (ask("c", Control.OWN_PLAN, lock=True, until_ms=T0 + 1000), "one_junction_only"),
        (ask("x", Control.HOLD, until_ms=T0 + 1000), "stage_is_missing"),
        (hold(4), "no_such_stage"),
        (hold(-1), "no_such_stage"),
        (flash(stage=1), "stage_is_out_of_place"),
        (hold(1, until_ms=None), "until_is_missing"),
        (flash(until_ms=None), "until_is_missing"),
        (ask("x", Control.OWN_PLAN, lock=True), "until_is_missing"),
        (hold(1, until_ms=T0 + HOUR_MS + 1), "until_is_too_far"),
        (flash(until_ms=T0 + 24 * HOUR_MS + 1), "until_is_too_far"),
        (ask("x", Control.ADVISED, stage=1), "not_advised"),
        (ask("z", Control.FLASH, until_ms=T0 + 1000), "not_controllable"),
        (ask("x", Control.APPROVED, stage=1), "control_is_not_a_choice"),
        (ask("x", Control.SILENCE), "control_is_not_a_choice"),
        (ask("x", Control.OWN_PLAN, who="\0"), "who_is_missing"),
    ],
)
def test_commands_that_make_no_sense_are_refused(request_: SwitchRequest, reason: str) -> None:
    guard = Guard(three(), T0)
    answer = switched(guard, request_)
    assert (answer["accepted"], answer["reason"], answer["junctions"]) == (False, reason, 0)


def test_who_decides_in_an_area_does_not_end_what_is_commanded_of_one_junction() -> None:
    """A lamp under repair goes on flashing; a request for the junction itself ends it."""
    guard = Guard(three(), T0)
    switched(guard, flash(area="y"))
    run(guard, 40, 2)
    answer = switched(guard, ask("c", Control.OWN_PLAN))
    assert answer["accepted"] and answer["junctions"] == 1, "x alone changes at once"
    run(guard, 40, 2)
    assert guard.controls[:2] == (Control.OWN_PLAN, Control.FLASH)
    assert switched(guard, ask("y", Control.OWN_PLAN))["junctions"] == 1
    run(guard, 40, 2)
    assert guard.controls[:2] == (Control.OWN_PLAN, Control.OWN_PLAN)


def test_commands_survive_a_restart() -> None:
    guard = Guard(three(), T0)
    switched(guard, hold(1, lock=True))
    switched(guard, flash(area="y"))
    run(guard, 40, 2)
    restored = Guard(three(), T0)
    restored.load(guard.dump())
    assert restored.dump() == guard.dump()
    assert run(restored, 60, 2) == run(guard, 60, 2)
    assert switched(restored, flash(who="somebody else"))["reason"] == "locked"


def test_a_clock_that_jumps_back_prolongs_no_command() -> None:
    guard = Guard(three(), T0)
    switched(guard, hold(1))
    guard.preempt(Preemption("y", 1, T0 + 100_000, "escort"))
    guard.advance(T0 - 86_400_000)
    run(guard, 3, 2)
    assert guard.controls[:2] == (Control.HOLD, Control.BRAIN)
    run(guard, 3600, 2)
    assert guard.controls[0] is Control.BRAIN


def test_a_pre_emption_takes_the_stage_and_gives_it_back() -> None:
    junction = crossing()
    guard = Guard(city(junction), T0)
    before = lamps_of(guard, 30, 2)
    assert guard.preempt(Preemption("x", 0, guard.time_ms + 100_000, "escort")) is None
    shown = lamps_of(guard, 99, 2)
    assert guard.controls == (Control.PREEMPTED,)
    assert shown[-1] == "GgGgrrG"
    after = lamps_of(guard, 300, 2)
    assert guard.controls == (Control.BRAIN,)
    assert after[-1] == "rrrrGGG"
    longest = limits_of(junction).max_red_ms / 1000 + 100
    history = [(float(s), word) for s, word in enumerate([*before, *shown, *after])]
    assert violations(junction, history, max_red_s=longest) == []


def test_pre_emptions_on_end_starve_nobody() -> None:
    junction = crossing()
    guard = Guard(city(junction), T0)
    history = []
    for second in range(1500):
        guard.preempt(Preemption("x", 0, guard.time_ms + 60_000, "escort"))
        history.append((float(second), lamps_of(guard, 1, 2)[0]))
    longest = own_plan_limits(limits_of(junction), junction).max_red_ms / 1000 + 120
    assert violations(junction, history, max_red_s=longest) == []
    assert violations(junction, history, max_red_s=longest - 20)


def test_the_requester_releases_a_pre_emption_and_nobody_else() -> None:
    guard = Guard(three(), T0)
    run(guard, 30, 2)
    until = guard.time_ms + 60_000
    assert guard.preempt(Preemption("x", 0, until, "escort")) is None
    assert guard.preempt(Preemption("x", 1, until, "another")) is Reason.PREEMPTED
    assert not guard.release("x", "another")
    run(guard, 5, 2)
    assert guard.controls[0] is Control.PREEMPTED
    assert guard.release("x", "escort")
    run(guard, 1, 2)
    assert guard.controls[0] is Control.BRAIN


def test_a_person_stands_above_a_pre_emption() -> None:
    guard = Guard(three(), T0)
    guard.preempt(Preemption("x", 0, T0 + 60_000, "escort"))
    switched(guard, hold(1))
    run(guard, 30, 2)
    assert guard.controls[0] is Control.HOLD


def test_who_is_locked_out_or_asks_of_a_fault_gets_no_priority() -> None:
    guard = Guard(three(), T0)
    switched(guard, ask("x", Control.OWN_PLAN, lock=True, until_ms=T0 + 20_000))
    asked = Preemption("x", 0, T0 + 10_000, "escort")
    assert guard.preempt(asked) is Reason.LOCKED
    run(guard, 21, 2)
    assert guard.preempt(Preemption("x", 0, guard.time_ms + 10_000, "escort")) is None
    guard.read_back(["O" * len(lamps) for lamps in guard.lamps], guard.time_ms)
    guard.read_back(["O" * len(lamps) for lamps in guard.lamps], guard.time_ms + 1000)
    assert "x" in guard.faults
    assert guard.preempt(Preemption("x", 0, guard.time_ms + 10_000, "escort")) is Reason.FAULT


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (Preemption("nowhere", 0, T0 + 1000, "e"), Reason.UNKNOWN_JUNCTION),
        (Preemption("z", 0, T0 + 1000, "e"), Reason.NOT_CONTROLLABLE),
        (Preemption("x", 4, T0 + 1000, "e"), Reason.NO_SUCH_STAGE),
        (Preemption("x", 0, T0, "e"), Reason.TOO_OLD),
        (Preemption("x", 0, T0 + 120_001, "e"), Reason.FROM_THE_FUTURE),
    ],
)
def test_unsound_pre_emptions_are_refused(asked: Preemption, reason: Reason) -> None:
    guard = Guard(three(), T0)
    assert guard.preempt(asked) is reason
    run(guard, 2, 2)
    assert Control.PREEMPTED not in guard.controls


def first(stage: int | None = 0, area: str = "x", **changes: object) -> SwitchRequest:
    """Priority for a stage of a junction, half a minute from T0 on."""
    until_ms = None if stage is None else T0 + 30_000
    return ask(area, Control.PREEMPTED, **{"stage": stage, "until_ms": until_ms, **changes})


def test_priority_asked_for_as_a_command_ends_by_itself() -> None:
    guard = Guard(three(), T0)
    run(guard, 10, 2)
    result = switched(guard, first())
    assert (result["accepted"], result["control"], result["stage"], result["junctions"]) == (
        True,
        "preempted",
        0,
        1,
    )
    shown = lamps_of(guard, 19, 2)
    assert shown[-1] == "GgGgrrG"
    assert guard.controls[0] is Control.PREEMPTED
    run(guard, 1, 2)
    assert guard.controls[0] is Control.BRAIN


def test_priority_is_prolonged_and_released_by_who_asked_for_it_alone() -> None:
    guard = Guard(three(), T0)
    switched(guard, first(who="escort"))
    assert switched(guard, first(1, who="another"))["reason"] == "preempted"
    assert switched(guard, first(1, who="another", force=True))["reason"] == "preempted"
    assert switched(guard, first(None, who="another"))["reason"] == "not_preempted"
    assert switched(guard, first(1, who=" escort ", until_ms=T0 + 110_000))["accepted"]
    run(guard, 40, 2)
    assert guard.controls[0] is Control.PREEMPTED
    assert switched(guard, first(None, who="escort"))["accepted"]
    run(guard, 1, 2)
    assert guard.controls[0] is Control.BRAIN
    assert switched(guard, first(None, who="escort"))["reason"] == "not_preempted"


def test_priority_lasts_two_minutes_where_no_end_is_asked_for() -> None:
    guard = Guard(three(), T0)
    assert switched(guard, first(until_ms=None))["accepted"]
    run(guard, 119, 2)
    assert guard.controls[0] is Control.PREEMPTED
    run(guard, 1, 2)
    assert guard.controls[0] is Control.BRAIN


def test_priority_leaves_what_people_have_commanded_as_it_is() -> None:
    guard = Guard(three(), T0)
    switched(guard, ask("x", Control.ADVISED, lock=True, until_ms=T0 + 600_000, who="engineer"))
    assert switched(guard, first(who="escort"))["reason"] == "locked"
    assert switched(guard, first(who="escort", force=True))["accepted"]
    run(guard, 10, 2)
    assert guard.controls[0] is Control.PREEMPTED
    run(guard, 30, 2)
    assert guard.controls[0] is Control.ADVISED
    assert switched(guard, ask("x", Control.BRAIN, who="somebody"))["reason"] == "locked"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (first(area="nowhere"), "unknown_area"),
        (first(area="e"), "one_junction_only"),
        (first(area="z"), "not_controllable"),
        (first(4), "no_such_stage"),
        (first(until_ms=T0), "until_is_past"),
        (first(until_ms=T0 + 120_001), "until_is_too_far"),
        (first(lock=True), "lock_is_out_of_place"),
        (first(None, until_ms=T0 + 1000), "until_is_out_of_place"),
        (first(who=" "), "who_is_missing"),
        (first(why=""), "why_is_missing"),
        (first(None), "not_preempted"),
    ],
)
def test_unsound_requests_for_priority_are_refused(request_: SwitchRequest, reason: str) -> None:
    guard = Guard(three(), T0)
    result = switched(guard, request_)
    assert (result["accepted"], result["reason"], result["control"]) == (False, reason, "preempted")
    run(guard, 2, 2)
    assert Control.PREEMPTED not in guard.controls


def test_orders_of_a_held_junction_are_a_heartbeat_all_the_same() -> None:
    guard = Guard(three(), T0)
    switched(guard, hold(1, until_ms=T0 + 30_000))
    for _ in range(30):
        guard.orders(order_rows([("x", guard.time_ms, 2)]), "brain")
        guard.advance(guard.time_ms + 1000)
    assert guard.controls[0] is Control.BRAIN

"""Stages made safe: only ever towards the safe side, and only where the network or the approach says how."""

from __future__ import annotations

from pathlib import Path

import pytest
from cities import data
from hypothesis import given
from hypothesis import strategies as st

from citybrain.guard import limits_of
from citybrain.guard.limits import clashes as guard_clashes
from citybrain.model import OwnPlan, PlanPhase, RoadNet
from citybrain.network import read_scenario
from citybrain.network.foes import Foes
from citybrain.network.stage_repair import clashes, repair, repaired_plan
from citybrain.network.sumo_control import write_programs

LINKS = 6


@st.composite
def foes(draw: st.DrawFn) -> Foes:
    pairs = [(i, j) for i in range(LINKS) for j in range(i)]
    conflicts: list[set[int]] = [set() for _ in range(LINKS)]
    yields: list[set[int]] = [set() for _ in range(LINKS)]
    for i, j in draw(st.sets(st.sampled_from(pairs))):
        conflicts[i].add(j)
        conflicts[j].add(i)
        for a, b in draw(st.sampled_from(((), ((i, j),), ((j, i),), ((i, j), (j, i))))):
            yields[a].add(b)
    return Foes(tuple(tuple(sorted(c)) for c in conflicts), tuple(tuple(sorted(y)) for y in yields), True)


lamps = st.text("Ggr", min_size=LINKS, max_size=LINKS)
approaches = st.dictionaries(st.integers(0, LINKS - 1), st.sampled_from("NESW"))


@given(
    foes(), st.lists(lamps, min_size=1, max_size=4, unique=True), approaches, st.sets(st.integers(0, LINKS - 1))
)
def test_a_repair_only_takes_way_and_leaves_nobody_out(
    at: Foes, stages: list[str], approach: dict[int, str], turning: set[int]
) -> None:
    fixed = repair(stages, at, approach, turning)
    for before, parts in zip(stages, fixed.parts, strict=True):
        after = [fixed.stages[p] for p in parts]
        for link, (lamp, letters) in enumerate(zip(before, zip(*after, strict=True), strict=True)):
            assert set(letters) <= {"r": {"r"}, "g": {"g", "r"}, "G": {"G", "g", "r"}}[lamp]
            assert lamp != "G" or "g" not in letters or link in turning
            assert lamp == "r" or set(letters) != {"r"}, "who had green has it in one of the parts"
        if not guard_clashes(before, at.conflicts, at.yields):
            assert after == [before]
        for word in after:
            for i, j in clashes(word, at):
                assert not (j in at.yields[i] and i in turning) and not (i in at.yields[j] and j in turning)
                assert i not in approach or approach[i] != approach.get(j)


@given(foes(), lamps)
def test_our_clashes_are_the_guards(at: Foes, word: str) -> None:
    first = guard_clashes(word, at.conflicts, at.yields)
    found = clashes(word, at)
    assert (first is None) == (not found)
    assert first is None or first in found


def test_lanes_that_cross_on_one_approach_take_turns() -> None:
    at = Foes(((1,), (0,), ()), ((), (), ()), True)
    fixed = repair(["GGr", "rrG"], at, {0: "a", 1: "a", 2: "b"}, {0, 1, 2})
    assert fixed.stages == ("Grr", "rGr", "rrG")
    assert fixed.parts == ((0, 1), (2,))
    assert fixed.remarks == ("stage 0 of the program: signal links 0, 1 cross on one approach and take turns",)
    plan = OwnPlan("0", (PlanPhase("GGr", 30.0, 0), PlanPhase("yyr", 3.0, -1), PlanPhase("rrG", 20.0, 1)), 4.0)
    after = repaired_plan(plan, fixed)
    assert [(p.lamps, p.duration_s, p.stage) for p in after.phases] == [
        ("GGr", 15.0, 0),
        ("GGr", 15.0, 1),
        ("yyr", 3.0, -1),
        ("rrG", 20.0, 2),
    ]
    assert (after.cycle_s, after.offset_s) == (plan.cycle_s, 4.0)


def test_who_yields_by_the_matrix_is_shown_g() -> None:
    at = Foes(((1,), (0,)), ((1,), ()), True)
    fixed = repair(["GG"], at, {0: "a", 1: "b"}, {0})
    assert fixed.stages == ("gG",)
    assert fixed.remarks == ("stage 0 of the program: signal links 0 give way (G to g)",)
    assert repair(["GG"], at, {0: "a", 1: "b"}, {1}).stages == ("GG",), "who goes straight gives no way"


def test_two_approaches_that_conflict_without_a_rule_stay_a_clash() -> None:
    at = Foes(((1,), (0,)), ((), ()), True)
    fixed = repair(["GG"], at, {0: "a", 1: "b"}, {0, 1})
    assert fixed.stages == ("GG",) and not fixed.remarks
    assert clashes("GG", at) == ((0, 1),)


@pytest.fixture(scope="module")
def nanchang() -> RoadNet:
    return read_scenario(data("nanchang859")).net()


def test_nanchangs_crossing_lanes_can_all_be_guarded(nanchang: RoadNet) -> None:
    repaired = [j for j in nanchang.junctions if j.remarks]
    assert len(nanchang.junctions) == 859
    assert len(repaired) == 91
    for junction in nanchang.junctions:
        assert junction.refused is None
        limits = limits_of(junction)
        assert limits.round_ms < junction.max_red_s * 1000
        served = {m for s in junction.stages for m in s.movements}
        assert served == set(range(len(junction.movements)))
    assert all("take turns" in r for j in repaired for r in j.remarks), "the matrix names nobody who yields"


def test_sumos_own_controllers_keep_the_programs_phases(nanchang: RoadNet, tmp_path: Path) -> None:
    junction = next(j for j in nanchang.junctions if j.remarks)
    file = tmp_path / "programs.add.xml"
    write_programs([junction], "actuated", file)
    written = [line for line in file.read_text().splitlines() if "minDur" in line]
    shown = {p.lamps for p in junction.plan.phases if p.stage >= 0}
    assert len(written) == len(shown) < len(junction.stages)

"""Further stages: what a program's signal groups allow besides its own stages, and never more than that."""

from __future__ import annotations

from itertools import chain, combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_net import city_of, crossroads, lefts_apart

from citybrain.guard import limits_of
from citybrain.guard.limits import clashes as guard_clashes
from citybrain.model import RoadNet
from citybrain.network import default_city, read_net, read_scenario
from citybrain.network.foes import GREEN, Foes
from citybrain.network.further_stage import MOST, further_stages

LINKS = 7
Program = tuple[list[str], Foes, dict[int, str], list[frozenset[int]]]


def going(lamps: str) -> set[int]:
    return {k for k, letter in enumerate(lamps) if letter in GREEN}


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Stages that are safe by themselves, conflicts, approaches and lanes. A link may always go."""
    free = draw(st.integers(-1, LINKS - 1))
    bound = [k for k in range(LINKS) if k != free]
    conflicts: list[set[int]] = [set() for _ in range(LINKS)]
    yields: list[set[int]] = [set() for _ in range(LINKS)]
    for i, j in draw(st.sets(st.sampled_from(list(combinations(bound, 2))), min_size=4)):
        conflicts[i].add(j)
        conflicts[j].add(i)
        for a, b in draw(st.sampled_from(((), ((i, j),), ((j, i),), ((i, j), (j, i))))):
            yields[a].add(b)
    foes = Foes(tuple(tuple(sorted(c)) for c in conflicts), tuple(tuple(sorted(y)) for y in yields), True)
    turns = draw(st.lists(st.integers(0, 4), min_size=LINKS, max_size=LINKS))
    letters = draw(st.text("Gg", min_size=LINKS, max_size=LINKS))
    words = ["".join(c if turns[k] == at else "r" for k, c in enumerate(letters)) for at in sorted(set(turns))]
    words += draw(st.lists(st.text("rrGg", min_size=LINKS, max_size=LINKS), max_size=2))
    words = ["".join("G" if k == free else c for k, c in enumerate(word)) for word in words]
    stages = list(dict.fromkeys(_safe(word, foes) for word in words))
    approach = draw(st.dictionaries(st.integers(0, LINKS - 1), st.sampled_from("NESWA"), min_size=LINKS - 1))
    lanes = draw(st.lists(st.frozensets(st.integers(0, LINKS - 1), max_size=2), max_size=2))
    return stages, foes, approach, lanes


def _safe(word: str, foes: Foes) -> str:
    while clash := guard_clashes(word, foes.conflicts, foes.yields):
        word = f"{word[: clash[1]]}r{word[clash[1] + 1 :]}"
    return word


def expected(of: Program) -> list[set[int]]:
    """The links that go in each further stage, by looking at every set of groups."""
    stages, foes, approach, lanes = of
    columns = {k: "".join(s[k] for s in stages) for k in range(LINKS)}
    always = {k for k, letters in columns.items() if letters and GREEN.issuperset(letters)}
    bound = [k for k in approach if k not in always and not GREEN.isdisjoint(columns[k])]
    groups = [
        {i for i in bound if (approach[i], columns[i]) == key}
        for key in {(approach[k], columns[k]) for k in bound}
    ]
    own = [going(s) for s in stages]

    def compatible(a: set[int], b: set[int]) -> bool:
        return any(a | b <= o for o in own) or not any(j in foes.conflicts[i] for i in a for j in b)

    sets = [
        chosen
        for size in range(1, len(groups))
        for chosen in combinations(groups, size)
        if all(compatible(a, b) for a, b in combinations(chosen, 2))
        and not any(g not in chosen and all(compatible(g, a) for a in chosen) for g in groups)
    ]
    found = [set(chain(always, *chosen)) for chosen in sets]
    found = [links for links in found if not any(links <= o for o in own)]
    return [f for f in found if not any(0 < len((lane - always) & f) < len(lane - always) for lane in lanes)]


@settings(max_examples=300)
@given(programs())
def test_they_are_the_sets_of_compatible_groups_to_which_none_can_be_added(of: Program) -> None:
    stages, foes, approach, lanes = of
    found, wanted = further_stages(stages, foes, approach, lanes), expected(of)
    assert len(found) == min(len(wanted), MOST)
    assert all(going(lamps) in wanted for lamps in found)
    most = sorted((len(links) for links in wanted), reverse=True)[:MOST]
    assert [len(going(lamps)) for lamps in found] == most, "those first that let most links go"


@given(programs())
def test_they_are_safe_by_the_guards_rule_new_and_always_the_same(of: Program) -> None:
    stages, foes, approach, lanes = of
    found = further_stages(stages, foes, approach, lanes)
    for lamps in found:
        assert guard_clashes(lamps, foes.conflicts, foes.yields) is None
        assert not any(going(lamps) <= going(stage) for stage in stages)
        for k, letter in enumerate(lamps):
            shown = {stage[k] for stage in stages}
            assert letter != "G" or ("G" in shown and going(lamps).isdisjoint(foes.yields[k]))
            assert letter != "r" or not GREEN.issuperset(shown), "who always goes goes here, too"
            assert letter == "r" or not GREEN.isdisjoint(shown), "who never goes does not go here"
    assert len(set(found)) == len(found) <= MOST
    assert further_stages(stages, foes, dict(reversed(approach.items())), lanes[::-1]) == found


ARMS = range(4)


def four_arms() -> Foes:
    """Of arms n, e, s, w (0 … 3) straight on is link 2k, left 2k + 1. A left turn enters the leg that the arm on
    its right goes straight into, by a lane of its own: no conflict."""
    pairs = {frozenset((2 * k, 2 * ((k + 1) % 4))) for k in ARMS}  # straight on and straight on
    pairs |= {frozenset((2 * k + 1, 2 * ((k + 1) % 4) + 1)) for k in ARMS}  # left and left
    pairs |= {frozenset((2 * k + 1, 2 * ((k + turn) % 4))) for k in ARMS for turn in (1, 2)}
    conflicts = tuple(tuple(j for j in range(8) if frozenset((i, j)) in pairs) for i in range(8))
    return Foes(conflicts, ((),) * 8, True)


def lamps_of(*links: int) -> str:
    return "".join("G" if k in links else "r" for k in range(8))


APPROACH = {k: "nesw"[k // 2] for k in range(8)}
OPPOSITE = [lamps_of(0, 4), lamps_of(1, 5), lamps_of(2, 6), lamps_of(3, 7)]
ONE_ARM = [lamps_of(2 * k, 2 * k + 1) for k in ARMS]
INTO_ONE_LEG = [lamps_of(2 * k, 2 * ((k + 1) % 4) + 1) for k in ARMS]


def test_eight_stages_of_a_grid_leave_straight_on_with_the_left_turn_into_the_same_leg() -> None:
    """As on hangzhou4x4."""
    single = [frozenset({k}) for k in range(8)]
    found = further_stages(OPPOSITE + ONE_ARM, four_arms(), APPROACH, single)
    assert sorted(found) == sorted(INTO_ONE_LEG)


def test_four_stages_leave_one_arm_at_a_time_as_well() -> None:
    found = further_stages(OPPOSITE, four_arms(), APPROACH, [])
    assert list(found) == sorted(ONE_ARM + INTO_ONE_LEG)[:MOST]


def test_a_lane_from_which_both_go_is_never_let_go_by_halves() -> None:
    shared = [frozenset({2 * k, 2 * k + 1}) for k in ARMS]
    assert sorted(further_stages(OPPOSITE, four_arms(), APPROACH, shared)) == sorted(ONE_ARM)


def test_a_link_of_several_approaches_goes_only_where_it_always_does() -> None:
    approach = {k: v for k, v in APPROACH.items() if k}
    found = further_stages(OPPOSITE, four_arms(), approach, [])
    assert found and all(lamps[0] == "r" for lamps in found)


def test_a_turn_gives_way_in_them_where_the_network_says_so() -> None:
    """Two links that conflict, the second yields, together in the first stage; the third is another's."""
    foes = Foes(((1, 3), (0,), (3,), (0, 2)), ((), (0,), (), ()), True)
    stages = ["Ggrr", "rGrr", "rrGr", "rrrG"]
    found = further_stages(stages, foes, dict(enumerate("abcd")), [])
    assert found == ("GgGr", "rGrG")


@pytest.mark.parametrize("stages", [[], ["GrGr"], ["Gr", "rG"], ["GGGG", "GGGG"]])
def test_no_stages_one_stage_or_lamps_of_another_length_give_none(stages: list[str]) -> None:
    foes = Foes(((), (), (), ()), ((),) * 4, True)
    assert further_stages(stages, foes, dict(enumerate("abcd")), []) == ()


def test_who_is_kept_apart_for_a_reason_that_the_network_does_not_know_stays_apart() -> None:
    foes = Foes(((),) * 4, ((),) * 4, True)
    assert further_stages(["GGrr", "rrGG"], foes, dict(enumerate("abcd")), []) == ()


def test_a_junction_of_very_many_arms_gets_no_more_than_the_most() -> None:
    """3 ** 20 sets: of each three links one may go."""
    conflicts = tuple(tuple(j for j in range(k - k % 3, k - k % 3 + 3) if j != k) for k in range(60))
    stages = ["".join("G" if k == at else "r" for k in range(60)) for at in range(60)]
    found = further_stages(stages, Foes(conflicts, ((),) * 60, True), {k: str(k) for k in range(60)}, [])
    assert [lamps.count("G") for lamps in found] == [20] * MOST


def test_a_crossroads_whose_lefts_go_apart_may_let_one_arm_go_at_a_time(tmp_path: Path) -> None:
    (junction,) = read_scenario(city_of(tmp_path, crossroads(tmp_path), program=lefts_apart())).net().junctions
    assert [s.further for s in junction.stages] == [False] * 4 + [True] * 4
    assert [s.index for s in junction.stages] == list(range(8))
    assert {s.lamps for s in junction.stages[4:]} == {f"{'r' * 4 * k}GGGG{'r' * 4 * (3 - k)}" for k in ARMS}
    for stage in junction.stages[4:]:
        assert len({junction.movements[m].from_link for m in stage.movements}) == 1
        assert len(stage.movements) == 3
    assert {p.stage for p in junction.plan.phases} == {-1, 0, 1, 2, 3}


@pytest.fixture(scope="module")
def berlin() -> RoadNet:
    return read_net(default_city.network_file())


def test_programs_over_several_nodes_have_none(berlin: RoadNet) -> None:
    """Also where only trams and people on foot pass the others."""
    ends = {link.id: link.to_node for link in berlin.links}
    nodes = {
        j.id: {ends[m.from_link] for m in j.movements if m.from_link}
        | {m.id.split(":")[-1].rpartition("_c")[0] for m in j.movements if not m.from_link}
        for j in berlin.junctions
    }
    several = [j for j in berlin.junctions if len(nodes[j.id]) > 1]
    assert "joinedS_1" in [j.id for j in several]
    assert not [j.id for j in several if any(s.further for s in j.stages)]
    assert len([j for j in berlin.junctions if any(s.further for s in j.stages)]) > 5


def test_the_guard_takes_them_and_they_serve_nobody_whom_the_program_does_not(berlin: RoadNet) -> None:
    for junction in berlin.junctions:
        assert junction.refused is not None or limits_of(junction).stages == len(junction.stages)
        own = {m for s in junction.stages if not s.further for m in s.movements}
        assert own >= {m for s in junction.stages for m in s.movements}


def test_a_crossing_that_conflicts_goes_with_vehicles_only_as_in_the_program(berlin: RoadNet) -> None:
    for junction in berlin.junctions:
        walks = {k for m in junction.movements if m.turn == "p" for k in m.signal_links}
        own = [going(s.lamps) for s in junction.stages if not s.further]
        for stage in junction.stages:
            for walk in walks & going(stage.lamps):
                for link in going(stage.lamps).intersection(junction.conflicts[walk]):
                    assert any({walk, link} <= together for together in own)

"""Synchro's UTDF: the plan in it for a junction, held against the same plan written as a SUMO NEMA program."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path

import pytest
from cities import data
from hypothesis import given
from hypothesis import strategies as st
from small_net import city_of, crossroads

from citybrain.guard.limits import clashes as guard_clashes
from citybrain.model import RoadNet
from citybrain.network import read_net, read_scenario
from citybrain.network.nema_plan import RingError, cycle_phases
from citybrain.network.plan_import import import_plans, write_plans
from citybrain.network.utdf import FOOT_M, UtdfError, UtdfSignal, read_utdf, ring_barrier
from citybrain.network.utdf_match import match, phase_lamps

SPLITS = {1: 15.0, 2: 46.0, 3: 17.0, 4: 42.0, 5: 19.0, 6: 42.0, 7: 12.0, 8: 47.0}
BRP = {1: 111, 2: 112, 3: 211, 4: 212, 5: 121, 6: 122, 7: 221, 8: 222}
STARTS = {1: 112, 2: 7, 3: 53, 4: 70, 5: 112, 6: 11, 7: 53, 8: 65}
MOVES = ("NBL", "NBT", "NBR", "SBL", "SBT", "SBR", "EBL", "EBT", "EBR", "WBL", "WBT", "WBR")
PROTECTED = {"SBL": 1, "NBT": 2, "WBL": 3, "EBT": 4, "NBL": 5, "SBT": 6, "EBL": 7, "WBT": 8}
PERMITTED = {"NBL": 2, "SBL": 6}


def utdf(
    node: str = "c",
    *,
    cycle: float = 120.0,
    splits: dict[int, float] | None = None,
    starts: dict[int, int] | None = None,
    moves: dict[str, int] | None = None,
    lines: str = "",
) -> str:
    """A combined file with one signal, of the shape that Synchro writes."""
    splits = splits or SPLITS
    starts = STARTS if starts is None else starts
    moves = moves or PROTECTED

    def row(record: str, values: dict[int, float]) -> str:
        return f"{record},{node}," + ",".join(f"{values[n]:g}" if n in values else "" for n in range(1, 9))

    lanes = [
        f"Lanes,{node}," + ",".join("1" for _ in MOVES),
        f"Phase1,{node}," + ",".join(str(moves.get(m, "")) for m in MOVES),
        f"PermPhase1,{node}," + ",".join(str(PERMITTED.get(m, "")) for m in MOVES),
    ]
    phases = [
        row("BRP", {n: BRP[n] for n in BRP}),
        row("MinGreen", dict.fromkeys(splits, 5.0)),
        row("MaxGreen", {n: round(s - 5.2, 1) for n, s in splits.items()}),
        row("Yellow", dict.fromkeys(splits, 3.6)),
        row("AllRed", dict.fromkeys(splits, 1.6)),
        row("Start", {n: float(s) for n, s in starts.items()}),
    ]
    return "\n".join(
        [
            "[Network]", "Network Settings", "RECORDNAME,DATA", "UTDFVERSION,8", "Metric,0", "",
            "[Nodes]", "Node Data", "INTID,TYPE,X,Y,Z", f"{node},0,-3975,1616,0", "901,1,-5250,1621,0", "",
            "[Links]", "Link Data", "RECORDNAME,INTID,NB,SB,EB,WB", f"Name,{node},7th,7th,Mill,Mill", "",
            "[Lanes]", "Lane Group Data", "RECORDNAME,INTID," + ",".join(MOVES), *lanes, "",
            "[Timeplans]", "Timing Plan Settings", "RECORDNAME,INTID,DATA", f"Control Type,{node},3",
            f"Cycle Length,{node},{cycle:.1f}", f"Reference Phase,{node},206", f"Offset,{node},70.0", "",
            "[Phases]", "Phasing Data", "RECORDNAME,INTID,D1,D2,D3,D4,D5,D6,D7,D8", *phases, lines, "",
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> RoadNet:
    return read_net(crossroads(tmp_path_factory.mktemp("crossroads")))


def written(folder: Path, text: str) -> Path:
    file = folder / "city.csv"
    file.write_text(text, encoding="utf-8-sig", newline="\r\n")
    return file


def test_each_phase_lets_its_movements_go(tmp_path: Path, net: RoadNet) -> None:
    (signal,) = read_utdf(written(tmp_path, utdf()))
    (junction,) = net.junctions
    lamps = phase_lamps(signal, junction, {link.id: link for link in net.links})
    assert signal.street == "7th / Mill"
    by_turn = {(m.from_link[0], m.turn): m.signal_links for m in junction.movements}
    for phase, arm, turn, letter in (
        (2, "s", "s", "G"),
        (2, "s", "r", "g"),
        (1, "n", "l", "G"),
        (6, "n", "l", "g"),
    ):
        assert {lamps[phase][k] for k in by_turn[arm, turn]} == {letter}
    for phase, arm in ((4, "w"), (8, "e"), (6, "n")):
        assert {lamps[phase][k] for k in by_turn[arm, "s"]} == {"G"}
    assert {lamps[4][k] for k in by_turn["s", "s"]} == {"r"}


def test_the_plan_has_its_splits_and_begins_when_the_file_says(tmp_path: Path, net: RoadNet) -> None:
    found = import_plans(written(tmp_path, utdf()), net)
    assert found.refused == {}
    (plan,) = found.plans
    assert (plan.junction, plan.program) == ("c", "utdf-c")
    assert plan.rings is not None and plan.cycle_s == pytest.approx(120.0)
    assert plan.offset_s == pytest.approx(112.0), "phase 1 begins at second 112 of 120"
    (junction,) = net.junctions
    straight = {m.from_link[0]: m.signal_links[0] for m in junction.movements if m.turn == "s"}
    for phase, arm in ((2, "s"), (4, "w"), (6, "n"), (8, "e")):
        at, greens = 0.0, []
        for lamps, seconds in plan.phases:
            if lamps[straight[arm]] == "G":
                greens.append(((at + plan.offset_s) % 120, seconds))
            at += seconds
        assert greens[0][0] == pytest.approx(STARTS[phase])
        assert sum(s for _, s in greens) == pytest.approx(SPLITS[phase] - 5.2, abs=0.01)


def test_without_starts_the_reference_phase_begins_at_the_offset(tmp_path: Path, net: RoadNet) -> None:
    (plan,) = import_plans(written(tmp_path, utdf(starts={1: 0, 2: 15})), net).plans
    assert plan.offset_s == 0.0
    (plan,) = import_plans(written(tmp_path, utdf(starts={2: 15})), net).plans
    assert plan.offset_s == pytest.approx((70.0 - SPLITS[5]) % 120), "phase 6 begins at 70"


def test_what_is_written_is_read_back_as_the_same_plan(tmp_path: Path, net: RoadNet) -> None:
    found = import_plans(written(tmp_path, utdf()), net)
    file = tmp_path / "plans.add.xml"
    write_plans(found.plans, file)
    config = city_of(tmp_path, crossroads(tmp_path))
    (junction,) = read_net(read_scenario(config).net_file, additional=[file]).junctions
    (plan,) = found.plans
    assert junction.refused is None
    assert [(p.lamps, p.duration_s) for p in junction.plan.phases] == [
        (s, pytest.approx(d)) for s, d in plan.phases
    ]
    assert junction.plan.offset_s == pytest.approx(plan.offset_s)
    again = import_plans(file, net)
    assert again.refused == {}
    assert again.plans[0].phases == tuple((s, pytest.approx(d)) for s, d in plan.phases)


def test_a_ring_that_is_at_the_barrier_first_rests_in_green(tmp_path: Path, net: RoadNet) -> None:
    (plan,) = import_plans(written(tmp_path, utdf(splits=SPLITS | {8: 40.0})), net).plans
    assert "phase 8 rests in green 7 s longer, until the other ring is there" in plan.remarks
    (usual,) = import_plans(written(tmp_path, utdf()), net).plans
    assert plan.phases == usual.phases


def test_a_crossing_goes_with_phases_beside_which_nobody_has_the_way_over_it(tmp_path: Path) -> None:
    walks = read_net(
        crossroads(tmp_path, "--sidewalks.guess", "--sidewalks.guess.max-speed", "20", "--crossings.guess")
    )
    (junction,) = walks.junctions
    found = import_plans(written(tmp_path, utdf()), walks)
    (plan,) = found.plans
    assert plan.remarks == ()
    crossings = [m.signal_links[0] for m in junction.movements if m.turn == "p"]
    assert len(crossings) == 4
    for k in crossings:
        green = [s for s, _ in plan.phases if s[k] == "G"]
        assert green, "every crossing has its walk"
        for state in green:
            going = [j for j in junction.conflicts[k] if state[j] in "Gg"]
            assert all(state[j] == "g" and k in junction.yields[j] for j in going)


BAD = {
    "cycle": (utdf(cycle=100.0), "INTID c: its splits add up to 120 s, not to its cycle of 100 s"),
    "rings": (utdf(splits=SPLITS | {8: 57.0}), "its splits add up to 130 s, not to its cycle of 120 s"),
    "no straight": (utdf(moves={"NBL": 5}), r"no phase serves c:\S+: [EW]B has none in the file"),
    "unserved phase": (
        utdf(lines="BRP,c,111,112,211,212,121,122,221,222\nMaxGreen,c,1,1,1,1,1,1,1,x"),
        "'x' is no number",
    ),
    "odd barrier": (utdf(lines="BRP,c,131,112,211,212,121,122,221,222"), "phase 1 has BRP '131'"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_plan_that_does_not_fit_is_left_out_by_name(name: str, tmp_path: Path, net: RoadNet) -> None:
    text, reason = BAD[name]
    found = import_plans(written(tmp_path, text), net)
    assert found.plans == ()
    assert re.search(reason, found.refused["c"]), found.refused


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "[Network]\nRECORDNAME,DATA\nMetric,0\n", "\0\0\0"])
def test_a_file_that_is_no_utdf_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(UtdfError) as refused:
        read_utdf(written(tmp_path, text))
    assert str(refused.value).startswith(str(tmp_path)) and "\n" not in str(refused.value)


def test_a_damaged_file_is_refused_in_one_line_or_read(tmp_path: Path, net: RoadNet) -> None:
    """Cells lost or changed: never another failure than UtdfError, and what is taken is safe and whole."""
    good = utdf().splitlines()
    taken = 0
    for seed in range(300):
        chance = random.Random(seed)
        lines = list(good)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(lines))
            cells = lines[at].split(",")
            cells[chance.randrange(len(cells))] = chance.choice(
                ["", "x", "-1", "0", "1e9", "nan", "inf", "９", "9" * 30]
            )
            lines[at] = chance.choice(["", ",".join(cells), ",".join(cells)])
        try:
            found = import_plans(written(tmp_path, "\n".join(lines)), net)
        except UtdfError as e:
            assert "\n" not in str(e)
            continue
        for plan in found.plans:
            taken += 1
            assert 10 < plan.cycle_s < 2500
            assert not any(
                guard_clashes(s, net.junctions[0].conflicts, net.junctions[0].yields) for s, _ in plan.phases
            )
    assert taken > 50


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UtdfError, match="cannot be read"):
        read_utdf(tmp_path / "none.csv")


@pytest.fixture(scope="module")
def cologne() -> RoadNet:
    return read_scenario(data("cologne8")).net()


@given(
    st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)),
    st.lists(st.tuples(st.floats(0, 15), st.floats(0, 6.3)), min_size=8, max_size=8),
    st.sets(st.integers(0, 7), min_size=3),
)
def test_signals_are_found_by_place_though_the_plane_is_shifted(
    cologne: RoadNet, shift: tuple[float, float], noise: list[tuple[float, float]], kept: set[int]
) -> None:
    signals = []
    for n in sorted(kept):
        x, y = cologne.junctions[n].point
        away, angle = noise[n]
        place = x + shift[0] + away * math.cos(angle) / 2, y + shift[1] + away * math.sin(angle) / 2
        signals.append(UtdfSignal(f"S{n}", *place, "", {}, {}, {}))
    found = match(signals, cologne, {})
    assert {j: s.id for j, s in found.signals.items()} == {cologne.junctions[n].id: f"S{n}" for n in kept}


def test_a_signal_alone_is_matched_by_name_only(cologne: RoadNet) -> None:
    signal = UtdfSignal("7", 0.0, 0.0, "", {}, {}, {})
    assert match([signal], cologne, {}).unmatched == {"7": "no junction lies where it lies: name it with --match"}
    assert match([signal], cologne, {"7": "nowhere"}).unmatched == {"7": "there is no junction nowhere"}
    there = cologne.junctions[0].id
    other = UtdfSignal("8", 0.0, 0.0, "", {}, {}, {})
    twice = match([signal, other], cologne, {"7": there, "8": there})
    assert twice.signals == {there: signal}
    assert twice.unmatched == {"8": f"junction {there} is signal 7 already"}
    assert set(match([signal], cologne, {"7": there}).signals) == {there}


def test_the_rings_need_lamps_for_every_phase(tmp_path: Path) -> None:
    (signal,) = read_utdf(written(tmp_path, utdf()))
    with pytest.raises(RingError, match="phase 1 serves no movement"):
        ring_barrier(signal, "c", {})
    plan = ring_barrier(signal, "c", dict.fromkeys(SPLITS, "G"))
    assert sum(s for _, s in cycle_phases(plan)) == pytest.approx(120.0)
    assert FOOT_M == 0.3048

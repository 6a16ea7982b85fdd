"""Ring-barrier plans against SUMO's own NEMA controller, and what every one of them keeps."""

from __future__ import annotations

import re
from pathlib import Path

import libsumo
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_net import city_of, crossroads

from citybrain.guard.limits import clashes
from citybrain.network import read_scenario
from citybrain.network.nema_plan import RingBarrier, RingError, RingPhase, checked, cycle_phases, of_program, pairs
from citybrain.network.netfile import read_rows

GREENS = {1: 10, 2: 20, 3: 9, 4: 14, 5: 12, 6: 18, 7: 11, 8: 12}
LINKS = {5: (3,), 1: (11,), 2: (0, 1, 2), 6: (8, 9, 10), 3: (7,), 7: (15,), 4: (12, 13, 14), 8: (4, 5, 6)}
"""Signal links of the crossroads (n, e, s, w; right, two straight, left) that each phase serves."""
RINGS = {"ring1": "1,2,3,4", "ring2": "5,6,7,8", "barrierPhases": "4,8", "barrier2Phases": "2,6"}


def lamps(number: int) -> str:
    return "".join("G" if k in LINKS[number] else "r" for k in range(16))


def nema(greens: dict[int, int], offset: int = 0, **more: str) -> str:
    """A NEMA program of the crossroads in which every phase takes its maximum."""
    numbers = ",".join(map(str, greens))
    params = {"total-cycle-length": str(cycle(greens)), "maxRecall": numbers, "minRecall": numbers} | RINGS | more
    inside = "".join(f'<param key="{k}" value="{v}"/>' for k, v in params.items())
    for number, green in greens.items():
        inside += f'<phase duration="99" minDur="5" maxDur="{green}" vehext="2" yellow="3" red="2" '
        inside += f'name="{number}" state="{lamps(number)}"/>'
    return f'<tlLogic id="c" type="NEMA" programID="n" offset="{offset}">{inside}</tlLogic>'


def cycle(greens: dict[int, int]) -> int:
    return sum(greens[n] + 5 for n in (1, 2, 3, 4))


def shown_by_sumo(config: Path, seconds: int) -> list[str]:
    libsumo.start(["sumo", "-c", str(config), "--no-step-log", "true", "--no-warnings", "true"])
    found = []
    for _ in range(seconds):
        libsumo.simulationStep()
        found.append(str(libsumo.trafficlight.getRedYellowGreenState("c")))
    libsumo.close()
    return found


@pytest.mark.parametrize(
    ("greens", "more", "offset"),
    [
        (GREENS, {}, 0),
        (GREENS, {"coordinate-mode": "true"}, 0),
        (GREENS, {"coordinate-mode": "true"}, 31),
        (GREENS | {1: 15, 5: 9, 2: 12, 6: 18}, {"coordinate-mode": "true"}, 7),
    ],
)
def test_a_cycle_at_full_splits_is_sumos(
    greens: dict[int, int], more: dict[str, str], offset: int, tmp_path: Path
) -> None:
    config = city_of(tmp_path, crossroads(tmp_path), program=nema(greens, offset, **more))
    scenario = read_scenario(config)
    (program,) = read_rows(scenario.net_file, scenario.additional_files).programs.values()
    plan = of_program(program)
    length = cycle(greens)
    ours = [state for state, seconds in cycle_phases(plan) for _ in range(round(seconds))]
    shown = shown_by_sumo(config, 5 * length)
    for second in range(3 * length, 5 * length):  # by then SUMO has found into step
        assert shown[second] == ours[int(second - plan.begin_s) % length], second
    own = scenario.net().junctions[0].plan
    assert own.cycle_s == length
    assert own.offset_s == pytest.approx(plan.begin_s % length)


def test_the_stages_are_all_pairs_that_may_be_green_together(tmp_path: Path) -> None:
    (junction,) = read_scenario(city_of(tmp_path, crossroads(tmp_path), program=nema(GREENS))).net().junctions
    together = {(1, 5), (1, 6), (2, 5), (2, 6), (3, 7), (3, 8), (4, 7), (4, 8)}
    wanted = {"".join(min(p, key="Gr".index) for p in zip(lamps(a), lamps(b), strict=True)) for a, b in together}
    assert junction.refused is None
    assert {s.lamps for s in junction.stages} == wanted
    assert not any(clashes(s.lamps, junction.conflicts, junction.yields) for s in junction.stages)


def test_a_ramp_with_phases_in_one_ring_only() -> None:
    def phase(number: int, green: float, word: str) -> RingPhase:
        return RingPhase(number, green, 4.0, 1.0, word)

    one, two, four, six = phase(1, 11, "Grr"), phase(2, 60, "rGr"), phase(4, 20, "rrG"), phase(6, 76, "GGr")
    plan = checked(RingBarrier("c", "n", (((one, two), (six,)), ((four,), ())), 0.0))
    assert cycle_phases(plan) == [
        ("GGr", 76.0),
        ("yyr", 4.0),
        ("rrr", 1.0),
        ("rrG", 20.0),
        ("rry", 4.0),
        ("rrr", 1.0),
    ]
    assert pairs(plan) == ["GGr", "rrG"]


@st.composite
def plans(draw: st.DrawFn) -> RingBarrier:
    groups = []
    for first, second in (((1, 2), (5, 6)), ((3, 4), (7, 8))):
        length = draw(st.integers(30, 90))
        rings = []
        for numbers in (first, second):
            cut = draw(st.integers(12, length - 12))
            rings.append(tuple(_drawn(draw, n, s) for n, s in zip(numbers, (cut, length - cut), strict=True)))
        groups.append((rings[0], rings[1]))
    return checked(RingBarrier("c", "n", tuple(groups), 0.0))


def _drawn(draw: st.DrawFn, number: int, split: int) -> RingPhase:
    yellow, red = draw(st.sampled_from((3.0, 3.6, 4.0))), draw(st.sampled_from((0.0, 1.0, 1.5)))
    return RingPhase(number, round(split - yellow - red, 3), yellow, red, lamps(number))


@given(plans())
def test_each_link_has_its_green_and_yellow_once_a_cycle(plan: RingBarrier) -> None:
    phases = cycle_phases(plan)
    assert sum(s for _, s in phases) == pytest.approx(plan.cycle_s, abs=0.01)
    for phase in (p for group in plan.groups for ring in group for p in ring):
        for link in LINKS[phase.number]:
            by_letter = {c: sum(s for state, s in phases if state[link] == c) for c in "Gyr"}
            assert by_letter["G"] == pytest.approx(phase.green_s, abs=0.1)
            assert by_letter["y"] == pytest.approx(phase.yellow_s, abs=0.1)
    for (a, _), (b, _) in zip(phases, [*phases[1:], phases[0]], strict=True):
        assert not [k for k in range(16) if (a[k], b[k]) in (("G", "r"), ("r", "y"), ("y", "G"))]


BAD_RINGS: dict[str, tuple[dict[str, str], str]] = {
    "no such phase": ({"ring1": "1,2,9,4"}, "its rings name phase 9, which is not there"),
    "no rings": ({"ring1": "", "ring2": "0,0"}, "its rings are empty"),
    "uneven": ({"ring2": "5,6,8"}, r"before barrier 2 ring 1 takes 33 s, ring 2 17 s, not the same"),
    "too many": ({"ring1": ",".join(["1"] * 40)}, "a ring of 40 phases"),
}


@pytest.mark.parametrize("name", BAD_RINGS)
def test_rings_that_do_not_fit_are_refused_by_name(name: str, tmp_path: Path) -> None:
    rings, reason = BAD_RINGS[name]
    config = city_of(tmp_path, crossroads(tmp_path), program=nema(GREENS, **rings))
    scenario = read_scenario(config)
    (program,) = read_rows(scenario.net_file, scenario.additional_files).programs.values()
    with pytest.raises(RingError, match=reason):
        of_program(program)
    refused = scenario.net().junctions[0].refused
    assert refused is not None and re.search(reason, refused)


def test_a_phase_without_green_or_of_another_length_is_refused() -> None:
    good = RingPhase(1, 20.0, 3.0, 2.0, "Gr")
    for bad, reason in (
        (msgspec.structs.replace(good, green_s=0.0, red_s=22.0), "phase 1 has no green"),
        (msgspec.structs.replace(good, lamps="Grr"), "has 3 lamps, others have more or fewer"),
    ):
        with pytest.raises(RingError, match=reason):
            checked(RingBarrier("c", "n", (((good,), (bad,)),), 0.0))
    with pytest.raises(RingError, match="no phase before barrier 1"):
        checked(RingBarrier("c", "n", (((), ()),), 0.0))

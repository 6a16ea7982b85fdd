"""The bar for signals: its figures from runs by hand."""

from __future__ import annotations

import pytest
from bench.signals import CASES, SHOWN, Case, Runs, bar_table, delay_table, geometric_mean, plans, verdict

from citybrain.city.trial import TrialResult
from citybrain.city.trial_plan import Controller, Sensors
from citybrain.city.trial_score import Score

DELAYS: dict[Controller, tuple[float, float]] = {
    "fixed": (50.0, 60.0),
    "actuated": (40.0, 60.0),
    "delay_based": (55.0, 55.0),
    "wave": (20.0, 22.0),
    "max_pressure": (30.0, 10.0),
    "wave_1s": (16.0, 18.0),
}


def run(controller: Controller, seed: int, delay_s: float, sensors: Sensors = "clean") -> TrialResult:
    own = controller == "fixed"
    score = Score(
        vehicles=10,
        arrived=8,
        running=2,
        undeparted=0,
        delay_s=delay_s * 10,
        travel_s=delay_s * 20,
        p95_delay_s=delay_s * 3,
        halts=20 if own else 14,
        co2_kg=5.0 if own else 4.0,
        distance_km=10.0,
        teleports=1 if own else 0,
        spillback_s=2.0,
    )
    return TrialResult(
        "city", controller, seed, sensors, 1.0, 0.0, 3600.0, 4, score, "", 1.0, 1.0, 0.5, 2.0, 3.0, 0
    )


def runs(brain: tuple[float, float], clean: tuple[float, float] = (15.0, 15.0)) -> Runs:
    found = [run(c, s + 1, d) for c, delays in DELAYS.items() for s, d in enumerate(delays)]
    found += [run("brain", s + 1, d, "field") for s, d in enumerate(brain)]
    found += [run("brain", s + 1, d, "clean") for s, d in enumerate(clean)]
    return Runs(Case("city", seeds=2), found)


def test_the_best_baseline_is_the_least_mean_and_wave_1s_is_none() -> None:
    found = runs((14.0, 20.0))
    assert found.best == "max_pressure"
    assert found.ratio == pytest.approx(17.0 / 20.0)
    assert found.worst_seed == pytest.approx(20.0 / 60.0)
    assert found.p95_ratio == pytest.approx(51.0 / 60.0)
    assert found.clean_gain == pytest.approx(1 - 15.0 / 17.0)
    assert found.against_own(lambda s: s.stops) == pytest.approx(-0.3)


def test_the_geometric_mean_is_over_networks() -> None:
    assert geometric_mean([runs((10.0, 10.0)), runs((40.0, 40.0))]) == pytest.approx(1.0)


def test_the_bar_holds_or_not() -> None:
    assert all(verdict([runs((14.0, 18.0))]).values())
    worse = verdict([runs((14.0, 18.0)), runs((61.0, 70.0))])
    assert [what for what, holds in worse.items() if holds] == [
        "teleports not above the best baseline's",
        "stops at least 25 % below the own plan's",
        "CO₂ at least 10 % below the own plan's",
    ]


def test_the_tables_have_a_cell_for_each_figure() -> None:
    found = [runs((14.0, 20.0))]
    heads, _, row = delay_table(found)
    assert heads.count("|") == row.count("|") == len(SHOWN) + 5
    assert "**20.0 ± 14.1**" in row and "**0.85**" in row and "| 1.00 |" in row
    heads, _, row = bar_table(found)
    assert heads.count("|") == row.count("|")
    assert "-30%" in row and "-20%" in row


def test_the_cases_are_those_of_the_bar() -> None:
    assert [(c.network, c.seconds, c.seeds, c.scale) for c in CASES] == [
        ("cologne8", 3600.0, 3, 1.0),
        ("hangzhou4x4", 3600.0, 3, 1.0),
        ("jinan3x4", 3600.0, 3, 1.0),
        ("bologna_joined", 3600.0, 3, 1.0),
        ("nanchang859", 3600.0, 3, 0.25),
        ("nanchang859", 1200.0, 1, 1.0),
    ]


def test_every_controller_runs_and_the_brain_with_both_kinds_of_sensors() -> None:
    from bench.signals import DATA

    if not (DATA / "cologne8").is_dir():
        pytest.skip("shared/data/cologne8 is absent")
    made = plans(CASES[0])
    assert len(made) == 3 * (len(SHOWN) + 1)
    assert {(p.controller, p.seen) for p in made if p.controller == "brain"} == {
        ("brain", "field"),
        ("brain", "clean"),
    }
    assert {p.settled().end_s for p in made} == {28_800.0}

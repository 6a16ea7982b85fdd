"""Trials of a city with a `city.toml`: its plans and rules hold under every controller, and are told."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest

from citybrain.city.settings import SettingsError
from citybrain.city.trial_city import laid_out, open_trial_city
from citybrain.city.trial_command import TrialWish, run_trials
from citybrain.city.trial_key import run_key
from citybrain.city.trial_output import LAMPS
from citybrain.city.trial_plan import TrialPlan
from citybrain.city.trial_score import scan
from citybrain.model import JunctionRule
from citybrain.network import RuleError, SignalMode
from tests.city.odd_networks import configuration, two_junctions

RULES = """
[[junction]]
area = "city"
max_green_s = 24

[[junction]]
id = "a"
min_green_s = 9

[junction.own_plan]
offset_s = 4
stages = [{ stage = 0, green_s = 19 }, { stage = 1, green_s = 11 }]
"""
GREENS_S = (19, 11)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    configuration(folder, two_junctions(folder, "--tls.left-green.time", "0"))
    (folder / "city.toml").write_text(
        f'[street]\nscenario = "odd.sumocfg"\nscale = 0.5\nsensors = "clean"\n{RULES}'
    )
    return folder


def lamps(outputs: Path, junction: str) -> list[tuple[str, int]]:
    """What the junction showed, and for how many seconds each."""
    shown: list[str] = []

    def take(tag: str, a: dict[str, str]) -> None:
        if tag == "tlsState" and a["id"] == junction:
            shown.append(a["state"])

    scan(outputs / LAMPS, take)
    return [(state, len(list(same))) for state, same in groupby(shown)]


def test_rules_of_a_city_hold_under_every_controller_and_are_told(
    city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs.jsonl"
    results = run_trials(TrialWish(city, "fixed,actuated,brain", end="+150", json=out, out=tmp_path / "kept"))
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(x["controller"], x["scale"], x["sensors"]) for x in lines] == [
        ("fixed", 0.5, "clean"),
        ("actuated", 0.5, "clean"),
        ("brain", 0.5, "clean"),
    ]
    for line in lines:
        assert [r["area"] or r["id"] for r in line["rules"]] == ["city", "a"]
        assert line["rules"][1]["own_plan"]["offset_s"] == 4
    told = capsys.readouterr().out
    assert "rule of city.toml: city: max_green_s 24" in told and "rule of city.toml: a: min_green_s 9" in told
    fixed, actuated, brain = (lamps(Path(r.outputs), "a") for r in results)
    greens = [seconds for state, seconds in fixed[1:-1] if "y" not in state and state.strip("r")]
    assert len(greens) > 6 and set(greens) == set(GREENS_S), "the plan of the rule, not the network's"
    for shown in (actuated, brain):
        greens = [seconds for state, seconds in shown[1:-1] if "y" not in state and state.strip("r")]
        assert len(greens) > 6 and min(greens) >= 9


def plan_of(city: Path, days: Path, **wish: Any) -> TrialPlan:
    found = open_trial_city(city, days)
    return msgspec.structs.replace(TrialPlan(found.scenario, "brain", 1, found.sensors, rules=found.rules), **wish)


@pytest.mark.parametrize(
    ("controller", "control"),
    [("fixed", "own"), ("actuated", "actuated"), ("delay_based", "delay_based"), ("wave", "guard")],
)
def test_who_does_not_ask_the_guard_gets_plans_that_keep_the_rules(
    city: Path, tmp_path: Path, controller: Any, control: SignalMode
) -> None:
    plan = plan_of(city, tmp_path, controller=controller)
    laid, net = laid_out(plan, tmp_path, tmp_path)
    files = [f.name for f in laid.scenario.additional_files]
    assert files == (["own-plans.add.xml"] if control == "own" else [])
    ranges = {p.range_s for j in net.junctions if j.id == "a" for p in j.plan.phases if p.stage >= 0}
    assert ranges == ({(9, 24)} if control in ("actuated", "delay_based") else {None})
    assert {(j.min_green_s, j.max_green_s) for j in net.junctions} == {(9, 24), (5, 24)}
    bare, unruled = laid_out(msgspec.structs.replace(plan, rules=()), tmp_path, tmp_path)
    assert bare.scenario == plan.scenario and {j.max_green_s for j in unruled.junctions} == {None}


def test_other_rules_are_another_run(city: Path, tmp_path: Path) -> None:
    plan = plan_of(city, tmp_path)
    without = msgspec.structs.replace(plan, rules=())
    other = (*plan.rules, JunctionRule(id="b", max_red_s=90))
    scenario = msgspec.structs.replace(plan.scenario, timezone="Asia/Shanghai")
    plans = [
        plan,
        without,
        msgspec.structs.replace(plan, rules=other),
        msgspec.structs.replace(plan, scenario=scenario),
    ]
    assert len({run_key(p) for p in plans}) == len(plans)
    assert run_key(plan_of(city / "city.toml", tmp_path)) == run_key(plan)


def test_a_rule_that_cannot_hold_is_told_before_anything_runs(city: Path, tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_text(f'[street]\nscenario = "{city / "odd.sumocfg"}"\n[[junction]]\nid = "nowhere"\n')
    with pytest.raises(RuleError, match="nowhere"):
        run_trials(TrialWish(file, "fixed", out=tmp_path / "kept"))
    assert not list((tmp_path / "kept").glob("odd/*"))


def test_the_default_city_needs_an_end_and_has_a_day_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text('[street]\nday = "2026-03-04"\n')
    found = open_trial_city(tmp_path, tmp_path / "kept" / "days")
    assert (found.scenario.epoch.isoformat(), found.rules) == ("2026-03-04T00:00:00+01:00", ())
    plans = [
        TrialPlan(found.scenario, "fixed", 1, end_s=25_260),
        TrialPlan(found.scenario, "fixed", 2, end_s=25_260),
    ]
    days = {laid_out(p, tmp_path, tmp_path / str(p.seed))[0].scenario.days for p in plans}
    assert days == {tmp_path / "1" / "days", tmp_path / "2" / "days"}, (
        "runs side by side write none of the other's"
    )
    with pytest.raises(SettingsError, match="--end"):
        run_trials(TrialWish(tmp_path, "fixed", out=tmp_path / "kept"))
    (result,) = run_trials(TrialWish(tmp_path, "fixed", end="+60", scale=0.5, out=tmp_path / "kept"))
    assert result.score.vehicles > 5 and result.scale == 0.5
    assert not (Path(result.outputs) / "days").exists()

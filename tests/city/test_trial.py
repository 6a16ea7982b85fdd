"""Trials: processes of their own, finished runs kept, the table beside the baselines."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import re
from io import StringIO
from pathlib import Path
from statistics import fmean

import msgspec
import pytest
from rich.console import Console

from citybrain.city.settings import SettingsError
from citybrain.city.trial import TrialResult, run_trial
from citybrain.city.trial_command import TrialWish, run_trials
from citybrain.city.trial_plan import CONTROLLERS, Controller, TrialPlan
from citybrain.city.trial_runs import TrialError, run_plans
from citybrain.city.trial_store import TrialStore
from citybrain.city.trial_table import best_delay_s, mean_delay_s, trial_table
from citybrain.network import Scenario, ScenarioError, read_scenario

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[3] / "shared" / "data"))
SECONDS = 180
RUN: tuple[Controller, ...] = ("fixed", "actuated", "wave", "brain")


def cologne8() -> Scenario:
    if not (DATA / "cologne8").is_dir():
        pytest.skip("shared/data/cologne8 is absent")
    return read_scenario(DATA / "cologne8")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TrialStore:
    return TrialStore(tmp_path_factory.mktemp("trials"))


@pytest.fixture(scope="module")
def results(store: TrialStore) -> list[TrialResult]:
    """Some controllers over the first three minutes of cologne8."""
    scenario = cologne8()
    plans = [TrialPlan(scenario, c, 1, "field", end_s=scenario.begin_s + SECONDS) for c in RUN]
    shares: list[tuple[int, float]] = []
    found = run_plans(plans, store, jobs=2, progress=lambda index, share: shares.append((index, share)))
    assert {index for index, share in shares if share == 1.0} == set(range(len(plans)))
    assert len(shares) > SECONDS // 60
    return found


def _of(results: list[TrialResult], controller: str) -> TrialResult:
    return next(r for r in results if r.controller == controller)


def test_every_scheduled_vehicle_is_counted(results: list[TrialResult]) -> None:
    scenario = cologne8()
    text = "".join(f.read_text() for f in scenario.route_files)
    departs = [float(d) for d in re.findall(r'<(?:trip|vehicle) [^>]*depart="([\d.]+)"', text)]
    scheduled = sum(scenario.begin_s <= d < scenario.begin_s + SECONDS for d in departs)
    for result in results:
        score = result.score
        assert score.vehicles == score.arrived + score.running + score.undeparted == scheduled
        assert score.delay_s < score.travel_s
        assert result.seconds == SECONDS


def test_every_controller_drives_otherwise() -> None:
    """Deciding each second or each ten, by counts or by pressure: each tells within three minutes."""
    scenario = cologne8()
    net, end_s = scenario.net(), scenario.begin_s + SECONDS
    found = {c: run_trial(scenario, net, c, 1, sensors="field", end_s=end_s) for c in CONTROLLERS}
    assert len({(r.score.delay_s, r.score.distance_km) for r in found.values()}) == len(CONTROLLERS)
    for controller, result in found.items():
        assert (result.tick_ms > 0) == (controller in ("wave", "wave_1s", "max_pressure", "brain"))
        assert result.sensors == ("field" if controller == "brain" else "clean")


def test_what_is_kept_is_not_run_again(results: list[TrialResult], store: TrialStore) -> None:
    """The same processor times to the last digit: nothing ran. Another end, seed or sensors are other runs; clean
    sensors make no other run of a baseline; --fresh runs again, with the same score."""
    scenario = cologne8()
    brain = TrialPlan(scenario, "brain", 1, "field", end_s=scenario.begin_s + SECONDS)
    assert run_plans([brain], store) == [_of(results, "brain")]
    others = (
        {"end_s": scenario.begin_s + 60},
        {"seed": 2},
        {"sensors": "clean"},
        {"controller": "fixed", "seed": 3},
    )
    assert [store.find(msgspec.structs.replace(brain, **other)) for other in others] == [None] * 4
    wave = msgspec.structs.replace(brain, controller="wave", sensors="clean")
    assert store.find(wave) == _of(results, "wave")
    (again,) = run_plans([brain], store, fresh=True)
    assert again.cpu_s != _of(results, "brain").cpu_s
    assert again.score == _of(results, "brain").score
    assert again.refusals == _of(results, "brain").refusals
    assert store.find(brain) == again


def test_a_run_whose_output_is_broken_counts_as_none(tmp_path: Path) -> None:
    scenario, store = cologne8(), TrialStore(tmp_path)
    plan = TrialPlan(scenario, "fixed", 1, end_s=scenario.begin_s + 60)
    (done,) = run_plans([plan], store)
    for name in ("tripinfo.xml.gz", "result.json"):
        file = store.home(plan) / name
        file.write_bytes(file.read_bytes()[:-100])
        assert store.find(plan) is None
        assert run_plans([plan], store)[0].score == done.score


def test_an_interrupted_trial_keeps_what_was_finished(tmp_path: Path) -> None:
    scenario, store = cologne8(), TrialStore(tmp_path)
    plans = [TrialPlan(scenario, "fixed", seed, end_s=scenario.begin_s + 90) for seed in (1, 2)]

    def interrupt(index: int, share: float) -> None:
        if index == 1 or share == 1.0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_plans(plans, store, progress=interrupt)
    assert [store.find(plan) is not None for plan in plans] == [True, False]
    assert len(list(store.home(plans[0]).parent.iterdir())) == 1  # what was begun is gone
    assert not multiprocessing.active_children()


def test_the_table_shows_each_controller_beside_the_best_baseline(results: list[TrialResult]) -> None:
    out = StringIO()
    Console(file=out, width=80).print(trial_table(results, 80))
    rows = {line.split()[0]: line for line in out.getvalue().splitlines() if line.strip()}
    assert set(RUN) <= set(rows)
    assert "…" not in out.getvalue()
    delays = {c: _of(results, c).score.mean_delay_s for c in RUN}
    best = min(d for c, d in delays.items() if c != "brain")
    assert best_delay_s(results) == pytest.approx(best)
    for controller in RUN:
        assert f" {delays[controller]:.1f} " in rows[controller]
        assert f" {delays[controller] / best:.2f} " in rows[controller]
    assert best_delay_s([_of(results, "brain")]) is None


def test_means_are_over_seeds(results: list[TrialResult]) -> None:
    twice = [results[0], msgspec.structs.replace(results[1], controller=results[0].controller, seed=2)]
    delays = [r.score.mean_delay_s for r in twice]
    assert mean_delay_s(twice, results[0].controller) == pytest.approx(fmean(delays))
    assert mean_delay_s(twice, "brain") is None


def test_a_scenario_that_cannot_run_ends_the_trial(tmp_path: Path) -> None:
    scenario, store = cologne8(), TrialStore(tmp_path / "runs")
    with gzip.open(tmp_path / "broken.rou.xml.gz", "wt") as file:
        file.write('<routes><trip id="a" depart="25200" from="nowhere" to="nowhere"/></routes>')
    broken = msgspec.structs.replace(scenario, route_files=(tmp_path / "broken.rou.xml.gz",))
    with pytest.raises(ScenarioError):
        run_plans([TrialPlan(broken, "fixed", 1, end_s=scenario.begin_s + 60)], store)
    assert not multiprocessing.active_children()


def test_a_run_that_fails_ends_the_others_and_says_which(tmp_path: Path) -> None:
    scenario = cologne8()
    plans = [
        TrialPlan(scenario, "fixed", 1),
        TrialPlan(msgspec.structs.replace(scenario, epoch=None), "brain", 7),
    ]
    with pytest.raises(TrialError, match="brain, seed 7: "):
        run_plans(plans, TrialStore(tmp_path), jobs=2)
    assert not multiprocessing.active_children()


def test_the_command_writes_one_line_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cologne8()
    out = tmp_path / "runs.jsonl"
    wish = TrialWish(DATA / "cologne8", "fixed", seeds=2, end="+60", jobs=2, json=out, out=tmp_path / "kept")
    found = run_trials(wish)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    named = ("network", "controller", "seed", "sensors", "vehicles", "throughput", "teleports")
    for line, result in zip(lines, found, strict=True):
        score = result.score
        said = ("cologne8", "fixed", result.seed, "clean", score.vehicles, score.arrived, score.teleports)
        assert tuple(line[name] for name in named) == said
        assert line["mean_delay_s"] == pytest.approx(score.delay_s / score.vehicles)
        assert line["mean_travel_time_s"] == pytest.approx(score.travel_s / score.vehicles)
        assert (line["p95_delay_s"], line["co2_kg"]) == (score.p95_delay_s, score.co2_kg)
        assert (line["stops"], line["spillbacks"], line["decision_ms"]) == (score.stops, score.spillback_s, 0.0)
        assert Path(line["tripinfo"]).is_relative_to(tmp_path / "kept") and Path(line["tripinfo"]).is_file()
        assert Path(line["summary"]).is_file()
    assert [line["seed"] for line in lines] == [1, 2]
    assert "fixed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wish", "what"),
    [
        ({"controllers": "fixed,magic"}, "'magic' is none"),
        ({"controllers": ","}, "none is given"),
        ({"sensors": "psychic"}, "--sensors"),
        ({"end": "soon"}, "--end 'soon'"),
        ({"begin": "nan"}, "--begin 'nan'"),
        ({"begin": "100", "end": "100"}, "not after the begin"),
    ],
)
def test_unknown_wishes_are_refused(wish: dict[str, str], what: str, tmp_path: Path) -> None:
    cologne8()
    with pytest.raises(SettingsError, match=re.escape(what)):
        run_trials(TrialWish(DATA / "cologne8", **{"controllers": "fixed", "out": tmp_path} | wish))

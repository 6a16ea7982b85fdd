"""Trials: processes of their own, scores from SUMO's trip output, the table beside the baselines."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import re
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from citybrain.city.settings import SettingsError
from citybrain.city.trial import TrialPlan, TrialResult
from citybrain.city.trial_command import run_trials
from citybrain.city.trial_runs import TrialError, run_plans
from citybrain.city.trial_score import ScoreError, read_score
from citybrain.city.trial_table import delay_ratio, trial_table
from citybrain.network import Scenario, ScenarioError, read_scenario

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[3] / "shared" / "data"))
SECONDS = 300

TRIP = (
    '<tripinfo id="{id}" depart="{depart}" departDelay="{wait}" arrival="{arrival}" duration="{way}" '
    'timeLoss="{loss}" vType="pkw"/>'
)


def cologne8() -> Scenario:
    if not (DATA / "cologne8").is_dir():
        pytest.skip("shared/data/cologne8 is absent")
    return read_scenario(DATA / "cologne8")


@pytest.fixture(scope="module")
def results() -> list[TrialResult]:
    """Own plans, actuated and the brain (twice) over the first five minutes of cologne8."""
    scenario = cologne8()
    end_s = scenario.begin_s + SECONDS
    plans = [TrialPlan(scenario, c, 1, end_s=end_s) for c in ("fixed", "actuated", "brain", "brain")]
    shares: list[tuple[int, float]] = []
    found = run_plans(plans, jobs=2, progress=lambda index, share: shares.append((index, share)))
    assert {index for index, share in shares if share == 1.0} == {0, 1, 2, 3}
    assert len(shares) > SECONDS // 60
    return found


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


def test_the_same_run_twice_gives_the_same_score(results: list[TrialResult]) -> None:
    assert results[2].score == results[3].score
    assert results[2].refusals == results[3].refusals


def test_controllers_make_a_difference(results: list[TrialResult]) -> None:
    fixed, actuated, brain, _ = results
    assert len({fixed.score.delay_s, actuated.score.delay_s, brain.score.delay_s}) == 3
    assert brain.score.mean_delay_s < actuated.score.mean_delay_s
    assert brain.decision_ms > 0 and fixed.decision_ms == 0
    assert brain.overhead > fixed.overhead >= 1


def test_the_table_shows_each_controller_beside_the_baseline(results: list[TrialResult]) -> None:
    out = StringIO()
    Console(file=out, width=80).print(trial_table(results))
    rows = {line.split()[0]: line for line in out.getvalue().splitlines() if "/" in line}
    assert set(rows) == {"fixed", "actuated", "brain"}
    assert "…" not in out.getvalue()
    ratio = delay_ratio(results[2:], results)
    assert ratio is not None
    assert f" {ratio:.2f} " in rows["brain"] and " 1.00 " in rows["actuated"]
    assert f" {results[0].score.mean_delay_s:.1f} " in rows["fixed"]
    assert delay_ratio(results[:1], results[:1]) is None


def test_the_score_charges_those_who_never_left_and_leaves_out_the_future(tmp_path: Path) -> None:
    trips = [
        TRIP.format(id="home", depart="10.0", wait="2.0", arrival="110.0", way="100.0", loss="40.0"),
        TRIP.format(id="on its way", depart="50.0", wait="0.0", arrival="-1.0", way="70.0", loss="30.0"),
        TRIP.format(id="never left", depart="-1", wait="25.0", arrival="-1.0", way="0.0", loss="0.0"),
        TRIP.format(id="tomorrow", depart="-1", wait="-9.0", arrival="-1.0", way="0.0", loss="0.0"),
    ]
    (tmp_path / "tripinfo.xml").write_text(f"<tripinfos>{''.join(trips)}</tripinfos>")
    (tmp_path / "summary.xml").write_text('<summary><step teleports="1"/><step teleports="4"/></summary>')
    score = read_score(tmp_path)
    assert (score.vehicles, score.arrived, score.running, score.undeparted, score.teleports) == (3, 1, 1, 1, 4)
    assert score.mean_delay_s == pytest.approx((42 + 30 + 25) / 3)
    assert score.mean_travel_s == pytest.approx((102 + 70 + 25) / 3)


@pytest.mark.parametrize("text", ["", "<tripinfos><tripinfo", '<tripinfos><tripinfo id="a"/></tripinfos>'])
def test_broken_trip_output_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "summary.xml").write_text("<summary/>")
    if text:
        (tmp_path / "tripinfo.xml").write_text(text)
    with pytest.raises(ScoreError, match=r"tripinfo\.xml: .+") as caught:
        read_score(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_scenario_that_cannot_run_ends_the_trial(tmp_path: Path) -> None:
    scenario = cologne8()
    with gzip.open(tmp_path / "broken.rou.xml.gz", "wt") as file:
        file.write('<routes><trip id="a" depart="25200" from="nowhere" to="nowhere"/></routes>')
    broken = msgspec.structs.replace(scenario, route_files=(tmp_path / "broken.rou.xml.gz",))
    plans = [TrialPlan(broken, "fixed", 1, end_s=scenario.begin_s + 60)]
    with pytest.raises(ScenarioError):
        run_plans(plans)
    lost = msgspec.structs.replace(scenario, net_file=tmp_path / "no.net.xml")
    with pytest.raises(ScenarioError, match="no such file"):
        run_plans([TrialPlan(lost, "fixed", 1)])


def test_a_run_that_fails_ends_the_others_and_says_which() -> None:
    scenario = cologne8()
    plans = [
        TrialPlan(scenario, "fixed", 1),
        TrialPlan(msgspec.structs.replace(scenario, timezone="UTC", epoch=None), "brain", 7),
    ]
    with pytest.raises(TrialError, match="brain, seed 7: "):
        run_plans(plans, jobs=2)
    assert not multiprocessing.active_children()


def test_the_command_writes_one_line_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cologne8()
    out = tmp_path / "runs.jsonl"
    run_trials(DATA / "cologne8", "fixed", 2, 1.0, "clean", 60, 2, out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(r["controller"], r["seed"], r["seconds"]) for r in lines] == [("fixed", 1, 60), ("fixed", 2, 60)]
    assert lines[0]["score"]["mean_delay_s"] == pytest.approx(
        lines[0]["score"]["delay_s"] / lines[0]["score"]["vehicles"]
    )
    assert "fixed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("controllers", "sensors", "what"),
    [
        ("fixed,magic", "clean", "'magic' is none"),
        (",", "clean", "none is given"),
        ("fixed", "psychic", "--sensors"),
    ],
)
def test_unknown_wishes_are_refused(controllers: str, sensors: str, what: str) -> None:
    cologne8()
    with pytest.raises(SettingsError, match=what):
        run_trials(DATA / "cologne8", controllers, 1, 1.0, sensors, 60, 1, None)

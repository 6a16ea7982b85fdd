"""What a run depends on: another run where anything of it changes, the same where nothing does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from citybrain.city.trial_key import ROOT, code_digest, deciding_code, run_key
from citybrain.city.trial_plan import TrialPlan
from citybrain.network import read_scenario
from tests.city.odd_networks import configuration, two_junctions


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> TrialPlan:
    folder = tmp_path_factory.mktemp("odd")
    return TrialPlan(read_scenario(configuration(folder, two_junctions(folder))), "brain", 1, "field")


WISHES = ({"controller": "wave"}, {"seed": 2}, {"sensors": "clean"}, {"begin_s": 5.0}, {"end_s": 99.0})
SCENARIOS = ({"scale": 0.5}, {"step_s": 0.5}, {"options": (("time-to-teleport", "300"),)})


@pytest.mark.parametrize("change", [*WISHES, {"emissions": False}], ids=str)
def test_another_wish_is_another_run(plan: TrialPlan, change: dict[str, Any]) -> None:
    assert run_key(msgspec.structs.replace(plan, **change)) != run_key(plan) == run_key(plan)


@pytest.mark.parametrize(
    "change", [{"scale": 0.5}, {"step_s": 0.5}, {"options": (("time-to-teleport", "300"),)}], ids=str
)
def test_another_scenario_is_another_run(plan: TrialPlan, change: dict[str, Any]) -> None:
    scenario = msgspec.structs.replace(plan.scenario, **change)
    assert run_key(msgspec.structs.replace(plan, scenario=scenario)) != run_key(plan)


def test_the_content_of_the_files_counts_and_not_their_place(plan: TrialPlan, tmp_path: Path) -> None:
    routes = plan.scenario.route_files[0].read_text()
    same, other = tmp_path / "same.rou.xml", tmp_path / "other.rou.xml"
    same.write_text(routes)
    other.write_text(routes.replace('period="4"', 'period="5"'))

    def key(file: Path) -> str:
        return run_key(
            msgspec.structs.replace(plan, scenario=msgspec.structs.replace(plan.scenario, route_files=(file,)))
        )

    assert key(same) == run_key(plan) != key(other)


def test_the_content_of_included_files_counts(plan: TrialPlan, tmp_path: Path) -> None:
    """Cached digests are of a file's place: each content has its own."""
    keys = []
    for part, period in (("one", 4), ("same", 4), ("other", 5)):
        folder = tmp_path / part
        folder.mkdir()
        (folder / "more.xml").write_text(f'<routes><flow id="x" from="w-a" to="b-e" period="{period}"/></routes>')
        (folder / "all.rou.xml").write_text('<routes><include href="more.xml"/></routes>')
        scenario = msgspec.structs.replace(plan.scenario, route_files=(folder / "all.rou.xml",))
        keys.append(run_key(msgspec.structs.replace(plan, scenario=scenario)))
    assert keys[0] == keys[1] != keys[2]


def test_a_baseline_does_not_depend_on_the_brain_nor_sumos_own_on_the_guard(plan: TrialPlan) -> None:
    def code(controller: str, sensors: str = "clean") -> set[str]:
        found = deciding_code(msgspec.structs.replace(plan, controller=controller, sensors=sensors))
        return {str(f.relative_to(ROOT)) for f in found}

    for always in ("network/simulated_city.py", "network/sumo_control.py", "model/road.py", "city/trial.py"):
        assert all(always in code(c) for c in ("fixed", "actuated", "wave", "brain"))
    assert "brain/decide.py" in code("brain") and "brain/layout.py" in code("brain")
    assert "brain/decide.py" not in code("wave") and {"brain/baseline.py", "brain/layout.py"} <= code("wave")
    assert "guard/junction.py" in code("wave") and "guard/junction.py" not in code("actuated")
    for only in ("network/field_fault.py", "network/lane_fusion.py", "network/detector_vote.py"):
        assert only in code("brain", "field") and only not in code("brain")


@pytest.mark.parametrize(
    ("rewrite", "same"),
    [
        (lambda text: text.replace("x + 1", "x  +  1  # more"), True),
        (lambda text: text.replace("Adds one.", "Adds one to it."), True),
        (lambda text: text.replace("x + 1", "x + 2"), False),
    ],
)
def test_only_what_the_code_does_counts(tmp_path: Path, rewrite: Callable[[str], str], same: bool) -> None:
    text = 'def more(x):\n    """Adds one."""\n    return x + 1\n'
    digests = []
    for name, content in (("one", text), ("two", rewrite(text))):
        (tmp_path / name / "room").mkdir(parents=True)
        file = tmp_path / name / "room" / "more.py"
        file.write_text(content)
        digests.append(code_digest((file,)))
    assert (digests[0] == digests[1]) == same

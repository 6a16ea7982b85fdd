"""`citybrain plan show` and `plan import` on the command line: what an engineer reads, and a round trip."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from citybrain.city.errors import explain
from citybrain.cli import app
from tests.city.running import SHARED

CITY = """
name = {{ en = "Test", zh = "测试" }}
timezone = "Europe/Berlin"

[street]
scenario = "{scenario}"
{plans}

[[junction]]
id = "247379907"
max_red_s = 90
group = "ring"

[[junction.priority]]
stage = 2
weight = 3
begin = "07:00"
end = "09:00"
days = "weekdays"
"""


@pytest.fixture
def cologne() -> Path:
    if not (SHARED / "cologne8").is_dir():
        pytest.skip(f"{SHARED / 'cologne8'} is not there (set CITYBRAIN_DATA)")
    return SHARED / "cologne8"


def told(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    return result.output


def refused(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert isinstance(result.exception, Exception)
    line, code = explain(result.exception)
    assert code == 2 and "\n" not in line, line
    return line


def test_every_junction_has_its_row(cologne: Path) -> None:
    text = told("plan", "show", cologne)
    assert "8 signalised junctions, 0 on their own plan" in text
    assert re.search(r"247379907 +247379907 +0 static +90 +4 +3 +2 +brain", text)


def test_a_network_file_by_itself_is_shown(cologne: Path) -> None:
    assert told("plan", "show", cologne / "cologne8.net.xml") == told("plan", "show", cologne)


def test_one_junction_in_full_under_the_citys_limits(cologne: Path, tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text(CITY.format(scenario=cologne, plans=""))
    text = told("plan", "show", tmp_path, "--junction", "247379907")
    assert "control: the brain may decide" in text
    assert "program 0 (static): cycle 90 s, offset 0 s, runs" in text
    assert re.search(r"0 +rrrrGGGggrrrrGGGgg +186623965#15>-22917421#4: from 186623965#15, right", text)
    assert "left, gives way" in text
    assert re.search(r"33 +3 +rrrryyyggrrrryyygg +yellow", text)
    assert re.search(r"186623965#15>186623965#17 +50 +3 +3 +3.8 +3 +3 +ITE 2020", text)
    assert "all-red 2 s, by formula" in text and "its program has none" in text
    assert "green 5 s at least, at most as long as it pays; red at most 90 s" in text
    assert "group ring" in text
    assert "warning: group ring (247379907): it has one junction only" in told("plan", "show", tmp_path)
    assert "weight 3 from 07:00 to 09:00 on weekdays: 22917421#3>186623965#17" in text


def test_further_stages_are_told_apart_and_are_gone_when_the_city_takes_none(tmp_path: Path) -> None:
    grid, one = SHARED / "hangzhou4x4", ("--junction", "intersection_1_1")
    if not grid.is_dir():
        pytest.skip(f"{grid} is not there (set CITYBRAIN_DATA)")
    assert len(re.findall(r"intersection_\d_\d .* 8 \+ 4 +3 +2 +brain", told("plan", "show", grid))) == 16
    assert re.findall(r"^ +(\d+), further +[Ggr]{12} ", told("plan", "show", grid, *one), re.M) == [
        "8",
        "9",
        "10",
        "11",
    ]
    rule = '[[junction]]\narea = "city"\nfurther_stages = false\n'
    (tmp_path / "city.toml").write_text(f'[street]\nscenario = "{grid}"\n{rule}')
    assert len(re.findall(r"intersection_\d_\d .* 8 +3 +2 +brain", told("plan", "show", tmp_path))) == 16
    assert "further" not in told("plan", "show", tmp_path, *one)


def test_plans_that_were_shown_are_imported_and_run_as_they_were(cologne: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs.add.xml"
    phases = "".join(
        f'<phase duration="{d}" state="{s}"/>'
        for d, s in (
            (40, "GGggrrrrGGggrrrr"),
            (3, "yyyyrrrryyyyrrrr"),
            (30, "rrrrGGggrrrrGGgg"),
            (3, "rrrryyyyrrrryyyy"),
        )
    )
    program = f'<tlLogic id="252017285" type="static" programID="day" offset="11">{phases}</tlLogic>'
    programs.write_text(f'<additional>{program}<tlLogic id="nowhere" type="static" programID="x"/></additional>')
    out = tmp_path / "plans.add.xml"
    text = told("plan", "import", programs, cologne, "--out", out, code=1)
    assert "252017285: day, cycle 76 s, offset 11 s" in text
    assert "left out: nowhere: the network has no such signalised junction" in text
    assert '[street] plans = ["plans.add.xml"]' in text
    (tmp_path / "city.toml").write_text(CITY.format(scenario=cologne, plans='plans = ["plans.add.xml"]'))
    shown = told("plan", "show", tmp_path, "--junction", "252017285")
    assert "program 0 (static): cycle 72 s, offset 0 s, loaded before, does not run" in shown
    assert "program day (static): cycle 76 s, offset 11 s, runs" in shown
    assert "own plan: program day, cycle 76 s, offset 11 s" in shown


def test_plans_of_a_group_that_do_not_fit_each_other_are_told_when_they_come(
    cologne: Path, tmp_path: Path
) -> None:
    """Two junctions of a group have cycles of 90 s; the plan that comes for one of them has 76 s."""
    city, programs = tmp_path / "city.toml", tmp_path / "programs.add.xml"
    tables = "".join(f'[[junction]]\nid = "{j}"\ngroup = "ring"\n' for j in ("247379907", "252017285"))
    own = "[junction.own_plan]\nstages = [{stage = 0, green_s = 41}, {stage = 1, green_s = 41}]\n"
    city.write_text(f'[street]\nscenario = "{cologne}"\n{tables}{own}')
    assert "group ring (247379907, 252017285): one cycle, 90 s" in told("plan", "show", tmp_path)
    city.write_text(f'[street]\nscenario = "{cologne}"\n{tables}')
    phases = '<phase duration="43" state="GGggrrrrGGggrrrr"/><phase duration="33" state="rrrrGGggrrrrGGgg"/>'
    programs.write_text(
        f'<additional><tlLogic id="252017285" programID="d" type="static">{phases}</tlLogic></additional>'
    )
    text = told("plan", "import", programs, tmp_path, "--out", tmp_path / "plans.add.xml")
    assert "warning: group ring (247379907, 252017285): its own plans have cycles of 76 s (252017285)" in text


def test_a_clock_of_programs_is_told(cologne: Path, tmp_path: Path) -> None:
    waut = (
        '<tlLogic id="252017285" type="static" programID="night"><phase duration="30" state="GGggrrrrGGggrrrr"/>'
        '<phase duration="30" state="rrrrGGggrrrrGGgg"/></tlLogic><WAUT id="w" refTime="0" startProg="0">'
        '<wautSwitch time="79200" to="night"/></WAUT><wautJunction wautID="w" junctionID="252017285"/>'
    )
    (tmp_path / "night.add.xml").write_text(f"<additional>{waut}</additional>")
    (tmp_path / "city.toml").write_text(CITY.format(scenario=cologne, plans='plans = ["night.add.xml"]'))
    text = told("plan", "show", tmp_path, "--junction", "252017285")
    assert "program night (static): cycle 60 s, offset 0 s, loaded before, does not run" in text
    assert "WAUT changes the program by the time of day: 22:00 night" in text


def test_what_cannot_be_is_one_line(cologne: Path, tmp_path: Path) -> None:
    assert "there is no such junction; give one such as" in refused("plan", "show", cologne, "--junction", "x")
    assert "no such file or folder" in refused("plan", "show", tmp_path / "none")
    empty = tmp_path / "empty.add.xml"
    empty.write_text("<additional/>")
    assert "it holds none" in refused("plan", "import", empty, cologne, "--out", tmp_path / "o.xml")
    assert "is the file that is read" in refused("plan", "import", empty, cologne, "--out", empty)
    assert "write INTID=junction" in refused("plan", "import", empty, cologne, "--match", "12")
    (tmp_path / "a.csv").write_text("a,b\n")
    assert "no section" in refused("plan", "import", tmp_path / "a.csv", cologne)
    (tmp_path / "city.toml").write_text(CITY.format(scenario=cologne, plans='plans = ["none.add.xml"]'))
    assert "street.plans 'none.add.xml' does not exist" in refused("plan", "show", tmp_path)
    assert not (tmp_path / "o.xml").exists()

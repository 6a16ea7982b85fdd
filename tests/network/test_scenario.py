"""Scenarios are read from configurations and folders; what cannot run is refused in one line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest
from cities import data

from citybrain.model import to_ms
from citybrain.network import ScenarioError, SimulatedCity, read_scenario


def test_a_configuration_gives_its_begin_end_and_files() -> None:
    scenario = read_scenario(data("cologne8"), seed=4, scale=0.5, day=date(2026, 3, 2))
    assert (scenario.begin_s, scenario.end_s, scenario.seed, scenario.scale) == (25200.0, 28800.0, 4, 0.5)
    assert to_ms(scenario.epoch) % 86_400_000 == 0
    assert read_scenario(data("cologne8") / "cologne8.sumocfg").net_file == scenario.net_file


def test_a_folder_without_configuration_gives_its_network_and_routes() -> None:
    scenario = read_scenario(data("nanchang859"))
    assert scenario.net_file.name == "nanchang859.net.xml.gz"
    assert [f.name for f in scenario.route_files] == ["nanchang859.rou.xml.gz"]


def test_sumos_own_detectors_are_left_out_and_the_signal_programs_kept() -> None:
    names = [f.name for f in read_scenario(data("bologna_joined")).additional_files]
    assert "joined_detectors.add.xml" not in names
    assert names[-1] == "joined_tls.add.xml"


@pytest.mark.parametrize("name", ["cologne8", "bologna_joined", "hangzhou4x4", "jinan3x4"])
def test_every_city_runs(name: str) -> None:
    scenario = read_scenario(data(name))
    with SimulatedCity(scenario, scenario.net()) as city:
        begin = city.time_ms
        for _ in range(20):
            city.step()
        assert city.time_ms == begin + 20_000
        assert not city.finished


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no such file or folder"):
        read_scenario(tmp_path / "none")
    with pytest.raises(ScenarioError, match="no network"):
        read_scenario(tmp_path)
    (tmp_path / "a.net.xml").write_text("<net/>")
    with pytest.raises(ScenarioError, match="no routes"):
        read_scenario(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<configuration><input>", "broken XML at line"),
        ("<routes/>", "not a SUMO configuration"),
        ("<configuration/>", "names no network"),
        ('<configuration><net-file value="gone.net.xml"/></configuration>', "names gone.net.xml"),
    ],
)
def test_a_broken_configuration_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "a.sumocfg"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=message) as refused:
        read_scenario(file)
    assert "\n" not in str(refused.value)


def test_a_bad_begin_scale_or_zone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.net.xml").write_text("<net/>")
    file = tmp_path / "a.sumocfg"
    file.write_text('<configuration><net-file value="a.net.xml"/><begin value="soon"/></configuration>')
    with pytest.raises(ScenarioError, match="begin is 'soon'"):
        read_scenario(file)
    file.write_text('<configuration><net-file value="a.net.xml"/><begin value="01:02:03"/></configuration>')
    assert read_scenario(file).begin_s == 3723.0
    file.write_text('<configuration><net-file value="a.net.xml"/><step-length value="0.3"/></configuration>')
    with pytest.raises(ScenarioError, match="divides a second"):
        read_scenario(file)
    file.write_text('<configuration><n v="a net.net.xml"/><step-length value="0.25"/></configuration>')
    (tmp_path / "a net.net.xml").write_text("<net/>")
    assert read_scenario(file).net_file.name == "a net.net.xml"
    with pytest.raises(ScenarioError, match="scale"):
        read_scenario(file, scale=0)
    with pytest.raises(ScenarioError, match="unknown time zone"):
        read_scenario(file, timezone="Mars/Base")


def test_routes_that_do_not_fit_the_network_are_refused_with_sumos_reason(tmp_path: Path) -> None:
    routes = tmp_path / "a.rou.xml"
    routes.write_text('<routes><vehicle id="v" depart="0"><route edges="nowhere"/></vehicle></routes>')
    scenario = read_scenario(data("cologne8"))
    net = scenario.net()
    with pytest.raises(ScenarioError, match=r"SUMO cannot run this: .*nowhere") as refused:
        SimulatedCity(msgspec.structs.replace(scenario, route_files=(routes,), begin_s=0.0), net)
    assert "\n" not in str(refused.value)
    with SimulatedCity(scenario, net) as city:  # the failed one left nothing behind
        city.step()


def test_a_city_second_has_as_many_steps_as_fit() -> None:
    scenario = msgspec.structs.replace(read_scenario(data("cologne8")), step_s=0.25)
    with SimulatedCity(scenario, scenario.net()) as city:
        begin = city.time_ms
        for _ in range(40):
            city.step()
        assert city.time_ms == begin + 40_000


def test_two_cities_in_one_process_are_refused() -> None:
    scenario = read_scenario(data("hangzhou4x4"))
    net = scenario.net()
    with SimulatedCity(scenario, net) as city:
        with pytest.raises(RuntimeError, match="already"):
            SimulatedCity(scenario, net)
        city.step()

from __future__ import annotations

from pathlib import Path

import pytest

from citybrain.city.locate import DEFAULT, locate, with_wishes
from citybrain.city.settings import SettingsError


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_word_it_is_the_default_city(tmp_path: Path) -> None:
    city = locate(None, Path())
    assert city.scenario == DEFAULT
    assert city.data == tmp_path / "data" / "berlin"


def test_the_city_toml_of_this_folder_counts(tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text('name = { en = "A", zh = "甲" }\n')
    assert locate(None, Path()).settings.name.zh == "甲"


def test_a_scenario_is_relative_to_its_city_toml(tmp_path: Path) -> None:
    folder = tmp_path / "mycity"
    folder.mkdir()
    (folder / "run.sumocfg").touch()
    (folder / "city.toml").write_text('[street]\nscenario = "run.sumocfg"\n')
    city = locate("mycity", Path("elsewhere"))
    assert city.scenario == str(folder / "run.sumocfg")
    assert city.data == tmp_path / "elsewhere"
    assert locate("mycity", Path()).data == tmp_path / "data" / "mycity"


def test_a_bare_sumocfg_is_a_city(tmp_path: Path) -> None:
    (tmp_path / "run.sumocfg").touch()
    city = locate("run.sumocfg", Path())
    assert city.settings.name.en == "run"
    assert city.scenario.endswith("run.sumocfg")


def test_the_command_line_wins() -> None:
    city = with_wishes(locate(None, Path()), {"speed": 4.0, "port": 0, "shadow": False})
    assert (city.settings.street.speed, city.settings.page.port, city.settings.street.shadow) == (4.0, 0, False)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("[street]\nspeed = 0\n", "street.speed"),
        ("[street]\nspeeed = 1\n", "speeed"),
        ('timezone = "Mars/Base"\n', "no timezone 'Mars/Base'"),
        ('[street]\nsensors = "magic"\n', "street.sensors"),
        ('[street]\nscenario = "gone.sumocfg"\n', "does not exist"),
        ("[page]\nport = 99999\n", "page.port"),
        ("= 3", "not TOML"),
        ('[bus]\ntoken_file = "x"\n', "goes with bus.url"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path, toml: str, says: str) -> None:
    (tmp_path / "city.toml").write_text(toml)
    with pytest.raises(SettingsError) as caught:
        locate(None, Path())
    assert says in str(caught.value)
    assert "city.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_city_that_is_not_there() -> None:
    with pytest.raises(SettingsError, match="there is nothing"):
        locate("nowhere", Path())


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(SettingsError, match="--sensors: Invalid enum value 'foo'"):
        with_wishes(locate(None, Path()), {"sensors": "foo"})


def test_shadows_are_named_or_just_wanted(tmp_path: Path) -> None:
    for written, found in (
        ("true", ("actuated",)),
        ("false", ()),
        ('["own", "actuated", "own"]', ("own", "actuated")),
    ):
        (tmp_path / "city.toml").write_text(f"[street]\nshadow = {written}\n")
        assert locate(str(tmp_path), Path()).settings.street.shadows == found
    (tmp_path / "city.toml").write_text('[street]\nshadow = ["wave"]\n')
    with pytest.raises(SettingsError, match=r"city\.toml.*wave"):
        locate(str(tmp_path), Path())

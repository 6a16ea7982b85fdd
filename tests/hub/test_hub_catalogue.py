"""The catalogue: found through entry points and in the data folder, cached, held against the last run."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from citybrain.hub import Catalogue, HubError, HubRefused, Purpose, Reader, Role, load_catalogue
from citybrain.hub import catalogue as loading
from citybrain.model import DeclarationError, read_declaration

DOCS = Path(__file__).parents[2] / "docs" / "declarations.md"
STAFF = Reader("tester", frozenset({Role.STAFF}))


@pytest.fixture
def air() -> str:
    """The example of docs/declarations.md."""
    return next(t for t in re.findall(r"```toml\n(.*?)```", DOCS.read_text("utf-8"), re.S) if t.startswith("id ="))


def put(data: Path, text: str) -> None:
    (data / "datasets").mkdir(exist_ok=True)
    (data / "datasets" / "air.toml").write_text(text, encoding="utf-8")


def test_rooms_bring_their_datasets() -> None:
    found = load_catalogue(None)
    assert {"traffic.lane_reading", "traffic.signal_order", "hub.read", "city.process"} <= set(found)


def test_the_example_of_the_documentation_is_a_dataset_of_the_data_folder(tmp_path: Path, air: str) -> None:
    put(tmp_path, air)
    assert load_catalogue(tmp_path)["air.reading"].retention_days == 365


def test_a_strangers_package_loads_through_the_entry_point(
    tmp_path: Path, air: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "my_air"
    put(package.parent, air)
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('a declaration needs no import')")
    (tmp_path / "datasets").rename(package / "datasets")
    info = tmp_path / "my_air-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-air\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[citybrain.rooms]\nair = my_air\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "air.reading" in load_catalogue(None)
    assert "my_air" not in sys.modules
    (info / "entry_points.txt").write_text("[citybrain.rooms]\nair = my_air_gone\n")
    with pytest.raises(HubError, match="my_air_gone"):
        load_catalogue(None)


def test_unchanged_files_are_not_parsed_again(tmp_path: Path, air: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, air)
    first = load_catalogue(tmp_path)

    def parse(folders: object) -> object:
        raise AssertionError("parsed again")

    with monkeypatch.context() as patch:
        patch.setattr(loading, "read_declarations", parse)
        assert load_catalogue(tmp_path) == first
        put(tmp_path, air.replace("Air readings", "Air"))
        with pytest.raises(AssertionError):
            load_catalogue(tmp_path)
    assert load_catalogue(tmp_path)["air.reading"].title.en == "Air"
    (tmp_path / "catalogue.cache").write_bytes(b"broken")
    assert load_catalogue(tmp_path)["air.reading"].title.en == "Air"


FIELD = '\n[fields.{}]\ntype = "int"\ntitle = {{ en = "x", zh = "x" }}\ngrade = "L1"\n'


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t + FIELD.format("added") + "nullable = true\n", None),
        (lambda t: t.replace("L1", "L2"), None),
        (lambda t: t.replace("version = 1", "version = 2").replace("pm25", "pm10"), None),
        (lambda t: t + FIELD.format("added"), "'added' must be nullable within version 1"),
        (lambda t: t.replace("fields.pm25", "fields.pm10"), "field 'pm25' changed: raise its version above 1"),
        (lambda t: t.replace('unit = "1"', 'unit = "m"'), "field 'pm25' changed"),
        (lambda t: t[: t.index("[fields.pm25]")], "field 'pm25' went away"),
        (
            lambda t: t.replace('key = ["station"]', 'key = ["station", "time"]'),
            "key, event_time or truth changed",
        ),
    ],
)
def test_the_rule_of_compatibility(tmp_path: Path, air: str, change: object, says: str | None) -> None:
    assert callable(change)
    put(tmp_path, air)
    before = load_catalogue(tmp_path)
    put(tmp_path, change(air))
    if says is None:
        assert load_catalogue(tmp_path)["air.reading"] != before["air.reading"]
        return
    for _ in range(2):  # refused again and again: the refused one never becomes the last run's
        with pytest.raises(HubRefused, match=re.escape(says)):
            load_catalogue(tmp_path)
    put(tmp_path, air)
    assert load_catalogue(tmp_path) == before


def test_a_dataset_that_went_away_is_remembered(tmp_path: Path, air: str) -> None:
    put(tmp_path, air)
    load_catalogue(tmp_path)
    (tmp_path / "datasets" / "air.toml").unlink()
    assert "air.reading" not in load_catalogue(tmp_path)
    put(tmp_path, air.replace("fields.pm25", "fields.pm10"))
    with pytest.raises(HubRefused, match="pm25"):
        load_catalogue(tmp_path)


def test_a_version_never_goes_down(tmp_path: Path, air: str) -> None:
    put(tmp_path, air.replace("version = 1", "version = 3"))
    load_catalogue(tmp_path)
    put(tmp_path, air)
    with pytest.raises(HubRefused, match="older than the 3"):
        load_catalogue(tmp_path)


def test_what_is_wrong_is_told_with_file_and_line(tmp_path: Path, air: str) -> None:
    put(tmp_path, air.replace('unit = "1"', 'unit = "furlong"'))
    with pytest.raises(DeclarationError, match=r"air\.toml:\d+: unknown unit 'furlong'"):
        load_catalogue(tmp_path)
    put(tmp_path, air)
    load_catalogue(tmp_path)
    (tmp_path / "catalogue.cache").unlink()
    (tmp_path / "catalogue.json").write_text("{")
    with pytest.raises(HubError, match=r"catalogue\.json cannot be read"):
        load_catalogue(tmp_path)
    (tmp_path / "catalogue.json").write_text(json.dumps({"format": 9, "datasets": []}))
    with pytest.raises(HubError, match="format 9, this program reads 1"):
        load_catalogue(tmp_path)


def test_entries_say_how_to_ask_and_whether_one_may(tmp_path: Path) -> None:
    entries = {e.dataset.id: e for e in Catalogue(load_catalogue(None)).entries(STAFF, Purpose.OPERATE)}
    assert entries["traffic.tick"].tables == ("traffic.tick", "now.traffic.tick")
    assert entries["traffic.tick"].decision.allowed
    assert entries["sim.vehicle"].tables == ()
    assert not entries["sim.score"].decision.allowed
    with pytest.raises(HubError, match=r"no dataset 'traffic.tik': did you mean traffic\.tick\?"):
        Catalogue(load_catalogue(None)).find("traffic.tik")


def test_the_example_parses_by_itself(tmp_path: Path, air: str) -> None:
    file = tmp_path / "air.toml"
    file.write_text(air, encoding="utf-8")
    assert read_declaration(file).id == "air.reading"

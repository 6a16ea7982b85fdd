from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import citybrain
from citybrain.model import DeclarationError, compatible, read_declaration, read_declarations

GOOD = """\
id = "air.reading"
version = 1
title = { en = "Air", zh = "空气" }
description = { en = "Air quality.", zh = "空气质量。" }
owner = "environment"
truth = "bus"
key = ["station"]
event_time = "time"
grade = "L1"
sharing = "unconditional"
open = true

[fields.station]
type = "text"
title = { en = "Station", zh = "站点" }
grade = "L1"

[fields.time]
type = "time"
title = { en = "Time", zh = "时间" }
grade = "L1"

[fields.wind_mps]
type = "float"
title = { en = "Wind", zh = "风速" }
grade = "L1"
unit = "m/s"
"""


def _write(folder: Path, text: str, name: str = "air.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_every_declaration_of_the_package_reads() -> None:
    folders = sorted(Path(citybrain.__file__).parent.glob("*/datasets"))
    declared = read_declarations(folders)
    assert {"traffic.lane_reading", "traffic.signal_order", "sim.vehicle", "road.junction"} <= set(declared)
    for dataset in declared.values():
        assert dataset.title.zh and dataset.title.en
        assert all(f.title.zh and f.title.en for f in dataset.fields)


def test_a_good_declaration_reads(tmp_path: Path) -> None:
    dataset = read_declaration(_write(tmp_path, GOOD))
    assert dataset.bus_subject == "city.air.reading"
    assert dataset.field("wind_mps").unit == "m/s"
    with pytest.raises(KeyError):
        dataset.field("rain")


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('unit = "m/s"', 'unit = "furlong"', 27, "unknown unit 'furlong'"),
        ('key = ["station"]', "key = []", 7, "key is empty"),
        ('key = ["station"]', 'key = ["place"]', 7, "'place', which is not a field"),
        ('event_time = "time"', 'event_time = "wind_mps"', 8, "must have the type time"),
        ('event_time = "time"\n', "", 6, "needs event_time"),
        ('grade = "L1"\nunit', 'grade = "L9"\nunit', 26, "Invalid enum value 'L9'"),
        ('type = "float"', 'type = "complex"', 24, "Invalid enum value 'complex'"),
        ('id = "air.reading"', 'id = "Air"', 1, "must be <system>.<noun>"),
        ('owner = "environment"', 'ownr = "environment"', 1, "owner"),
        ("open = true", "open = true\nspeed = 3", 12, "unknown setting 'speed'"),
        ("open = true", "open = = true", 11, "not TOML"),
        ('unit = "m/s"\n', "", 23, "needs a unit"),
        ("version = 1", 'version = "one"', 2, "Expected `int`"),
    ],
)
def test_a_fault_is_named_with_file_and_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    assert old in GOOD
    file = _write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(DeclarationError) as caught:
        read_declaration(file)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"{file}:{line}: ")


def test_an_id_declared_twice_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, GOOD)
    second = _write(tmp_path, GOOD, "other.toml")
    with pytest.raises(DeclarationError, match="declared already") as caught:
        read_declarations([tmp_path])
    assert caught.value.file == second


def test_a_reference_to_nothing_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, GOOD.replace('type = "text"', 'type = "reference"\nrefers_to = "air.station"', 1))
    with pytest.raises(DeclarationError, match=r"no dataset 'air\.station'"):
        read_declarations([tmp_path])


def test_the_compatibility_rule(tmp_path: Path) -> None:
    old = read_declaration(_write(tmp_path, GOOD))
    assert compatible(old, old) is None
    added = GOOD + '\n[fields.note]\ntype = "text"\ntitle = { en = "Note", zh = "备注" }\ngrade = "L1"\n'
    assert "must be nullable" in (compatible(old, read_declaration(_write(tmp_path, added))) or "")
    nullable = read_declaration(_write(tmp_path, added + "nullable = true\n"))
    assert compatible(old, nullable) is None
    assert "went away" in (compatible(nullable, old) or "")
    changed = read_declaration(_write(tmp_path, GOOD.replace('unit = "m/s"', 'unit = "km/h"')))
    assert "changed" in (compatible(old, changed) or "")
    raised = msgspec.structs.replace(changed, version=2)
    assert compatible(old, raised) is None
    assert "older" in (compatible(raised, old) or "")

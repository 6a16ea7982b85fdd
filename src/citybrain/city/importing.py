"""`citybrain city import`: a city folder from a simulation scenario."""

from __future__ import annotations

import json
import os
from pathlib import Path

from rich.console import Console

from citybrain.city.network_report import network_report
from citybrain.city.settings import FILE, Settings, SettingsError, checked
from citybrain.model import Text
from citybrain.network import read_scenario

_TEMPLATE = """\
# A city of City Brain. Every setting: docs/city-toml.md
name = {{ en = {en}, zh = {zh} }}
timezone = {timezone}

[street]
scenario = {scenario}
"""


def import_city(source: Path, folder: Path, name: str | None, name_zh: str | None, timezone: str) -> None:
    """Write `folder`/city.toml for the scenario at `source` and say what can be controlled.

    Raises ScenarioError, SettingsError; an existing city.toml is never overwritten.
    """
    file = folder / FILE
    if file.exists():
        raise SettingsError(f"{file} exists already; remove it or choose another folder")
    en = name or source.resolve().stem
    checked(Settings(name=Text(en, name_zh or en), timezone=timezone), "--timezone")
    console = Console()
    with console.status(f"reading {source}"):
        scenario = read_scenario(source)
        net = scenario.net()
    folder.mkdir(parents=True, exist_ok=True)
    where = os.path.relpath(source.resolve(), folder.resolve())
    words = {"en": en, "zh": name_zh or en, "timezone": timezone, "scenario": where}
    quoted = {k: json.dumps(v, ensure_ascii=False) for k, v in words.items()}
    file.write_text(_TEMPLATE.format(**quoted), encoding="utf-8")
    console.print(network_report(net))
    console.print(f"{file} is written. Run it: citybrain up --city {folder}", highlight=False, markup=False)

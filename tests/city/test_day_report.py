"""`citybrain report` on the folder of a city that does not run: terminal, HTML, JSON; what makes no sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from citybrain.cloud import DataFolder
from citybrain.hub import load_catalogue
from citybrain.library import Library
from citybrain.model import Batch, Declarations, arrow_schema
from tests.city.running import citybrain

BEGIN_MS = 1_794_006_000_000
"""00:00 of 7 November 2026 in Berlin."""
DAY = "2026-11-07"


def scores(declared: Declarations, city: str, delay_s: float, samples: int) -> Batch:
    row: dict[str, Any] = {
        "city": city,
        "in_transit": 40,
        "waiting": 0,
        "delay_index": 1.4,
        "mean_speed_mps": 8.0,
        "arrived": 900,
        "halted": 7,
        "longest_queue_m": 55.0,
        "longest_queue_zone": None,
        "teleports": 0,
        "stops": 3,
        "trips": 2,
        "travel_s": 3 * delay_s,
        "co2_kg": 0.5,
    }
    moments = range(1, samples + 1)
    rows = [row | {"time": BEGIN_MS + k * 10_000, "mean_delay_s": delay_s + k // 361} for k in moments]
    return batch(declared, "sim.score", rows, city)


def batch(declared: Declarations, dataset: str, rows: list[dict[str, Any]], name: str) -> Batch:
    return Batch(
        dataset, f"{dataset}/{name}", pa.RecordBatch.from_pylist(rows, schema=arrow_schema(declared[dataset]))
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a city that was scored for two hours beside both shadows."""
    folder = tmp_path_factory.mktemp("report") / "data"
    declared = load_catalogue(None)
    with DataFolder(folder) as opened:
        library = Library(opened.library, declared)
        cities = (("live", 20.0, 720), ("shadow", 40.0, 720), ("own", 80.0, 360))
        kept = [scores(declared, *city) for city in cities]
        command = {"request": "r", "time": BEGIN_MS + 60_000, "area": "J1", "control": "hold", "who": "<b>Li</b>"}
        kept.append(
            batch(declared, "traffic.switch_request", [command | {"why": "drill", "until": None, "stage": 1}], "r")
        )
        library.append(kept, BEGIN_MS)
        library.close()
    return folder


def test_the_terminal_says_what_was_gained_against_whom(data: Path) -> None:
    done = citybrain("report", "--data", str(data))
    assert done.returncode == 0, done.stderr
    assert f"{DAY}, simulated: 2.0 h scored" in done.stdout
    assert "against actuated (SUMO's own): mean delay 20.5 s against 40.5 s: +49.4% saved" in done.stdout
    assert "hours from +48.8% to +50.0%" in done.stdout
    assert "against the own plan: mean delay 20.0 s against 80.0 s: +75.0% saved" in done.stdout
    assert "stops 2160 against 2160: +0.0%; travel time s 30.0 against 60.0: +50.0%; CO₂ kg 360.0" in done.stdout
    assert "commands of people: 1" in done.stdout


def test_the_files_say_the_same(data: Path, tmp_path: Path) -> None:
    for form in ("html", "json"):
        done = citybrain("report", "--day", DAY, "--data", str(data), "--out", str(tmp_path / f"r.{form}"))
        assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "r.json").read_bytes())
    assert [(c["against"], round(c["gain"], 3)) for c in found["comparisons"]] == [
        ("actuated", 0.494),
        ("own_plan", 0.75),
    ]
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert found["comparisons"][1]["stops_gain"] == 0.0 and found["comparisons"][1]["travel_gain"] == 0.75
    for words in ("+49.4%", "停车次数", "+75.0%", "对比路口自有方案", "hold 2", "&lt;b&gt;Li&lt;/b&gt;"):
        assert words in page
    assert "http" not in page, "it needs nothing from elsewhere"


def test_days_a_week_apart_are_compared(data: Path) -> None:
    """The city of the folder was under one arm only: there is no pair, and that is said."""
    done = citybrain("report", "--ab", "--data", str(data))
    assert done.returncode == 0, done.stderr
    assert f"A/B days until {DAY}, simulated: 0 pairs" in done.stdout
    assert "it takes a day of each with street.ab_days" in done.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--day", "yesterday"), "write a date like"),
        (("--day", "9999-12-31"), "too far away"),
        (("--day", "2026-11-01"), "nothing was scored on that day"),
        (("--out", "report.pdf"), ".html or .json"),
        (("--ab", "--out", "report.html"), "as .json"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(data: Path, options: tuple[str, ...], told: str) -> None:
    done = citybrain("report", "--data", str(data), *options)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1

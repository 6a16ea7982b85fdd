"""The running city as its users meet it: started, asked, killed piece by piece, stopped, started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.city.running import SHARED, RunningCity, citybrain, until

COLOGNE = SHARED / "cologne8" / "cologne8.sumocfg"
pytestmark = pytest.mark.skipif(not COLOGNE.exists(), reason=f"{COLOGNE} is not there (set CITYBRAIN_DATA)")
FAST = ("--city", str(COLOGNE), "--speed", "5")
TICKS = "SELECT run, seq, time FROM traffic.tick ORDER BY run, seq"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCity]:
    with RunningCity(tmp_path_factory.mktemp("city") / "data", *FAST) as running:
        yield running


def _latest(city: RunningCity) -> int:
    return int(city.get("/healthz")["city_time_ms"] or 0)


def _later(city: RunningCity, ms: int = 10_000) -> None:
    """Wait until the page shows a later moment of the city."""
    now = until(lambda: _latest(city))
    until(lambda: _latest(city) >= now + ms)


def _whole_ticks(city: RunningCity) -> list[dict[str, Any]]:
    """The ticks that the library holds, when every second of each run is there once: what was on its way to a
    library that died is brought to the next one after a while, later than what is new."""

    def ticks() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = city.query(TICKS)
        for run in {r["run"] for r in rows}:
            seqs = [r["seq"] for r in rows if r["run"] == run]
            assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        return rows

    rows: list[dict[str, Any]] = until(ticks)
    return rows


def test_the_loop_closes(city: RunningCity) -> None:
    _later(city)
    orders = until(lambda: city.query("SELECT junction, stage FROM traffic.signal_order LIMIT 100"))
    assert len({o["junction"] for o in orders}) == 8
    controls = "SELECT DISTINCT control FROM traffic.signal_state ORDER BY time DESC LIMIT 200"
    until(lambda: {"control": "brain"} in city.query(controls))
    until(lambda: {r["city"] for r in city.query("SELECT city FROM sim.score")} == {"live", "shadow"})


def test_what_the_library_holds_is_what_the_street_said(city: RunningCity) -> None:
    _later(city)
    _whole_ticks(city)


def test_replay_decides_the_same(city: RunningCity) -> None:
    done = city.citybrain("replay")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "bit for bit the same" in done.stdout


def test_the_brain_can_be_switched_off_and_on(city: RunningCity) -> None:
    done = city.citybrain("switch", "off", "--who", "test", "--why", "a test", "--area", "city")
    assert done.returncode == 0, done.stderr
    assert "own plans run at 8 junctions" in done.stdout
    until(
        lambda: (
            {r["control"] for r in city.query("SELECT junction, arg_max(control, time) AS control FROM "
             "traffic.signal_state GROUP BY junction")} == {"own_plan"}
        )
    )  # fmt: skip
    assert city.citybrain("switch", "on", "--who", "test", "--why", "over").returncode == 0
    until(
        lambda: (
            {r["control"] for r in city.query("SELECT junction, arg_max(control, time) AS control FROM "
             "traffic.signal_state GROUP BY junction")} == {"brain"}
        )
    )  # fmt: skip
    refused = city.citybrain("switch", "off", "--who", "test", "--why", "a test", "--area", "atlantis")
    assert refused.returncode == 2
    assert "atlantis" in refused.stderr


def test_a_stage_is_asked_for_with_priority_and_nobody_else_releases_it(city: RunningCity) -> None:
    junction = city.query("SELECT min(junction) AS junction FROM traffic.signal_state")[0]["junction"]
    place = ("--area", junction, "--why", "a drill")
    done = city.citybrain("switch", "preempt", *place, "--who", "escort", "--stage", "0")
    assert done.returncode == 0, done.stderr
    assert "the stage has priority at 1 junction" in done.stdout
    refused = city.citybrain("switch", "release", *place, "--who", "somebody else")
    assert refused.returncode == 2
    assert "nobody of that name has priority there" in refused.stderr
    states = f"FROM traffic.signal_state WHERE junction = '{junction}'"
    until(lambda: city.query(f"SELECT count(*) AS n {states} AND control = 'preempted' AND stage = 0")[0]["n"] > 0)
    until(lambda: city.query(f"SELECT arg_max(control, time) AS control {states}")[0]["control"] == "brain")


def test_a_command_survives_the_street_and_one_given_meanwhile_counts(city: RunningCity) -> None:
    """The street goes back to its saved minute, from before the command. What nobody hears is heard later."""
    rows = city.query("SELECT DISTINCT junction FROM traffic.signal_state ORDER BY junction LIMIT 2")
    first, second = (r["junction"] for r in rows)

    def controls() -> dict[str, str]:
        latest = "SELECT junction, arg_max(control, received_at) AS control FROM traffic.signal_state GROUP BY 1"
        return {r["junction"]: r["control"] for r in city.query(latest)}

    def flash(area: str) -> Any:
        clock = datetime.fromtimestamp(_latest(city) / 1000 + 1800, UTC).isoformat()
        return city.citybrain(
            "switch", "flash", "--area", area, "--who", "anna", "--why", "lamp repair", "--until", clock, "--lock"
        )

    assert flash(first).returncode == 0
    pid = city.kill("street")
    given = flash(second)  # nobody hears it, or the street is back already
    assert given.returncode == 0 or "counts when it is back" in given.stderr, given.stderr
    until(lambda: city.pid("street") != pid)
    until(lambda: {controls()[j] for j in (first, second)} == {"flash"})
    refused = city.citybrain("switch", "on", "--area", first, "--who", "ben", "--why", "over")
    assert refused.returncode == 2 and "locked" in refused.stderr
    for area in (first, second):
        assert city.citybrain("switch", "on", "--area", area, "--who", "anna", "--why", "over").returncode == 0
    until(lambda: {controls()[j] for j in (first, second)} == {"brain"})


def test_a_second_city_on_the_same_folder_is_refused(city: RunningCity) -> None:
    done = citybrain("up", "--data", str(city.data), "--city", str(COLOGNE), "--port", "0")
    assert done.returncode == 3
    assert "a city runs on it already" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_ctrl_c_while_it_prepares_is_quiet(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "citybrain.cli", "up", "--port", "0", "--data", str(tmp_path / "data"))
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    with process:
        assert process.stdout is not None
        assert "City Brain" in process.stdout.readline()
        until(lambda: psutil.Process(process.pid).children())
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert not (tmp_path / "data" / "address.json").exists()


def test_a_port_in_use_is_named(city: RunningCity, tmp_path: Path) -> None:
    port = city.page.rsplit(":", 1)[1]
    done = citybrain("up", "--data", str(tmp_path / "data"), "--city", str(COLOGNE), "--port", port)
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert done.stderr.count("\n") == 1


def test_metrics_of_every_process_are_exposed(city: RunningCity) -> None:
    def told() -> set[str]:
        text = httpx.get(city.page + "/metrics", timeout=10).raise_for_status().text
        return {p for p in ("street", "shadow", "brain", "library", "cockpit") if f'process="{p}"' in text}

    until(lambda: told() == {"street", "shadow", "brain", "library", "cockpit"})


@pytest.mark.parametrize("name", ["library", "brain", "shadow", "cockpit", "street", "nats-server"])
def test_a_killed_process_comes_back_and_nothing_is_lost(city: RunningCity, name: str) -> None:
    _later(city, 5_000)
    before = until(lambda: city.query(TICKS))
    pid = city.kill(name)
    until(lambda: city.pid(name) != pid)
    _later(city)
    after = _whole_ticks(city)
    # A street that went back to its saved minute says the seconds since then again: these count.
    assert {r["time"] for r in before} <= {r["time"] for r in after}
    newest = max(r["run"] for r in before)
    assert max(r["run"] for r in after) == newest + (name == "street")
    assert until(lambda: city.citybrain("replay").returncode == 0)
    if name != "nats-server":  # no record, as the records go by it
        lives = f"SELECT state FROM city.process WHERE process = '{name}' AND state IN ('died', 'restarted')"
        until(lambda: [r["state"] for r in city.query(f"{lives} ORDER BY time")][:2] == ["died", "restarted"])


def test_it_stops_whole_and_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with RunningCity(data, *FAST, "--no-shadow") as first:
        _later(first, 20_000)
        parts = psutil.Process(first.process.pid).children(recursive=True)
        assert first.stop() == 0
        assert not [p for p in parts if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert not (data / "address.json").exists()
    written = [line for file in data.glob("log/*.jsonl") for line in file.read_text().splitlines()]
    assert [line for line in written if json.loads(line)["level"] == "error"] == []
    rows = citybrain("query", "SELECT max(time) AS t FROM traffic.tick", "--data", str(data), "--format", "csv")
    assert rows.returncode == 0, rows.stderr
    stopped = rows.stdout.split()[-1].strip('"')
    assert citybrain("replay", "--data", str(data)).returncode == 0
    with RunningCity(data, *FAST, "--no-shadow") as second:
        _later(second, 5_000)
        assert "goes on from" in second.output
        ticks = until(
            lambda: second.query("SELECT run, min(time) AS t FROM traffic.tick GROUP BY run ORDER BY run")
        )
        assert len(ticks) == 2
        assert ticks[1]["t"] > stopped, "the second run begins where the first ended"


def test_a_killed_parent_leaves_nothing_and_the_next_start_works(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = RunningCity(data, *FAST, "--no-shadow").__enter__()
    _later(first, 65_000)
    parts = psutil.Process(first.process.pid).children(recursive=True)
    first.process.send_signal(signal.SIGKILL)
    first.stop()
    psutil.wait_procs(parts, timeout=30)
    assert not [p for p in parts if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    newest = max((data / "city" / "minutes" / "street").iterdir(), key=lambda p: int(p.name))
    (newest / "guard.bin").write_bytes(b"damaged")
    with RunningCity(data, *FAST, "--no-shadow") as second:
        _later(second, 5_000)
        _whole_ticks(second)
    assert "is dropped" in (data / "log" / "street.jsonl").read_text()

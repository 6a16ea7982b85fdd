"""A crash at each commit, write, fsync and rename: nothing acknowledged is lost, nothing stands there twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from library_city import DAY_MS, READING, START_MS, Oracle, declared, readings
from library_crash import ROUNDS

from citybrain.library import Library

CHILD = Path(__file__).with_name("library_crash.py")


@pytest.mark.parametrize(
    ("place", "count"),
    [
        ("append.commit", 4),
        ("append.committed", 4),
        ("seal.write", 3),
        ("seal.fsync", 3),
        ("seal.rename", 3),
        ("seal.commit", 2),
        ("seal.commit", 4),
        ("seal.committed", 3),
        ("manifest.write", 4),
        ("manifest.fsync", 4),
        ("manifest.rename", 4),
    ],
)
def test_a_crash_loses_nothing_and_doubles_nothing(tmp_path: Path, place: str, count: int) -> None:
    child = subprocess.run(
        [sys.executable, str(CHILD), str(tmp_path), place, str(count)], capture_output=True, text=True, check=False
    )
    assert child.returncode == 9, child.stderr
    acknowledged = len(child.stdout.split())
    assert 0 < acknowledged < ROUNDS + 1
    declarations, oracle = declared(tmp_path / "declarations"), Oracle()
    made = [
        readings(declarations, f"round-{n}", [("a", START_MS + n * DAY_MS // 2, n), ("late", START_MS + n, n)])
        for n in range(ROUNDS)
    ]
    with Library(tmp_path / "library", declarations) as library:
        (found,) = library.query(f"SELECT count(DISTINCT batch_id) AS n FROM {READING}").column("n").to_pylist()
        assert acknowledged <= found <= acknowledged + 1
        # All of it comes again, as the bus would send it: what was stored stays as it is.
        assert library.append(made, 1000 * ROUNDS) == 2 * (ROUNDS - found)
        oracle.append(made, 0)
        history = library.query(f"SELECT place, time, value FROM {READING} ORDER BY time, place").to_pylist()
        assert history == oracle.history(None)
        assert library.query(f"SELECT place, value FROM now.{READING} ORDER BY place").to_pylist() == [
            {"place": r["place"], "value": r["value"]} for r in oracle.now(None)
        ]
        library.seal(START_MS + ROUNDS * DAY_MS)
        assert (
            library.query(f"SELECT place, time, value FROM {READING} ORDER BY time, place").to_pylist() == history
        )
        files = {
            Path(f["file"]).name
            for f in json.loads((tmp_path / "library/manifest.json").read_bytes())["files"][READING]
        }
        assert {p.name for p in (tmp_path / "library" / "parquet" / READING).iterdir()} == files

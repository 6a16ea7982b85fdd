"""Setting up says how far it is, and what pip said where it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from set_up import step_of

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("  Installing build dependencies: started\n", "getting the tools that build the page"),
        ("  Downloading duckdb-2.0.0-cp311-cp311-linux.whl.metadata (4 kB)\n", "getting duckdb (4 kB)"),
        ("  Downloading eclipse_sumo-1.28.0-py3-none-any.whl (81.2 MB)\n", "getting eclipse_sumo (81.2 MB)"),
        ("  Building editable for citybrain (pyproject.toml): started\n", "building the page"),
        ("Requirement already satisfied: numpy>=1.26\n", None),
        ("  Building editable for citybrain (pyproject.toml): finished with status 'done'\n", None),
    ],
)
def test_a_newcomer_reads_steps(line: str, words: str | None) -> None:
    assert step_of(line) == words


def test_a_failure_shows_what_pip_said(tmp_path: Path) -> None:
    wrong = ["-e", str(tmp_path / "nothing")]
    code = "import set_up, sys, pathlib; sys.exit(set_up.install(sys.argv[2:], pathlib.Path(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "log"), *wrong],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "not a valid editable requirement" in done.stderr
    assert f"the whole story is in {tmp_path / 'log'}" in done.stderr
    assert "not a valid editable requirement" in (tmp_path / "log").read_text()

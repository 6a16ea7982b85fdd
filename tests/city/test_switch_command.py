"""The command line of a person's commands: what is refused before anything is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from citybrain.city.settings import SettingsError
from citybrain.city.switch import run_switch
from citybrain.cli import app


@pytest.mark.parametrize(
    ("word", "until", "stage", "line"),
    [
        ("stop", None, None, "write one of on, off, hold, flash, advise, approve, preempt, release"),
        ("hold", "2026-11-22T08:00:00+01:00", None, "--stage belongs to hold, approve, preempt"),
        ("approve", None, None, "--stage belongs to hold, approve, preempt"),
        ("flash", "2026-11-22T08:00:00+01:00", 1, "--stage belongs to hold, approve, preempt"),
        ("preempt", "2026-11-22T08:00:00+01:00", None, "--stage belongs to hold, approve, preempt"),
        ("release", None, 1, "--stage belongs to hold, approve, preempt"),
        ("hold", "tomorrow", 1, "--until 'tomorrow'"),
    ],
)
def test_commands_that_say_too_little(
    tmp_path: Path, word: str, until: str | None, stage: int | None, line: str
) -> None:
    with pytest.raises(SettingsError, match=line):
        run_switch(word, "officer", "test", "J1", until, stage, False, False, None, tmp_path)


def test_the_help_names_every_word() -> None:
    text = CliRunner().invoke(app, ["switch", "--help"]).output
    for word in (
        "on",
        "off",
        "advise",
        "approve",
        "hold",
        "flash",
        "preempt",
        "release",
        "--stage",
        "--lock",
        "--force",
    ):
        assert word in text

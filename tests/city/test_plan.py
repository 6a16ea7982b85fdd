"""A data folder carries its plan with it, and one of another version is refused by every command that reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from citybrain.city.plan import RunPlan, read_plan, write_plan
from citybrain.city.query import run_query
from citybrain.city.replay import run_replay
from citybrain.city.settings import Settings
from citybrain.cloud import DataFolder, DataFolderError


def test_a_moved_folder_is_read_where_it_lies(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    write_plan(RunPlan(Settings(), str(old), "default", "2026-11-20"))
    old.rename(new)
    assert read_plan(new).folder == new


def test_a_folder_of_another_version_is_not_read(tmp_path: Path) -> None:
    DataFolder(tmp_path)
    write_plan(RunPlan(Settings(), str(tmp_path), "default", "2026-11-20"))
    (tmp_path / "format.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(DataFolderError, match="format 99"):
        run_query("SELECT 1", None, tmp_path, as_of=None, form="table", output=None, limit=1, purpose="inspect")
    with pytest.raises(DataFolderError, match="format 99"):
        run_replay(None, tmp_path, None, None)

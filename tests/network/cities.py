"""The cities that the tests of this room run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from citybrain.model import Junction

_ROOT = Path(__file__).parents[2]


def data(name: str) -> Path:
    """The folder of a city of the shared data; skips the test where it is absent."""
    folder = Path(os.environ.get("CITYBRAIN_DATA", _ROOT.parent / "shared" / "data")) / name
    if not folder.is_dir():
        pytest.skip(f"the data of {name} is not here (set CITYBRAIN_DATA)")
    return folder


def stage_lamps(junction: Junction, turn: int) -> str:
    """The lamps of one of the junction's stages, by turns."""
    return junction.stages[turn % len(junction.stages)].lamps

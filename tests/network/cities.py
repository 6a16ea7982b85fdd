"""The cities that the tests of this room run."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from citybrain.model import Junction

_ROOT = Path(__file__).parents[2]


P = ParamSpec("P")
R = TypeVar("R")


def in_own_process(work: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
    """The result of `work` done in a fresh process, as each city runs: SUMO keeps some of its random state from
    one simulation of a process to the next."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *args, **named).result()


def data(name: str) -> Path:
    """The folder of a city of the shared data; skips the test where it is absent."""
    folder = Path(os.environ.get("CITYBRAIN_DATA", _ROOT.parent / "shared" / "data")) / name
    if not folder.is_dir():
        pytest.skip(f"the data of {name} is not here (set CITYBRAIN_DATA)")
    return folder


def stage_lamps(junction: Junction, turn: int) -> str:
    """The lamps of one of the junction's stages, by turns."""
    return junction.stages[turn % len(junction.stages)].lamps

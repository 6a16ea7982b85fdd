"""Finished runs, kept by what they depend on: an interrupted trial goes on where it was."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import mkdtemp
from time import time

import msgspec

from citybrain.city.trial import TrialResult
from citybrain.city.trial_key import run_key
from citybrain.city.trial_plan import TrialPlan
from citybrain.city.trial_score import ScoreError, read_score

_RESULT = "result.json"
_PART = ".part-"
_FORGOTTEN_S = 7 * 86_400
"""What was worked on so long ago was killed."""


def default_folder() -> Path:
    """The user's cache: `$XDG_CACHE_HOME/citybrain/trials`, by default `~/.cache/citybrain/trials`."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if home else Path.home() / ".cache") / "citybrain" / "trials"


class TrialStore:
    """One folder a run, `<network>/<controller>-<seed>-<key>`: SUMO's outputs and `result.json`.

    A run is worked on in a folder of its own beside it and takes its name when it is whole.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.networks = folder / "networks"
        """For parsed networks."""

    def home(self, plan: TrialPlan) -> Path:
        """Where the run is kept. Raises OSError where a file of its scenario cannot be read."""
        name = f"{plan.controller}-{plan.seed}-{run_key(plan)}"
        return self.folder / _safe(plan.scenario.name) / name

    def find(self, plan: TrialPlan) -> TrialResult | None:
        """The result of the run, its score made anew from SUMO's outputs; None where it is not whole."""
        home = self.home(plan)
        try:
            result = msgspec.json.decode((home / _RESULT).read_bytes(), type=TrialResult)
            return msgspec.structs.replace(result, score=read_score(home), outputs=str(home))
        except (OSError, msgspec.MsgspecError, ScoreError):
            return None

    def begin(self, plan: TrialPlan) -> Path:
        """A folder to work in. Raises OSError."""
        home = self.home(plan)
        home.parent.mkdir(parents=True, exist_ok=True)
        for left in home.parent.glob(f"{_PART}*"):
            if time() - left.stat().st_mtime > _FORGOTTEN_S:
                shutil.rmtree(left, ignore_errors=True)
        return Path(mkdtemp(prefix=f"{_PART}{home.name}-", dir=home.parent))

    def keep(self, plan: TrialPlan, work: Path, result: TrialResult) -> TrialResult:
        """Keep the run that was worked on in `work`; an older one of the same key goes. Raises OSError."""
        home = self.home(plan)
        kept = msgspec.structs.replace(result, outputs=str(home))
        (work / _RESULT).write_bytes(msgspec.json.encode(kept))
        shutil.rmtree(home, ignore_errors=True)
        try:
            work.rename(home)
        except OSError:
            if not (home / _RESULT).exists():  # else another trial has kept the same run at this moment
                raise
        return kept


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name) or "network"

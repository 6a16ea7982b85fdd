"""Checkpoints of a runner's states: one file each, written whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from citybrain.cloud.errors import CheckpointError
from citybrain.cloud.folder import atomic_write
from citybrain.model import State, Tick, dump_state, load_state

FORMAT = 1
KEEP = 288
"""A day of them, one each five minutes."""
_BETWEEN = "::"
_FORMAT_KEY = "format"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The states after a tick, in a file."""

    file: Path
    tick: Tick

    @property
    def name(self) -> str:
        return self.file.stem

    def load(self) -> dict[str, State]:
        """The states of each step. Raises CheckpointError."""
        try:
            flat = load_state(self.file.read_bytes())
        except (OSError, ValueError) as e:
            raise CheckpointError(f"checkpoint {self.file}: {e}") from None
        found = flat.get(_FORMAT_KEY)
        if found is None or int(found) != FORMAT:
            raise CheckpointError(f"checkpoint {self.file} has format {found}, not {FORMAT}")
        states: dict[str, dict[str, np.ndarray]] = {}
        for key, array in flat.items():
            step, between, name = key.partition(_BETWEEN)
            if between:
                states.setdefault(step, {})
                if name:
                    states[step][name] = array
        return dict(states)


class Checkpoints:
    """The checkpoints of one runner in a folder; the newest `keep` stay."""

    def __init__(self, folder: Path, runner: str, *, keep: int = KEEP) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_]{1,64}", runner):
            raise ValueError(f"runner name {runner!r}: letters, digits and _ only")
        self.folder = folder
        self.runner = runner
        self.keep = keep
        self._pattern = re.compile(rf"{runner}-(\d+)-(\d+)-(-?\d+)")

    def all(self) -> list[Checkpoint]:
        """All of them, oldest first."""
        matches = [(f, self._pattern.fullmatch(f.stem)) for f in self.folder.glob(f"{self.runner}-*.npz")]
        found = [Checkpoint(f, Tick(int(m[1]), int(m[2]), int(m[3]))) for f, m in matches if m]
        return sorted(found, key=lambda c: c.tick)

    def named(self, name: str) -> Checkpoint:
        """The one of that name. Raises CheckpointError."""
        for checkpoint in self.all():
            if checkpoint.name == name:
                return checkpoint
        raise CheckpointError(f"checkpoint {name} is not kept any more")

    def name(self, tick: Tick) -> str:
        return f"{self.runner}-{tick.run}-{tick.seq}-{tick.time_ms}"

    def write(self, tick: Tick, states: Mapping[str, State]) -> Checkpoint:
        """Keep the states after `tick`. Raises OSError."""
        flat = {_FORMAT_KEY: np.array(FORMAT)}
        for step, state in states.items():
            flat[f"{step}{_BETWEEN}"] = np.array(0)
            flat.update({f"{step}{_BETWEEN}{name}": array for name, array in state.items()})
        file = self.folder / f"{self.name(tick)}.npz"
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic_write(file, dump_state(flat))
        for old in self.all()[: -self.keep]:
            old.file.unlink(missing_ok=True)
        return Checkpoint(file, tick)

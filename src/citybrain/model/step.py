"""Steps: pure functions between datasets."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from citybrain.model.batch import Batch, Tick

State = Mapping[str, npt.NDArray[Any]]
"""What a step keeps between ticks: named arrays without objects, so that a checkpoint is data, never code."""


class Step(Protocol):
    """A pure function: no clock, no I/O, no randomness of its own. `run` never changes its arguments."""

    name: str
    reads: tuple[str, ...]
    """Ids of the datasets it reads (outputs of earlier steps of the same graph included)."""
    writes: str
    """Id of the dataset it writes."""

    def start(self) -> State:
        """The state before the first tick."""
        ...

    def run(self, state: State, tick: Tick, inputs: Sequence[Batch]) -> tuple[State, pa.RecordBatch | None]:
        """The new state and the rows for this tick (None: nothing to say).

        `inputs` are the batches that arrived since the last tick, in log order. A tick may go back in time (a
        restored city): a step then starts its windows anew.
        """
        ...


def dump_state(state: State) -> bytes:
    """A state as bytes, readable without executing anything."""
    for name, array in state.items():
        if array.dtype.hasobject:
            raise ValueError(f"state {name!r} holds objects; keep numbers and strings")
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **dict(state))
    return out.getvalue()


def load_state(data: bytes) -> State:
    """The state that `dump_state` wrote. Raises ValueError on anything else."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as npz:
            return {name: npz[name] for name in npz.files}
    except (OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as e:
        raise ValueError(f"not a step state: {e}") from None

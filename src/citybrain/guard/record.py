"""What the guard writes down: signal states, refusals, switch results, as rows of their datasets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from citybrain.guard.switch import SwitchResult
from citybrain.model import Control, Refusal, arrow_schema, read_declaration

CHOICES = (Control.BRAIN, Control.OWN_PLAN, Control.ADVISED, Control.HOLD, Control.FLASH, Control.PREEMPTED)
"""What a person may ask for."""
SIGNAL_STATE = "traffic.signal_state"
ORDER_REFUSAL = "traffic.order_refusal"
SWITCH_RESULT = "traffic.switch_result"
SWITCH_REQUEST = "traffic.switch_request"
SIGNAL_ORDER = "traffic.signal_order"


@cache
def schema(dataset: str) -> pa.Schema:
    """The schema of one of the guard's datasets."""
    file = Path(__file__).parent / "datasets" / f"{dataset.replace('.', '_')}.toml"
    return arrow_schema(read_declaration(file))


def state_rows(
    junctions: pa.Array,
    time_ms: int,
    stage: npt.NDArray[np.int64],
    next_stage: npt.NDArray[np.int64],
    since_ms: npt.NDArray[np.int64],
    lamps: Sequence[str],
    control: pa.Array,
) -> pa.RecordBatch:
    """Rows of traffic.signal_state, one a junction, arrays of one length."""
    now = np.full(len(junctions), time_ms, np.int64)
    return _batch(SIGNAL_STATE, [junctions, now, stage, next_stage, since_ms, lamps, control])


def refusal_rows(refusals: Sequence[Refusal]) -> pa.RecordBatch:
    """Rows of traffic.order_refusal."""
    columns = [
        [r.junction for r in refusals],
        [r.time_ms for r in refusals],
        [r.source for r in refusals],
        [r.stage for r in refusals],
        [r.reason for r in refusals],
    ]
    return _batch(ORDER_REFUSAL, columns)


def switch_rows(results: Sequence[SwitchResult]) -> pa.RecordBatch:
    """Rows of traffic.switch_result."""
    columns = [
        [r.request.id for r in results],
        [r.time_ms for r in results],
        [r.request.area for r in results],
        [r.accepted for r in results],
        [r.reason for r in results],
        [_choice(r.request.control) for r in results],
        [r.until_ms if r.accepted else None for r in results],
        [len(r.junctions) for r in results],
        [r.request.stage for r in results],
        [r.request.lock for r in results],
        [r.locked for r in results],
    ]
    return _batch(SWITCH_RESULT, columns)


def _choice(control: Control) -> str:
    """The dataset knows the choices only; a refused request may have asked for anything."""
    return (control if control in CHOICES else Control.OWN_PLAN).value


def _batch(dataset: str, columns: Sequence[Any]) -> pa.RecordBatch:
    fields = schema(dataset)
    arrays = [c if isinstance(c, pa.Array) else pa.array(c, f.type) for c, f in zip(columns, fields, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=fields)

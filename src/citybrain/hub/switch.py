"""The switch of the brain as records: a request and its result."""

from __future__ import annotations

import pyarrow as pa
from msgspec import Struct

from citybrain.hub.error import HubError
from citybrain.model import Batch, Control, Declarations, SwitchRequest, arrow_schema

REQUEST = "traffic.switch_request"
RESULT = "traffic.switch_result"
LONGEST_NAME = 200
LONGEST_WHY = 1_000
CHOICES = (Control.BRAIN, Control.OWN_PLAN, Control.ADVISED, Control.HOLD, Control.FLASH, Control.PREEMPTED)
"""What a person may ask for."""


class SwitchResult(Struct, frozen=True):
    """What became of a switch request."""

    request: str
    time_ms: int
    area: str
    accepted: bool
    reason: str
    """Why not; empty when accepted."""
    control: Control
    until_ms: int | None
    junctions: int
    stage: int | None = None
    """The stage held or approved."""
    lock: bool = False
    locked: int = 0
    """Junctions left out because somebody else has locked them."""


def request_batch(request: SwitchRequest, declarations: Declarations) -> Batch:
    """The record of a request. Raises HubError on one that makes no sense."""
    for name, value, longest in (
        ("id", request.id, LONGEST_NAME),
        ("area", request.area, LONGEST_NAME),
        ("who", request.who, LONGEST_NAME),
        ("why", request.why, LONGEST_WHY),
    ):
        if not 0 < len(value.strip()) <= longest:
            raise HubError(f"switch: {name} must have 1 to {longest} letters")
    if request.control not in CHOICES:
        raise HubError(f"switch: control is one of {', '.join(CHOICES)}, not {request.control}")
    if request.until_ms is not None and request.until_ms <= request.requested_ms:
        raise HubError("switch: until must be later than now")
    row = {
        "request": request.id,
        "time": request.requested_ms,
        "area": request.area,
        "control": request.control.value,
        "who": request.who,
        "why": request.why,
        "until": request.until_ms,
        "stage": request.stage,
        "lock": request.lock,
        "force": request.force,
    }
    rows = pa.RecordBatch.from_pylist([row], schema=arrow_schema(declarations[REQUEST]))
    return Batch(REQUEST, f"{REQUEST}/{request.id}", rows)


def result_of(batch: Batch, request: str) -> SwitchResult | None:
    """The result of that request in a batch of results, None if it is not there."""
    table = pa.Table.from_batches([batch.rows])
    for name in ("time", "until"):
        index = table.schema.get_field_index(name)
        table = table.set_column(index, name, table.column(name).cast(pa.int64()))
    for row in table.to_pylist():
        if row["request"] == request:
            return SwitchResult(
                request=request,
                time_ms=row["time"],
                area=row["area"],
                accepted=row["accepted"],
                reason=row["reason"],
                control=Control(row["control"]),
                until_ms=row["until"],
                junctions=row["junctions"],
                stage=row.get("stage"),
                lock=bool(row.get("lock")),
                locked=row.get("locked") or 0,
            )
    return None

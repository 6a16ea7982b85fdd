"""A street of junctions under guard for the tests: orders, commands, what was refused."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pyarrow as pa
from guard_crossing import T0, city, crossing

import citybrain
from citybrain.guard import Guard
from citybrain.guard.record import SIGNAL_ORDER
from citybrain.model import Control, RoadNet, SwitchRequest, arrow_schema, conform, read_declarations

replace = msgspec.structs.replace
PACKAGE = Path(citybrain.__file__).parent
DECLARED = read_declarations([PACKAGE / "guard" / "datasets", PACKAGE / "brain" / "datasets"])


def order_rows(orders: Iterable[tuple[str, int, int]]) -> pa.RecordBatch:
    """Rows of traffic.signal_order from (junction, time, stage)."""
    rows = [
        {"junction": j, "time": t, "stage": s, "why": "longest_queue", "serves_veh": 0.0, "waits_s": 0.0}
        for j, t, s in orders
    ]
    return pa.RecordBatch.from_pylist(rows, schema=arrow_schema(DECLARED[SIGNAL_ORDER]))


def refusals(guard: Guard) -> list[tuple[str, int, str]]:
    rows = guard.refusal_rows()
    if rows is None:
        return []
    rows = conform(rows, DECLARED["traffic.order_refusal"])
    return [(r["junction"], r["stage"], r["reason"]) for r in rows.to_pylist()]


def ask(area: str, control: Control, **changes: object) -> SwitchRequest:
    request = SwitchRequest("r1", area, control, "duty officer", "stadium", T0)
    return replace(request, **changes)


def switched(guard: Guard, request: SwitchRequest) -> dict[str, object]:
    rows = conform(guard.switch(request), DECLARED["traffic.switch_result"])
    return dict(rows.to_pylist()[0])


def three() -> RoadNet:
    return city(
        crossing(), crossing(id="y", district="e"), crossing(id="z", district="e", refused="blinking lamps")
    )


def run(guard: Guard, seconds: int, stage: int | None) -> list[tuple[str, ...]]:
    """The lamps of each second while the brain orders that stage everywhere (None: says nothing)."""
    shown = []
    for _ in range(seconds):
        if stage is not None:
            guard.orders(order_rows((j.id, guard.time_ms, stage) for j in guard.net.junctions), "brain")
        guard.advance(guard.time_ms + 1000)
        shown.append(tuple(guard.lamps))
    return shown

"""Small datasets, batches of them, and what a library should answer, worked out by brute force."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from citybrain.model import Batch, Declarations, arrow_schema, from_ms, read_declarations

DAY_MS = 86_400_000
START_MS = 20_000 * DAY_MS
READING = "test.reading"
PLACE = "test.place"

_HEAD = """id = "{id}"
version = 1
title = {{ en = "Test", zh = "测试" }}
description = {{ en = "Test", zh = "测试" }}
owner = "{owner}"
truth = "{truth}"
key = ["place"]
{more}
grade = "L1"
sharing = "unconditional"
open = true

[fields.place]
type = "text"
title = {{ en = "Place", zh = "地点" }}
grade = "L1"
"""
_TIME = """
[fields.time]
type = "time"
title = { en = "Time", zh = "时间" }
grade = "L1"
"""
_VALUE = """
[fields.value]
type = "int"
title = { en = "Value", zh = "值" }
grade = "L1"
nullable = true
"""


def write_declarations(folder: Path) -> None:
    """`test.reading` (timed, kept 30 days), `test.place` (a register), `test.frame` (live only)."""
    folder.mkdir(parents=True, exist_ok=True)
    timed = 'event_time = "time"'
    for name, owner, truth, more, fields in (
        (READING, "readings", "bus", timed + "\nretention_days = 30", _TIME + _VALUE),
        (PLACE, "places", "register", "", _VALUE),
        ("test.frame", "readings", "bus", timed + "\ntransient = true", _TIME + _VALUE),
        ("traffic.tick", "readings", "bus", timed, _TIME + _VALUE),
    ):
        text = _HEAD.format(id=name, owner=owner, truth=truth, more=more) + fields
        (folder / f"{name}.toml").write_text(text)


def declared(folder: Path) -> Declarations:
    write_declarations(folder)
    return read_declarations([folder])


def readings(
    declarations: Declarations, batch_id: str, rows: Iterable[tuple[str, int, int]], dataset: str = READING
) -> Batch:
    """A batch of (place, event time ms, value)."""
    rows = list(rows)
    columns = {"place": [r[0] for r in rows], "time": [r[1] for r in rows], "value": [r[2] for r in rows]}
    return Batch(
        dataset, batch_id, pa.RecordBatch.from_pydict(columns, schema=arrow_schema(declarations[dataset]))
    )


def places(declarations: Declarations, batch_id: str, rows: Iterable[tuple[str, int]]) -> Batch:
    """A batch of the register: (place, value)."""
    rows = list(rows)
    columns = {"place": [r[0] for r in rows], "value": [r[1] for r in rows]}
    return Batch(PLACE, batch_id, pa.RecordBatch.from_pydict(columns, schema=arrow_schema(declarations[PLACE])))


@dataclass
class Oracle:
    """What was appended, in order, and what follows from it."""

    versions: list[tuple[int, str, int, int]] = field(default_factory=list)
    """received_ms, place, time, value of each row of `test.reading`."""
    seen: set[str] = field(default_factory=set)

    def append(self, batches: Sequence[Batch], received_ms: int) -> int:
        stored = 0
        for batch in batches:
            if batch.id in self.seen:
                continue
            self.seen.add(batch.id)
            table = pa.Table.from_batches([batch.rows])
            times = table.column("time").cast(pa.int64()).to_pylist()
            for place, time, value in zip(
                table.column("place").to_pylist(), times, table.column("value").to_pylist(), strict=True
            ):
                self.versions.append((received_ms, place, time, value))
                stored += 1
        return stored

    def history(self, as_of_ms: int | None) -> list[dict[str, Any]]:
        """The newest version of each (place, time), by time and place."""
        newest: dict[tuple[int, str], int] = {}
        for received, place, time, value in self.versions:
            if as_of_ms is None or received <= as_of_ms:
                newest[time, place] = value
        return [{"place": p, "time": from_ms(t), "value": v} for (t, p), v in sorted(newest.items())]

    def now(self, as_of_ms: int | None) -> list[dict[str, Any]]:
        """The latest of each place."""
        latest = {row["place"]: row for row in self.history(as_of_ms)}
        return [latest[place] for place in sorted(latest)]

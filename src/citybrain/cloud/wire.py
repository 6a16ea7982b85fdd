"""Batches as messages of the bus: Arrow IPC bytes and a few headers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from citybrain.model import Batch, Dataset, Declarations, from_bytes, to_bytes

MSG_ID = "Nats-Msg-Id"
VERSION = "Dataset-Version"
CITY_TIME = "City-Time"
LARGEST = 7 * 1024 * 1024
"""Bytes of payload a message may have: the server's 8 MB less room for headers."""
LIVE = "live."
"""Prefix of the subjects under which a stream repeats what it has stored."""

_BATCH_ID = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True)
class Message:
    """What goes over the wire for one batch, or for one part of a large one."""

    subject: str
    id: str
    payload: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a batch stands in the log: its stream and its sequence number there."""

    stream: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A batch as the log holds it."""

    batch: Batch
    position: Position


def encode(batch: Batch, declarations: Declarations) -> Iterator[Message]:
    """The message of a batch; of one too large its parts, `<id>#1` and so on, each half of the rows before.

    Raises ValueError on an id that is not 1–200 printable ASCII letters, on a dataset that is not declared and on
    a single row that is too large.
    """
    dataset = declarations.get(batch.dataset)
    if dataset is None:
        raise ValueError(f"no dataset {batch.dataset!r} is declared")
    if not _BATCH_ID.fullmatch(batch.id):
        raise ValueError(f"batch id {batch.id!r} is not 1-200 printable ASCII letters")
    payload = to_bytes(batch.rows)
    if len(payload) <= LARGEST:
        yield _message(dataset, batch.id, batch.rows, payload)
        return
    parts = enumerate(_parts(dataset, batch.rows, len(payload)), 1)
    for number, rows in parts:
        yield _message(dataset, f"{batch.id}#{number}", rows, to_bytes(rows))


def decode(subject: str, headers: Mapping[str, str], payload: bytes, declarations: Declarations) -> Batch:
    """The batch of a message. Raises ValueError on anything that does not fit its declaration."""
    name = subject.removeprefix(LIVE).removeprefix("city.")
    dataset = declarations.get(name)
    if dataset is None:
        raise ValueError(f"no dataset {name!r} is declared")
    if MSG_ID not in headers:
        raise ValueError(f"{name}: a batch without an id")
    return Batch(name, headers[MSG_ID], from_bytes(payload, dataset))


def city_time_ms(rows: pa.RecordBatch, dataset: Dataset) -> int | None:
    """Greatest event time of the rows; None for no rows or a dataset without event time."""
    if dataset.event_time is None or rows.num_rows == 0:
        return None
    latest = pc.max(rows.column(rows.schema.get_field_index(dataset.event_time)))
    value: int | None = latest.cast(pa.int64()).as_py()
    return value


def _message(dataset: Dataset, batch_id: str, rows: pa.RecordBatch, payload: bytes) -> Message:
    headers = {MSG_ID: batch_id, VERSION: str(dataset.version)}
    if (time := city_time_ms(rows, dataset)) is not None:
        headers[CITY_TIME] = str(time)
    return Message(dataset.bus_subject, batch_id, payload, headers)


def _parts(dataset: Dataset, rows: pa.RecordBatch, size: int) -> Iterator[pa.RecordBatch]:
    """`rows` halved until each part fits: depends on nothing but the rows."""
    if size <= LARGEST:
        yield rows
        return
    if rows.num_rows < 2:
        raise ValueError(f"{dataset.id}: one row is larger than {LARGEST} bytes")
    middle = rows.num_rows // 2
    for half in (rows.slice(0, middle), rows.slice(middle)):
        yield from _parts(dataset, half, len(to_bytes(half)))

"""Arrow schemas of datasets: the one wire and memory form of records."""

from __future__ import annotations

from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from citybrain.model.dataset import Dataset, FieldType

TIME = pa.timestamp("ms", tz="UTC")
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999
"""The first and the last millisecond of the years 1 to 9999."""

_TYPES: dict[FieldType, pa.DataType] = {
    FieldType.BOOL: pa.bool_(),
    FieldType.INT: pa.int64(),
    FieldType.FLOAT: pa.float64(),
    FieldType.TEXT: pa.string(),
    FieldType.TIME: TIME,
    FieldType.GEOMETRY: pa.string(),
    FieldType.REFERENCE: pa.string(),
    FieldType.LANGUAGE: pa.string(),
    FieldType.LIST: pa.string(),
    FieldType.OBJECT: pa.string(),
}


@lru_cache(maxsize=4096)
def arrow_schema(dataset: Dataset) -> pa.Schema:
    """The schema of a record batch of that dataset, fields in declared order."""
    return pa.schema([pa.field(f.name, _TYPES[f.type], nullable=f.nullable) for f in dataset.fields])


def to_bytes(rows: pa.RecordBatch) -> bytes:
    """A record batch as an Arrow IPC stream (schema included, so that a reader needs no version table)."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    result: bytes = sink.getvalue().to_pybytes()
    return result


def from_bytes(data: bytes, dataset: Dataset) -> pa.RecordBatch:
    """Rows of `data`, checked against the declaration: missing nullable fields (an older writer) become nulls.

    Raises ValueError on anything that does not fit.
    """
    try:
        with pa.ipc.open_stream(data) as reader:
            rows = reader.read_next_batch()
    except (pa.ArrowInvalid, StopIteration, OSError) as e:
        raise ValueError(f"{dataset.id}: not an Arrow IPC stream: {e}") from None
    return conform(rows, dataset)


def conform(rows: pa.RecordBatch, dataset: Dataset) -> pa.RecordBatch:
    """`rows` with exactly the declared schema, no nulls where none may be, and all times within the years 1 to
    9999, beyond which no reader can write them. Raises ValueError naming the field that does not fit."""
    schema = arrow_schema(dataset)
    if rows.schema != schema:
        rows = _cast(rows, schema, dataset)
    for field, column in zip(schema, rows.columns, strict=True):
        if not field.nullable and column.null_count:
            raise ValueError(f"{dataset.id}: field {field.name!r} may not be null")
        if field.type == TIME and rows.num_rows:
            ends = pc.min_max(column.view(pa.int64()))
            first, last = ends["min"].as_py(), ends["max"].as_py()
            if first is not None and not (first >= FIRST_MS and last <= LAST_MS):
                raise ValueError(f"{dataset.id}: field {field.name!r} is not within the years 1 to 9999")
    return rows


def _cast(rows: pa.RecordBatch, schema: pa.Schema, dataset: Dataset) -> pa.RecordBatch:
    extra = set(rows.schema.names) - set(schema.names)
    if extra:
        raise ValueError(f"{dataset.id}: unknown field {sorted(extra)[0]!r}")
    columns = []
    for field in schema:
        index = rows.schema.get_field_index(field.name)
        if index < 0:
            if not field.nullable:
                raise ValueError(f"{dataset.id}: field {field.name!r} is missing")
            columns.append(pa.nulls(rows.num_rows, field.type))
            continue
        column = rows.column(index)
        try:
            columns.append(column.cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise ValueError(f"{dataset.id}: field {field.name!r} is {column.type}, not {field.type}") from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)

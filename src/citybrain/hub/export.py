"""Tables as files: CSV, JSON, Parquet."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from citybrain.hub.error import HubError

FORMATS = ("csv", "json", "parquet")


def write_table(table: pa.Table, form: str, out: IO[bytes]) -> None:
    """Write a table as `form` (one of FORMATS).

    In CSV and JSON times are ISO 8601 in UTC with milliseconds. JSON is an array with one object a line; a number
    that is not finite is null in it. Raises HubError on another form.
    """
    if form == "csv":
        csv.write_csv(_plain(table), out)
    elif form == "json":
        for piece in _json(table):
            out.write(piece)
    elif form == "parquet":
        pq.write_table(table, out, compression="zstd")
    else:
        raise HubError(f"no format {form!r}: write one of {', '.join(FORMATS)}")


def _plain(table: pa.Table) -> pa.Table:
    """Times as ISO text, nested values as JSON text."""
    columns = []
    for column in table.columns:
        kind = column.type
        if pa.types.is_timestamp(kind):
            zone = "Z" if kind.tz else ""
            column = pc.strftime(column, f"%Y-%m-%dT%H:%M:%S{zone}")
        elif pa.types.is_nested(kind):
            values = column.to_pylist()
            column = pa.chunked_array(
                [pa.array([None if v is None else _dumps(_finite(v)) for v in values], pa.string())]
            )
        elif not (pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_boolean(kind)):
            column = column.cast(pa.string())
        columns.append(column)
    return pa.table(columns, names=table.column_names)


def _json(table: pa.Table) -> Iterator[bytes]:
    """The lines of a JSON array."""
    nested = {i for i, field in enumerate(table.schema) if pa.types.is_nested(field.type)}
    plain = _plain(table)
    columns = [table.column(i) if i in nested else plain.column(i) for i in range(plain.num_columns)]
    names = table.column_names
    yield b"[\n"
    for number, values in enumerate(zip(*(c.to_pylist() for c in columns), strict=True)):
        row = dict(zip(names, (_finite(v) for v in values), strict=True))
        yield (",\n" if number else "").encode() + _dumps(row).encode()
    yield b"\n]\n"


def _finite(value: object) -> object:
    if isinstance(value, list):
        return [_finite(v) for v in value]
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)

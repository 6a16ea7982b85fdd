"""Tables of the open day in DuckDB, made from the declarations.

Three schemas: `rows` holds records as they came, `latest` the folded current state, `main` the own books.
A dataset's table bears its id and, above version 1, its version.
"""

from __future__ import annotations

import duckdb

from citybrain.library.error import LibraryError
from citybrain.model import Dataset, FieldType

FORMAT = 1

TYPES: dict[FieldType, str] = {
    FieldType.BOOL: "BOOLEAN",
    FieldType.INT: "BIGINT",
    FieldType.FLOAT: "DOUBLE",
    FieldType.TIME: "TIMESTAMPTZ",
    FieldType.TEXT: "VARCHAR",
    FieldType.GEOMETRY: "VARCHAR",
    FieldType.REFERENCE: "VARCHAR",
    FieldType.LANGUAGE: "VARCHAR",
    FieldType.LIST: "VARCHAR",
    FieldType.OBJECT: "VARCHAR",
}

_BOOKS = (
    "CREATE SCHEMA IF NOT EXISTS rows",
    "CREATE SCHEMA IF NOT EXISTS latest",
    "CREATE TABLE IF NOT EXISTS main.format (version BIGINT)",
    # A batch's id is kept as long as its rows, which bear its number; `event_ms` is the latest event time then.
    "CREATE TABLE IF NOT EXISTS main.batches"
    " (number BIGINT, fingerprint UBIGINT, id VARCHAR, dataset VARCHAR, event_ms BIGINT, received_ms BIGINT)",
    "CREATE TABLE IF NOT EXISTS main.folded (name VARCHAR, received_ms BIGINT)",
    "CREATE TABLE IF NOT EXISTS main.sealed (name VARCHAR, day VARCHAR, from_ms BIGINT, to_ms BIGINT,"
    " file VARCHAR, fields BIGINT, rows BIGINT, bytes BIGINT)",
    "CREATE TABLE IF NOT EXISTS main.serial (next BIGINT)",
)


def table_name(dataset: Dataset) -> str:
    """The name under which the library keeps this version of the dataset."""
    return dataset.id if dataset.version == 1 else f"{dataset.id}@{dataset.version}"


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """An SQL text literal."""
    return "'" + value.replace("'", "''") + "'"


def column_list(dataset: Dataset) -> str:
    """The declared fields, in order, as an SQL list."""
    return ", ".join(quoted(f.name) for f in dataset.fields)


def identity(dataset: Dataset) -> tuple[str, ...]:
    """Fields that name one record: a later record with the same identity is a new version of it."""
    return dataset.key if dataset.event_time is None else tuple(dict.fromkeys((*dataset.key, dataset.event_time)))


def prepare(con: duckdb.DuckDBPyConnection, datasets: list[Dataset]) -> None:
    """Make the tables that are missing and add fields that a declaration gained. Raises LibraryError on a
    library of another format."""
    for statement in _BOOKS:
        con.execute(statement)
    found = con.execute("SELECT version FROM main.format").fetchall()
    if not found:
        con.execute("INSERT INTO main.format VALUES (?)", [FORMAT])
        con.execute("INSERT INTO main.serial VALUES (1)")
    elif found[0][0] != FORMAT:
        raise LibraryError(
            f"the library has format {found[0][0]}, this program reads {FORMAT}: use the program that wrote it"
        )
    for dataset in datasets:
        _prepare_dataset(con, dataset)


def _prepare_dataset(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    name = table_name(dataset)
    columns = ", ".join(f"{quoted(f.name)} {TYPES[f.type]}" for f in dataset.fields)
    for schema, extra in (("rows", ", superseded_at TIMESTAMPTZ"), ("latest", "")):
        con.execute(
            f"CREATE TABLE IF NOT EXISTS {schema}.{quoted(name)}"
            f" (received_at TIMESTAMPTZ, batch BIGINT{extra}, {columns})"
        )
        have = con.execute(
            "SELECT column_name FROM duckdb_columns() WHERE schema_name = ? AND table_name = ?", [schema, name]
        ).fetchall()
        for field in dataset.fields:
            if (field.name,) not in have:
                con.execute(
                    f"ALTER TABLE {schema}.{quoted(name)} ADD COLUMN {quoted(field.name)} {TYPES[field.type]}"
                )

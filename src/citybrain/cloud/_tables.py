"""SQL tables made from the declarations of registers, and the outbox beside them."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from citybrain.cloud.errors import RegisterError
from citybrain.model import Dataset, Declarations, FieldType, Truth

FORMAT = 1
BUSY_MS = 5000
_TYPES: dict[FieldType, type[sa.types.TypeEngine[Any]]] = {
    FieldType.BOOL: sa.Boolean,
    FieldType.INT: sa.BigInteger,
    FieldType.FLOAT: sa.Double,
    FieldType.TIME: sa.BigInteger,
}


@dataclass(frozen=True, slots=True)
class Leaving:
    """A change in the outbox: its number there, and the batch that it will be."""

    number: int
    id: str
    dataset: str
    rows: bytes


def open_engine(file: Path, *, read_only: bool) -> sa.Engine:
    """The engine over a SQLite file. Raises RegisterError when it cannot be opened or has another format."""

    def connect() -> sqlite3.Connection:
        mode = "ro" if read_only else "rwc"
        connection = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.QueuePool, pool_size=8)
    # BEGIN by hand: the driver would otherwise begin only at the first change and read outside of it.
    sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            found = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if found == 0 and not read_only:
                connection.exec_driver_sql(f"PRAGMA user_version = {FORMAT}")
            elif found != FORMAT:
                raise RegisterError(
                    f"registers {file} have format {found}, this City Brain reads {FORMAT}: use the version that "
                    "wrote them or move the file away"
                )
    except sa.exc.SQLAlchemyError as e:
        raise RegisterError(f"registers {file} cannot be opened: {getattr(e, 'orig', e)}") from None
    return engine


class Tables:
    """The table of each register: a column a field, times as milliseconds since 1970 UTC."""

    def __init__(self, engine: sa.Engine, declarations: Declarations, *, create: bool) -> None:
        self._engine = engine
        self._datasets = {d.id: d for d in declarations.values() if d.truth is Truth.REGISTER}
        metadata = sa.MetaData()
        self._tables = {d.id: _table(d, metadata) for d in self._datasets.values()}
        self._outbox = sa.Table(
            "outbox",
            metadata,
            sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
            sa.Column("dataset", sa.Text, nullable=False),
            sa.Column("rows", sa.LargeBinary, nullable=False),
            sqlite_autoincrement=True,
        )
        self._origin = sa.Table("origin", metadata, sa.Column("name", sa.Text, primary_key=True))
        self._upserts = {name: self._upsert_sql(table) for name, table in self._tables.items()}
        if create:
            metadata.create_all(engine)
            self._widen()
        self._name = self._named(create)

    def dataset(self, name: str) -> Dataset:
        """Raises RegisterError on what is no register."""
        if name not in self._datasets:
            raise RegisterError(f"{name} is no declared register")
        return self._datasets[name]

    def table(self, name: str) -> sa.Table:
        self.dataset(name)
        return self._tables[name]

    def upsert(self, connection: sa.Connection, name: str, rows: pa.RecordBatch) -> None:
        """Insert rows or replace those of the same key."""
        values = list(zip(*[_plain(column) for column in rows.columns], strict=True))
        if values:
            connection.exec_driver_sql(self._upserts[name], values)

    def to_outbox(self, connection: sa.Connection, name: str, rows: bytes) -> None:
        connection.execute(self._outbox.insert(), {"dataset": name, "rows": rows})

    def outbox(self, most: int) -> list[Leaving]:
        """The oldest changes that have not left."""
        o = self._outbox.c
        query = sa.select(o.number, o.dataset, o.rows).order_by(o.number).limit(most)
        with self._engine.connect() as connection:
            found = connection.execute(query).all()
        return [Leaving(n, f"{d}/register-{self._name}/{n}", d, rows) for n, d, rows in found]

    def forget(self, number: int) -> None:
        """Delete from the outbox what has left, up to `number`."""
        with self._engine.begin() as connection:
            connection.execute(self._outbox.delete().where(self._outbox.c.number <= number))

    def _upsert_sql(self, table: sa.Table) -> str:
        """The statement, compiled once; its values in the order of the fields."""
        statement = insert(table)
        rest = {c.name: statement.excluded[c.name] for c in table.c if not c.primary_key}
        keys = [c.name for c in table.primary_key.columns]
        full = (
            statement.on_conflict_do_update(index_elements=keys, set_=rest)
            if rest
            else (statement.on_conflict_do_nothing(index_elements=keys))
        )
        return str(full.compile(dialect=self._engine.dialect))

    def _widen(self) -> None:
        """Add the columns that a declaration gained within its version."""
        inspector = sa.inspect(self._engine)
        for name, table in self._tables.items():
            present = {c["name"] for c in inspector.get_columns(table.name)}
            for column in table.c:
                if column.name in present:
                    continue
                if not column.nullable:
                    raise RegisterError(f"{name}: the new field {column.name!r} must be nullable")
                kind = column.type.compile(self._engine.dialect)
                with self._engine.begin() as connection:
                    connection.exec_driver_sql(f'ALTER TABLE "{table.name}" ADD COLUMN "{column.name}" {kind}')

    def _named(self, create: bool) -> str:
        """The name of this file, in the ids of its batches: another file never makes the same ones."""
        with self._engine.begin() as connection:
            found = connection.execute(sa.select(self._origin.c.name)).scalar()
            if found is None and create:
                found = secrets.token_hex(4)
                connection.execute(self._origin.insert(), {"name": found})
        return found or ""


def read_rows(connection: sa.Connection, query: sa.Select[Any], schema: pa.Schema) -> pa.RecordBatch:
    """The result of a query as a record batch."""
    found = connection.execute(query).all()
    columns = list(zip(*found, strict=True)) or [()] * len(schema)
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _table(dataset: Dataset, metadata: sa.MetaData) -> sa.Table:
    columns = [
        sa.Column(f.name, _TYPES.get(f.type, sa.Text)(), primary_key=f.name in dataset.key, nullable=f.nullable)
        for f in dataset.fields
    ]
    return sa.Table(dataset.id.replace(".", "__"), metadata, *columns)


def _plain(column: pa.Array) -> list[Any]:
    plain = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
    values: list[Any] = plain.to_pylist()
    return values

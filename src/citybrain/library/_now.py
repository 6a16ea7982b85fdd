"""Folding: the latest record of each key moves from the tail of the open table into the table of current state.

Reading merges the folded state with the tail behind it, so it is exact at any moment; folding only keeps that tail
short. Doing it once a few seconds instead of at each commit halves the work of taking records in (measured by
bench/library_ingest.py).
"""

from __future__ import annotations

import duckdb

from citybrain.library._schema import quoted, table_name
from citybrain.library._view import newest
from citybrain.model import Dataset


def fold(con: duckdb.DuckDBPyConnection, dataset: Dataset, until_ms: int) -> None:
    """Fold what was received up to `until_ms` (all that is stored), in a transaction of its own."""
    con.execute("BEGIN")
    try:
        _fold(con, dataset, until_ms)
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise


def _fold(con: duckdb.DuckDBPyConnection, dataset: Dataset, until_ms: int) -> None:
    name = table_name(dataset)
    found = con.execute("SELECT received_ms FROM main.folded WHERE name = ?", [name]).fetchall()
    since_ms: int = found[0][0] if found else 0
    same = " AND ".join(f"n.{quoted(k)} = i.{quoted(k)}" for k in dataset.key)
    time = quoted(dataset.event_time or "")
    con.execute(
        f"MERGE INTO latest.{quoted(name)} n USING ({newest(dataset, since_ms)}) i ON {same}"
        f" WHEN MATCHED AND i.{time} >= n.{time} THEN UPDATE BY NAME WHEN NOT MATCHED THEN INSERT BY NAME"
    )
    if found:
        con.execute("UPDATE main.folded SET received_ms = ? WHERE name = ?", [until_ms, name])
    else:
        con.execute("INSERT INTO main.folded VALUES (?, ?)", [name, until_ms])

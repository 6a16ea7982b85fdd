"""Registers on a real SQLite file."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from citybrain.cloud import Bus, NatsServer, RegisterError, Registers
from citybrain.model import Declarations, arrow_schema, read_declarations

Go = Callable[[Coroutine[Any, Any, None]], None]


def junctions(declarations: Declarations, ids: list[str], name: str) -> pa.RecordBatch:
    rows = [
        {
            "junction": i,
            "name": name,
            "district": "d",
            "place": '{"type":"Point","coordinates":[0,0]}',
            "stages": "[]",
            "plan": "{}",
            "min_green_s": 5.0,
            "max_red_s": 90.0,
            "all_red_s": 1.0,
            "refused": None,
        }
        for i in ids
    ]
    return pa.RecordBatch.from_pylist(rows, schema=arrow_schema(declarations["road.junction"]))


def test_rows_take_the_place_of_their_key(tmp_path: Path, declarations: Declarations, go: Go) -> None:
    async def work() -> None:
        with Registers(tmp_path / "r.sqlite", declarations) as registers:
            await registers.write("road.junction", junctions(declarations, ["b", "a"], "old"))
            await registers.write("road.junction", junctions(declarations, ["b"], "new"))
        with Registers(tmp_path / "r.sqlite", declarations, writer=False) as registers:
            found = registers.read("road.junction")
            assert found.schema == arrow_schema(declarations["road.junction"])
            assert found.column("junction").to_pylist() == ["a", "b"]
            assert found.column("name").to_pylist() == ["old", "new"]
            assert registers.read("road.junction", {"name": "new", "refused": None}).num_rows == 1
            assert registers.read("road.junction", {"name": "none"}).num_rows == 0
            assert registers.read("road.junction", limit=1).num_rows == 1
            with pytest.raises(RegisterError, match="reading only"):
                await registers.write("road.junction", found)
            with pytest.raises(RegisterError, match="no field 'x'"):
                registers.read("road.junction", {"x": 1})
            with pytest.raises(RegisterError, match="no declared register"):
                registers.read("test.reading")

    go(work())


def test_rows_that_do_not_fit_are_refused_before_they_wait(
    tmp_path: Path, declarations: Declarations, go: Go
) -> None:
    async def work() -> None:
        with Registers(tmp_path / "r.sqlite", declarations) as registers:
            with pytest.raises(RegisterError, match="'name' may not be null"):
                await registers.write_all([("road.junction", _without_a_name(declarations))])
            assert registers.read("road.junction").num_rows == 0

    go(work())


def test_writes_that_wait_share_a_commit_and_a_bad_one_fails_alone(
    tmp_path: Path, declarations: Declarations, go: Go, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that only SQLite itself refuses."""
    monkeypatch.setattr("citybrain.cloud.registers.conform", lambda rows, _: rows)

    async def work() -> None:
        with Registers(tmp_path / "r.sqlite", declarations) as registers:
            good = [registers.write("road.junction", junctions(declarations, [f"{n}"], "n")) for n in range(500)]
            bad = registers.write_all(
                [
                    ("road.junction", junctions(declarations, ["half"], "n")),
                    ("road.junction", _without_a_name(declarations)),
                ]
            )
            results = await asyncio.gather(*good[:250], bad, *good[250:], return_exceptions=True)
            assert [r for r in results if r is not None] == [results[250]]
            assert isinstance(results[250], RegisterError)
            assert "NOT NULL constraint failed" in str(results[250])
            assert registers.read("road.junction").num_rows == 500

    go(work())


def _without_a_name(declarations: Declarations) -> pa.RecordBatch:
    rows = junctions(declarations, ["x"], "n")
    return rows.set_column(
        rows.schema.get_field_index("name"), rows.schema.field("name"), pa.nulls(1, pa.string())
    )


def test_changes_leave_to_the_bus_once(tmp_path: Path, declarations: Declarations, go: Go) -> None:
    async def work() -> None:
        async with (
            NatsServer(tmp_path / "bus", log=tmp_path / "nats.log") as server,
            await Bus.connect(server.address, declarations, name="test") as bus,
        ):
            await bus.prepare()
            tail = await bus.follow(["road.junction"])
            with Registers(tmp_path / "r.sqlite", declarations) as registers:
                await registers.write("road.junction", junctions(declarations, ["a"], "first"))
                assert await registers.drain(bus) == 1
                assert await registers.drain(bus) == 0
                feed = asyncio.create_task(registers.feed(bus))
                await registers.write("road.junction", junctions(declarations, ["a"], "second"))
                found = [(await anext(tail)).batch for _ in range(2)]
                feed.cancel()
                await asyncio.gather(feed, return_exceptions=True)
            assert [b.rows.column("name").to_pylist() for b in found] == [["first"], ["second"]]
            assert len({b.id for b in found}) == 2
            await tail.aclose()

    go(work())


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_registers import junctions
from citybrain.cloud import Registers
from citybrain.model import read_declarations
declarations = read_declarations([Path(f) for f in sys.argv[3:]])
registers = Registers(Path(sys.argv[2]), declarations)
for n in range(1_000_000):
    registers.write_now("road.junction", junctions(declarations, [str(n), f"{n}+"], "n"))
    print(n, flush=True)
"""


def test_killed_while_writing_it_holds_what_it_acknowledged(
    tmp_path: Path, declarations: Declarations, declared_in: list[Path]
) -> None:
    file = tmp_path / "r.sqlite"
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(file), *map(str, declared_in)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line == "100\n":
                break
        with pytest.raises(RegisterError, match=f"written by process {child.pid}"):
            Registers(file, declarations)
        os.kill(child.pid, signal.SIGKILL)
        told = [100, *map(int, child.stdout.read().split())]
    with Registers(file, declarations) as registers:
        found = set(registers.read("road.junction").column("junction").to_pylist())
    assert {f"{n}" for n in range(told[-1] + 1)} <= found
    assert {f.removesuffix("+") for f in found if f.endswith("+")} == {f for f in found if not f.endswith("+")}


def test_a_field_may_be_added(tmp_path: Path, declared_in: list[Path], declarations: Declarations) -> None:
    with Registers(tmp_path / "r.sqlite", declarations) as registers:
        registers.write_now("road.junction", junctions(declarations, ["a"], "n"))
    newer = tmp_path / "newer"
    newer.mkdir()
    for folder in declared_in:
        for file in folder.glob("*.toml"):
            text = file.read_text()
            if file.name == "road_junction.toml":
                text += '\n[fields.added]\ntype = "text"\ntitle = { en = "A", zh = "A" }\n'
                text += 'grade = "L1"\nnullable = true\n'
            (newer / file.name).write_text(text)
    with Registers(tmp_path / "r.sqlite", read_declarations([newer])) as registers:
        assert registers.read("road.junction").column("added").to_pylist() == [None]


def test_another_format_and_a_broken_file_are_refused(tmp_path: Path, declarations: Declarations) -> None:
    file = tmp_path / "r.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(RegisterError, match="format 7"):
        Registers(file, declarations)
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(RegisterError, match="not a database"):
        Registers(file, declarations)


def test_a_full_disk_is_told_and_nothing_half_written(tmp_path: Path, declarations: Declarations) -> None:
    file = tmp_path / "r.sqlite"
    with Registers(file, declarations) as registers:
        registers.write_now("road.junction", junctions(declarations, ["before"], "n"))
        with registers._engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(RegisterError, match="disk is full: free some space"):
            registers.write_now("road.junction", junctions(declarations, [f"{n}" for n in range(5000)], "n"))
        assert registers.read("road.junction").column("junction").to_pylist() == ["before"]


def test_threads_read_while_one_writes(tmp_path: Path, declarations: Declarations) -> None:
    with Registers(tmp_path / "r.sqlite", declarations) as registers:
        seen: list[list[int]] = [[] for _ in range(4)]
        done = threading.Event()

        def look(counts: list[int]) -> None:
            while not done.is_set():
                counts.append(registers.read("road.junction").num_rows)

        threads = [threading.Thread(target=look, args=(counts,)) for counts in seen]
        for thread in threads:
            thread.start()
        for n in range(60):
            registers.write_now("road.junction", junctions(declarations, [f"{n}a", f"{n}b"], "n"))
        done.set()
        for thread in threads:
            thread.join()
        assert all(counts == sorted(counts) and all(c % 2 == 0 for c in counts) for counts in seen)
        assert registers.read("road.junction").num_rows == 120

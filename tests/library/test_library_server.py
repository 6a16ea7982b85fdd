"""The library on a real bus: catches up, survives kill -9 under load, waits while the disk is full, trims."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from library_city import DAY_MS, READING, START_MS, declared, readings

from citybrain.cloud import Bus, BusAddress, NatsServer
from citybrain.library import Library, LibraryClient, LibraryError, LibraryServer
from citybrain.model import Declarations

CHILD = Path(__file__).with_name("library_process.py")
COUNT = f"SELECT count(*) AS rows, count(DISTINCT batch_id) AS batches FROM {READING}"


@asynccontextmanager
async def a_bus(folder: Path, declarations: Declarations) -> AsyncIterator[tuple[Bus, BusAddress]]:
    async with (
        NatsServer(folder / "bus", log=folder / "nats.log") as nats,
        await Bus.connect(nats.address, declarations, name="test") as bus,
    ):
        await bus.prepare()
        yield bus, nats.address


async def child(folder: Path, address: BusAddress, *more: str) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), str(folder), address.url, address.token, *more, stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def say(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"\n")
    await process.stdin.drain()


async def until(bus: Bus, holds: Callable[[LibraryClient], Awaitable[bool]]) -> None:
    """Ask the library again and again, until it holds (or the test's own time is over)."""
    client = LibraryClient(bus)
    async with asyncio.timeout(40):
        while True:
            try:
                if await holds(client):
                    return
            except LibraryError:
                pass
            await asyncio.sleep(0.05)


def test_records_come_in_and_can_be_asked_for(tmp_path: Path, declarations: Declarations) -> None:
    async def work() -> None:
        async with a_bus(tmp_path, declarations) as (bus, _):
            with Library(tmp_path / "library", declarations) as library:
                serving = asyncio.create_task(LibraryServer(library, bus, group_s=0.01).run())
                made = [readings(declarations, f"b{n}", [("a", START_MS + n, n)]) for n in range(300)]
                await bus.publish_many(made[:150])
                await bus.publish(readings(declarations, "bad", [("a", -1, 1)]))
                await bus.publish_many(made[150:])

                async def all_there(client: LibraryClient) -> bool:
                    return (await client.query(COUNT)).to_pylist() == [{"rows": 300, "batches": 300}]

                await until(bus, all_there)
                client = LibraryClient(bus)
                with pytest.raises(LibraryError, match="unknown field 'x' at line 1, column 8"):
                    await client.query(f"SELECT x FROM {READING}")
                with pytest.raises(LibraryError, match="limit"):
                    await client.query(COUNT, limit=-1)
                stats = await client.stats()
                assert (stats.state, stats.rows, stats.batches, stats.refused) == ("taking_in", 300, 301, 1)
                big = await client.query(
                    f"SELECT a.*, repeat_.n FROM {READING} a, (SELECT unnest([1,2]) AS n) repeat_"
                )
                assert big.num_rows == 600
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
            with pytest.raises(LibraryError, match="nobody serves"):
                await LibraryClient(bus).query(COUNT)

    asyncio.run(work())


def test_kill_9_under_load_loses_nothing(tmp_path: Path) -> None:
    declarations = declared(tmp_path / "declarations")

    async def work() -> None:
        async with a_bus(tmp_path, declarations) as (bus, address):
            made = [readings(declarations, f"b{n}", [(p, START_MS + n, n) for p in "abcde"]) for n in range(1500)]
            publishing = asyncio.create_task(bus.publish_many(made))
            for _ in range(2):
                process = await child(tmp_path, address)

                async def some(client: LibraryClient) -> bool:
                    return (await client.stats()).commits > 2 or publishing.done()

                await until(bus, some)
                process.kill()
                await process.wait()
            await publishing
            process = await child(tmp_path, address)

            async def all_there(client: LibraryClient) -> bool:
                return (await client.query(COUNT)).column("batches").to_pylist() == [1500]

            await until(bus, all_there)
            assert (await LibraryClient(bus).query(COUNT)).to_pylist() == [{"rows": 7500, "batches": 1500}]
            await say(process)
            assert await process.wait() == 0

    asyncio.run(work())


def test_a_full_disk_is_told_and_waited_for(tmp_path: Path) -> None:
    declarations = declared(tmp_path / "declarations")
    Library(tmp_path / "library", declarations).close()

    async def work() -> None:
        async with a_bus(tmp_path, declarations) as (bus, address):
            process = await child(tmp_path, address, str(200_000))
            made = [
                readings(declarations, f"b{n}", [(f"place {n} {i}", START_MS + n, i) for i in range(500)])
                for n in range(60)
            ]
            await bus.publish_many(made)

            async def full(client: LibraryClient) -> bool:
                return (await client.stats()).state == "full"

            await until(bus, full)
            assert "is the disk full?" in (await LibraryClient(bus).stats()).said
            await say(process)

            async def all_there(client: LibraryClient) -> bool:
                return (await client.query(COUNT)).column("batches").to_pylist() == [60]

            await until(bus, all_there)
            assert (await LibraryClient(bus).query(COUNT)).column("rows").to_pylist() == [30_000]

            async def at_ease(client: LibraryClient) -> bool:
                return (await client.stats()).state == "taking_in"

            await until(bus, at_ease)
            await say(process)
            assert await process.wait() == 0

    asyncio.run(work())


def test_the_bus_is_trimmed_behind_what_is_stored(tmp_path: Path, declarations: Declarations) -> None:
    async def work() -> None:
        async with a_bus(tmp_path, declarations) as (bus, _):
            with Library(tmp_path / "library", declarations) as library:
                server = LibraryServer(library, bus, group_s=0.01, keep_house_s=0.1, replay_window_ms=DAY_MS // 2)
                serving = asyncio.create_task(server.run())
                for n in range(40):
                    at = START_MS + n * 3_600_000
                    await bus.publish(readings(declarations, f"r{n}", [("a", at, n)]))
                    await bus.publish(readings(declarations, f"t{n}", [("street", at, n)], "traffic.tick"))
                async with asyncio.timeout(20):
                    while True:
                        if (await bus.jetstream.stream_info("readings")).state.messages == 2 * 13:
                            break
                        await asyncio.sleep(0.05)
                kept = await anext(bus.consume([READING], "look"))
                assert kept.batch.id == "r27"
                assert library.query(f"SELECT count(*) AS n FROM {READING}").to_pylist() == [{"n": 40}]
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(work())


def test_a_bus_that_fills_up_is_trimmed_within_the_window(tmp_path: Path, declarations: Declarations) -> None:
    async def work() -> None:
        async with a_bus(tmp_path, declarations) as (bus, _):
            await bus.prepare(max_bytes=100_000)
            with Library(tmp_path / "library", declarations) as library:
                server = LibraryServer(library, bus, group_s=0.01, keep_house_s=0.1)
                serving = asyncio.create_task(server.run())
                for n in range(400):
                    at = START_MS + n * 1000
                    await bus.publish(readings(declarations, f"r{n}", [("a", at, n)]))
                    await bus.publish(readings(declarations, f"t{n}", [("street", at, n)], "traffic.tick"))
                await until(bus, lambda client: _holds(client, 400))
                assert (await bus.fill("readings")).first > 1
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(work())


async def _holds(client: LibraryClient, rows: int) -> bool:
    table = await client.query(f"SELECT count(*) AS n FROM {READING}")
    return bool(table.to_pylist() == [{"n": rows}])

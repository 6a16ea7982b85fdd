"""nats-server as a child: one a store, dies with its parent, loses nothing when it is killed."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest

from citybrain.cloud import Bus, NatsServer, NatsServerError, kept
from citybrain.model import Batch, Declarations

Go = Callable[[Coroutine[Any, Any, None]], None]
Make = Callable[..., Batch]

PARENT = """
import asyncio, sys
from pathlib import Path
from citybrain.cloud import NatsServer
async def main():
    server = NatsServer(Path(sys.argv[1]), log=Path(sys.argv[2]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def test_never_two_on_one_store(tmp_path: Path, go: Go) -> None:
    async def work() -> None:
        async with NatsServer(tmp_path / "bus", log=tmp_path / "nats.log"):
            second = NatsServer(tmp_path / "bus", log=tmp_path / "second.log")
            with pytest.raises(NatsServerError, match=f"process {os.getpid()}"):
                await second.start()

    go(work())


def test_a_port_in_use_is_one_clear_line(tmp_path: Path, go: Go) -> None:
    async def work() -> None:
        async with NatsServer(tmp_path / "bus", log=tmp_path / "nats.log") as server:
            port = int(server.address.url.rsplit(":", 1)[1])
            second = NatsServer(tmp_path / "other", log=tmp_path / "second.log", port=port)
            with pytest.raises(NatsServerError, match="address already in use"):
                await second.start()

    go(work())


def test_the_token_is_neither_on_the_command_line_nor_readable_by_others(tmp_path: Path, go: Go) -> None:
    async def work() -> None:
        async with NatsServer(tmp_path / "bus", log=tmp_path / "nats.log") as server:
            token = server.address.token
            assert token
            assert not any(token in word for word in psutil.Process(server.pid).cmdline())
            assert (tmp_path / "bus" / "nats.conf").stat().st_mode & 0o077 == 0
            assert token not in (tmp_path / "nats.log").read_text()

    go(work())


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    with _parent(tmp_path) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        psutil.wait_procs([child], timeout=20)
        assert not child.is_running()


def test_a_stale_one_of_a_killed_parent_is_stopped_first(tmp_path: Path, go: Go) -> None:
    with _parent(tmp_path) as parent:
        assert parent.stdout is not None
        stale = psutil.Process(int(parent.stdout.readline()))
        keeper = stale.parent()
        assert keeper is not None
        keeper.kill()
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert stale.is_running()

        async def work() -> None:
            async with NatsServer(tmp_path / "bus", log=tmp_path / "nats.log") as server:
                psutil.wait_procs([stale], timeout=20)
                assert not stale.is_running()
                assert server.pid != stale.pid

        go(work())


def test_killed_under_load_it_holds_every_acknowledged_batch_exactly_once(
    tmp_path: Path, declarations: Declarations, make: Make, go: Go
) -> None:
    async def work() -> None:
        server = NatsServer(tmp_path / "bus", log=tmp_path / "nats.log")
        async with kept(server) as address, await Bus.connect(address, declarations, name="test") as bus:
            await bus.prepare()
            tail = await bus.follow(["test.reading"])
            acknowledged: list[str] = []

            async def load(publisher: int) -> None:
                for n in range(50):
                    ids = [f"{publisher}/{n}/{k}" for k in range(5)]
                    await bus.publish_many([make("test.reading", i, n) for i in ids])
                    acknowledged.extend(ids)

            async def strike() -> None:
                for kills in range(1, 4):
                    for _ in range(kills * 40):
                        await anext(tail)
                    os.kill(server.pid, signal.SIGKILL)

            async with asyncio.TaskGroup() as group:
                group.create_task(strike())
                for publisher in range(4):
                    group.create_task(load(publisher))
            stored = [s.batch.id async for s in bus.log(["test.reading"], 0, 1_000)]
            assert server.starts == 4
            assert len(acknowledged) == 1000
            assert sorted(stored) == sorted(acknowledged)
            await tail.aclose()

    go(work())


def test_the_tail_and_the_consumer_ride_out_a_kill(
    tmp_path: Path, declarations: Declarations, make: Make, go: Go
) -> None:
    async def work() -> None:
        server = NatsServer(tmp_path / "bus", log=tmp_path / "nats.log")
        async with kept(server) as address, await Bus.connect(address, declarations, name="test") as bus:
            await bus.prepare()
            tail = await bus.follow(["test.reading", "test.order"])
            consumer = bus.consume(["test.reading", "test.order"], "keeper")
            ids = [f"{n}" for n in range(200)]
            for i in ids:
                await bus.publish(make("test.reading", i, int(i)))
                if i in ("50", "51", "150"):
                    os.kill(server.pid, signal.SIGKILL)
            assert [(await anext(tail)).batch.id for _ in ids] == ids
            got: list[str] = []
            while len(set(got)) < len(ids):
                delivery = await anext(consumer)
                got.append(delivery.batch.id)
                await delivery.ack()
            assert list(dict.fromkeys(got)) == ids
            await consumer.aclose()
            await tail.aclose()

    go(work())


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit, which only Linux has")
def test_a_disk_that_takes_nothing_more_loses_nothing_and_heals(
    tmp_path: Path, declarations: Declarations, make: Make, go: Go
) -> None:
    async def work() -> None:
        server = NatsServer(tmp_path / "bus", log=tmp_path / "nats.log")
        async with kept(server) as address, await Bus.connect(address, declarations, name="test") as bus:
            await bus.prepare()
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (500_000, 500_000))
            ids = [f"{n}" for n in range(40)]
            for i in ids:
                await bus.publish(make("test.reading", i, int(i), places=2000))
            stored = [s.batch.id async for s in bus.log(["test.reading"], 0, 1000)]
            assert stored == ids
            assert server.starts == 2

    go(work())


def test_what_keeps_dying_ends_with_a_clear_error(tmp_path: Path, go: Go) -> None:
    async def work() -> None:
        server = NatsServer(tmp_path / "bus", log=tmp_path / "nats.log")
        await server.start()
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(NatsServerError, match=r"died 5 times within a minute: see .*nats\.log"):
            await server.keep(lambda _: os.kill(server.pid, signal.SIGKILL))
        assert server.starts == 5
        await server.stop()

    go(work())


def test_a_server_that_cannot_be_kept_ends_the_work_on_it(tmp_path: Path, go: Go) -> None:
    async def work() -> None:
        server = NatsServer(tmp_path / "bus", log=tmp_path / "nats.log")
        with pytest.raises(NatsServerError, match=r"cannot be started: .*nats\.conf"):
            async with kept(server):
                conf = tmp_path / "bus" / "nats.conf"
                conf.unlink()
                conf.mkdir()
                os.kill(server.pid, signal.SIGKILL)
                await asyncio.Event().wait()

    go(work())


def test_an_error_in_the_block_comes_out_as_it_is(tmp_path: Path, go: Go) -> None:
    async def work() -> None:
        with pytest.raises(KeyError):
            async with kept(NatsServer(tmp_path / "bus", log=tmp_path / "nats.log")):
                raise KeyError("mine")

    go(work())


def test_a_stop_while_it_starts_again_leaves_nothing(tmp_path: Path, go: Go) -> None:
    async def work() -> None:
        server = NatsServer(tmp_path / "bus", log=tmp_path / "nats.log")
        for _ in range(5):
            async with kept(server):
                died = psutil.Process(server.pid)
                died.kill()
                await asyncio.to_thread(psutil.wait_procs, [died], timeout=5)
            assert not psutil.pid_exists(server.pid)
            async with NatsServer(tmp_path / "bus", log=tmp_path / "nats.log"):
                pass

    go(work())


def _parent(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder / "bus"), str(folder / "nats.log")],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_killed_keeper_takes_the_server_with_it(tmp_path: Path) -> None:
    async def work() -> None:
        server = NatsServer(tmp_path / "bus", log=tmp_path / "nats.log")
        await server.start()
        nats = psutil.Process(server.pid)
        keeper = nats.parent()
        assert keeper is not None
        keeper.kill()
        assert await asyncio.to_thread(psutil.wait_procs, [nats], 20) != ([], [nats])
        await server.stop()

    asyncio.run(work())

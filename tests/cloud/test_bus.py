"""The bus over a real nats-server."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from citybrain.cloud import Bus, BusAddress, BusRefused, NatsServer, RequestFailed
from citybrain.model import Batch, Declarations

Go = Callable[[Coroutine[Any, Any, None]], None]
Make = Callable[..., Batch]


def test_a_batch_is_stored_once_and_read_back_bit_equal(
    tmp_path: Path, declarations: Declarations, make: Make, go: Go
) -> None:
    async def work() -> None:
        async with (
            NatsServer(tmp_path / "bus", log=tmp_path / "nats.log") as server,
            await Bus.connect(server.address, declarations, name="test") as bus,
        ):
            await bus.prepare()
            await bus.prepare()
            batch = make("test.reading", "r/1", 1000)
            await bus.publish(batch)
            await bus.publish_many([batch, make("test.level", "l/1", 1000), make("test.order", "o/1", 2000)])
            found = [s async for s in bus.log(["test.reading", "test.level", "test.order"], 0, 3000)]
            assert [s.batch.id for s in found] == ["r/1", "l/1", "o/1"]
            assert found[0].batch.rows.equals(batch.rows)
            assert await bus.at(found[2].position) == found[2]

    go(work())


def test_the_tail_gives_what_is_stored_in_order(
    tmp_path: Path, declarations: Declarations, make: Make, go: Go
) -> None:
    async def work() -> None:
        async with (
            NatsServer(tmp_path / "bus", log=tmp_path / "nats.log") as server,
            await Bus.connect(server.address, declarations, name="test") as bus,
        ):
            await bus.prepare()
            await bus.publish(make("test.reading", "before", 0))
            tail = await bus.follow(["test.reading", "test.level"])
            ids = [f"{i}" for i in range(50)]
            await bus.publish_many(
                [make(("test.reading", "test.level", "test.order")[int(i) % 3], i, int(i)) for i in ids]
            )
            wanted = [i for i in ids if int(i) % 3 < 2]
            assert [(await anext(tail)).batch.id for _ in wanted] == wanted
            await tail.aclose()

    go(work())


def test_a_durable_consumer_goes_on_where_it_acknowledged(
    tmp_path: Path, declarations: Declarations, make: Make, go: Go
) -> None:
    async def work() -> None:
        async with (
            NatsServer(tmp_path / "bus", log=tmp_path / "nats.log") as server,
            await Bus.connect(server.address, declarations, name="test") as bus,
        ):
            await bus.prepare()
            ids = [f"{i:03}" for i in range(300)]
            await bus.publish_many([make("test.reading", i, int(i)) for i in ids])
            first = bus.consume(["test.reading"], "keeper")
            got = []
            async for d in first:
                got.append(d)
                if len(got) == 200:
                    break
            await got[99].ack()
            await bus.client.flush()
            await first.aclose()
            again = bus.consume(["test.reading"], "keeper")
            rest = [(await anext(again)).batch.id for _ in range(200)]
            await again.aclose()
            assert [d.batch.id for d in got] == ids[:200]
            assert rest == ids[100:]

    go(work())


def test_a_large_batch_goes_in_parts_that_make_it_up(
    tmp_path: Path, declarations: Declarations, make: Make, go: Go
) -> None:
    async def work() -> None:
        async with (
            NatsServer(tmp_path / "bus", log=tmp_path / "nats.log") as server,
            await Bus.connect(server.address, declarations, name="test") as bus,
        ):
            await bus.prepare()
            large = make("test.reading", "large", 5, places=700_000)
            await bus.publish(large)
            await bus.publish(large)
            parts = [s.batch async for s in bus.log(["test.reading"], 0, 10)]
            assert [p.id for p in parts] == [f"large#{n}" for n in range(1, len(parts) + 1)]
            assert len(parts) > 1
            assert sum(p.rows.num_rows for p in parts) == 700_000
            assert parts[-1].rows.column(0)[-1].as_py() == "p699999"

    go(work())


def test_a_request_gets_a_large_answer_and_errors_in_words(
    tmp_path: Path, declarations: Declarations, go: Go
) -> None:
    async def work() -> None:
        async def answer(data: bytes) -> bytes:
            if data == b"bad":
                raise ValueError("no such thing")
            return data * 20_000_000

        async with (
            NatsServer(tmp_path / "bus", log=tmp_path / "nats.log") as server,
            await Bus.connect(server.address, declarations, name="test") as bus,
        ):
            end = await bus.serve("ask.it", answer)
            assert await bus.request("ask.it", b"x") == b"x" * 20_000_000
            assert await bus.request("ask.it", b"") == b""
            with pytest.raises(RequestFailed, match="no such thing"):
                await bus.request("ask.it", b"bad")
            await end()
            with pytest.raises(RequestFailed, match="nobody serves"):
                await bus.request("ask.it", b"x")

    go(work())


def test_a_slow_listener_sees_the_newest(tmp_path: Path, declarations: Declarations, go: Go) -> None:
    async def work() -> None:
        async with (
            NatsServer(tmp_path / "bus", log=tmp_path / "nats.log") as server,
            await Bus.connect(server.address, declarations, name="test") as bus,
        ):
            frames = await bus.listen("city.test.frame", keep=2)
            done = await bus.listen("done")
            for n in range(100):
                await bus.beat("city.test.frame", b"%d" % n)
            await bus.client.flush()
            while frames.passed_over < 98:
                await bus.beat("done", b"")
                await anext(done)
            assert [await anext(frames), await anext(frames)] == [b"98", b"99"]

    go(work())


def test_a_full_stream_refuses_and_loses_nothing(
    tmp_path: Path, declarations: Declarations, make: Make, go: Go
) -> None:
    async def work() -> None:
        async with (
            NatsServer(tmp_path / "bus", log=tmp_path / "nats.log") as server,
            await Bus.connect(server.address, declarations, name="test", ride_out_s=0.5) as bus,
        ):
            await bus.prepare(max_bytes=50_000)
            acknowledged = []
            with pytest.raises(BusRefused, match="maximum bytes"):
                for n in range(1000):
                    await bus.publish(make("test.reading", f"{n}", n))
                    acknowledged.append(f"{n}")
            stored = [s async for s in bus.log(["test.reading"], 0, 2000)]
            assert [s.batch.id for s in stored] == acknowledged
            await bus.trim("traffic-police", stored[-1].position.sequence)
            await bus.publish(make("test.reading", "after", 1))

    go(work())


def test_no_bus_is_one_clear_line(declarations: Declarations, go: Go) -> None:
    async def work() -> None:
        with pytest.raises(BusRefused, match=r"no bus at nats://127\.0\.0\.1:9"):
            await Bus.connect(BusAddress("nats://127.0.0.1:9", "secret"), declarations, name="t", ride_out_s=0.3)

    assert "secret" not in repr(BusAddress("nats://127.0.0.1:9", "secret"))
    go(work())

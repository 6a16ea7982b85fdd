"""Reading through the hub: who may, what is recorded, live and embedded."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from citybrain.cloud import Bus, BusAddress, NatsServer
from citybrain.hub import (
    FORMATS,
    Hub,
    HubError,
    HubRefused,
    Purpose,
    Query,
    Reader,
    Role,
    SwitchResult,
    decide,
    load_catalogue,
    read_embedded,
    write_table,
)
from citybrain.library import Library, LibraryClient, LibraryServer
from citybrain.model import Batch, Control, Declarations, SwitchRequest, Tick, arrow_schema

START_MS = 1_772_000_000_000
STAFF = Reader("duty officer", frozenset({Role.STAFF}))
ANYONE = Reader("someone")
TICKS = "SELECT source, seq FROM traffic.tick ORDER BY seq"
REQUEST = SwitchRequest("r1", "city", Control.OWN_PLAN, "duty officer", "power cut", START_MS)


@pytest.fixture(scope="module")
def declarations() -> Declarations:
    return load_catalogue(None)


def rows(declarations: Declarations, dataset: str, **columns: list[object]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns, schema=arrow_schema(declarations[dataset]))


def ticks(declarations: Declarations, seq: int) -> Batch:
    at = START_MS + seq * 1000
    made = rows(declarations, "traffic.tick", source=["street"], time=[at], run=[1], seq=[seq])
    return Batch("traffic.tick", Tick(1, seq, at).batch_id("traffic.tick", "street"), made)


def may(declarations: Declarations, reader: Reader, purpose: Purpose, dataset: str, *fields: str) -> str:
    decision = decide(reader, purpose, {dataset: frozenset(fields)}, declarations)
    assert decision.allowed == (decision.reason == "")
    return decision.reason


def test_the_decision(declarations: Declarations) -> None:
    assert may(declarations, STAFF, Purpose.OPERATE, "traffic.tick", "seq") == ""
    assert may(declarations, ANYONE, Purpose.INSPECT, "traffic.tick", "seq") == ""
    assert may(declarations, STAFF, Purpose.INSPECT, "city.process", "detail") == ""
    assert "not open" in may(declarations, ANYONE, Purpose.INSPECT, "city.process", "detail")
    assert "not open" in may(declarations, STAFF, Purpose.PUBLIC, "city.process", "detail")
    assert may(declarations, STAFF, Purpose.INSPECT, "hub.read", "reader") == ""
    assert may(declarations, STAFF, Purpose.MAP, "sim.vehicle", "x_m") == ""
    for purpose in (Purpose.OPERATE, Purpose.PUBLIC):
        assert "simulation truth" in may(declarations, STAFF, purpose, "sim.score", "city")


def test_every_purpose_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "query.md").read_text("utf-8")
    assert all(f"| `{purpose}` |" in page for purpose in Purpose)


def test_l4_needs_a_contract(declarations: Declarations, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "declarations.md").read_text("utf-8")
    secret = text[text.index('id = "air.reading"') : text.index("Further settings")].replace("```", "")
    (tmp_path / "datasets").mkdir()
    head, last = secret.rsplit('grade = "L1"', 1)
    (tmp_path / "datasets" / "air.toml").write_text(f'{head}grade = "L4"{last}', encoding="utf-8")
    wider = load_catalogue(tmp_path)
    assert "grade L4" in may(wider, STAFF, Purpose.OPERATE, "air.reading", "pm25")
    assert may(wider, STAFF, Purpose.OPERATE, "air.reading", "station") == ""
    everything = {"air.reading": frozenset(f.name for f in wider["air.reading"].fields)}
    assert not decide(STAFF, Purpose.EXPORT, everything, wider).allowed


@asynccontextmanager
async def a_city(folder: Path, declarations: Declarations) -> AsyncIterator[tuple[Hub, Bus, BusAddress]]:
    async with (
        NatsServer(folder / "bus", log=folder / "nats.log") as nats,
        await Bus.connect(nats.address, declarations, name="test") as bus,
    ):
        await bus.prepare()
        with Library(folder / "library", declarations) as library:
            serving = asyncio.create_task(LibraryServer(library, bus, group_s=0.01).run())
            yield Hub(declarations, LibraryClient(bus), bus.publish, bus), bus, nats.address
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def read_until(hub: Hub, query: Query, rows: int) -> pa.Table:
    async with asyncio.timeout(20):
        while True:
            try:
                table = await hub.read(STAFF, Purpose.INSPECT, query)
            except HubError:  # the library is not there yet
                continue
            if table.num_rows == rows:
                return table
            await asyncio.sleep(0.02)


def test_the_running_city(tmp_path: Path, declarations: Declarations) -> None:
    async def work() -> None:
        async with a_city(tmp_path, declarations) as (hub, bus, _):
            await bus.publish_many([ticks(declarations, n) for n in range(5)])
            table = await read_until(hub, Query(TICKS), 5)
            assert table.to_pylist() == [{"source": "street", "seq": n} for n in range(5)]
            assert (await hub.read(ANYONE, Purpose.PUBLIC, Query(TICKS, limit=2))).num_rows == 2
            with pytest.raises(HubRefused, match=r"city\.process is not open to the public"):
                await hub.read(ANYONE, Purpose.INSPECT, Query("SELECT detail FROM city.process"))
            with pytest.raises(HubError, match="unknown field 'sek' at line 1, column 8"):
                await hub.read(STAFF, Purpose.INSPECT, Query("SELECT sek FROM traffic.tick"))
            with pytest.raises(HubError, match="only SELECT is offered"):
                await hub.read(STAFF, Purpose.INSPECT, Query("DROP TABLE traffic.tick"))
            lines = "SELECT purpose, datasets, rows, allowed FROM hub.read WHERE reader = 'someone' ORDER BY at"
            assert (await read_until(hub, Query(lines), 2)).to_pylist() == [
                {"purpose": "public", "datasets": '["traffic.tick"]', "rows": 2, "allowed": True},
                {"purpose": "inspect", "datasets": '["city.process"]', "rows": 0, "allowed": False},
            ]

    asyncio.run(work())


def test_following(tmp_path: Path, declarations: Declarations) -> None:
    async def work() -> None:
        async with a_city(tmp_path, declarations) as (hub, bus, _):
            with pytest.raises(HubRefused, match="simulation truth"):
                await anext(hub.frames(STAFF, Purpose.OPERATE))
            with pytest.raises(HubRefused, match="not open"):
                await anext(hub.follow(ANYONE, Purpose.INSPECT, "city.process"))
            with pytest.raises(HubError, match="no dataset"):
                await anext(hub.follow(STAFF, Purpose.INSPECT, "city.proces"))
            following = hub.follow(ANYONE, Purpose.INSPECT, "traffic.tick")
            frames = hub.frames(STAFF, Purpose.MAP)
            firsts = asyncio.gather(anext(following), anext(frames))
            for n in range(10_000):
                await bus.publish(ticks(declarations, n))
                await bus.beat("live.vehicle", b"frame")
                if firsts.done():
                    break
            batch, frame = await firsts
            assert (batch.dataset, frame) == ("traffic.tick", b"frame")
            await following.aclose()
            await frames.aclose()

    asyncio.run(work())


def test_a_switch_and_its_result(tmp_path: Path, declarations: Declarations) -> None:
    def result(request: str, accepted: bool) -> Batch:
        made = rows(
            declarations, "traffic.switch_result", request=[request], time=[START_MS], area=["city"],
            accepted=[accepted], reason=["" if accepted else "no such area"], control=["own_plan"], until=[None],
            junctions=[8], stage=[None], lock=[False], locked=[0],
        )  # fmt: skip
        return Batch("traffic.switch_result", f"result/{request}", made)

    async def guard(bus: Bus, ready: asyncio.Event) -> None:
        tail = await bus.follow(["traffic.switch_request"])
        ready.set()
        async for stored in tail:
            await bus.publish(result("another", False))
            await bus.publish(result(stored.batch.rows.column("request").to_pylist()[0], True))

    async def work() -> None:
        async with a_city(tmp_path, declarations) as (hub, bus, _):
            assert await hub.request(STAFF, REQUEST, timeout_s=0.2) is None
            ready = asyncio.Event()
            answering = asyncio.create_task(guard(bus, ready))
            await ready.wait()
            again = SwitchRequest("r2", "city", Control.OWN_PLAN, "duty officer", "power cut", START_MS)
            assert await hub.request(STAFF, again, timeout_s=10) == SwitchResult(
                "r2", START_MS, "city", True, "", Control.OWN_PLAN, None, 8
            )
            with pytest.raises(HubRefused, match="not open to the public"):
                await hub.request(ANYONE, again)
            for wrong in (
                SwitchRequest("r3", "city", Control.SILENCE, "x", "y", START_MS),
                SwitchRequest("r3", "city", Control.BRAIN, " ", "y", START_MS),
                SwitchRequest("r3", "city", Control.BRAIN, "x", "y" * 2000, START_MS),
                SwitchRequest("r3", "city", Control.BRAIN, "x", "y", START_MS, START_MS - 1),
            ):
                with pytest.raises(HubError, match="switch:"):
                    await hub.request(STAFF, wrong)
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)

    asyncio.run(work())


def test_nothing_is_given_without_its_line(declarations: Declarations, tmp_path: Path) -> None:
    async def work() -> None:
        async with a_city(tmp_path, declarations) as (hub, bus, address):
            await read_until(hub, Query("SELECT 1 AS one"), 1)
            await bus.jetstream.delete_stream(declarations["hub.read"].owner)
            impatient = await Bus.connect(address, declarations, name="impatient", ride_out_s=0.2)
            async with impatient:
                deaf = Hub(declarations, LibraryClient(bus), impatient.publish, bus)
                with pytest.raises(HubError, match="takes no line, so nothing is given"):
                    await deaf.read(STAFF, Purpose.INSPECT, Query(TICKS))

    asyncio.run(work())


def test_the_data_folder_of_a_city_that_does_not_run(declarations: Declarations, tmp_path: Path) -> None:
    def read(sql: str, as_of_ms: int | None = None) -> pa.Table:
        return asyncio.run(read_embedded(tmp_path, declarations, STAFF, Purpose.INSPECT, Query(sql, as_of_ms)))

    with pytest.raises(HubError, match="holds no records yet: start a city on it"):
        read(TICKS)
    with Library(tmp_path / "library", declarations) as library:
        library.append([ticks(declarations, 1)], 1000)
        library.append([ticks(declarations, 2)], 2000)
        with pytest.raises(HubError, match="another process owns this library: ask the running city"):
            read(TICKS)
    assert read(TICKS).num_rows == 2
    assert read(TICKS, 1500).num_rows == 1
    assert read("SELECT reader, rows FROM hub.read ORDER BY at").to_pylist() == [
        {"reader": "duty officer", "rows": 2},
        {"reader": "duty officer", "rows": 1},
    ]

    async def live() -> None:
        with Library(tmp_path / "library", declarations):
            hub = Hub(declarations, LibraryClient.__new__(LibraryClient), lambda batch: asyncio.sleep(0))
            with pytest.raises(HubError, match="nothing is live"):
                await anext(hub.frames(STAFF, Purpose.MAP))

    asyncio.run(live())


def test_tables_as_files(declarations: Declarations, tmp_path: Path) -> None:
    with Library(tmp_path / "library", declarations) as library:
        library.append([ticks(declarations, 1)], 1000)
        table = library.query(
            "SELECT source, time, seq, seq / 0 AS odd, [1, 2, 'nan'::DOUBLE] AS l, NULL AS nothing,"
            " time AT TIME ZONE 'UTC' AS bare,"
            " 'a \"b\", 中' AS text FROM traffic.tick"
        )
    made = {}
    for form in FORMATS:
        out = io.BytesIO()
        write_table(table, form, out)
        made[form] = out.getvalue()
    assert json.loads(made["json"]) == [
        {
            "source": "street", "time": "2026-02-25T06:13:21.000Z", "seq": 1, "odd": None, "l": [1, 2, None],
            "nothing": None, "bare": "2026-02-25T06:13:21.000", "text": 'a "b", 中',
        }
    ]  # fmt: skip
    head, line = made["csv"].decode().splitlines()
    assert head.startswith('"source","time","seq"')
    assert line.startswith('"street","2026-02-25T06:13:21.000Z",1,')
    assert line.endswith('"a ""b"", 中"')
    assert pq.read_table(io.BytesIO(made["parquet"])).num_rows == 1
    with pytest.raises(HubError, match="no format 'xml'"):
        write_table(table, "xml", io.BytesIO())
    empty = io.BytesIO()
    write_table(table.slice(0, 0), "json", empty)
    assert json.loads(empty.getvalue()) == []

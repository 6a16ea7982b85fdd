"""A bus that runs elsewhere: an address and a token file in `city.toml`."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from citybrain.cloud import BusAddress, NatsServer
from tests.city.running import SHARED, RunningCity, citybrain, until

COLOGNE = SHARED / "cologne8" / "cologne8.sumocfg"


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[BusAddress]:
    """A server that is not the city's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = NatsServer(tmp_path / "elsewhere", log=tmp_path / "nats.log")
    yield asyncio.run_coroutine_threadsafe(server.start(), loop).result(60)
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.skipif(not COLOGNE.exists(), reason=f"{COLOGNE} is not there (set CITYBRAIN_DATA)")
def test_a_city_runs_on_an_outside_bus(tmp_path: Path, outside: BusAddress) -> None:
    folder = tmp_path / "city"
    folder.mkdir()
    (folder / "token").write_text(outside.token + "\n")
    (folder / "city.toml").write_text(
        f"[street]\nscenario = {json.dumps(str(COLOGNE))}\nspeed = 5.0\nshadow = false\n"
        f'[bus]\nurl = "{outside.url}"\ntoken_file = "token"\n'
    )
    with RunningCity(tmp_path / "data", "--city", str(folder)) as city:
        with pytest.raises(LookupError):
            city.pid("nats-server")
        until(lambda: city.query("SELECT count(*) AS n FROM road.junction") == [{"n": 8}])
        assert outside.token not in "".join(f.read_text() for f in city.data.glob("log/*"))


def test_a_bus_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text('[bus]\nurl = "nats://127.0.0.1:1"\n')
    done = citybrain("up", "--city", str(tmp_path), "--port", "0", "--data", str(tmp_path / "data"))
    assert done.returncode == 3
    assert "nats://127.0.0.1:1" in done.stderr
    assert done.stderr.count("\n") == 1

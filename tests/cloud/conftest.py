"""A real nats-server and small datasets for the tests of this room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from citybrain.model import Batch, Dataset, Declarations, arrow_schema, read_declarations

DECLARATIONS = {
    "test.reading": ("traffic-police", "bus", ""),
    "test.level": ("traffic-police", "bus", ""),
    "test.order": ("orders", "bus", ""),
    "test.frame": ("traffic-police", "bus", "transient = true\n"),
}

TOML = """id = "{id}"
version = 1
title = {{ en = "Test", zh = "测试" }}
description = {{ en = "Test", zh = "测试" }}
owner = "{owner}"
truth = "{truth}"
key = ["place"]
event_time = "time"
grade = "L1"
sharing = "unconditional"
open = true
{more}
[fields.place]
type = "text"
title = {{ en = "Place", zh = "地点" }}
grade = "L1"

[fields.time]
type = "time"
title = {{ en = "Time", zh = "时间" }}
grade = "L1"

[fields.value]
type = "float"
title = {{ en = "Value", zh = "值" }}
grade = "L1"
unit = "1"
nullable = true
"""


@pytest.fixture(scope="session")
def declared_in(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("declarations")
    for name, (owner, truth, more) in DECLARATIONS.items():
        (folder / f"{name}.toml").write_text(TOML.format(id=name, owner=owner, truth=truth, more=more))
    package = Path(__file__).parents[2] / "src" / "citybrain"
    return [folder, package / "cloud" / "datasets", package / "network" / "datasets"]


@pytest.fixture(scope="session")
def declarations(declared_in: list[Path]) -> Declarations:
    return read_declarations(declared_in)


Rows = Callable[..., Batch]


@pytest.fixture(scope="session")
def make(declarations: Declarations) -> Rows:
    def batch(dataset: str, batch_id: str, time_ms: int = 0, places: int = 3, value: float = 1.0) -> Batch:
        return Batch(dataset, batch_id, rows(declarations[dataset], time_ms, places, value))

    return batch


def rows(dataset: Dataset, time_ms: int, places: int, value: float) -> pa.RecordBatch:
    columns = {
        "place": [f"p{i}" for i in range(places)],
        "time": [time_ms] * places,
        "value": [value + i for i in range(places)],
    }
    return pa.RecordBatch.from_pydict(columns, schema=arrow_schema(dataset))


@pytest.fixture
def go() -> Callable[[Coroutine[Any, Any, None]], None]:
    def run(work: Coroutine[Any, Any, None]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(30):
                await work

        asyncio.run(bounded())

    return run

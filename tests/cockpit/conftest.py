"""The small city of this room's tests, running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from running_city import RunningCity
from small_city import declarations, small_net

from citybrain.model import Declarations, RoadNet


@pytest.fixture(scope="session")
def net() -> RoadNet:
    return small_net()


@pytest.fixture(scope="session")
def declared() -> Declarations:
    return declarations()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, net: RoadNet, declared: Declarations) -> Iterator[RunningCity]:
    running = RunningCity(tmp_path_factory.mktemp("city"), net, declared)
    running.start()
    try:
        yield running
    finally:
        running.stop()

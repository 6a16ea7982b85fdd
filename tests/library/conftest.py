"""Fixtures of the library's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from library_city import declared

from citybrain.model import Declarations


@pytest.fixture(scope="session")
def declarations(tmp_path_factory: pytest.TempPathFactory) -> Declarations:
    return declared(tmp_path_factory.mktemp("declarations"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "library"

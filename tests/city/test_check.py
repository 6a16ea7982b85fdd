"""`citybrain check` leaves nothing behind, and what it says of a port and a host is so."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from citybrain.city.check import run_check
from citybrain.city.settings import PageSettings, SettingsError, read_settings
from citybrain.city.up import page_url


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_check_before_the_first_start_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text("[page]\nport = 0\n")
    assert run_check(None, tmp_path / "data") == 0
    assert [p.name for p in tmp_path.iterdir()] == ["city.toml"]


def test_the_page_is_told_where_it_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1:{port}"):
            page_url(PageSettings("127.0.0.1", port))
    assert page_url(PageSettings("localhost", 0)).startswith("http://localhost:")
    with pytest.raises(SettingsError, match="no such address"):
        page_url(PageSettings("no-host.invalid", 0))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_the_page_has_an_address(tmp_path: Path, host: str) -> None:
    file = tmp_path / "city.toml"
    file.write_text(f'[page]\nhost = "{host}"\n')
    with pytest.raises(SettingsError, match=r"page\.host"):
        read_settings(file)

"""Where a running city answers: `<data>/address.json`, readable by its owner only, there only while it runs."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from citybrain.cloud import BusAddress, DataFolder, atomic_write


class Address(Struct, frozen=True):
    """Bus (with its secret) and page of a running city."""

    bus_url: str
    bus_token: str
    page: str
    pid: int

    @property
    def bus(self) -> BusAddress:
        return BusAddress(self.bus_url, self.bus_token)


def write_address(folder: DataFolder, address: Address) -> None:
    """Keep the address for the other processes and for the command line."""
    atomic_write(folder.address, msgspec.json.encode(address), mode=0o600)


def read_address(file: Path) -> Address | None:
    """The address of the city that runs there; None when none does."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Address)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None

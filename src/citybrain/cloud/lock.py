"""A file that only one holder may have, kept by the kernel: it is free again when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self


class LockHeld(Exception):
    """Somebody else holds it; `holder` is what that one wrote into it."""

    def __init__(self, file: Path, holder: Mapping[str, int]) -> None:
        super().__init__(f"{file} is held by process {holder.get('pid', '?')}")
        self.holder = holder


class FileLock:
    """An exclusive `flock` on `file`. A child that inherits `fd` holds it too, until the last of them is gone."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.fd = -1

    def acquire(self, holder: Mapping[str, int], *, wait: bool = False) -> Self:
        """Take the lock and write `holder` into it. Raises LockHeld at once unless `wait`."""
        fd = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            found = _read(fd)
            os.close(fd)
            raise LockHeld(self.file, found) from None
        self.fd = fd
        self.write(holder)
        return self

    def write(self, holder: Mapping[str, int]) -> None:
        """Change what the lock says about its holder."""
        data = json.dumps(holder).encode()
        os.pwrite(self.fd, data, 0)
        os.ftruncate(self.fd, len(data))

    def release(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _read(fd: int) -> dict[str, int]:
    try:
        found = json.loads(os.pread(fd, 4096, 0))
    except ValueError:
        return {}
    return {k: v for k, v in found.items() if isinstance(v, int)} if isinstance(found, dict) else {}

"""A log file that starts anew at a size and keeps a few of the old ones."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

MAX_BYTES = 8 * 1024 * 1024
KEEP = 3


class RotatingFile:
    """Appends lines to `file`; at `max_bytes` it becomes `<file>.1`, the one before `<file>.2` and so on."""

    def __init__(self, file: Path, *, max_bytes: int = MAX_BYTES, keep: int = KEEP) -> None:
        self.file = file
        self.max_bytes = max_bytes
        self.keep = keep
        file.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def write(self, line: bytes) -> None:
        """Append one line. A full disk loses the line, never the process that logs."""
        try:
            if self._size + len(line) > self.max_bytes and self._size:
                self._rotate()
            self._out.write(line)
            self._size += len(line)
        except OSError:
            return

    def close(self) -> None:
        self._out.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> None:
        self._out = self.file.open("ab", buffering=0)
        self._size = self._out.tell()

    def _rotate(self) -> None:
        self._out.close()
        for n in range(self.keep - 1, 0, -1):
            older = self.file.with_name(f"{self.file.name}.{n}")
            if older.exists():
                older.replace(self.file.with_name(f"{self.file.name}.{n + 1}"))
        self.file.replace(self.file.with_name(f"{self.file.name}.1"))
        self._open()

"""The one data folder of a city."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from citybrain.cloud.errors import DataFolderError
from citybrain.cloud.lock import FileLock, LockHeld

FORMAT = 1
LEAST_FREE_BYTES = 512 * 1024 * 1024


class DataFolder:
    """Paths of the data folder, its format and its lock (docs/architecture.md).

    `with DataFolder(path) as folder:` opens it for the one running city; without `with` it is only looked at.
    Raises DataFolderError.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path.absolute()
        self._lock: FileLock | None = None
        try:
            if create:
                self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._check_format(create)
        except OSError as e:
            raise DataFolderError(f"data folder {path}: {e.strerror or e}: choose another with --data") from None

    bus = property(lambda self: self._sub("bus"))
    library = property(lambda self: self._sub("library"))
    city = property(lambda self: self._sub("city"))
    logs = property(lambda self: self._sub("log"))
    checkpoints = property(lambda self: self._sub("checkpoint"))

    @property
    def registers(self) -> Path:
        return self.path / "registers.sqlite"

    @property
    def address(self) -> Path:
        return self.path / "address.json"

    def log(self, process: str) -> Path:
        """The structured log of a process."""
        return self._sub("log") / f"{process}.jsonl"

    def __enter__(self) -> Self:
        try:
            self._lock = FileLock(self.path / "city.lock").acquire({"pid": os.getpid()})
        except LockHeld as e:
            raise DataFolderError(
                f"data folder {self.path}: a city runs on it already (process {e.holder.get('pid', '?')}): "
                "stop that one or choose another with --data"
            ) from None
        self.check_space()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def free_bytes(self) -> int:
        """Bytes left on the disk of the folder."""
        return shutil.disk_usage(self.path).free

    def check_space(self, least: int = LEAST_FREE_BYTES) -> None:
        """Raises DataFolderError when fewer than `least` bytes are left."""
        free = self.free_bytes()
        if free < least:
            raise DataFolderError(
                f"data folder {self.path}: {free // 2**20} MB left on its disk, {least // 2**20} MB needed: "
                "free some space or choose another with --data"
            )

    def _sub(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder

    def _check_format(self, create: bool) -> None:
        file = self.path / "format.json"
        if not file.exists():
            if not create:
                raise DataFolderError(f"{self.path} is no data folder: it has no format.json: check --data")
            ours = ("city.lock", "city.toml", ".format.json.")
            strangers = [p.name for p in self.path.iterdir() if not p.name.startswith(ours)]
            if strangers:
                raise DataFolderError(
                    f"{self.path} is not empty and has no format.json ({strangers[0]} lies there): "
                    "choose an empty folder with --data"
                )
            atomic_write(file, json.dumps({"format": FORMAT}).encode() + b"\n")
        found = _read_format(file)
        if found != FORMAT:
            raise DataFolderError(
                f"data folder {self.path} has format {found}, this City Brain reads {FORMAT}: use the "
                "version that wrote it or choose another folder with --data"
            )


def _read_format(file: Path) -> object:
    try:
        return json.loads(file.read_bytes())["format"]
    except (ValueError, KeyError, TypeError):
        raise DataFolderError(f"{file} is damaged: restore the folder from a back-up or choose another") from None


def atomic_write(file: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write `data` so that `file` holds either what it held before or all of `data`, also after a power loss.

    Raises OSError (a full disk: ENOSPC) and leaves `file` as it was.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}.draft")
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(fd, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

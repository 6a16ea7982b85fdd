"""The DuckDB file: who owns it, how it is opened, snapshots for readers."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from citybrain.library._schema import text
from citybrain.library.error import LibraryClosed, LibraryError


class FolderLock:
    """The mark that a process owns a library folder; the system takes it away with the process."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise LibraryError(
                f"{path.parent}: another process owns this library: ask the running city, or stop it first"
            ) from None

    def release(self) -> None:
        """Let another process own the folder."""
        os.close(self._handle)


class Database:
    """An open DuckDB file, closed to everything outside the library's own folder."""

    def __init__(self, folder: Path, memory_mb: int, threads: int) -> None:
        allowed = ", ".join(text(str(folder / name)) for name in ("parquet", "spill"))
        try:
            self._root = duckdb.connect(str(folder / "now.duckdb"), config={"python_enable_replacements": "false"})
            for statement in (
                "LOAD icu",
                "SET GLOBAL TimeZone = 'UTC'",
                f"SET GLOBAL memory_limit = '{memory_mb}MB'",
                f"SET GLOBAL checkpoint_threshold = '{memory_mb // 4}MB'",
                f"SET GLOBAL threads = {threads}",
                f"SET GLOBAL temp_directory = {text(str(folder / 'spill'))}",
                "SET GLOBAL max_temp_directory_size = '2GB'",
                "SET GLOBAL parquet_metadata_cache = true",
                f"SET GLOBAL allowed_directories = [{allowed}]",
                "SET GLOBAL enable_external_access = false",
                "SET GLOBAL lock_configuration = true",
            ):
                self._root.execute(statement)
        except duckdb.Error as e:
            raise LibraryClosed(f"{folder}: the library cannot be opened: {first_line(e)}") from None
        self.writer = self._root.cursor()
        self._turn = threading.Condition()
        self._readers = 0

    @property
    def readers(self) -> int:
        """Snapshots that are being read."""
        return self._readers

    @contextmanager
    def snapshot(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection in a transaction of its own, which sees one state of everything."""
        with self._turn:
            try:
                cursor = self._root.cursor()
            except duckdb.Error as e:
                raise LibraryClosed(f"the library is being opened again: {first_line(e)}") from None
            self._readers += 1
        try:
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            yield cursor
        except duckdb.Error as e:
            raise LibraryClosed(f"the library cannot be read now: {first_line(e)}") from None
        finally:
            cursor.close()
            with self._turn:
                self._readers -= 1
                self._turn.notify_all()

    def close(self) -> None:
        """Close the file when the last snapshot has been given back."""
        with self._turn:
            self._turn.wait_for(lambda: self._readers == 0)
            self.writer.close()
            self._root.close()


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

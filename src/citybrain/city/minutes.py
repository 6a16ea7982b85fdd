"""Saved minutes: what a simulated city goes on from after a stop.

`<data>/city/minutes/<city>/<city time in ms>/` holds what one saver wrote; the folder appears by rename, whole
or not at all. The last `KEEP` of each city stay.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
KEEP = 5

log = logging.getLogger(__name__)


class Minutes:
    """The saved minutes of one simulated city ("street", "shadow" or "shadow-own")."""

    def __init__(self, data: Path, city: str) -> None:
        self.folder = data / "city" / "minutes" / city

    def save(self, time_ms: int, write: Callable[[Path], None]) -> Path:
        """Have `write` fill a folder and keep it as the minute at `time_ms`. Raises OSError (a full disk)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{time_ms}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            write(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        for file in part.iterdir():
            _sync(file)
        _sync(part)
        target = self.folder / str(time_ms)
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)
        _sync(self.folder)
        self._prune(time_ms)
        return target

    def times(self) -> list[int]:
        """City times (ms since 1970 UTC) of the saved minutes, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(int(p.name) for p in self.folder.iterdir() if re.fullmatch(r"\d+", p.name))

    def newest(self, not_after_ms: int | None = None) -> tuple[int, Path] | None:
        """The newest saved minute (not after that time), as its time and folder."""
        times = [t for t in self.times() if not_after_ms is None or t <= not_after_ms]
        return (times[-1], self.folder / str(times[-1])) if times else None

    def restore(self, load: Callable[[Path | None], T], not_after_ms: int | None = None) -> T:
        """What `load` makes of the newest saved minute (not after that time). One that it refuses (ValueError,
        OSError: damaged, of another version) is dropped and the one before it taken; None where there is none."""
        while saved := self.newest(not_after_ms):
            try:
                return load(saved[1])
            except (ValueError, OSError) as e:
                log.warning("the saved minute %s is dropped: %s", saved[1], e)
                shutil.rmtree(saved[1], ignore_errors=True)
        return load(None)

    def forget(self) -> None:
        """Drop all of them: the city begins anew."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _prune(self, now_ms: int) -> None:
        """Drop what is older than the last ones, and what a restored city left ahead of itself."""
        times = self.times()
        ahead = [t for t in times if t > now_ms]
        kept = [t for t in times if t <= now_ms][-KEEP:]
        for time_ms in set(times) - set(kept) | set(ahead):
            shutil.rmtree(self.folder / str(time_ms), ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

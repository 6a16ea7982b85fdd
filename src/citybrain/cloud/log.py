"""Structured logs: a JSON object a line, secrets blotted out."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from citybrain.cloud.rotation import RotatingFile

_secrets: set[str] = set()


def hide(secret: str) -> None:
    """Never write `secret` into a log of this process."""
    if len(secret) >= 4:
        _secrets.add(secret)


def configure_log(process: str, file: Path, *, level: int = logging.INFO) -> None:
    """Send the log of this process to `file`, a JSON object a line: time, level, process, logger, message and,
    where there is one, error and trace. Takes the place of what was configured before. Raises OSError."""
    handler = _JsonLines(process, file)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)


class _JsonLines(logging.Handler):
    def __init__(self, process: str, file: Path) -> None:
        super().__init__()
        self._process = process
        self._out = RotatingFile(file)

    def emit(self, record: logging.LogRecord) -> None:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": _blotted(record.getMessage()),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            entry["error"] = _blotted(f"{type(error).__name__}: {error}")
            entry["trace"] = _blotted("".join(traceback.format_exception(error)))
        self._out.write(msgspec.json.encode(entry) + b"\n")

    def close(self) -> None:
        self._out.close()
        super().close()


def _blotted(text: str) -> str:
    for secret in _secrets:
        text = text.replace(secret, "***")
    return text

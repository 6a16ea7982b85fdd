"""A running city for the benches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

SHARED = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[2] / "shared" / "data"))


@dataclass(frozen=True)
class City:
    """The parent process, the page's address and the data folder."""

    process: psutil.Process
    page: str
    data: Path

    def parts(self) -> dict[str, psutil.Process]:
        """Its processes by name, the parent as `up`."""
        found = {"up": self.process}
        for child in self.process.children(recursive=True):
            words = child.cmdline()
            at = words.index("citybrain.city.process") + 1 if "citybrain.city.process" in words else 0
            found[words[at] if at else Path(words[0]).name + ("" if "-S" not in words else "-keeper")] = child
        return found


@contextmanager
def running(*arguments: str) -> Iterator[City]:
    """`citybrain up` on a new data folder, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="citybrain-bench-") as folder:
        data = Path(folder) / "data"
        command = (sys.executable, "-m", "citybrain.cli", "up", "--port", "0", "--data", str(data), *arguments)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        page = ""
        for line in process.stdout:
            if "the page:" in line:
                page = line.split()[-1].rstrip("/")
            if "Ctrl-C" in line:
                break
        if not page:
            raise SystemExit(f"the city did not start: exit code {process.wait()}")
        try:
            yield City(psutil.Process(process.pid), page, data)
        finally:
            process.send_signal(signal.SIGINT)
            process.stdout.read()
            process.wait(60)

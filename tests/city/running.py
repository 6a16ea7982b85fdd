"""A city running in processes of its own, for tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

SHARED = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[3] / "shared" / "data"))
STOP_S = 60


class RunningCity:
    """`citybrain up` as a user starts it; `with` waits for its page and stops it with Ctrl-C."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data = data
        self.arguments = arguments
        self.output = ""

    def __enter__(self) -> Self:
        command = (sys.executable, "-m", "citybrain.cli", "up", "--port", "0", "--data", str(self.data))
        self.process = subprocess.Popen(
            (*command, *self.arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if "Ctrl-C" in line:
                return self
        self.process.wait(STOP_S)
        raise AssertionError(f"the city did not start: {self.output}\n{self.logs()}")

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        assert self.process.stdout is not None
        if not self.process.stdout.closed:
            self.output += self.process.stdout.read()
            self.process.stdout.close()
        return self.process.wait(STOP_S)

    @property
    def page(self) -> str:
        address = json.loads((self.data / "address.json").read_bytes())
        return str(address["page"]).rstrip("/")

    def get(self, path: str) -> Any:
        return httpx.get(self.page + path, timeout=10).raise_for_status().json()

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows, by the command line."""
        done = self.citybrain("query", sql, "--format", "json", "--limit", "100000")
        assert done.returncode == 0, done.stderr
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def citybrain(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of the command line on this city."""
        return citybrain(*arguments, "--data", str(self.data))

    def pid(self, name: str) -> int:
        """Process id of a process of the city."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                words = child.cmdline()
            except psutil.Error:
                continue  # it ends at this moment
            if ("citybrain.city.process" in words and name in words) or (words and words[0].endswith(name)):
                return child.pid
        raise LookupError(f"no process {name}")

    def kill(self, name: str) -> int:
        """SIGKILL; the process id that it had."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def logs(self) -> str:
        return "\n".join(f"{f.name}: {f.read_text()[-2000:]}" for f in sorted(self.data.glob("log/*.log")))


def citybrain(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command line, as a user types it."""
    command: Sequence[str] = (sys.executable, "-m", "citybrain.cli", *arguments)
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=cwd)


def until(true: Callable[[], Any], seconds: float = 150) -> Any:
    """Ask again until the answer is true; each question goes to another process, which no event reaches from."""
    end = time.monotonic() + seconds
    while True:
        try:
            if answer := true():
                return answer
        except (AssertionError, httpx.HTTPError, LookupError) as e:
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {e}") from e
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.2)

"""Starts the processes of the city, watches them, restarts what dies and ends them all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from citybrain.cloud._inbox import end_tasks
from citybrain.cloud.child import PARENT_FD, READY_FD
from citybrain.cloud.errors import ProcessError
from citybrain.cloud.rotation import RotatingFile

GRACE_S = 10.0
MOST_DEATHS = 5
WITHIN_S = 60.0
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Child:
    """A process to run. `secret` is written to its standard input, so that it stands on no command line."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    ready_s: float = 60.0


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """What happened to a process; `state` is a value of the field of that name of `city.process`."""

    process: str
    state: str
    detail: str


class StoppedBefore(ProcessError):
    """The city was asked to stop while it started."""


class _Running:
    """A child and what belongs to it."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: asyncio.subprocess.Process | None = None
        self.parent_fd = -1
        self.last_line = ""
        self.status = 127
        """How the last process ended, as asyncio tells it; where none could be started, as shells say it."""
        self.pump: asyncio.Task[None] | None = None
        self.guard: asyncio.Task[None] | None = None
        self.stopping = False


class Supervisor:
    """Runs children in the order in which they are started, and stops them in the reverse of it.

    Each child's output goes to `<logs>/<name>.log`. A child that dies is started again, later each time; one that
    dies 5 times within 60 s ends the city. `async with` also takes SIGINT and SIGTERM.
    """

    def __init__(self, logs: Path, *, on_event: Callable[[ProcessEvent], None] | None = None) -> None:
        self.logs = logs
        self.stop_asked = asyncio.Event()
        self._on_event = on_event
        self._running: dict[str, _Running] = {}
        self._minded: list[asyncio.Task[None]] = []
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop_asked.set)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)

    def pid(self, name: str) -> int:
        """The process id of a running child. Raises KeyError."""
        process = self._running[name].process
        return process.pid if process is not None else 0

    async def start(self, child: Child) -> str:
        """Start a child and wait until it is ready; what it said then.

        Raises ProcessError when it dies before or takes longer than its `ready_s`.
        """
        running = _Running(child)
        self._running[child.name] = running
        said = await self._launch(running)
        running.guard = asyncio.create_task(self._guard(running), name=f"guard {child.name}")
        return said

    def mind(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside the children until they have stopped; when it fails, the city ends with its error."""
        task = asyncio.create_task(work)
        self._minded.append(task)
        task.add_done_callback(self._minded_ended)

    async def wait(self) -> None:
        """Wait until the city is asked to stop. Raises ProcessError when a child kept dying, and the error of
        what it minds."""
        asked = asyncio.create_task(self.stop_asked.wait())
        try:
            either: set[asyncio.Future[Any]] = {asked, self._failed}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
        finally:
            await end_tasks([asked])

    async def stop(self) -> None:
        """Stop all, the last started first: SIGTERM, after 10 s SIGKILL."""
        self.stop_asked.set()
        for running in reversed(list(self._running.values())):
            await self._stop(running)
        self._running.clear()
        await end_tasks(self._minded)
        if self._failed.done():
            self._failed.exception()

    def _minded_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not self._failed.done():
            self._failed.set_exception(error)

    # one child

    async def _launch(self, running: _Running) -> str:
        child = running.child
        ready_read, ready_write = os.pipe()
        parent_read, running.parent_fd = os.pipe()
        env = {**os.environ, **child.env, READY_FD: str(ready_write), PARENT_FD: str(parent_read)}
        try:
            running.process = await asyncio.create_subprocess_exec(
                *child.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=env,
                pass_fds=(ready_write, parent_read),
                start_new_session=True,
                limit=1 << 20,
            )
        except OSError as e:
            os.close(ready_read)
            os.close(running.parent_fd)
            running.parent_fd = -1
            raise ProcessError(f"{child.name} cannot be started: {e}") from None
        finally:
            os.close(ready_write)
            os.close(parent_read)
        self._tell(running, "started", f"process {running.process.pid}")
        running.pump = asyncio.create_task(self._log(running), name=f"log {child.name}")
        await _hand_over(running.process, child.secret)
        try:
            said = await self._until_ready(running, ready_read)
        except BaseException:
            await self._stop(running)
            raise
        self._tell(running, "ready", said)
        return said

    async def _until_ready(self, running: _Running, fd: int) -> str:
        """The line that the child writes when it is ready; nothing comes from one that dies."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", buffering=0)
        )
        stop = asyncio.create_task(self.stop_asked.wait())
        line = asyncio.create_task(reader.readline())
        try:
            await asyncio.wait({stop, line}, timeout=running.child.ready_s, return_when=asyncio.FIRST_COMPLETED)
            name, log = running.child.name, self._file(running)
            if line.done() and line.result():
                return line.result().decode(errors="replace").strip()
            if line.done():
                await self._ended(running)
                raise ProcessError(f"{name} did not start: {running.last_line or 'it said nothing'}: see {log}")
            if stop.done():
                raise StoppedBefore(f"stopped before {name} was ready")
            raise ProcessError(f"{name} was not ready after {running.child.ready_s:.0f} s: see {log}")
        finally:
            await end_tasks([stop, line])
            transport.close()

    async def _guard(self, running: _Running) -> None:
        """Start the child again whenever it dies."""
        loop = asyncio.get_running_loop()
        deaths: list[float] = []
        pause = FIRST_PAUSE_S
        while True:
            status = await self._ended(running)
            if running.stopping:
                return
            deaths = [t for t in deaths if loop.time() - t < WITHIN_S] + [loop.time()]
            pause = FIRST_PAUSE_S if len(deaths) == 1 else min(pause * 2, LONGEST_PAUSE_S)
            self._tell(running, "died", f"{_words(status)}: {running.last_line}".strip(": "))
            if len(deaths) >= MOST_DEATHS:
                self._fail(running)
                return
            await asyncio.sleep(pause)
            try:
                await self._launch(running)
            except ProcessError as e:
                logger.error("%s", e)
            else:
                self._tell(running, "restarted", f"death {len(deaths)} within {WITHIN_S:.0f} s")

    async def _ended(self, running: _Running) -> int:
        """Wait until the child and its output have ended; its exit status."""
        if running.process is None:
            return running.status
        status = running.status = await running.process.wait()
        if running.pump is not None:
            await running.pump
        if running.parent_fd >= 0:
            os.close(running.parent_fd)
            running.parent_fd = -1
        return status

    async def _stop(self, running: _Running) -> None:
        running.stopping = self.stop_asked.is_set() or running.guard is None
        if running.guard is not None and self.stop_asked.is_set() and asyncio.current_task() is not running.guard:
            await end_tasks([running.guard])
        process = running.process
        if process is None:
            return
        alive = process.returncode is None
        if alive:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(GRACE_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
        await self._ended(running)
        if alive:
            self._tell(running, "stopped", _words(process.returncode or 0))
        running.process = None

    async def _log(self, running: _Running) -> None:
        """Copy what the child writes to its log."""
        assert running.process is not None
        assert running.process.stdout is not None
        with RotatingFile(self._file(running)) as log:
            while line := await _line(running.process.stdout):
                log.write(line)
                running.last_line = line.decode(errors="replace").strip() or running.last_line

    def _file(self, running: _Running) -> Path:
        return self.logs / f"{running.child.name}.log"

    def _fail(self, running: _Running) -> None:
        if not self._failed.done():
            self._failed.set_exception(
                ProcessError(
                    f"{running.child.name} died {MOST_DEATHS} times within {WITHIN_S:.0f} s, the city stops: "
                    f"see {self._file(running)}"
                )
            )

    def _tell(self, running: _Running, state: str, detail: str) -> None:
        level = logging.WARNING if state in ("died", "restarted") else logging.INFO
        logger.log(level, "%s %s: %s", running.child.name, state, detail)
        if self._on_event is not None:
            self._on_event(ProcessEvent(running.child.name, state, detail[:500]))


async def _hand_over(process: asyncio.subprocess.Process, secret: str) -> None:
    assert process.stdin is not None
    if secret:
        process.stdin.write(f"{secret}\n".encode())
    with contextlib.suppress(ConnectionError):
        await process.stdin.drain()
    process.stdin.close()


async def _line(output: asyncio.StreamReader) -> bytes:
    """The next line; of one that is far too long, its pieces."""
    try:
        return await output.readline()
    except ValueError:
        return await output.read(1 << 16)


def _words(status: int) -> str:
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"

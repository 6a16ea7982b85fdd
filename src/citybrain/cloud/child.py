"""The side of the child: say that it is ready, and end when the parent is gone."""

from __future__ import annotations

import gc
import os
import signal
import threading

READY_FD = "CITYBRAIN_READY_FD"
PARENT_FD = "CITYBRAIN_PARENT_FD"
GRACE_S = 10.0


def ready(detail: str = "") -> None:
    """Tell the supervisor, once, that this process does its work now. Without one nothing is told.

    What is loaded by now stays: the garbage collector need not go through it again and again.
    """
    gc.freeze()
    fd = _inherited(READY_FD)
    if fd is not None:
        os.write(fd, f"{' '.join(detail.split())}\n".encode())
        os.close(fd)


def watch_parent() -> None:
    """Have this process end when its supervisor is gone, also by SIGKILL: by SIGTERM, the hard way after 10 s.

    Call it first, from the main thread. Without a supervisor nothing happens.
    """
    fd = _inherited(PARENT_FD)
    if fd is not None:
        threading.Thread(target=_watch, args=(fd,), name="watch parent", daemon=True).start()


def _watch(fd: int) -> None:
    # The supervisor holds the other end and never writes: reading ends when it is gone.
    while os.read(fd, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE_S)
    os._exit(70)


def _inherited(name: str) -> int | None:
    value = os.environ.pop(name, "")
    if not value.isdigit():
        return None
    os.set_inheritable(int(value), False)
    return int(value)

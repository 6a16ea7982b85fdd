"""Runs a command that must not outlive its parent: `python -I -S _keeper.py <lock fd> <command…>`.

Standard input is a pipe whose other end only the parent holds. When it closes, the parent is gone (or wants an
end): the command gets SIGTERM, then SIGKILL after 10 s. Only the standard library, so that it stays small.
A line "keeper: process N" on standard output tells the process id of the command, among its own words.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading

GRACE_S = 10.0
PR_SET_PDEATHSIG = 1


def main() -> int:
    lock_fd, command = int(sys.argv[1]), sys.argv[2:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        pass_fds=(lock_fd,),
        start_new_session=True,
        preexec_fn=_die_with_keeper,
    )
    # One write, so that the line stays whole whatever the command itself writes at this moment.
    os.write(1, f"keeper: process {child.pid}\n".encode())
    threading.Thread(target=_wait_for_parent, args=(child,), daemon=True).start()
    return child.wait() & 0xFF


def _die_with_keeper() -> None:
    """Where the system can (Linux): a keeper that is killed itself takes the command with it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait_for_parent(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1024):
        pass
    child.terminate()
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main())

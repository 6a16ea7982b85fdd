"""Installs into the environment of the Python that runs it, and says how far it is: `python set_up.py -e .`.

pip says either everything or nothing; here it is a line for each step and each package, on a terminal all of them
in one place. What pip said in full lies in `set_up.log` of the environment, and comes out where it fails.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_STEPS = (
    (re.compile(r"\s*Installing build dependencies: started"), "getting the tools that build the page"),
    (re.compile(r"\s*Downloading (\S+?)-\d\S* (\([^)]+B\))"), r"getting \1 \2"),
    (re.compile(r"\s*Using cached (\S+?)-\d\S* (\([^)]+B\))"), r"taking \1 \2 from pip's cache"),
    (re.compile(r"\s*Building editable for \S+ .*: started"), "building the page"),
    (re.compile(r"Installing collected packages: .*"), "putting all of it in place (about a minute)"),
)
_TAIL = 40
"""Lines of pip that are shown where it fails."""


def step_of(line: str) -> str | None:
    """What a line of pip means to a newcomer; None where it means nothing."""
    for pattern, words in _STEPS:
        if found := pattern.match(line):
            return found.expand(words)
    return None


def install(arguments: list[str], log: Path) -> int:
    """`pip install ARGUMENTS` with progress on standard output; pip's exit status."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "off"]
    tty = sys.stdout.isatty()
    lines: list[str] = []
    with (
        log.open("w", encoding="utf-8") as story,
        subprocess.Popen(
            [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as pip,
    ):
        assert pip.stdout is not None
        for line in pip.stdout:
            story.write(line)
            lines = [*lines[-_TAIL:], line]
            if words := step_of(line):
                print(f"\r\x1b[K  {words}" if tty else f"  {words}", end="" if tty else "\n", flush=True)
    if tty:
        print("\r\x1b[K", end="", flush=True)
    if pip.returncode:
        print("".join(lines), file=sys.stderr)
        print(f"Setting up failed; the whole story is in {log}. Fix it and start again.", file=sys.stderr)
    return pip.returncode


if __name__ == "__main__":
    try:
        sys.exit(install(sys.argv[1:], Path(sys.prefix) / "set_up.log"))
    except KeyboardInterrupt:
        sys.exit(130)

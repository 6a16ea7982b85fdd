"""`make bench`: every table of docs/performance.md, one after the other, with the machine that made them.

`python -m bench [name ...]` runs those named; without a name all but the bar for signals, which takes hours.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil

HERE = Path(__file__).parent
HOURS = {"signals"}
"""Takes hours: only when it is named, or by `make bench-signals`."""


def main() -> int:
    """Run each bench in a process of its own; the exit code counts those that failed."""
    scripts = sorted(p for p in HERE.glob("*.py") if not p.name.startswith("_"))
    wanted = sys.argv[1:] or [p.stem for p in scripts if p.stem not in HOURS]
    memory_gb = psutil.virtual_memory().total / 2**30
    print(
        f"machine: {_processor()}, {os.cpu_count()} cores, {memory_gb:.0f} GB, Python {platform.python_version()}"
    )
    print("simulated or synthetic throughout; each table names its seeds")
    failed = 0
    for script in scripts:
        if script.stem in wanted:
            print(f"\n== {script.stem} ==", flush=True)
            failed += subprocess.run([sys.executable, str(script)], check=False).returncode != 0
    return failed


def _processor() -> str:
    """The processor's name where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    names = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    found = next((line.split(":", 1)[1].strip() for line in names if line.startswith("model name")), "")
    return found or platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())

"""`make bench`: every table of docs/performance.md, one after the other, with the machine that made them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run each bench in a process of its own; the exit code counts those that failed."""
    scripts = sorted(p for p in HERE.glob("*.py") if not p.name.startswith("_"))
    wanted = sys.argv[1:] or [p.stem for p in scripts]
    print(
        f"machine: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, all simulated"
    )
    failed = 0
    for script in scripts:
        if script.stem in wanted:
            print(f"\n== {script.stem} ==", flush=True)
            failed += subprocess.run([sys.executable, str(script)], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())

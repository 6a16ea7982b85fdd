"""Child process of the crash tests: `python library_crash.py FOLDER PLACE COUNT`.

It works on a library, tells each append that has returned, and ends itself without any clean-up just before PLACE
is passed for the COUNT-th time.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from library_city import DAY_MS, START_MS, declared, readings

from citybrain.library import Library

ROUNDS = 6


def main(folder: Path, place: str, count: int) -> None:
    left = count

    def reached(here: str) -> None:
        nonlocal left
        if here == place:
            left -= 1
            if left == 0:
                os._exit(9)

    declarations = declared(folder / "declarations")
    library = Library(folder / "library", declarations, reached=reached)
    for n in range(ROUNDS):
        # Each round has a new row and, once a day is sealed, one that comes late into it.
        rows = [("a", START_MS + n * DAY_MS // 2, n), ("late", START_MS + n, n)]
        library.append([readings(declarations, f"round-{n}", rows)], 1000 * (n + 1))
        print(n, flush=True)
        library.seal(START_MS + n * DAY_MS // 2)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))

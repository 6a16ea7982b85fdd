"""What lamps really show, read back from the cabinet: the faults that a NEMA TS 2 malfunction management unit
latches.

Times from the manual of an MMU2 to NEMA TS 2, Amendment 4-2012: a conflict that lasts 300 ms, a link without any
lamp (red fail) for 800 ms, a yellow shorter than 2.7 s. Lamps are read at moments; between two of them nothing is
known. So a conflict or a dark link counts from the first moment to the last at which it was seen without a break,
and a yellow is too short only if it began after the last moment without it: no fault is told that need not have
been one.
"""

from __future__ import annotations

from citybrain.model import Junction

CONFLICT_MS = 300
RED_FAIL_MS = 800
SHORT_YELLOW_MS = 2700
DARK = "O"
"""SUMO's letter for a signal that is off."""


class Readback:
    """Follows one junction's lamps as they were read back."""

    def __init__(self, junction: Junction) -> None:
        self._conflicts = junction.conflicts
        self._yields = junction.yields
        self._links = junction.signal_links
        self._walks = {link for m in junction.movements if m.turn == "p" for link in m.signal_links}
        self.forget()

    def forget(self) -> None:
        """Begin anew: nothing has been seen."""
        self._lamps = ""
        self._seen_ms = 0
        self._conflict_ms: int | None = None
        self._dark_ms: dict[int, int] = {}
        self._yellow_ms: dict[int, int] = {}

    def check(self, lamps: str, time_ms: int) -> str:
        """The fault that the lamps seen at `time_ms` amount to, "" if none. Time may not go back between calls."""
        if len(lamps) != self._links:
            return f"{len(lamps)} lamps are read back for {self._links} links"
        fault = self._conflict(lamps, time_ms) or self._dark(lamps, time_ms) or self._yellow(lamps, time_ms)
        self._lamps, self._seen_ms = lamps, time_ms
        return fault

    def _conflict(self, lamps: str, time_ms: int) -> str:
        pair = self._clash(lamps)
        if pair is None:
            self._conflict_ms = None
            return ""
        if self._conflict_ms is None:
            self._conflict_ms = time_ms
        if time_ms - self._conflict_ms < CONFLICT_MS:
            return ""
        return f"links {pair[0]} and {pair[1]} show green together for {CONFLICT_MS} ms"

    def _dark(self, lamps: str, time_ms: int) -> str:
        dark = {i for i, letter in enumerate(lamps) if letter == DARK}
        self._dark_ms = {i: self._dark_ms.get(i, time_ms) for i in dark}
        gone = [i for i, since in self._dark_ms.items() if time_ms - since >= RED_FAIL_MS]
        return f"link {min(gone)} shows no lamp for {RED_FAIL_MS} ms" if gone else ""

    def _yellow(self, lamps: str, time_ms: int) -> str:
        for i, letter in enumerate(lamps):
            if letter == "y":
                # It may have begun right after the last look.
                self._yellow_ms.setdefault(i, self._seen_ms if self._lamps else time_ms - SHORT_YELLOW_MS)
                continue
            began = self._yellow_ms.pop(i, None)
            if began is not None and time_ms - began < SHORT_YELLOW_MS and i not in self._walks:
                return f"link {i} has a yellow of less than {SHORT_YELLOW_MS} ms"
        return ""

    def _clash(self, lamps: str) -> tuple[int, int] | None:
        """Two conflicting links that both have green without one giving way to the other."""
        for i, letter in enumerate(lamps):
            for j in self._conflicts[i] if letter in "Gg" else ():
                waits = (letter == "g" and j in self._yields[i]) or (lamps[j] == "g" and i in self._yields[j])
                if j > i and lamps[j] in "Gg" and not waits:
                    return i, j
        return None

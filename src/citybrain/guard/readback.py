"""What lamps really show, read back from the cabinet: the faults that a NEMA TS 2 malfunction management unit
latches.

Times from the manual of an MMU2 to NEMA TS 2, Amendment 4-2012: a conflict that lasts 300 ms, a link without any
lamp (red fail) for 800 ms, a yellow shorter than 2.7 s or left out. Lamps are read at moments; between two of them
nothing is known. So a conflict or a dark link counts from the first moment to the last at which it was seen
without a break, and a yellow is too short only if it began after the last moment without it: no fault is told that
need not have been one.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from citybrain.model import Junction

CONFLICT_MS = 300
RED_FAIL_MS = 800
SHORT_YELLOW_MS = 2700
DARK = "O"
"""SUMO's letter for a signal that is off."""
_CACHED_TURNS = 4096


class Looks:
    """The last look at the lamps of all junctions, and who has to be looked at in the next."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: nothing has been seen."""
        self.seen_ms: int | None = None
        self.suspects: set[int] = set()
        """Junctions whose lamps are a fault if they last."""
        self._lamps: Sequence[str] = ()

    def suspect(self, j: int, yes: bool) -> None:
        """Whether what junction `j` shows is a fault if it lasts, or it is not known."""
        (self.suspects.add if yes else self.suspects.discard)(j)

    def news(self, lamps: Sequence[str]) -> Sequence[int]:
        """Junctions whose lamps have changed since the last look, and the suspects. Nothing can be wrong at the
        others that was not wrong before."""
        before, self._lamps = self._lamps, tuple(lamps)
        if len(before) != len(lamps):
            return range(len(lamps))
        if before == self._lamps:
            return sorted(self.suspects)
        changed = [j for j, (old, new) in enumerate(zip(before, lamps, strict=True)) if old != new]
        return sorted({*changed, *self.suspects}) if self.suspects else changed


class _Turn(Struct, frozen=True):
    """What it means that one look shows these lamps after those of the look before."""

    clash: tuple[int, int] | None
    """Two conflicting links that both have green without one giving way to the other."""
    dark: tuple[int, ...]
    begins: tuple[int, ...]
    """Links that turn yellow, vehicles' alone here and below."""
    ends: tuple[int, ...]
    """Links that were yellow."""
    skips: tuple[int, ...]
    """Links that go from green to red."""


class Readback:
    """Follows one junction's lamps as they were read back."""

    def __init__(self, junction: Junction) -> None:
        self._conflicts = junction.conflicts
        self._yields = junction.yields
        self._links = junction.signal_links
        self._walks = {link for m in junction.movements if m.turn == "p" for link in m.signal_links}
        self._turns: dict[tuple[str, str], _Turn] = {}
        self.forget()

    def forget(self) -> None:
        """Begin anew: nothing has been seen."""
        self._lamps = ""
        self._conflict_ms: int | None = None
        self._dark_ms: dict[int, int] = {}
        self._yellow_ms: dict[int, int] = {}

    @property
    def suspects(self) -> bool:
        """Whether what was seen last is a fault if it lasts."""
        return self._conflict_ms is not None or bool(self._dark_ms)

    def check(self, lamps: str, time_ms: int, before_ms: int | None) -> str:
        """The fault that the lamps seen at `time_ms` amount to, "" if none.

        `before_ms` is the last look before this one (None: none); it showed what was checked last. Time may not go
        back between calls.
        """
        if len(lamps) != self._links:
            return f"{len(lamps)} lamps are read back for {self._links} links"
        since_ms = time_ms - SHORT_YELLOW_MS if before_ms is None or not self._lamps else before_ms
        turn = self._turn(lamps)
        self._lamps = lamps
        faults = self._conflict(turn, time_ms), self._dark(turn, time_ms), self._yellow(turn, time_ms, since_ms)
        return next(filter(None, faults), "")

    def _conflict(self, turn: _Turn, time_ms: int) -> str:
        if turn.clash is None:
            self._conflict_ms = None
            return ""
        if self._conflict_ms is None:
            self._conflict_ms = time_ms
        if time_ms - self._conflict_ms < CONFLICT_MS:
            return ""
        return f"links {turn.clash[0]} and {turn.clash[1]} show green together for {CONFLICT_MS} ms"

    def _dark(self, turn: _Turn, time_ms: int) -> str:
        if not turn.dark and not self._dark_ms:
            return ""
        self._dark_ms = {i: self._dark_ms.get(i, time_ms) for i in turn.dark}
        gone = [i for i, since in self._dark_ms.items() if time_ms - since >= RED_FAIL_MS]
        return f"link {min(gone)} shows no lamp for {RED_FAIL_MS} ms" if gone else ""

    def _yellow(self, turn: _Turn, time_ms: int, since_ms: int) -> str:
        """`since_ms`: the last moment at which another letter is sure to have shown."""
        for i in turn.begins:
            self._yellow_ms[i] = since_ms
        short = [i for i in turn.ends if time_ms - self._yellow_ms.pop(i) < SHORT_YELLOW_MS]
        if time_ms - since_ms < SHORT_YELLOW_MS:
            short += turn.skips
        return f"link {min(short)} has a yellow of less than {SHORT_YELLOW_MS} ms" if short else ""

    def _turn(self, lamps: str) -> _Turn:
        turn = self._turns.get((self._lamps, lamps))
        if turn is None:
            if len(self._turns) >= _CACHED_TURNS:
                self._turns.clear()
            turn = self._turns[self._lamps, lamps] = self._read(self._lamps or "r" * self._links, lamps)
        return turn

    def _read(self, before: str, lamps: str) -> _Turn:
        ways = [(i, p) for i, p in enumerate(zip(before, lamps, strict=True)) if i not in self._walks]
        return _Turn(
            self._clash(lamps),
            tuple(i for i, letter in enumerate(lamps) if letter == DARK),
            tuple(i for i, (old, new) in ways if old != "y" and new == "y"),
            tuple(i for i, (old, new) in ways if old == "y" and new != "y"),
            tuple(i for i, (old, new) in ways if old in "Gg" and new == "r"),
        )

    def _clash(self, lamps: str) -> tuple[int, int] | None:
        for i, letter in enumerate(lamps):
            for j in self._conflicts[i] if letter in "Gg" else ():
                waits = (letter == "g" and j in self._yields[i]) or (lamps[j] == "g" and i in self._yields[j])
                if j > i and lamps[j] in "Gg" and not waits:
                    return i, j
        return None

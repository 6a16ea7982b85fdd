"""The conflict monitor: the last look at every lamp string before it is shown.

It shares no code path with the logic that chose the lamps: it knows the road record only, and trusts nobody. Like
the monitor in a signal cabinet (NEMA TS 2), it latches: one violation, and the junction stays all-red until a
person resets it. What lamps really show is read back by `citybrain.guard.readback`.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from citybrain.guard.readback import Readback
from citybrain.model import Junction

_CACHED_WORDS = 4096


class MonitorState(Struct):
    """For each link: when its green began, its yellow began, and when it last stopped being green or yellow."""

    lamps: str
    green_ms: list[int]
    yellow_ms: list[int]
    ended_ms: list[int]


class _Word(Struct, frozen=True):
    green: int
    yellow: int
    first: int
    """Links with G: green that gives way to nobody."""
    flash: int
    clash: str


class Monitor:
    """Watches one junction from `time_ms` on, when its lamps are all red."""

    def __init__(self, junction: Junction, time_ms: int) -> None:
        n = junction.signal_links
        self._conflicts = junction.conflicts
        self._yields = [sum(1 << j for j in yields) for yields in junction.yields]
        self._yellow_ms = [round(s * 1000) for s in junction.yellow_s]
        self._all_red_ms = [round(junction.all_red_after(i) * 1000) for i in range(n)]
        self._green_ms = [round(junction.min_green_s * 1000)] * n
        vehicles = [m for m in junction.movements if m.turn != "p"]
        exits = {link: {m.to_link for m in vehicles if link in m.signal_links} for link in range(n)}
        round_ = {link for m in vehicles if m.turn == "t" for link in m.signal_links}
        self._crossed = [0] * n
        for i in range(n):
            for j in junction.yields[i] if exits[i] else ():
                if exits[j] and (i in round_ or not exits[i] & exits[j]):
                    self._crossed[i] |= 1 << j
        for walk in (m for m in junction.movements if m.turn == "p"):
            for link in walk.signal_links:
                self._green_ms[link] = max(self._green_ms[link], round(junction.walk_s * 1000))
        self._words: dict[str, _Word] = {}
        self._readback = Readback(junction)
        self.state = MonitorState("r" * n, [time_ms] * n, [time_ms] * n, [time_ms] * n)

    def check(self, lamps: str, time_ms: int) -> str:
        """What is wrong with showing `lamps` from now on; "" (and remembered as shown) if nothing is."""
        if lamps == self.state.lamps:
            return ""
        new = self._word(lamps)
        if new.clash:
            return new.clash
        old = self._word(self.state.lamps)
        fault = (
            self._check_flash(old, new, time_ms)
            or self._check_ends(old, new, time_ms)
            or self._check_begins(old, new, time_ms)
        )
        if not fault:
            self._remember(old, new, lamps, time_ms)
        return fault

    def read_back(self, lamps: str, time_ms: int, before_ms: int | None) -> str:
        """What is wrong with what the lamps really show; "" if nothing is, or not for long enough.

        `before_ms`: the last look before.
        """
        return self._readback.check(lamps, time_ms, before_ms)

    @property
    def suspects(self) -> bool:
        """Whether what was read back last is a fault if it lasts."""
        return self._readback.suspects

    def all_red(self, time_ms: int) -> None:
        """All lamps have been forced to red; what was read back before counts no more."""
        self._readback.forget()
        red = "r" * len(self._yellow_ms)
        self._remember(self._word(self.state.lamps), self._word(red), red, time_ms)

    def shift(self, by_ms: int) -> None:
        """The clock was moved: ages stay what they are."""
        s = self.state
        for times in (s.green_ms, s.yellow_ms, s.ended_ms):
            times[:] = [t + by_ms for t in times]
        self._readback.forget()

    def _check_flash(self, old: _Word, new: _Word, time_ms: int) -> str:
        if new.flash and not old.flash:
            if old.green or old.yellow:
                return "flashing begins while links clear"
            late = [i for i, t in enumerate(self.state.ended_ms) if time_ms - t < self._all_red_ms[i]]
            return f"flashing begins too early after link {late[0]}" if late else ""
        return "flashing ends without all-red" if old.flash and (new.green or new.yellow) else ""

    def _check_ends(self, old: _Word, new: _Word, time_ms: int) -> str:
        for i in _bits(old.green & ~new.green):
            if not new.yellow >> i & 1:
                return f"link {i} loses green without yellow"
            if time_ms - self.state.green_ms[i] < self._green_ms[i]:
                return f"link {i} has less than its minimum green"
            if not old.first >> i & 1 and self._crossed[i] & new.green:
                return f"link {i} is trapped: it gets yellow while who it turns across keeps green"
        for i in _bits(old.yellow & ~new.yellow):
            if new.green >> i & 1:
                return f"link {i} goes from yellow to green"
            if time_ms - self.state.yellow_ms[i] < self._yellow_ms[i]:
                return f"link {i} has less than its yellow"
        return ""

    def _check_begins(self, old: _Word, new: _Word, time_ms: int) -> str:
        for i in _bits(new.yellow & ~old.yellow & ~old.green):
            return f"link {i} shows yellow after red"
        begins = new.green & ~old.green
        for i in _bits(old.first & new.green & ~new.first):
            if self._yields[i] & (begins | (new.first & ~old.first)):
                return f"link {i} loses its right of way to a link that just gets it"
        for i in _bits(begins | (new.first & ~old.first)):
            for j in self._conflicts[i]:
                if new.yellow >> j & 1 or (old.yellow >> j & 1 and self._all_red_ms[j] > 0):
                    return f"link {i} gets green or the right of way while {j} clears"
                if not old.green >> j & 1 and time_ms - self.state.ended_ms[j] < self._all_red_ms[j]:
                    return f"link {i} gets green or the right of way too early after {j}"
        return ""

    def _remember(self, old: _Word, new: _Word, lamps: str, time_ms: int) -> None:
        s = self.state
        s.lamps = lamps
        for i in _bits(new.green & ~old.green):
            s.green_ms[i] = time_ms
        for i in _bits(new.yellow & ~old.yellow):
            s.yellow_ms[i] = time_ms
        for i in _bits((old.green | old.yellow) & ~(new.green | new.yellow)):
            s.ended_ms[i] = time_ms
        # Who went while it flashed has the time of a yellow to be gone.
        for i in _bits(old.flash & ~new.flash):
            s.ended_ms[i] = time_ms + self._yellow_ms[i]

    def _word(self, lamps: str) -> _Word:
        word = self._words.get(lamps)
        if word is None:
            if len(self._words) >= _CACHED_WORDS:
                self._words.clear()
            word = self._words[lamps] = self._read(lamps)
        return word

    def _read(self, lamps: str) -> _Word:
        letters = set(lamps)
        if len(lamps) != len(self._yellow_ms) or (letters - set("Ggyr") and letters != {"o"}):
            return _Word(0, 0, 0, 0, "lamps that do not fit the junction")
        green, yellow, first, flash = (_mask(lamps, letters) for letters in ("Gg", "y", "G", "o"))
        for i in _bits(green):
            for j in self._conflicts[i]:
                covered = (lamps[i] == "g" and self._yields[i] >> j & 1) or (
                    lamps[j] == "g" and self._yields[j] >> i & 1
                )
                if green >> j & 1 and not covered:
                    return _Word(green, yellow, first, flash, f"links {min(i, j)} and {max(i, j)} conflict")
        return _Word(green, yellow, first, flash, "")


def _mask(lamps: str, letters: str) -> int:
    return sum(1 << i for i, letter in enumerate(lamps) if letter in letters)


@lru_cache(maxsize=65_536)
def _bits(mask: int) -> tuple[int, ...]:
    """The places of the ones, the lowest first. Remembered: junctions show the same few words again and again."""
    return tuple(i for i in range(mask.bit_length()) if mask >> i & 1)

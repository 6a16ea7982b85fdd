"""Moments without a value: the guard's own code run on them, down every path that some values would take.

A `Moment` is an unknown whole number plus a known one. Comparing two of them is a question about the difference of
two unknowns; if what is known so far does not answer it, the path forks. What is known is kept as a matrix of
bounds on differences, closed under shortest paths, which is exact for whole numbers: every path that is followed
has values that take it, and every value takes one of the paths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")
_FAR = 1 << 70


class Bounds:
    """Bounds d[i][j] on x_i - x_j for unknowns x_1 … x_n and x_0 = 0."""

    def __init__(self, unknowns: int) -> None:
        n = unknowns + 1
        self.d = [[0 if i == j else _FAR for j in range(n)] for i in range(n)]

    def copy(self) -> Bounds:
        other = Bounds(0)
        other.d = [row[:] for row in self.d]
        return other

    def add(self, i: int, j: int, c: int) -> bool:
        """Learn x_i - x_j <= c. False if no values are left."""
        d = self.d
        if d[j][i] + c < 0:
            return False
        if c < d[i][j]:
            after_j = [(k, beyond + c) for k, beyond in enumerate(d[j]) if beyond < _FAR]
            for row in d:
                upto = row[i]
                if upto < _FAR:
                    for k, beyond in after_j:
                        if upto + beyond < row[k]:
                            row[k] = upto + beyond
        return True


class Moment:
    """Unknown `place` of the walk plus `plus`. Unknowns that are equal sort by place, as (red, bit) pairs do."""

    __slots__ = ("place", "plus", "walk")

    def __init__(self, walk: Walk, place: int, plus: int = 0) -> None:
        self.walk, self.place, self.plus = walk, place, plus

    def __add__(self, other: int) -> Moment:
        return Moment(self.walk, self.place, self.plus + other)

    __radd__ = __add__

    def __sub__(self, other: int) -> Moment:
        return Moment(self.walk, self.place, self.plus - other)

    def __lt__(self, other: Moment | int) -> bool:
        if isinstance(other, Moment) and self.place < other.place and self.plus == other.plus == 0:
            return self.walk.asks(self.place, other.place, 0)
        return self._most(other, -1)

    def __le__(self, other: Moment | int) -> bool:
        return self._most(other, 0)

    def __gt__(self, other: Moment | int) -> bool:
        return not self._most(other, 0)

    def __ge__(self, other: Moment | int) -> bool:
        return not self._most(other, -1)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Moment):
            # Only sorting asks; it goes on to ask which one is less, and ties are settled there.
            return self.place == other.place and self.plus == other.plus
        assert isinstance(other, int)
        return self._most(other, 0) and not self._most(other, -1)

    def _most(self, other: Moment | int, slack: int) -> bool:
        """Whether self <= other + slack."""
        if isinstance(other, int):
            return self.walk.asks(self.place, 0, other + slack - self.plus)
        return self.walk.asks(self.place, other.place, other.plus + slack - self.plus)


class Walk:
    """Runs a function again and again until every path through its comparisons has been taken."""

    def __init__(self, known: Bounds) -> None:
        self._known = known
        self._forced: list[bool] = []
        self._taken: list[tuple[bool, bool]] = []
        self.bounds = known

    def asks(self, i: int, j: int, c: int) -> bool:
        """Whether x_i - x_j <= c: as is known, or else one answer now and the other on a later path."""
        d = self.bounds.d
        if d[i][j] <= c:
            return True
        if d[j][i] < -c:
            return False
        at = len(self._taken)
        answer = self._forced[at] if at < len(self._forced) else True
        self._taken.append((answer, at < len(self._forced)))
        sound = self.bounds.add(i, j, c) if answer else self.bounds.add(j, i, -c - 1)
        assert sound
        return answer

    def paths(self, run: Callable[[], R]) -> list[R]:
        """What `run` gives on each path."""
        results = []
        while True:
            self.bounds, self._taken = self._known.copy(), []
            results.append(run())
            answers = [answer for answer, _ in self._taken]
            while answers and not answers[-1]:
                answers.pop()
            if not answers:
                return results
            answers[-1] = False
            self._forced = answers

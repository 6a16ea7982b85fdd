"""A step's state while it is changed: an array is copied before its first change, the old state stays."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from citybrain.model import State


class Kept:
    """Read an array by `[name]`, take it to change it by `own(name)`, put another in its place by `[name] = …`."""

    def __init__(self, state: State) -> None:
        self._arrays = dict(state)
        self._owned: set[str] = set()

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._arrays[name]

    def __setitem__(self, name: str, array: npt.NDArray[Any]) -> None:
        self._arrays[name] = array
        self._owned.add(name)

    def own(self, name: str) -> npt.NDArray[Any]:
        """The array, to be changed."""
        if name not in self._owned:
            self[name] = self._arrays[name].copy()
        return self._arrays[name]

    @property
    def state(self) -> State:
        """The new state."""
        return self._arrays

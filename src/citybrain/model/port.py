"""Ports: what the outside must offer. Implemented in `network/`, injected by `city/`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from citybrain.model.batch import Batch, Tick


class DetectorSource(Protocol):
    """Detectors of a city, real or simulated."""

    def read(self, tick: Tick) -> Sequence[Batch]:
        """The readings of this tick."""
        ...


class SignalController(Protocol):
    """Lamps of a city, real or simulated. Only the guard calls it."""

    def show(self, junction: str, lamps: str) -> None:
        """Show a lamp string (one letter a signal link: G g y r o)."""
        ...

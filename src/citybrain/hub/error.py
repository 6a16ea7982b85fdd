"""What the hub says when it cannot or may not do what was asked: one line."""

from __future__ import annotations


class HubError(Exception):
    """The hub cannot do it. `str()` is one line that says what to do."""

    def __init__(self, what: str) -> None:
        super().__init__(" ".join(what.split()))


class HubRefused(HubError):
    """The reader may not read that for that purpose, or the catalogue may not change so."""

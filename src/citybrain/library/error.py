"""What the library says when it cannot do what was asked: one line that tells what to do."""

from __future__ import annotations


class LibraryError(ValueError):
    """A query or a store that cannot be served. `str()` is one line, fit for the person who asked."""

    def __init__(self, what: str) -> None:
        super().__init__(" ".join(what.split()))


class LibraryFull(LibraryError):
    """The store takes no more, mostly because the disk is full. Nothing of what was given was stored; it may be
    given again."""


class LibraryClosed(LibraryError):
    """The library's file cannot be opened or read now."""

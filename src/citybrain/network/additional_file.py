"""SUMO's additional files as a run may load them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TextIO
from xml.parsers import expat

from citybrain.network.netfile import Attributes, scan_xml

_CLOCK = frozenset({"WAUT", "wautSwitch", "wautJunction"})
_ONLY_WRITE = frozenset({"edgeData", "laneData", "timedEvent", "vTypeProbe", "routeProbe"})
_DETECTORS = _ONLY_WRITE | {
    *("additional", "add", "param"),
    *("e1Detector", "inductionLoop", "instantInductionLoop", "e2Detector", "laneAreaDetector"),
    *("e3Detector", "entryExitDetector", "detEntry", "detExit"),
}
NOWHERE = "NUL"
"""The file name with which SUMO writes nothing."""

_Copy = Callable[[str, Attributes], Attributes | None]
"""An element's attributes in a copy, None where it is left out."""


def without_clocks(files: Sequence[Path], folder: Path) -> list[Path]:
    """The additional files; of those with a clock that changes the program of a signal by the time of day (WAUT) a
    copy in `folder` without it.

    A clock would take the lamps from whoever controls the signal, between one of his orders and the next.
    Raises NetError where a file cannot be read, OSError.
    """
    return [
        _copied(file, folder / f"{i}-{file.name.removesuffix('.gz')}", _no_clock) if _tags(file) & _CLOCK else file
        for i, file in enumerate(files)
    ]


def silent(files: Sequence[Path], folder: Path) -> list[Path]:
    """Copies in `folder` of files of detectors, which write nothing. Raises NetError, OSError."""
    return [
        _copied(file, folder / f"silent-{i}-{file.name.removesuffix('.gz')}", _no_output)
        for i, file in enumerate(files)
    ]


def only_detectors(file: Path) -> bool:
    """Whether an additional file only makes SUMO's own detectors, which would write files beside it. Raises
    NetError."""
    return _tags(file) <= _DETECTORS


def detectors_named(files: Sequence[Path], by: Sequence[Path]) -> list[Path]:
    """Those of `files` (of detectors) of which the signal programs in the files `by` name a detector. Raises
    NetError."""
    ids = {file: _values(file, "id") for file in files}
    named = set[str]().union(*(_values(file, "value", "param") for file in by)) if any(ids.values()) else set()
    return [file for file in files if ids[file] & named]


def _tags(file: Path) -> set[str]:
    tags: set[str] = set()
    scan_xml(file, lambda tag, _: tags.add(tag))  # refuses what is broken or declares entities
    return tags


def _values(file: Path, attribute: str, of: str | None = None) -> set[str]:
    found: set[str] = set()

    def start(tag: str, attributes: Attributes) -> None:
        if (of is None or tag == of) and attribute in attributes:
            found.update(attributes[attribute].split())

    scan_xml(file, start)
    return found


def _no_clock(tag: str, attributes: Attributes) -> Attributes | None:
    return None if tag in _CLOCK else attributes


def _no_output(tag: str, attributes: Attributes) -> Attributes | None:
    if tag in _ONLY_WRITE:
        return None
    return {**attributes, "file": NOWHERE} if "file" in attributes else attributes


def _copied(file: Path, copy: Path, how: _Copy) -> Path:
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    with copy.open("w", encoding="utf-8") as out:
        _copier(out, how).Parse(text, True)
    return copy


def _copier(out: TextIO, how: _Copy) -> expat.XMLParserType:
    """A parser that writes every element that `how` leaves. SUMO's files hold all they say in attributes."""

    def start(tag: str, attributes: dict[str, str]) -> None:
        kept = how(tag, attributes)
        if kept is not None:
            said = "".join(f' {name}="{escape(value)}"' for name, value in kept.items())
            out.write(f"<{tag}{said}>")

    def end(tag: str) -> None:
        if how(tag, {}) is not None:
            out.write(f"</{tag}>\n")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    return parser

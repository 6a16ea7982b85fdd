"""Clocks in SUMO's files that change the program of a signal by the time of day (WAUT)."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TextIO
from xml.parsers import expat

from citybrain.network.netfile import scan_xml

_CLOCK = frozenset({"WAUT", "wautSwitch", "wautJunction"})


def without_clocks(files: Sequence[Path], folder: Path) -> list[Path]:
    """The additional files; of those with a clock a copy in `folder` without it.

    A clock would take the lamps from whoever controls the signal, between one of his orders and the next.
    Raises NetError where a file cannot be read, OSError.
    """
    return [_without(file, folder / f"{i}-{file.name.removesuffix('.gz')}") for i, file in enumerate(files)]


def _without(file: Path, copy: Path) -> Path:
    tags: set[str] = set()
    scan_xml(file, lambda tag, _: tags.add(tag))  # refuses what is broken or declares entities
    if not tags & _CLOCK:
        return file
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    with copy.open("w", encoding="utf-8") as out:
        _copier(out).Parse(text, True)
    return copy


def _copier(out: TextIO) -> expat.XMLParserType:
    """A parser that writes every element but the clocks. SUMO's files hold all they say in attributes."""

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag not in _CLOCK:
            said = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
            out.write(f"<{tag}{said}>")

    def end(tag: str) -> None:
        if tag not in _CLOCK:
            out.write(f"</{tag}>\n")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    return parser

"""Reads dataset declarations: TOML files beside the code that owns them.

A declaration that is wrong is refused with its file and line. Versions follow docs/declarations.md: within
one version fields may only be added at the end and be nullable; anything else needs a higher version.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from citybrain.model.dataset import Dataset, Field, FieldType, Truth
from citybrain.model.unit import UNITS

_ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = frozenset({"received_at", "batch_id"})
"""Columns that the library adds to every record."""


class DeclarationError(ValueError):
    """A declaration that cannot stand: `file`, `line` (1-based) and what to mend."""

    def __init__(self, file: Path, line: int, what: str) -> None:
        super().__init__(f"{file}:{line}: {what}")
        self.file = file
        self.line = line


class Declarations(dict[str, Dataset]):
    """The declared datasets by id."""


def read_declaration(file: Path) -> Dataset:
    """Read one declaration. Raises DeclarationError."""
    text = file.read_text(encoding="utf-8")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        line = re.search(r"line (\d+)", str(e))
        raise DeclarationError(file, int(line[1]) if line else 1, f"not TOML: {e}") from None
    try:
        dataset = msgspec.convert(_normalise(table), Dataset)
    except msgspec.ValidationError as e:
        raise DeclarationError(file, _line_of_path(text, str(e)), str(e)) from None
    unknown = _unknown_keys(table)
    if unknown:
        raise DeclarationError(file, _line(text, unknown), f"unknown setting {unknown!r}")
    for name, what in _faults(dataset):
        raise DeclarationError(file, _line(text, name), what)
    return dataset


def read_declarations(folders: Iterable[Path]) -> Declarations:
    """Read every `*.toml` of the folders, in order. Raises DeclarationError, also on an id declared twice and on
    a reference to a dataset that none of the folders declares."""
    found: Declarations = Declarations()
    files: dict[str, Path] = {}
    for folder in folders:
        for file in sorted(folder.glob("*.toml")):
            dataset = read_declaration(file)
            if dataset.id in found:
                line = _line(file.read_text(encoding="utf-8"), dataset.id)
                raise DeclarationError(file, line, f"{dataset.id} is declared already in {files[dataset.id]}")
            found[dataset.id] = dataset
            files[dataset.id] = file
    for dataset in found.values():
        for field in dataset.fields:
            if field.refers_to is not None and field.refers_to not in found:
                file = files[dataset.id]
                line = _line(file.read_text(encoding="utf-8"), field.refers_to)
                raise DeclarationError(file, line, f"refers_to: no dataset {field.refers_to!r} is declared")
    return found


def compatible(old: Dataset, new: Dataset) -> str | None:
    """Why `new` may not take the place of `old`; None if it may (the rule of docs/declarations.md)."""
    if new.version > old.version:
        return None
    if new.version < old.version:
        return f"{new.id}: version {new.version} is older than the {old.version} in the data folder"
    if new == old:
        return None
    if new.key != old.key or new.event_time != old.event_time or new.truth != old.truth:
        return f"{new.id}: key, event_time or truth changed: raise its version above {old.version}"
    kept = new.fields[: len(old.fields)]
    for before, after in zip(old.fields, kept, strict=False):
        if (before.name, before.type, before.unit) != (after.name, after.type, after.unit):
            return f"{new.id}: field {before.name!r} changed: raise its version above {old.version}"
    if len(kept) < len(old.fields):
        return f"{new.id}: field {old.fields[len(kept)].name!r} went away: raise its version above {old.version}"
    for added in new.fields[len(old.fields) :]:
        if not added.nullable:
            return f"{new.id}: the added field {added.name!r} must be nullable within version {old.version}"
    return None


def _normalise(table: dict[str, Any]) -> dict[str, Any]:
    fields = table.get("fields")
    if isinstance(fields, dict):
        table = table | {"fields": [{"name": n, **f} for n, f in fields.items() if isinstance(f, dict)]}
    return table


def _unknown_keys(table: dict[str, Any]) -> str | None:
    for key in table:
        if key not in Dataset.__struct_fields__:
            return key
    for field in table["fields"].values() if isinstance(table["fields"], dict) else table["fields"]:
        for key in field:
            if key not in Field.__struct_fields__:
                return str(key)
    return None


def _faults(d: Dataset) -> Iterable[tuple[str, str]]:
    """Pairs of the word to look for in the file and what is wrong."""
    if not _ID.fullmatch(d.id):
        yield d.id, f"id {d.id!r} must be <system>.<noun> in lower case"
    names = [f.name for f in d.fields]
    for f in d.fields:
        if not _NAME.fullmatch(f.name) or f.name in RESERVED:
            yield f.name, f"field name {f.name!r} is not lower_snake_case or is reserved"
        if names.count(f.name) > 1:
            yield f.name, f"field {f.name!r} is declared twice"
        if f.unit is not None and f.unit not in UNITS:
            yield f.unit, f"unknown unit {f.unit!r} of field {f.name!r}; known: {', '.join(UNITS)}"
        if f.type is FieldType.FLOAT and f.unit is None:
            yield f.name, f'field {f.name!r} is a float and needs a unit ("1" for a ratio)'
        if (f.type is FieldType.REFERENCE) != (f.refers_to is not None):
            yield f.name, f"field {f.name!r}: type reference and refers_to go together"
        if f.values is not None and f.type is not FieldType.TEXT:
            yield f.name, f"field {f.name!r}: only text has a list of values"
    if not d.key:
        yield "key", "key is empty: name the fields that say what a record is about"
    for role, name in (*(("key", k) for k in d.key), ("event_time", d.event_time), ("subject", d.subject)):
        if name is not None and name not in names:
            yield role, f"{role} names {name!r}, which is not a field"
        elif name is not None and role == "key" and d.field(name).nullable:
            yield name, f"key field {name!r} may not be nullable"
    if d.truth is Truth.BUS and d.event_time is None:
        yield "truth", "a dataset whose truth is the bus needs event_time"
    if d.event_time in names and d.event_time and d.field(d.event_time).type is not FieldType.TIME:
        yield d.event_time, f"event_time {d.event_time!r} must have the type time"
    if d.cadence_s is not None and d.cadence_s <= 0:
        yield "cadence_s", "cadence_s must be above 0"


def _line(text: str, word: str) -> int:
    """The first line that has `word` as a whole word, else 1."""
    pattern = re.compile(rf"(?<![\w]){re.escape(word)}(?![\w])")
    for number, line in enumerate(text.splitlines(), 1):
        if pattern.search(line):
            return number
    return 1


def _line_of_path(text: str, message: str) -> int:
    """The line that a msgspec message is about: by its `$.fields[3].grade` path, or the missing field's table."""
    path = re.search(r"`\$((?:\.\w+|\[\d+\])*)`", message)
    parts = re.findall(r"\.(\w+)|\[(\d+)\]", path[1]) if path else []
    start = 1
    if len(parts) > 1 and parts[0][0] == "fields":
        headers = [n for n, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[+fields", line)]
        index = int(parts[1][1] or 0)
        start = headers[index] if index < len(headers) else 1
    word = next((p[0] for p in reversed(parts) if p[0]), "")
    if word and word != "fields":
        for number, line in enumerate(text.splitlines()[start - 1 :], start):
            if re.match(rf"\s*{word}\b", line):
                return number
    return start

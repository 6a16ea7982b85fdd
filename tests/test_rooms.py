"""The table of rooms in docs/architecture.md, enforced: who may import whom, and each room's public face."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import citybrain

ROOT = Path(citybrain.__file__).parent
MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "cloud": {"model"},
    "network": {"model", "cloud"},
    "library": {"model", "cloud"},
    "hub": {"model", "cloud", "library"},
    "brain": {"model"},
    "guard": {"model"},
    "scenes": {"model", "hub", "brain", "guard"},
    "cockpit": {"model", "hub"},
    "door": {"model", "hub"},
}
COMPOSITIONS = {"city", "cli.py"}
EXCEPTIONS: set[tuple[str, str]] = set()
"""(file, imported module) pairs that the table does not allow. Stays empty."""


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def _room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "citybrain" and len(parts) > 1 else None


def _breaches(room: str, file: Path) -> Iterator[tuple[str, str]]:
    for module in _imports(file):
        other = _room_of(module)
        if other in (None, room, "__version__"):
            continue
        if other not in MAY_IMPORT[room]:
            yield (str(file.relative_to(ROOT)), module)


def _files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def test_every_room_of_the_table_stands_and_no_other() -> None:
    folders = {p.parent.name for p in ROOT.glob("*/__init__.py")}
    assert folders <= set(MAY_IMPORT) | {"city"}
    assert {"model", "cloud", "network", "library", "hub", "brain", "guard", "cockpit"} <= folders


@pytest.mark.parametrize("room", [r for r in MAY_IMPORT if (ROOT / r / "__init__.py").exists()])
def test_a_room_imports_only_what_the_table_allows(room: str) -> None:
    breaches = {b for file in _files(room) for b in _breaches(room, file)}
    assert breaches <= EXCEPTIONS


def test_there_are_no_exceptions() -> None:
    assert set() == EXCEPTIONS


def test_the_walker_sees_a_breach(tmp_path: Path) -> None:
    file = ROOT / "brain" / "__init__.py"
    assert list(_breaches("model", file)), "brain's own imports must look like breaches to model"


def test_a_scene_never_imports_another_scene() -> None:
    for file in _files("scenes"):
        scene = file.relative_to(ROOT / "scenes").parts[0]
        for module in _imports(file):
            parts = module.split(".")
            if parts[:2] == ["citybrain", "scenes"] and len(parts) > 2:
                assert parts[2] == scene


@pytest.mark.parametrize("room", [r for r in MAY_IMPORT if (ROOT / r / "__init__.py").exists()])
def test_other_rooms_use_the_public_face_only(room: str) -> None:
    """`from citybrain.cloud import Bus`, never `from citybrain.cloud._bus import …`."""
    for file in sorted(ROOT.rglob("*.py")):
        if file.relative_to(ROOT).parts[0] == room:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"citybrain.{room}."):
                raise AssertionError(f"{file.relative_to(ROOT)} reaches into {node.module}")


@pytest.mark.parametrize("room", [r for r in MAY_IMPORT if (ROOT / r / "__init__.py").exists()])
def test_a_room_tells_its_story_and_names_its_face(room: str) -> None:
    module = importlib.import_module(f"citybrain.{room}")
    assert module.__doc__
    names = list(module.__all__)
    assert len(names) == len(set(names))
    for name in names:
        assert hasattr(module, name)


def test_no_file_is_over_400_lines() -> None:
    long = {str(f.relative_to(ROOT)) for f in ROOT.rglob("*.py") if len(f.read_text().splitlines()) > 400}
    assert long == set()


def test_public_names_are_pinned() -> None:
    """Each room's public face, held against tests/public_names.txt: change both, knowingly."""
    pinned: dict[str, set[str]] = {}
    room = ""
    for line in (Path(__file__).parent / "public_names.txt").read_text().splitlines():
        if line.startswith("  "):
            pinned[room].add(line.strip())
        elif line and not line.startswith("#"):
            room = line
            pinned[room] = set()
    faces = {r: set(importlib.import_module(f"citybrain.{r}").__all__) for r in pinned}
    assert faces == pinned
    assert set(pinned) == {r for r in MAY_IMPORT if (ROOT / r / "__init__.py").exists()}

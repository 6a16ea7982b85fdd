"""The catalogue: which datasets there are, from the rooms, the scenes, other packages and the data folder."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, entry_points
from pathlib import Path

import msgspec
from msgspec import Struct

import citybrain.model
from citybrain.cloud import atomic_write
from citybrain.hub.access import Decision, Purpose, Reader, decide
from citybrain.hub.error import HubError, HubRefused
from citybrain.model import Dataset, Declarations, compatible, read_declarations

GROUP = "citybrain.rooms"
FORMAT = 1
LAST = "catalogue.json"
CACHE = "catalogue.cache"


class Entry(Struct, frozen=True):
    """A dataset in the catalogue, as a reader sees it."""

    dataset: Dataset
    tables: tuple[str, ...]
    """Names to query it by: its history and its current state; none for what passes by live."""
    decision: Decision
    """Whether the reader may read all of it for the purpose."""


class Catalogue:
    """The declared datasets."""

    def __init__(self, declarations: Declarations) -> None:
        self.declarations = declarations

    def __iter__(self) -> Iterator[Dataset]:
        return iter(self.declarations.values())

    def __len__(self) -> int:
        return len(self.declarations)

    def find(self, dataset_id: str) -> Dataset:
        """The dataset of that id. Raises HubError that names one alike."""
        if dataset_id in self.declarations:
            return self.declarations[dataset_id]
        close = difflib.get_close_matches(dataset_id, self.declarations, 1)
        raise HubError(f"no dataset {dataset_id!r}" + (f": did you mean {close[0]}?" if close else ""))

    def entries(self, reader: Reader, purpose: Purpose) -> tuple[Entry, ...]:
        """Every dataset by id, with whether the reader may read it. That it exists is no secret."""
        return tuple(
            Entry(
                dataset,
                () if dataset.transient else (name, f"now.{name}"),
                decide(reader, purpose, {name: frozenset(f.name for f in dataset.fields)}, self.declarations),
            )
            for name, dataset in sorted(self.declarations.items())
        )


class _Last(Struct, frozen=True):
    """The catalogue as the last run left it in the data folder."""

    format: int
    datasets: list[Dataset]


class _Cache(Struct, frozen=True):
    """Parsed declarations and the files that they came from: path, time of change in ns, size."""

    files: list[tuple[str, int, int]]
    datasets: list[Dataset]


def load_catalogue(data: Path | None) -> Declarations:
    """The datasets that the installed rooms and packages declare and those of `<data>/datasets/*.toml`.

    With a data folder the parsed form is kept there, and what changed since the last run is held against the rule
    of docs/declarations.md. Raises DeclarationError (file and line) on a wrong declaration, HubRefused on a change
    that the rule forbids.
    """
    folders = _folders()
    if data is None:
        return read_declarations(folders)
    folders.append(data / "datasets")
    files = [f for folder in folders for f in sorted(folder.glob("*.toml"))]
    # The reader itself is a part of the key: another program may parse the same file otherwise.
    files += sorted(Path(citybrain.model.__file__).parent.glob("*.py"))
    found = [(str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files]
    cached = _read_cache(data / CACHE)
    if cached is not None and cached.files == found:
        return Declarations({d.id: d for d in cached.datasets})
    declarations = read_declarations(folders)
    _keep(declarations, data / LAST)
    atomic_write(data / CACHE, msgspec.msgpack.encode(_Cache(found, list(declarations.values()))))
    return declarations


def _folders() -> list[Path]:
    """The `datasets` folders of the modules that the entry points name; no module is imported for it."""
    modules = sorted(point.value for point in entry_points(group=GROUP))
    folders = [folder for module in modules for folder in _folders_of(module)]
    try:
        distribution("citybrain")
    except PackageNotFoundError:  # run from its source tree: our rooms have no entry points then
        folders += [f for root in citybrain.__path__ for f in sorted(Path(root).glob("*/datasets"))]
    return folders


def _folders_of(module: str) -> list[Path]:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.submodule_search_locations is None:
        raise HubError(f"the entry point {module!r} of {GROUP} names no package: reinstall what brings it")
    return [Path(place) / "datasets" for place in spec.submodule_search_locations]


def _keep(declarations: Declarations, file: Path) -> None:
    """Hold the declarations against those of the last run, then put them in their place. What went away is
    remembered: its records still lie in the library."""
    last = _read_last(file)
    for old in last.values():
        if old.id in declarations:
            why = compatible(old, declarations[old.id])
            if why:
                raise HubRefused(f"{why} (docs/declarations.md; the last run's is in {file})")
    kept = _Last(FORMAT, list((last | declarations).values()))
    atomic_write(file, msgspec.json.format(msgspec.json.encode(kept)))


def _read_last(file: Path) -> dict[str, Dataset]:
    try:
        last = msgspec.json.decode(file.read_bytes(), type=_Last)
    except FileNotFoundError:
        return {}
    except (msgspec.MsgspecError, OSError) as e:
        raise HubError(f"{file} cannot be read ({e}): put it back from a copy, or remove it") from None
    if last.format != FORMAT:
        raise HubError(
            f"{file} has format {last.format}, this program reads {FORMAT}: use the program that wrote it"
        )
    return {d.id: d for d in last.datasets}


def _read_cache(file: Path) -> _Cache | None:
    try:
        return msgspec.msgpack.decode(file.read_bytes(), type=_Cache)
    except (OSError, msgspec.MsgspecError):
        return None

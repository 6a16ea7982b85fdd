"""The schemas of the datasets that this room writes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pyarrow as pa

from citybrain.model import Dataset, arrow_schema, read_declaration

TIME = pa.timestamp("ms", tz="UTC")
DATASETS = Path(__file__).parent / "datasets"


@cache
def declared(dataset: str) -> Dataset:
    """The declaration of a dataset of this room. Raises DeclarationError, OSError."""
    return read_declaration(DATASETS / f"{dataset.replace('.', '_')}.toml")


@cache
def schema_of(dataset: str) -> pa.Schema:
    """The Arrow schema of a dataset of this room."""
    return arrow_schema(declared(dataset))

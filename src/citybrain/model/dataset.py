"""Datasets: the one declaration from which everything about a kind of record follows."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from citybrain.model.grade import Grade


class FieldType(StrEnum):
    """What a field holds. `time` is an aware instant, kept as milliseconds since 1970 UTC."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    TEXT = "text"
    TIME = "time"
    GEOMETRY = "geometry"
    """GeoJSON geometry text in WGS 84 longitude, latitude (RFC 7946)."""
    REFERENCE = "reference"
    """The key of a record of another dataset."""
    LANGUAGE = "language"
    """Text by language tag, as a JSON object."""
    LIST = "list"
    """A JSON array."""
    OBJECT = "object"
    """A JSON object."""


class Truth(StrEnum):
    """Where the truth of a dataset is."""

    BUS = "bus"
    """The record stream; current state is a projection of it."""
    REGISTER = "register"
    """Rows of a SQL table; changes leave through an outbox to the bus."""


class Sharing(StrEnum):
    """Sharing types of the Chinese catalogue of government data."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NOT_SHARED = "not_shared"


class Text(Struct, frozen=True):
    """A text in both languages of the city."""

    en: str
    zh: str


class Field(Struct, frozen=True):
    """One field: its type, unit (a symbol of `UNITS`, None for what has none), meaning and grade."""

    name: str
    type: FieldType
    title: Text
    grade: Grade
    unit: str | None = None
    refers_to: str | None = None
    nullable: bool = False
    values: tuple[str, ...] | None = None
    """The closed list of values of a text field."""


class Dataset(Struct, frozen=True):
    """A declared dataset. Its id is `<system>.<noun>`, its subject on the bus `city.<id>`."""

    id: str
    version: int
    title: Text
    description: Text
    owner: str
    """Department that answers for it; also the name of its stream on the bus."""
    truth: Truth
    key: tuple[str, ...]
    """Fields that name what a record is about; current state has one row a key."""
    fields: tuple[Field, ...]
    grade: Grade
    sharing: Sharing
    open: bool
    event_time: str | None = None
    """The field that says when it happened. None only for registers."""
    cadence_s: float | None = None
    """Promised seconds between two records of one key; None: on change."""
    condition: Text | None = None
    subject: str | None = None
    """The field that names a person or firm."""
    retention_days: int | None = None
    """Days that its history is kept; None: for ever."""
    simulation_truth: bool = False
    """True: known only because the city is simulated. For the map and for scoring; no step of the brain may
    read it."""
    transient: bool = False
    """True: passes by live and is never stored (frames of moving vehicles)."""

    @property
    def system(self) -> str:
        return self.id.split(".", 1)[0]

    @property
    def noun(self) -> str:
        return self.id.split(".", 1)[1]

    @property
    def bus_subject(self) -> str:
        return f"city.{self.id}"

    def field(self, name: str) -> Field:
        """The field of that name. Raises KeyError."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.id} has no field {name!r}")

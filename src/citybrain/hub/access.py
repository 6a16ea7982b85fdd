"""The decision: may this reader read these fields for this purpose?

Simple now (roles and grades); contracts with terms and masks come in here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from citybrain.model import Dataset, Declarations, Grade


class Role(StrEnum):
    """What a reader is to the city."""

    STAFF = "staff"
    """Works for the city."""
    PUBLIC = "public"
    """Anybody."""


class Purpose(StrEnum):
    """Why something is read: a closed list."""

    OPERATE = "operate"
    """Run the city: signals, incidents, commands."""
    INSPECT = "inspect"
    """Look at how things are, on a page or the command line."""
    MAP = "map"
    """Draw the map."""
    SCORE = "score"
    """Measure how well the city fares."""
    REPLAY = "replay"
    """Decide a stretch of the log again."""
    EXPORT = "export"
    """Take a copy away as a file."""
    PUBLIC = "public"
    """Tell the public."""


class Reader(Struct, frozen=True):
    """Who reads."""

    name: str
    roles: frozenset[Role] = frozenset({Role.PUBLIC})


class Decision(Struct, frozen=True):
    """Yes, or no and why."""

    allowed: bool
    reason: str = ""


TRUTH_SERVES = frozenset({Purpose.INSPECT, Purpose.MAP, Purpose.SCORE, Purpose.REPLAY, Purpose.EXPORT})
"""What simulation truth may serve: looking and measuring, never running the city."""

_STAFF_GRADES = frozenset({Grade.L1, Grade.L2, Grade.L3})


def decide(
    reader: Reader, purpose: Purpose, touched: Mapping[str, frozenset[str]], declarations: Declarations
) -> Decision:
    """Whether `reader` may read the fields `touched` (by dataset id) for `purpose`.

    Staff read grades L1 to L3; L4 needs a contract. The public, and anyone for the purpose `public`, reads open
    datasets in grade L1. Simulation truth serves only the purposes of TRUTH_SERVES.
    """
    for name in sorted(touched):
        why = _objection(reader, purpose, declarations[name], touched[name])
        if why:
            return Decision(False, why)
    return Decision(True)


def _objection(reader: Reader, purpose: Purpose, dataset: Dataset, fields: frozenset[str]) -> str:
    if dataset.simulation_truth and purpose not in TRUTH_SERVES:
        return f"{dataset.id} is simulation truth: it does not serve the purpose {purpose}"
    staff = Role.STAFF in reader.roles and purpose is not Purpose.PUBLIC
    if not staff and not dataset.open:
        return f"{dataset.id} is not open to the public"
    grades = _STAFF_GRADES if staff else frozenset({Grade.L1})
    named = [f for f in dataset.fields if f.name in fields]
    if not named and dataset.grade not in grades:
        return f"{dataset.id} has grade {dataset.grade}: {reader.name} has no contract for it"
    for field in named:
        if field.grade not in grades:
            return f"{dataset.id}.{field.name} has grade {field.grade}: {reader.name} has no contract for it"
    return ""

"""The messages that the page gets over its WebSocket, besides the binary frames of vehicles. JSON, tagged `t`."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from citybrain.cockpit.record import Happening, JunctionNow, Refusal, Score, Seen, Slow, Switch


class Hello(Struct, frozen=True, tag_field="t", tag="hello"):
    """The whole of what is known, first and after a gap."""

    city: str
    zone: str
    """IANA name of the city's time zone."""
    time: int | None
    scores: tuple[Score, ...]
    slow: tuple[Slow, ...]
    control: dict[str, str]
    """Who decides at each junction."""
    happenings: tuple[Happening, ...]
    refusals: tuple[Refusal, ...]
    switches: tuple[Switch, ...]
    seen: tuple[Seen, ...]


class ScoreMessage(Struct, frozen=True, tag_field="t", tag="score"):
    """New scores."""

    scores: tuple[Score, ...]


class SlowMessage(Struct, frozen=True, tag_field="t", tag="slow"):
    """All links that are slow now."""

    slow: tuple[Slow, ...]


class ControlMessage(Struct, frozen=True, tag_field="t", tag="control"):
    """Junctions where another decides now."""

    control: dict[str, str]


class HappeningMessage(Struct, frozen=True, tag_field="t", tag="happening"):
    """New lines of the ticker."""

    happenings: tuple[Happening, ...]


class RefusalMessage(Struct, frozen=True, tag_field="t", tag="refusal"):
    """New refusals of the guard."""

    refusals: tuple[Refusal, ...]


class SwitchMessage(Struct, frozen=True, tag_field="t", tag="switch"):
    """Switches asked for or answered."""

    switches: tuple[Switch, ...]


class JunctionMessage(Struct, frozen=True, tag_field="t", tag="junction"):
    """The junction that this page watches."""

    junction: JunctionNow


class SeenMessage(Struct, frozen=True, tag_field="t", tag="seen"):
    """How old everything is, each second: also the sign that the server lives."""

    time: int | None
    seen: tuple[Seen, ...]


Message = (
    Hello
    | ScoreMessage
    | SlowMessage
    | ControlMessage
    | HappeningMessage
    | RefusalMessage
    | SwitchMessage
    | JunctionMessage
    | SeenMessage
)


class Watch(Struct, frozen=True, forbid_unknown_fields=True):
    """The only message that a page sends: the junction that it watches, None for none."""

    watch: str | None


def encode(message: Message) -> str:
    """A message as JSON text."""
    return msgspec.json.encode(message).decode()


def decode_watch(text: str) -> Watch:
    """What a page sent. Raises ValueError on anything else."""
    try:
        return msgspec.json.decode(text, type=Watch)
    except msgspec.DecodeError as e:
        raise ValueError(f"not a watch message: {e}") from None

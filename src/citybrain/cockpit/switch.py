"""The switch of the brain: a person gives an area to the brain or to its own plans."""

from __future__ import annotations

import uuid
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from citybrain.cockpit.live import LiveCity
from citybrain.cockpit.problem import RequestError
from citybrain.cockpit.record import Switch
from citybrain.cockpit.window import HubSilentError, Window
from citybrain.model import Control, RoadNet, SwitchRequest, parse_time, to_ms

LONGEST_MS = 31 * 86_400_000


class SwitchAsk(Struct, frozen=True, forbid_unknown_fields=True):
    """What the page asks. `until` is city time (ISO 8601 with zone), None: until further notice."""

    area: Annotated[str, Meta(min_length=1, max_length=200)]
    control: Annotated[str, Meta(pattern="^(brain|own_plan)$")]
    who: Annotated[str, Meta(min_length=1, max_length=80)]
    why: Annotated[str, Meta(min_length=1, max_length=300)]
    until: Annotated[str, Meta(max_length=40)] | None = None


def read_ask(body: bytes, net: RoadNet, live: LiveCity) -> SwitchRequest:
    """The request in a body. Raises RequestError naming what does not fit."""
    try:
        ask = msgspec.json.decode(body, type=SwitchAsk)
    except msgspec.DecodeError as e:
        raise RequestError(422, str(e)) from None
    if not ask.who.strip() or not ask.why.strip():
        raise RequestError(422, "who and why must be told")
    if ask.area not in {a.id for a in net.areas} | {j.id for j in net.junctions}:
        raise RequestError(422, "no such area")
    if live.time_ms is None:
        raise RequestError(503, "the city's clock has not been heard yet: try again in a moment")
    return SwitchRequest(
        id=str(uuid.uuid4()),
        area=ask.area,
        control=Control(ask.control),
        who=ask.who.strip(),
        why=ask.why.strip(),
        requested_ms=live.time_ms,
        until_ms=_until(ask.until, live.time_ms),
    )


async def switch(window: Window, request: SwitchRequest) -> Switch:
    """Ask; `accepted` is None where the guard has not answered in time. Raises RequestError when the request could
    not even be sent."""
    try:
        result = await window.request(request)
    except HubSilentError as e:
        raise RequestError(503, f"the request could not be sent: {e}") from None
    return Switch(
        request=request.id,
        time=request.requested_ms,
        area=request.area,
        control=request.control.value,
        who=request.who,
        why=request.why,
        until=request.until_ms,
        accepted=None if result is None else result.accepted,
        reason="" if result is None else result.reason,
        junctions=0 if result is None else result.junctions,
    )


def _until(text: str | None, now_ms: int) -> int | None:
    if text is None:
        return None
    try:
        until = to_ms(parse_time(text))
    except (ValueError, OverflowError):
        raise RequestError(422, "until: an ISO 8601 time with its zone") from None
    if not now_ms < until <= now_ms + LONGEST_MS:
        raise RequestError(422, "until: later than now, at most 31 days ahead in city time")
    return until

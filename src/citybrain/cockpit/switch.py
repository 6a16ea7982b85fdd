"""A person's command over signals: who decides in an area, a stage held, flashing, or a proposal approved."""

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
CHOICES = (Control.BRAIN, Control.OWN_PLAN, Control.ADVISED, Control.HOLD, Control.FLASH)


class SwitchAsk(Struct, frozen=True, forbid_unknown_fields=True):
    """What the page asks. `until` is city time (ISO 8601 with zone), None: until further notice. `stage` is
    what is held, or, under advice, the proposal that is approved."""

    area: Annotated[str, Meta(min_length=1, max_length=200)]
    control: Annotated[str, Meta(pattern=rf"\A({'|'.join(CHOICES)})\Z")]
    who: Annotated[str, Meta(min_length=1, max_length=80)]
    why: Annotated[str, Meta(min_length=1, max_length=300)]
    until: Annotated[str, Meta(max_length=40)] | None = None
    stage: Annotated[int, Meta(ge=0, le=255)] | None = None
    lock: bool = False
    force: bool = False


def read_ask(body: bytes, net: RoadNet, live: LiveCity) -> SwitchRequest:
    """The request in a body. Raises RequestError naming what does not fit."""
    try:
        ask = msgspec.json.decode(body, type=SwitchAsk)
    except msgspec.DecodeError as e:
        raise RequestError(422, str(e)) from None
    _check(ask, net)
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
        stage=ask.stage,
        lock=ask.lock,
        force=ask.force,
    )


def _check(ask: SwitchAsk, net: RoadNet) -> None:
    """What can be told without the guard, which has the last word. Raises RequestError."""
    if not ask.who.strip():
        raise RequestError(422, "who: tell who asks", "who_is_missing")
    if not ask.why.strip():
        raise RequestError(422, "why: tell the reason", "why_is_missing")
    if ask.area not in {a.id for a in net.areas} | {j.id for j in net.junctions}:
        raise RequestError(422, "area: no such area", "unknown_area")
    junction = next((j for j in net.junctions if j.id == ask.area), None)
    of_one = ask.lock or ask.stage is not None or ask.control in (Control.HOLD, Control.FLASH)
    if of_one and junction is None:
        raise RequestError(422, "area: this is for one junction at a time", "one_junction_only")
    if ask.control == Control.HOLD and ask.stage is None:
        raise RequestError(422, "stage: say which one to hold", "stage_is_missing")
    if ask.stage is not None and ask.control not in (Control.HOLD, Control.ADVISED):
        raise RequestError(422, "stage: goes with hold and advised only", "stage_is_out_of_place")
    if ask.stage is not None and junction is not None and ask.stage >= len(junction.stages):
        raise RequestError(422, f"stage: from 0 to {len(junction.stages) - 1} here", "no_such_stage")
    if ask.until is None and (ask.lock or ask.control in (Control.HOLD, Control.FLASH)):
        raise RequestError(422, "until: hold, flash and lock need an end", "until_is_missing")


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
        until=request.until_ms if result is None else result.until_ms,
        accepted=None if result is None else result.accepted,
        reason="" if result is None else result.reason,
        junctions=0 if result is None else result.junctions,
        stage=request.stage,
        lock=request.lock,
        force=request.force,
        locked=0 if result is None else result.locked,
    )


def _until(text: str | None, now_ms: int) -> int | None:
    if text is None:
        return None
    try:
        until = to_ms(parse_time(text))
    except (ValueError, OverflowError):
        raise RequestError(422, "until: an ISO 8601 time with its zone") from None
    if until <= now_ms:
        raise RequestError(422, "until: later than now, in city time", "until_is_past")
    if until > now_ms + LONGEST_MS:
        raise RequestError(422, "until: at most 31 days ahead in city time", "until_is_too_far")
    return until

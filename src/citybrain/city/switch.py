"""`citybrain switch`: a person says who decides junctions, holds a stage, sets flashing, approves a proposal, asks
for priority."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import msgspec
from rich.console import Console

from citybrain.city.connect import running_bus
from citybrain.city.errors import NotRunning
from citybrain.city.locate import locate
from citybrain.city.query import person
from citybrain.city.settings import SettingsError
from citybrain.hub import Hub, HubRefused, Purpose, Query, SwitchResult, load_catalogue
from citybrain.library import LibraryClient
from citybrain.model import Control, SwitchRequest, from_ms, parse_time, to_ms

_WORDS = {
    "on": Control.BRAIN,
    "off": Control.OWN_PLAN,
    "hold": Control.HOLD,
    "flash": Control.FLASH,
    "advise": Control.ADVISED,
    "approve": Control.ADVISED,
    "preempt": Control.PREEMPTED,
    "release": Control.PREEMPTED,
}
_STAGED = ("hold", "approve", "preempt")
_DONE = {
    "on": "the brain decides",
    "off": "own plans run",
    "hold": "the stage is held",
    "flash": "flashing amber",
    "advise": "own plans run, the brain proposes",
    "approve": "the proposal is carried out",
    "preempt": "the stage has priority",
    "release": "nothing has priority any more",
}
_REASONS = {
    "unknown_area": "no such area; citybrain query 'SELECT area, name FROM road.area' lists them",
    "not_controllable": "none of its junctions can be controlled by the brain",
    "locked": "somebody else has locked it; --force overrides",
    "one_junction_only": "this needs one junction, not an area",
    "no_such_stage": "it has no such stage; stages count from 0",
    "until_is_missing": "this needs an end: --until",
    "until_is_past": "--until is over already",
    "until_is_too_far": "--until is too far off: an hour ahead at most for a stage, a day for flashing and locks, "
    "two minutes for priority",
    "until_is_out_of_place": "a release ends at once: leave --until out",
    "lock_is_out_of_place": "what has priority is not locked: leave --lock out",
    "not_advised": "it is not in advisory mode: citybrain switch advise comes first",
    "proposal_changed": "the brain does not propose that stage now",
    "preempted": "somebody else has priority there",
    "not_preempted": "nobody of that name has priority there",
    "fault": "its monitor has tripped: all-red until somebody switches it",
}
ANSWER_S = 10.0


def run_switch(
    control: str,
    who: str,
    why: str,
    area: str,
    until: str | None,
    stage: int | None,
    lock: bool,
    force: bool,
    city: str | None,
    data: Path,
) -> None:
    """Ask for it and say what the guard answered. Raises HubRefused when it refuses."""
    if control not in _WORDS:
        raise SettingsError(f"{control!r}: write one of {', '.join(_WORDS)}")
    if (stage is None) == (control in _STAGED):
        raise SettingsError(f"--stage belongs to {', '.join(_STAGED)}, which need it")
    try:
        until_ms = None if until is None else to_ms(parse_time(until))
    except ValueError as e:
        raise SettingsError(f"--until {until!r}: {e}") from None
    request = SwitchRequest(secrets.token_hex(8), area, _WORDS[control], who, why, 0, until_ms, stage, lock, force)
    result = asyncio.run(_ask(locate(city, data).data, request))
    if not result.accepted:
        raise HubRefused(f"the guard refuses {area!r}: {_REASONS.get(result.reason, result.reason)}")
    Console(highlight=False).print(f"{area}: {_line(control, result)}", markup=False)


def _line(control: str, result: SwitchResult) -> str:
    end = "" if result.until_ms is None else f" until {from_ms(result.until_ms).isoformat()}"
    locked = f"; {result.locked} left out, locked by somebody else" if result.locked else ""
    return f"{_DONE[control]} at {result.junctions} junction{'s' * (result.junctions != 1)}{end}{locked}"


async def _ask(folder: Path, request: SwitchRequest) -> SwitchResult:
    """`request` at the city's present time."""
    declarations = load_catalogue(folder if folder.is_dir() else None)
    async with running_bus(folder, declarations) as bus:
        hub = Hub(declarations, LibraryClient(bus), bus.publish, bus)
        now = await hub.read(person(), Purpose.OPERATE, Query("SELECT max(time) AS time FROM traffic.tick"))
        time = now.column("time")[0].as_py()
        if time is None:
            raise NotRunning("the city's clock does not tick yet; try again in a moment")
        request = msgspec.structs.replace(request, requested_ms=to_ms(time))
        result = await hub.request(person(), request, timeout_s=ANSWER_S)
    if result is None:
        raise NotRunning("the street does not answer; the request stands and counts when it is back")
    return result

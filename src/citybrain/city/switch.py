"""`citybrain switch`: a person gives an area to the brain or back to its own plans."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from rich.console import Console

from citybrain.city.connect import running_bus
from citybrain.city.errors import NotRunning
from citybrain.city.locate import locate
from citybrain.city.query import person
from citybrain.city.settings import SettingsError
from citybrain.hub import Hub, HubRefused, Purpose, Query, SwitchResult, load_catalogue
from citybrain.library import LibraryClient
from citybrain.model import Control, SwitchRequest, from_ms, parse_time, to_ms

_WORDS = {"on": Control.BRAIN, "off": Control.OWN_PLAN}
_REASONS = {
    "unknown_area": "no such area; citybrain query 'SELECT area, name FROM road.area' lists them",
    "not_controllable": "none of its junctions can be controlled by the brain",
}
ANSWER_S = 10.0


def run_switch(
    control: str, who: str, why: str, area: str, until: str | None, city: str | None, data: Path
) -> None:
    """Ask for it and say what the guard answered. Raises HubRefused when it refuses."""
    if control not in _WORDS:
        raise SettingsError(f"{control!r}: write on (the brain decides) or off (own plans)")
    try:
        until_ms = None if until is None else to_ms(parse_time(until))
    except ValueError as e:
        raise SettingsError(f"--until {until!r}: {e}") from None
    result = asyncio.run(_ask(locate(city, data).data, _WORDS[control], who, why, area, until_ms))
    if not result.accepted:
        raise HubRefused(f"the guard refuses {area!r}: {_REASONS.get(result.reason, result.reason)}")
    end = "" if result.until_ms is None else f" until {from_ms(result.until_ms).isoformat()}"
    decides = "the brain decides" if result.control is Control.BRAIN else "own plans run"
    Console(highlight=False).print(f"{area}: {decides} at {result.junctions} junctions{end}", markup=False)


async def _ask(
    folder: Path, control: Control, who: str, why: str, area: str, until_ms: int | None
) -> SwitchResult:
    declarations = load_catalogue(folder if folder.is_dir() else None)
    async with running_bus(folder, declarations) as bus:
        hub = Hub(declarations, LibraryClient(bus), bus.publish, bus)
        now = await hub.read(person(), Purpose.OPERATE, Query("SELECT max(time) AS time FROM traffic.tick"))
        time = now.column("time")[0].as_py()
        if time is None:
            raise NotRunning("the city's clock does not tick yet; try again in a moment")
        request = SwitchRequest(secrets.token_hex(8), area, control, who, why, to_ms(time), until_ms)
        result = await hub.request(person(), request, timeout_s=ANSWER_S)
    if result is None:
        raise NotRunning("the street does not answer; the request stands and counts when it is back")
    return result

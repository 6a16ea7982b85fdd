"""Day files of the default city: one day's demand as a SUMO route file, and its events."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from citybrain.model import to_ms
from citybrain.network.day import HOUR_MS, MATCH_ENDS_H, Day, draw_day
from citybrain.network.demand import Demand, Progress
from citybrain.network.event import CityEvent
from citybrain.network.netfile import read_rows
from citybrain.network.road_net import build_net
from citybrain.network.scenario import Scenario, midnight

DAY_S = 86_400
FORMAT = 2
_KEPT_DAYS = 3


class DayFile(Struct, frozen=True):
    """A day's routes and events."""

    routes: Path
    events: tuple[CityEvent, ...]


def silent(what: str, done: float) -> None:
    """No progress shown."""


def day_file(scenario: Scenario, day: date, number: int, progress: Progress = silent) -> DayFile:
    """The day file of `day`, the `number`-th day since the scenario's second 0; made where it is not there.

    Raises OSError, NetError.
    """
    folder = scenario.days
    if folder is None:
        raise ValueError(f"{scenario.name} has no generated days")
    demand = _demand(scenario.net_file)
    drawn = draw_day(day, scenario.seed, demand.busy_links())
    file = folder / f"day-{FORMAT}-{day.isoformat()}-seed{scenario.seed}-{number}.rou.xml"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        trips = demand.draw(drawn, scenario.seed)
        demand.write(trips, file, f"{day:%y%m%d}", number * DAY_S, progress)
        _forget_old(folder)
    return DayFile(file, events_of(drawn, to_ms(midnight(day, scenario.timezone))))


def events_of(day: Day, midnight_ms: int) -> tuple[CityEvent, ...]:
    """The events of a drawn day, with the day itself first."""
    name = f"{day.date}"

    def at(hour: float) -> int:
        return midnight_ms + round(hour * HOUR_MS)

    kind = ("weekend", "周末") if day.weekend else ("weekday", "工作日")
    events = [
        CityEvent(
            f"{name}/day",
            "day",
            midnight_ms,
            at(24.0),
            None,
            f"{kind[0]}, demand {day.factor:.2f} of usual / {kind[1]}，需求为平常的 {day.factor:.2f}",
        )
    ]
    for i, rain in enumerate(day.rain):
        percent = round(rain.strength * 100)
        text = f"rain, speeds at {percent} % / 降雨，车速降至 {percent}%"
        events.append(
            CityEvent(f"{name}/rain/{i}", "rain", at(rain.begin_h), at(rain.end_h), None, text, rain.strength)
        )
    for i, broken in enumerate(day.breakdowns):
        text = "a broken-down vehicle blocks a lane / 车辆故障占道"
        events.append(
            CityEvent(
                f"{name}/breakdown/{i}", "breakdown", at(broken.begin_h), at(broken.end_h), broken.link, text
            )
        )
    if day.match:
        text = "a match ends, visitors drive home / 赛事散场，观众驾车离开"
        events.append(
            CityEvent(f"{name}/stadium", "stadium", at(MATCH_ENDS_H), at(MATCH_ENDS_H + 1.0), None, text)
        )
    return tuple(events)


@lru_cache(maxsize=1)
def _demand(net_file: Path) -> Demand:
    rows = read_rows(net_file)
    return Demand(rows, build_net(rows, "", ""))


def _forget_old(folder: Path) -> None:
    """Keep the newest day files only: any other can be made again from its date and seed."""
    files = sorted(folder.glob("day-*.rou.xml"), key=lambda f: f.stat().st_mtime, reverse=True)
    for old in files[_KEPT_DAYS:]:
        old.unlink(missing_ok=True)

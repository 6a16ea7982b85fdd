"""How traffic fared in a run, from SUMO's own trip output alone.

Independent of everything that controls or estimates: the figures of this file are what all claims rest on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat

from msgspec import Struct


class ScoreError(ValueError):
    """Trip output that is missing or not what SUMO writes; one line."""


class Score(Struct, frozen=True):
    """All vehicles that should have departed by the end of the run; those still waiting to depart included."""

    vehicles: int
    arrived: int
    running: int
    undeparted: int
    delay_s: float
    """Sum over all vehicles of time lost on the way (SUMO's timeLoss: against driving freely) and of waiting to
    depart (departDelay), each up to the end of the run."""
    travel_s: float
    """Sum over all vehicles of time on the way and of waiting to depart."""
    teleports: int

    @property
    def mean_delay_s(self) -> float:
        """timeLoss + departDelay a scheduled vehicle, finished or not (the measure of RESCO's benchmark, here
        without leaving out those that have not finished)."""
        return self.delay_s / self.vehicles if self.vehicles else 0.0

    @property
    def mean_travel_s(self) -> float:
        return self.travel_s / self.vehicles if self.vehicles else 0.0


def read_score(outputs: Path) -> Score:
    """The score of a run from its `tripinfo.xml` (written with unfinished and undeparted vehicles) and
    `summary.xml`. Raises ScoreError."""
    count = {"arrived": 0, "running": 0, "undeparted": 0}
    sums = {"delay": 0.0, "travel": 0.0}

    def trip(attributes: dict[str, str]) -> None:
        wait_s = float(attributes["departDelay"])
        departed = float(attributes["depart"]) >= 0
        if not departed and wait_s <= 0:
            return  # Read ahead of its time: not scheduled before the end.
        arrived = float(attributes["arrival"]) >= 0
        count["arrived" if arrived else "running" if departed else "undeparted"] += 1
        sums["delay"] += wait_s + (float(attributes["timeLoss"]) if departed else 0.0)
        sums["travel"] += wait_s + (float(attributes["duration"]) if departed else 0.0)

    _scan(outputs / "tripinfo.xml", "tripinfo", trip)
    return Score(
        vehicles=sum(count.values()),
        delay_s=sums["delay"],
        travel_s=sums["travel"],
        teleports=_teleports(outputs / "summary.xml"),
        **count,
    )


def _teleports(file: Path) -> int:
    last = {"teleports": "0"}
    _scan(file, "step", last.update)
    return int(last["teleports"])


def _scan(file: Path, wanted: str, take: Callable[[dict[str, str]], object]) -> None:
    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == wanted:
            take(attributes)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    try:
        with file.open("rb") as stream:
            parser.ParseFile(stream)
    except OSError as e:
        raise ScoreError(f"{file}: cannot be read: {e.strerror}") from None
    except expat.ExpatError as e:
        raise ScoreError(f"{file}: broken XML at line {e.lineno}: the run did not end properly") from None
    except (KeyError, ValueError) as e:
        raise ScoreError(f"{file}: line {parser.CurrentLineNumber}: a value is missing or wrong: {e}") from None

"""What kind of day it is: how much traffic, rain, breakdowns, a stadium evening. Drawn from date and seed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
from msgspec import Struct

HOUR_MS = 3_600_000
MINUTES = 1440
WEEKDAY = (
    *(0.10, 0.06, 0.05, 0.05, 0.09, 0.25, 0.60, 0.95, 1.00, 0.78, 0.66, 0.65),
    *(0.68, 0.70, 0.78, 0.90, 1.00, 0.98, 0.80, 0.60, 0.45, 0.36, 0.28, 0.18),
)
WEEKEND = (
    *(0.18, 0.12, 0.08, 0.06, 0.06, 0.09, 0.15, 0.22, 0.35, 0.50, 0.60, 0.66),
    *(0.68, 0.66, 0.64, 0.63, 0.62, 0.60, 0.55, 0.47, 0.38, 0.30, 0.25, 0.20),
)
OF_WEEK = (0.97, 1.00, 1.00, 1.02, 1.03, 1.00, 0.85)
"""Demand by day of the week, Monday first, beside the shape of the day."""
MATCH_ENDS_H = 21.25


class Spell(Struct, frozen=True):
    """Something that lasts: hours of the day; `strength` is the share of the dry speed for rain."""

    begin_h: float
    end_h: float
    strength: float = 1.0
    link: str | None = None


class Day(Struct, frozen=True):
    """A day as drawn."""

    date: date
    weekend: bool
    factor: float
    """Demand of this day relative to the usual one of its kind."""
    rain: tuple[Spell, ...]
    breakdowns: tuple[Spell, ...]
    match: bool
    """A match ends in the evening and its visitors drive home."""

    def shape(self) -> npt.NDArray[np.float64]:
        """Demand in each minute of the day relative to the peak of a usual weekday, shape (1440,)."""
        hours = np.array(WEEKEND if self.weekend else WEEKDAY)
        middle = np.arange(-1, 25) + 0.5
        values = np.concatenate([hours[-1:], hours, hours[:1]])
        at = (np.arange(MINUTES) + 0.5) / 60
        return np.asarray(np.interp(at, middle, values) * self.factor, np.float64)


def draw_day(day: date, seed: int, links: Sequence[str]) -> Day:
    """The day of that date and seed; breakdowns happen on one of `links`. The same arguments, the same day."""
    rng = np.random.default_rng((seed, day.toordinal()))
    weekend = day.weekday() >= 5
    factor = float(np.clip(rng.normal(1.0, 0.045), 0.9, 1.08)) * OF_WEEK[day.weekday()]
    spells = int(rng.integers(1, 3)) if rng.random() < 0.3 else 0
    rain = tuple(_spell(rng, (5.0, 20.0), (0.7, 4.0), (0.85, 0.94)) for _ in range(spells))
    count = min(int(rng.poisson(0.6 if weekend else 1.6)), 4)
    broken = tuple(
        Spell(s.begin_h, s.end_h, 1.0, links[int(rng.integers(len(links)))])
        for s in [_spell(rng, (7.2, 19.0), (0.12, 0.35), (1.0, 1.0)) for _ in range(count)]
        if links
    )
    match = bool(day.weekday() in (2, 5) and rng.random() < 0.4)
    return Day(day, weekend, round(factor, 3), rain, broken, match)


def _spell(
    rng: np.random.Generator,
    begin: tuple[float, float],
    length: tuple[float, float],
    strength: tuple[float, float],
) -> Spell:
    start = float(rng.uniform(*begin))
    end = min(start + float(rng.uniform(*length)), 23.9)
    return Spell(round(start, 2), round(end, 2), round(float(rng.uniform(*strength)), 2))

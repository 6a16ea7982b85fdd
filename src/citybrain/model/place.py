"""Places: points, areas and how a network's plane coordinates reach the map."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt
from msgspec import Struct


class Level(StrEnum):
    """Levels of area, each inside the one before."""

    CITY = "city"
    DISTRICT = "district"
    STREET = "street"
    JUNCTION = "junction"


class Area(Struct, frozen=True):
    """An area of the city. `id` is unique over all levels; the city's parent is None."""

    id: str
    level: Level
    name_en: str
    name_zh: str
    parent: str | None = None


Point = tuple[float, float]
"""x, y in metres of the network's plane."""


class MapProjection(Struct, frozen=True):
    """From the network's plane (metres) to Web Mercator in the unit square (EPSG:3857, y down).

    A quadratic in ((x - x0) / scale, (y - y0) / scale), fitted to the true projection: terms 1, u, v, u², uv,
    v². `error_m` is its greatest error over the network. `crs` names the true one ("local" where the network has
    no georeference: it then lies at longitude 0, latitude 0).
    """

    crs: str
    x0: float
    y0: float
    scale: float
    to_x: tuple[float, ...]
    to_y: tuple[float, ...]
    error_m: float

    def mercator(self, xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Unit-square Web Mercator of points, shapes (n, 2) → (n, 2)."""
        u = (xy[:, 0] - self.x0) / self.scale
        v = (xy[:, 1] - self.y0) / self.scale
        terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v])
        return np.stack([np.asarray(self.to_x) @ terms, np.asarray(self.to_y) @ terms], axis=1)

    def lonlat(self, xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """WGS 84 longitude, latitude in degrees of points, shapes (n, 2) → (n, 2)."""
        m = self.mercator(xy)
        lon = m[:, 0] * 360.0 - 180.0
        lat = np.degrees(np.arctan(np.sinh(np.pi * (1.0 - 2.0 * m[:, 1]))))
        return np.stack([lon, lat], axis=1)

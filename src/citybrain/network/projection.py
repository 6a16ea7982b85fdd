"""Fits the map projection of a network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from citybrain.model import MapProjection
from citybrain.network.netfile import NetRows

_EARTH_M = 40_075_016.686
"""Equator of the WGS 84 ellipsoid: the side of EPSG:3857's square."""
_GRID = 24


def fit_projection(rows: NetRows, bounds: tuple[float, float, float, float]) -> MapProjection:
    """The projection from the network's plane to Web Mercator over `bounds` (x min, y min, x max, y max, metres).

    A quadratic least-squares fit to the true projection on a grid over the bounds. A network without a
    georeference lies at longitude 0, latitude 0, true to scale ("local").
    """
    x0, y0 = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    scale = max(bounds[2] - bounds[0], bounds[3] - bounds[1], 1.0) / 2
    grid = np.linspace(-1.05, 1.05, _GRID)
    u, v = (a.ravel() for a in np.meshgrid(grid, grid))
    plane = np.stack([u * scale + x0, v * scale + y0], axis=1)
    crs, square = _to_square(rows, plane, (x0, y0))
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=1)
    fit, *_ = np.linalg.lstsq(terms, square, rcond=None)
    cos_lat = 1.0 / np.cosh(np.pi * (1.0 - 2.0 * square[:, 1]))
    error = np.linalg.norm(terms @ fit - square, axis=1) * _EARTH_M * cos_lat
    return MapProjection(
        crs,
        x0,
        y0,
        scale,
        tuple(float(t) for t in fit[:, 0]),
        tuple(float(t) for t in fit[:, 1]),
        float(error.max()),
    )


def _to_square(
    rows: NetRows, plane: npt.NDArray[np.float64], centre: tuple[float, float]
) -> tuple[str, npt.NDArray[np.float64]]:
    """The projection's name and the unit-square Web Mercator (y down) of points of the plane."""
    if rows.projection not in ("!", "-", "."):
        try:
            source = CRS.from_user_input(rows.projection)
            lon, lat = Transformer.from_crs(source, "EPSG:4326", always_xy=True).transform(
                plane[:, 0] - rows.offset[0], plane[:, 1] - rows.offset[1]
            )
        except CRSError:
            return _local(plane, centre)
        if np.isfinite(lon).all() and np.isfinite(lat).all() and np.abs(lat).max() < 85.0:
            y = (1.0 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2.0
            return rows.projection, np.stack([lon / 360.0 + 0.5, y], axis=1)
    return _local(plane, centre)


def _local(plane: npt.NDArray[np.float64], centre: tuple[float, float]) -> tuple[str, npt.NDArray[np.float64]]:
    x = 0.5 + (plane[:, 0] - centre[0]) / _EARTH_M
    y = 0.5 - (plane[:, 1] - centre[1]) / _EARTH_M
    return "local", np.stack([x, y], axis=1)

"""Areas: city, districts by place, streets by name, junctions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from citybrain.model import Area, Level

CITY = "city"
_COMPASS = (
    ("East", "东片"),
    ("North-East", "东北片"),
    ("North", "北片"),
    ("North-West", "西北片"),
    ("West", "西片"),
    ("South-West", "西南片"),
    ("South", "南片"),
    ("South-East", "东南片"),
)
_CENTRE = ("Centre", "中心片")


def districts(points: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """The district number (0 …) of each junction, shape (n, 2) → (n,): 1 for fewer than 4, else 2 to 6.

    Lloyd's k-means from farthest-point seeds: the same points give the same districts.
    """
    n = len(points)
    if n < 4:
        return np.zeros(n, dtype=np.intp)
    k = min(6, max(2, round(math.sqrt(n / 3))))
    seeds = [int(np.argmin(points.sum(axis=1)))]
    while len(seeds) < k:
        away = np.linalg.norm(points[:, None] - points[seeds][None], axis=2).min(axis=1)
        seeds.append(int(np.argmax(away)))
    centres = points[seeds]
    of = np.zeros(n, dtype=np.intp)
    for _ in range(50):
        of = np.argmin(np.linalg.norm(points[:, None] - centres[None], axis=2), axis=1)
        moved = np.array([points[of == i].mean(axis=0) if (of == i).any() else c for i, c in enumerate(centres)])
        if np.allclose(moved, centres):
            break
        centres = moved
    return np.unique(of, return_inverse=True)[1].astype(np.intp)


def build_areas(
    name: str,
    junctions: Sequence[tuple[str, str]],
    points: npt.NDArray[np.float64],
    streets: Mapping[str, Sequence[str]],
) -> tuple[tuple[Area, ...], dict[str, str]]:
    """The areas of a city and the district id of each junction.

    `junctions`: (id, name); `streets`: the street names at each. A street is an area where it has two junctions
    or more in one district.
    """
    of = districts(points)
    areas = [Area(CITY, Level.CITY, name, name)]
    names = _district_names(points, of)
    areas += [Area(f"district-{i + 1}", Level.DISTRICT, en, zh, CITY) for i, (en, zh) in enumerate(names)]
    district = {j: f"district-{of[i] + 1}" for i, (j, _) in enumerate(junctions)}
    use = Counter((district[j], s) for j, _ in junctions for s in set(streets.get(j, ())))
    ids: dict[tuple[str, str], str] = {}
    below = []
    for j, title in junctions:
        mine = [(use[district[j], s], s) for s in streets.get(j, ()) if use[district[j], s] > 1]
        parent = district[j]
        if mine:
            street = max(mine, key=lambda c: (c[0], c[1]))[1]
            key = (district[j], street)
            if key not in ids:
                ids[key] = f"street-{len(ids) + 1}"
                areas.append(Area(ids[key], Level.STREET, street, street, district[j]))
            parent = ids[key]
        below.append(Area(j, Level.JUNCTION, title, title, parent))
    return (*areas, *below), district


def _district_names(points: npt.NDArray[np.float64], of: npt.NDArray[np.intp]) -> list[tuple[str, str]]:
    if not len(points):
        return []
    middle = points.mean(axis=0)
    radius = max(float(np.linalg.norm(points - middle, axis=1).max()), 1.0)
    found: list[tuple[str, str]] = []
    for i in range(int(of.max()) + 1):
        x, y = points[of == i].mean(axis=0) - middle
        if math.hypot(x, y) < 0.2 * radius:
            name = _CENTRE
        else:
            name = _COMPASS[round(math.atan2(y, x) / (math.pi / 4)) % 8]
        again = sum(1 for other in found if other[0].split(" ")[0] == name[0])
        found.append((f"{name[0]} {again + 1}", f"{name[1]}{again + 1}") if again else name)
    return found

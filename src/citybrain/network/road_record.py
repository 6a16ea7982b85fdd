"""The rows of the road registers: what the city's catalogue knows of its network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from citybrain.model import Batch, Junction, Point, RoadNet
from citybrain.network.schema import schema_of


def road_records(net: RoadNet) -> list[Batch]:
    """One batch each of `road.area`, `road.link`, `road.junction` and `road.movement`; ids by the net's digest."""
    rows: dict[str, list[tuple[Any, ...]]] = {
        "road.area": [
            (a.id, a.level.value, _json({"en": a.name_en, "zh": a.name_zh}), a.parent) for a in net.areas
        ],
        "road.link": [
            (k.id, k.name, len(k.lanes), k.length_m, k.speed_mps, _line(net, k.shape)) for k in net.links
        ],
        "road.junction": [_junction(net, j) for j in net.junctions],
        "road.movement": [
            (m.id, j.id, m.from_link, m.to_link, m.turn, _json(m.zones))
            for j in net.junctions
            for m in j.movements
        ],
    }
    return [Batch(name, f"{name}/{net.digest}", _rows(name, table)) for name, table in rows.items()]


def _junction(net: RoadNet, j: Junction) -> tuple[Any, ...]:
    return (
        j.id,
        j.name,
        j.district,
        _json({"type": "Point", "coordinates": _lonlat(net, [j.point])[0]}),
        _json([s.lamps for s in j.stages]),
        msgspec.json.encode(j.plan).decode(),
        j.min_green_s,
        j.max_red_s,
        j.all_red_s,
        j.refused,
    )


def _rows(dataset: str, table: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
    schema = schema_of(dataset)
    columns: Iterable[Sequence[Any]] = list(zip(*table, strict=True)) or [()] * len(schema)
    return pa.RecordBatch.from_arrays(
        [pa.array(list(c), field.type) for c, field in zip(columns, schema, strict=True)], schema=schema
    )


def _line(net: RoadNet, shape: Sequence[Point]) -> str:
    return _json({"type": "LineString", "coordinates": _lonlat(net, shape)})


def _lonlat(net: RoadNet, points: Sequence[Point]) -> list[list[float]]:
    places: list[list[float]] = np.round(net.projection.lonlat(np.array(points, np.float64)), 7).tolist()
    return places


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

"""Cycles counted the slow way: from lists of rows, second by second, without arrays."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import Any

from citybrain.model import Batch, Movement, RoadNet, Tick

Row = dict[str, Any]


@dataclass
class Recorded:
    """What was known second by second: lamps of each junction, rows of each lane."""

    seconds: list[int] = field(default_factory=list)
    lamps: dict[tuple[str, int], str] = field(default_factory=dict)
    lanes: dict[tuple[str, int], Row] = field(default_factory=dict)
    arrivals: dict[str, list[int]] = field(default_factory=dict)


def recorded(ticks: Sequence[tuple[Tick, Sequence[Batch]]]) -> Recorded:
    """The rows by junction or lane and second; lamps hold until they change."""
    found, now = Recorded(), dict[str, str]()
    for tick, batches in ticks:
        second = tick.time_ms // 1000
        found.seconds.append(second)
        for batch in batches:
            for row in batch.rows.to_pylist():
                if batch.dataset == "traffic.signal_state":
                    now[row["junction"]] = row["lamps"]
                elif batch.dataset == "traffic.lane_reading":
                    found.lanes[row["zone"], second] = row
        found.lamps |= {(j, second): word for j, word in now.items()}
    return found


def cycles(net: RoadNet, seen: Recorded) -> list[Row]:
    """Every whole cycle that ended at least five seconds before the end of the record."""
    found = []
    for junction in net.junctions:
        users: dict[str, list[Movement]] = defaultdict(list)
        for m in junction.movements:
            for zone in m.zones:
                users[zone].append(m)
        lines = {z.id: max(z.length_m / z.speed_mps, 0) for z in junction.zones}
        for m in junction.movements:
            if not m.always_green:
                shown = {s: _shown(seen.lamps.get((junction.id, s)), m) for s in seen.seconds}
                found += _of(junction.id, m, shown, users, lines, seen)
    return found


def _shown(lamps: str | None, m: Movement) -> str:
    return (
        "" if lamps is None else {"G": "green", "g": "green", "y": "yellow"}.get(lamps[m.signal_links[0]], "red")
    )


def _of(
    junction: str,
    m: Movement,
    shown: dict[int, str],
    users: dict[str, list[Movement]],
    ways: dict[str, float],
    seen: Recorded,
) -> list[Row]:
    reds = [s for s in shown if shown[s] == "red" and shown.get(s - 1) in ("green", "yellow")]
    return [
        _cycle(junction, m, shown, users, ways, seen, a, b) for a, b in pairwise(reds) if b + 5 <= seen.seconds[-1]
    ]


def _cycle(
    junction: str, m: Movement, shown: dict[int, str], users: dict[str, list[Movement]], ways: dict[str, float],
    seen: Recorded, begin: int, end: int,
) -> Row:  # fmt: skip
    inside = range(begin, end)
    green = next(s for s in inside if shown[s] == "green")
    yellow = next(s for s in range(green, end + 1) if shown[s] != "green")
    row: Row = {"movement": m.id, "begin": begin, "green": green, "yellow": yellow, "end": end}
    came: list[tuple[int, float]] = []
    volume = 0.0
    near, line = -1.0, (None, None)
    for zone in m.zones:
        waiting = [u for u in users[zone] if not u.always_green]
        came += [(s, 1 / len(waiting)) for s in _arrivals(zone, ways[zone], seen) if begin <= s < end]
        for s in inside:
            volume += _passed(junction, zone, m, users[zone], s, seen)
        used = [_in_use(zone, s, seen) for s in range(green, yellow)]
        red = takewhile(lambda s: shown[s] == "red", range(end, end + 5))
        after = [seen.lanes[zone, s]["stop_occupied"] for s in red]
        ratio = sum(used) / len(used), sum(after) / len(after)
        if min(ratio) >= near:
            near, line = min(ratio), ratio
    row["offsets"] = sorted(s - begin for s, _ in came)
    row["arrivals"] = sum(w for _, w in came)
    row["on_green"] = sum(w for s, w in came if shown[s] == "green")
    row["delay"] = sum(
        w * (next(g for g in range(s, end) if shown[g] == "green") - s) for s, w in came if shown[s] == "red"
    )
    row["volume"], row["line"] = volume, line
    return row


def _arrivals(zone: str, way_s: float, seen: Recorded) -> list[int]:
    if zone in seen.arrivals:
        return seen.arrivals[zone]
    found = seen.arrivals[zone] = []
    for s in seen.seconds:
        row = seen.lanes.get((zone, s))
        n = row["entered"] if row else 0
        for k in range(n):
            early = math.floor(row["period_s"] * 1000 * (k + 0.5) / n)
            found.append(max(math.ceil((s * 1000 + round(way_s * 1000) - early) / 1000), s))
    return found


def _passed(junction: str, zone: str, m: Movement, users: list[Movement], s: int, seen: Recorded) -> float:
    row = seen.lanes.get((zone, s))
    n = row["passed"] if row else 0
    for colour in ("green", "yellow", "red"):
        waiting = [u for u in users if not u.always_green]
        having = [u for u in waiting if _shown(seen.lamps[junction, s], u) == colour]
        if colour == "red" and any(u.always_green for u in users):
            return 0.0
        if having:
            return n / len(having) if m in having else 0.0
    return 0.0


def _in_use(zone: str, s: int, seen: Recorded) -> bool:
    rows = [seen.lanes.get((zone, t)) for t in (s, s - 1)]
    return bool(rows[0] and rows[0]["stop_occupied"]) or any(r and r["passed"] > 0 for r in rows)

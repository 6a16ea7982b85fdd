"""The city as the page knows it: the latest of every record that it follows, in memory.

So the page shows what it has, with its age, also while the library is away.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

import pyarrow as pa
from msgspec import Struct

from citybrain.cockpit.decision import DecisionLog
from citybrain.cockpit.holder import Held, in_force
from citybrain.cockpit.message import (
    ControlMessage,
    HappeningMessage,
    Hello,
    Message,
    RefusalMessage,
    ScoreMessage,
    SeenMessage,
    SlowMessage,
    SwitchMessage,
)
from citybrain.cockpit.record import (
    Detector,
    Happening,
    JunctionNow,
    Order,
    Queue,
    Refusal,
    Score,
    Seen,
    Signal,
    Slow,
    Switch,
)
from citybrain.model import Batch, Junction, RoadNet

SCORES_KEPT = 2160
"""Six hours at one a city each 10 s."""
SCORES_FIRST = 120
"""Twenty minutes: what a page gets at once; the rest it asks for."""
SLOW_SHARE = 0.5
"""A link counts as slow below this share of the allowed speed."""
SLOW_PROBES = 2
LINES_KEPT = 200
UNMEANT = frozenset({"died", "restarted"})
"""States of a process that the ticker tells."""

CADENCE_S: dict[str, float | None] = {
    "sim.vehicle": 1.0,
    "sim.score": 10.0,
    "traffic.signal_state": 10.0,
    "traffic.movement_queue": 1.0,
    "traffic.signal_order": 1.0,
    "traffic.link_speed": 60.0,
    "traffic.detector_health": 600.0,
    "traffic.order_refusal": None,
    "traffic.switch_request": None,
    "traffic.switch_result": None,
    "sim.event": None,
    "city.process": None,
}
"""The datasets that the page follows, with the cadence that each promises."""

_KEYED = frozenset({"sim.event", "city.process", "traffic.switch_request", "traffic.switch_result"})
"""Few records, each with its own key: past and live ones lie side by side."""

_MAY_BE_NONE = frozenset({"until", "stage"})

Row = dict[str, Any]
T = TypeVar("T", bound=Struct)
Clock = Callable[[], float]


class Newest:
    """The newest row of each key of a dataset with many rows a second: batches are kept, rows read on demand."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._at: dict[str, tuple[pa.RecordBatch, int]] = {}

    def add(self, rows: pa.RecordBatch) -> None:
        keys = rows.column(self._key).to_pylist()
        self._at.update((k, (rows, i)) for i, k in enumerate(keys))

    def get(self, key: str) -> Row | None:
        found = self._at.get(key)
        if found is None:
            return None
        rows, i = found
        row: Row = rows.slice(i, 1).to_pylist()[0]
        return row


class LiveCity:
    """Takes batches, answers with the messages that they mean for the page. One thread, no I/O."""

    def __init__(self, net: RoadNet, zone: str = "UTC", now_s: Clock = time.monotonic) -> None:
        self._net = net
        self._zone = zone
        self._now_s = now_s
        self._junctions = {j.id: j for j in net.junctions}
        self._scores: dict[str, deque[Score]] = {c: deque(maxlen=SCORES_KEPT) for c in ("live", "shadow")}
        self._links: dict[str, Row] = {}
        self._signals: dict[str, Signal] = {}
        self._queues = Newest("movement")
        self._orders = Newest("junction")
        self.decisions = DecisionLog()
        self._detectors = Newest("zone")
        self._refusals: deque[Refusal] = deque(maxlen=LINES_KEPT)
        self._happenings: dict[str, Happening] = {}
        self._switches: dict[str, Switch] = {}
        self._seen: dict[str, tuple[int, float]] = {}
        self.time_ms: int | None = None
        self._take: dict[str, Callable[[pa.RecordBatch], list[Message]]] = {
            "sim.score": self._take_scores,
            "traffic.link_speed": self._take_links,
            "traffic.signal_state": self._take_signals,
            "traffic.movement_queue": self._take_queues,
            "traffic.signal_order": self._take_orders,
            "traffic.detector_health": self._take_detectors,
            "traffic.order_refusal": self._take_refusals,
            "traffic.switch_request": self._take_requests,
            "traffic.switch_result": self._take_results,
            "sim.event": self._take_events,
            "city.process": self._take_processes,
        }

    def apply(self, batch: Batch) -> list[Message]:
        """Take a batch in. Datasets that the page does not follow are passed over."""
        take = self._take.get(batch.dataset)
        if take is None or batch.rows.num_rows == 0:
            return []
        self.saw(batch.dataset, max(batch.rows.column("time").cast(pa.int64()).to_pylist()))
        return take(batch.rows)

    def remember(self, batch: Batch) -> None:
        """Take in a batch of the past, read from the library: it never outdoes what has come live."""
        if batch.dataset == "sim.score":
            for city, kept in self._scores.items():
                first = kept[0].time if kept else None
                old = [s for s in _scores(batch.rows) if s.city == city and (first is None or s.time < first)]
                kept.extendleft(old[::-1][: SCORES_KEPT - len(kept)])
        elif batch.dataset == "traffic.order_refusal":
            old_ones = [r for r in _refusals(batch.rows) if r not in self._refusals]
            self._refusals.extendleft(old_ones[::-1][: LINES_KEPT - len(self._refusals)])
        elif batch.dataset in _KEYED or batch.dataset not in self._seen:
            self._take[batch.dataset](batch.rows)

    def saw(self, dataset: str, time_ms: int) -> None:
        """A record of that city time has come. A run that went back in time sets the city's clock back."""
        self._seen[dataset] = (time_ms, self._now_s())
        if dataset == "sim.vehicle" or self.time_ms is None or "sim.vehicle" not in self._seen:
            self.time_ms = time_ms

    def seen(self) -> tuple[Seen, ...]:
        now = self._now_s()
        return tuple(
            Seen(dataset, at, round(now - when, 1), CADENCE_S.get(dataset))
            for dataset, (at, when) in sorted(self._seen.items())
        )

    def fresh(self) -> bool:
        """Whether something is seen, and nothing that has a cadence is older than three of them (5 s at least)."""
        seen = self.seen()
        return bool(seen) and all(s.age_s <= max(5.0, 3 * s.cadence_s) for s in seen if s.cadence_s)

    def hello(self) -> Hello:
        """All that a page needs to begin."""
        return Hello(
            city=self._net.name,
            zone=self._zone,
            time=self.time_ms,
            scores=(*self.scores("live")[-SCORES_FIRST:], *self.scores("shadow")[-SCORES_FIRST:]),
            slow=self._slow(),
            control={s.junction: s.control for s in self._signals.values()},
            happenings=tuple(sorted(self._happenings.values(), key=lambda h: h.time)[-60:]),
            refusals=tuple(self._refusals)[-60:],
            switches=self.switches(),
            seen=self.seen(),
        )

    def tick(self) -> SeenMessage:
        return SeenMessage(self.time_ms, self.seen())

    def scores(self, city: str) -> tuple[Score, ...]:
        """Scores of `live` or `shadow`, oldest first."""
        return tuple(self._scores[city])

    def refusals(self, junction: str) -> tuple[Refusal, ...]:
        return tuple(r for r in self._refusals if r.junction == junction)

    def switches(self) -> tuple[Switch, ...]:
        """Switches, oldest first."""
        return tuple(sorted(self._switches.values(), key=lambda s: s.time))

    def junction(self, junction_id: str) -> JunctionNow:
        """What a junction does now. Raises KeyError."""
        junction = self._junctions[junction_id]
        order = self._orders.get(junction_id)
        queues = (self._queues.get(m.id) for m in junction.movements)
        signal = self._signals.get(junction_id)
        held = self._held(junction, signal)
        return JunctionNow(
            id=junction_id,
            time=self.time_ms or 0,
            signal=signal,
            order=None if order is None else _plainly(Order, order),
            queues=tuple(_plainly(Queue, q) for q in queues if q is not None),
            switch=held.top,
            below=held.below,
            decisions=self.decisions.of(junction_id),
            detectors=tuple(
                _plainly(Detector, row) for z in junction.zones if (row := self._detectors.get(z.id)) is not None
            ),
        )

    def _held(self, junction: Junction, signal: Signal | None) -> Held:
        areas = frozenset({junction.id, junction.district} | {a.id for a in self._net.areas if a.level == "city"})
        return in_force(self.switches(), areas, self.time_ms or 0, None if signal is None else signal.control)

    def _slow(self) -> tuple[Slow, ...]:
        return tuple(
            Slow(link, row["speed_mps"], row["free_speed_mps"], row["probes"])
            for link, row in self._links.items()
            if row["probes"] >= SLOW_PROBES and row["speed_mps"] < SLOW_SHARE * row["free_speed_mps"]
        )

    def _take_scores(self, rows: pa.RecordBatch) -> list[Message]:
        new = []
        for score in _scores(rows):
            kept = self._scores.get(score.city)
            if kept is None:
                continue
            while kept and kept[-1].time >= score.time:
                kept.pop()  # a restored city writes its minutes anew
            kept.append(score)
            new.append(score)
        return [ScoreMessage(tuple(new))]

    def _take_links(self, rows: pa.RecordBatch) -> list[Message]:
        taken = _rows(rows)
        newest = max(row["time"] for row in taken)
        self._links.update((row["link"], row) for row in taken)
        self._links = {k: r for k, r in self._links.items() if abs(newest - r["time"]) < 180_000}
        return [SlowMessage(self._slow())]

    def _take_signals(self, rows: pa.RecordBatch) -> list[Message]:
        changed = {}
        for row in _rows(rows):
            signal = Signal(**{name: row[name] for name in Signal.__struct_fields__})
            before = self._signals.get(signal.junction)
            if before is None or before.control != signal.control:
                changed[signal.junction] = signal.control
            self._signals[signal.junction] = signal
        return [ControlMessage(changed)] if changed else []

    def _take_queues(self, rows: pa.RecordBatch) -> list[Message]:
        self._queues.add(rows)
        return []

    def _take_orders(self, rows: pa.RecordBatch) -> list[Message]:
        self._orders.add(rows)
        self.decisions.take(rows)
        return []

    def _take_detectors(self, rows: pa.RecordBatch) -> list[Message]:
        self._detectors.add(rows)
        return []

    def _take_refusals(self, rows: pa.RecordBatch) -> list[Message]:
        new = tuple(_refusals(rows))
        self._refusals.extend(new)
        return [RefusalMessage(new)]

    def _take_requests(self, rows: pa.RecordBatch) -> list[Message]:
        names = ("request", "time", "area", "control", "who", "why", "until", "stage", "lock", "force")
        return self._add_switches(_rows(rows), names)

    def _take_results(self, rows: pa.RecordBatch) -> list[Message]:
        names = ("request", "area", "control", "until", "accepted", "reason", "junctions", "locked")
        return self._add_switches(_rows(rows), names)

    def _add_switches(self, rows: list[Row], names: tuple[str, ...]) -> list[Message]:
        new = []
        for row in rows:
            before = self._switches.get(row["request"])
            blank = Switch(row["request"], row["time"], row["area"], row["control"])
            known = {f: getattr(before or blank, f) for f in Switch.__struct_fields__}
            told = {name: row.get(name) for name in names}
            switch = Switch(**(known | {n: v for n, v in told.items() if v is not None or n in _MAY_BE_NONE}))
            self._switches[switch.request] = switch
            new.append(switch)
        _keep_newest(self._switches, LINES_KEPT)
        return [SwitchMessage(tuple(new))]

    def _take_events(self, rows: pa.RecordBatch) -> list[Message]:
        return self._add_happenings(
            Happening(r["event"], r["time"], r["kind"], r["link"] or "", "", r["detail"], r["until"])
            for r in _rows(rows)
        )

    def _take_processes(self, rows: pa.RecordBatch) -> list[Message]:
        """Only what was not meant to happen: that processes start and stop with the city is no event."""
        told = [r for r in _rows(rows) if r["state"] in UNMEANT]
        if not told:
            return []
        return self._add_happenings(
            Happening(
                f"{r['process']}/{r['time']}/{r['state']}",
                r["time"],
                "process",
                r["process"],
                r["state"],
                r["detail"],
            )
            for r in told
        )

    def _add_happenings(self, happenings: Iterable[Happening]) -> list[Message]:
        new = tuple(happenings)
        self._happenings.update((h.id, h) for h in new)
        _keep_newest(self._happenings, LINES_KEPT)
        return [HappeningMessage(new)]


def _keep_newest(kept: dict[str, Any], most: int) -> None:
    for old in list(islice(kept, max(0, len(kept) - most))):
        del kept[old]


def _rows(rows: pa.RecordBatch) -> list[Row]:
    """Rows with times as milliseconds since 1970 UTC."""
    columns = {
        field.name: (column.cast(pa.int64()) if pa.types.is_timestamp(field.type) else column).to_pylist()
        for field, column in zip(rows.schema, rows.columns, strict=True)
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _scores(rows: pa.RecordBatch) -> list[Score]:
    return [Score(**{name: row[name] for name in Score.__struct_fields__}) for row in _rows(rows)]


def _refusals(rows: pa.RecordBatch) -> list[Refusal]:
    return [Refusal(**{name: row[name] for name in Refusal.__struct_fields__}) for row in _rows(rows)]


def _plainly(kind: type[T], row: Row) -> T:
    """A row as a record, times as milliseconds since 1970 UTC."""
    return kind(**{name: _plain(row[name]) for name in kind.__struct_fields__})


def _plain(value: Any) -> Any:
    return round(value.timestamp() * 1000) if hasattr(value, "timestamp") else value

"""Faults of detectors in the field: some are out, some stuck, all are late, and cameras miscount."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from citybrain.model import Zone, from_bytes, to_bytes
from citybrain.network.lane_detectors import CAMERA, STOP_LINE, UPSTREAM, Numbers
from citybrain.network.lane_fusion import LaneFusion, capacity_veh
from citybrain.network.schema import declared

OUT_SHARE = 0.10
STUCK_SHARE = 0.02
SPELL_MS = 10 * 60_000
"""A detector that is out or stuck is so for this long. Each has its own beat: they do not fail together."""
MISCOUNT_SHARE = 0.05
"""Half of them are missed, half counted twice: the mean is right."""
LAPSE_MS = 10_000
"""A camera that misses a vehicle or takes it for two does so for this long: what hides a vehicle from it (a lorry
in front, a shadow, a queue that touches) stays for seconds. Noise that is new each second would cancel out in any
filter and flatter it; noise that lasts for the whole stay would hide a lone vehicle for good: no camera does."""
LATENCIES_S = (1, 2, 3)
"""One for each detector, for good: a chain of camera, computer and line has its own delay."""
_READ = "traffic.lane_reading"
_COUNTS = ("count", "halted", "entered", "passed")
_FLAGS = ("stop_occupied", "upstream_occupied")
_KINDS = _FROZEN, _OCCUPIED, _EMPTY = 0, 1, 2
_HOLDS = (*_COUNTS, "mean_speed_mps", *_FLAGS)
_SAYS = {
    CAMERA: ("count", "halted", "mean_speed_mps"),
    UPSTREAM: ("entered", "upstream_occupied"),
    STOP_LINE: ("passed", "stop_occupied"),
}
_WORD = np.uint64(0xFFFFFFFF)

_Ints = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]
_Columns = dict[str, npt.NDArray[Any]]


class Late(Struct):
    """Readings on their way: when they arrive, and the rows as an Arrow stream."""

    arrives_ms: int
    rows: bytes


class Held(Struct):
    """What a frozen detector repeats in its spell; the numbers in the order of `_SAYS`, speed NaN when empty."""

    spell: int
    numbers: list[float]


class FaultMemory(Struct):
    """What the faults remember over a restart; of each lane what `LaneFusion` keeps."""

    late: list[Late]
    held: dict[int, Held]
    fused: list[list[float]] = []


class Miscounts:
    """How many vehicles a detector takes those for that are there: each for none, one or two.

    It follows from seed, zone, detector, vehicle and city time alone.
    """

    def __init__(self, seed: int, zones: Sequence[Zone]) -> None:
        names = ("", ":upstream", ":stop")
        self._salt = np.array(
            [[zlib.crc32(f"{seed}:{z.id}{n}".encode()) for z in zones] for n in names], np.uint64
        )

    def numbers(
        self, zones: Sequence[int], vehicles: Sequence[Collection[str]], detector: int, time_ms: int
    ) -> _Ints:
        """How many that detector of each of `zones` (places among all) sees of the vehicles there, shape (n,)."""
        each = np.fromiter(map(len, vehicles), np.int64, len(zones))
        crc = np.fromiter(map(_crc, chain.from_iterable(vehicles)), np.uint64, int(each.sum()))
        name = _mixed(crc ^ np.repeat(self._salt[detector][np.asarray(zones, np.int64)], each))
        lapse = (np.uint64(time_ms) + name) // np.uint64(LAPSE_MS)
        draw = _mixed(name ^ (lapse * np.uint64(0x9E3779B1) & _WORD))
        edge = np.uint64(MISCOUNT_SHARE / 2 * int(_WORD))
        more = np.concatenate([[0], np.cumsum((draw < edge).astype(np.int64) - (draw > _WORD - edge))])
        ends = np.cumsum(each)
        found: _Ints = each + more[ends] - more[ends - each]
        return found


@lru_cache(maxsize=1 << 16)
def _crc(name: str) -> int:
    return zlib.crc32(name.encode())


class FieldFaults:
    """Takes a tenth of the detectors out at a time, lets a fiftieth of them be stuck, and delivers every reading
    late.

    A lane has three detectors, a camera and two loops, each out or stuck in spells of its own; the reading is made
    of those that work (`LaneFusion`). With too few of them it is zero with healthy = false. A detector that is
    stuck says that it is healthy, and repeats what it said last, is occupied (a camera: full and standing), or
    sees nobody. Which and when follows from seed, zone and city time alone, so that a run repeats. `time` of a
    reading is when it was measured.
    """

    def __init__(self, seed: int, zones: Sequence[Zone]) -> None:
        self.miscounts = Miscounts(seed, zones)
        self._capacity = capacity_veh(zones)
        names = [[f"{seed}/{z.id}{detector}" for z in zones] for detector in ("", "/upstream", "/stop")]
        self._salt = np.array([[zlib.crc32(n.encode()) for n in row] for row in names], np.uint64)
        one = np.ones(len(zones), np.int64)
        self._beat_ms = (_draw(self._salt, one) * SPELL_MS).astype(np.int64)
        choice = (_draw(self._salt[CAMERA], 2 * one) * len(LATENCIES_S)).astype(np.int64)
        self._latency_s = np.array(LATENCIES_S)[choice]
        self._late: list[tuple[int, pa.RecordBatch]] = []
        self._held: dict[int, Held] = {}
        self._fusion = LaneFusion(zones)

    def keep(self) -> FaultMemory:
        """What `start` needs to go on."""
        late = [Late(at, to_bytes(rows)) for at, rows in self._late]
        return FaultMemory(late, dict(self._held), self._fusion.keep())

    def start(self, memory: FaultMemory | None = None) -> None:
        """Begin anew, or with what `keep` gave."""
        kept = memory or FaultMemory([], {})
        self._late = [(late.arrives_ms, from_bytes(late.rows, declared(_READ))) for late in kept.late]
        self._held = dict(kept.held)
        self._fusion.start(kept.fused or None)

    def out(self, time_ms: int) -> _Flags:
        """Which detectors are out, shape (3, Z) in the order of `lane_detectors`."""
        found: _Flags = self._fate(time_ms) < OUT_SHARE
        return found

    def stuck(self, time_ms: int) -> _Flags:
        """Which detectors are stuck and do not say so, shape (3, Z)."""
        return _is_stuck(self._fate(time_ms))

    def deliver(self, rows: pa.RecordBatch | None, time_ms: int) -> pa.RecordBatch | None:
        """What arrives at `time_ms`, when `rows` of all zones are measured then, or nothing is (None)."""
        if rows is not None:
            wrong = self._wrong(rows, time_ms)
            for seconds in LATENCIES_S:
                some = wrong.filter(pa.array(self._latency_s == seconds))
                if some.num_rows:
                    self._late.append((time_ms + 1000 * seconds, some))
        due = [some for at, some in self._late if at <= time_ms]
        self._late = [(at, some) for at, some in self._late if at > time_ms]
        if not due:
            return None
        return pa.Table.from_batches(due).combine_chunks().to_batches()[0]

    def _fate(self, time_ms: int) -> npt.NDArray[np.float64]:
        """A number in [0, 1) for each detector, new with each of its spells, shape (3, Z)."""
        return _draw(self._salt, self._spell(time_ms) + 3)

    def _spell(self, time_ms: int) -> _Ints:
        return (time_ms + self._beat_ms) // SPELL_MS

    def _wrong(self, rows: pa.RecordBatch, time_ms: int) -> pa.RecordBatch:
        """The rows as detectors that are out or stuck give them."""
        fate, spell = self._fate(time_ms), self._spell(time_ms)
        columns: _Columns = {
            name: rows.column(name).to_numpy(zero_copy_only=False).astype(np.float64) for name in _HOLDS
        }
        for detector, names in _SAYS.items():
            at = np.flatnonzero(_is_stuck(fate[detector]))
            said = self._stuck([columns[name] for name in names], detector, at, fate[detector], spell[detector])
            for name, numbers in zip(names, said, strict=True):
                columns[name][at] = numbers
        flags = (columns[name] > 0.0 for name in _FLAGS)
        seen = Numbers(*(columns[name] for name in _HOLDS[: len(_COUNTS) + 1]), *flags)
        period_s = rows.column("period_s").to_numpy(zero_copy_only=False)
        works = self._fusion.fuse(seen, fate < OUT_SHARE, period_s)
        return self._told(rows, seen, works)

    @staticmethod
    def _told(rows: pa.RecordBatch, seen: Numbers, works: _Flags) -> pa.RecordBatch:
        changed = {name: rows.column(name) for name in rows.schema.names}
        healthy = works[CAMERA]
        counts = {"entered": works[UPSTREAM] | healthy, "passed": works[STOP_LINE] | healthy}
        for name in _COUNTS:
            changed[name] = pa.array(
                np.where(counts.get(name, healthy), getattr(seen, name), 0.0).astype(np.int64)
            )
        changed["stop_occupied"] = pa.array(seen.stop_occupied & (works[STOP_LINE] | healthy))
        changed["upstream_occupied"] = pa.array(seen.upstream_occupied & works[UPSTREAM])
        speed = seen.speed_mps
        changed["mean_speed_mps"] = pa.array(np.nan_to_num(speed), mask=np.isnan(speed) | ~healthy)
        changed["healthy"] = pa.array(healthy)
        changed["upstream_works"], changed["stop_works"] = pa.array(works[UPSTREAM]), pa.array(works[STOP_LINE])
        return pa.RecordBatch.from_arrays(list(changed.values()), schema=rows.schema)

    def _stuck(
        self,
        says: Sequence[npt.NDArray[np.float64]],
        detector: int,
        at: _Ints,
        fate: npt.NDArray[np.float64],
        spell: _Ints,
    ) -> npt.NDArray[np.float64]:
        """What stuck detectors of the lanes `at` say, in the order of `_SAYS` (k, n); `says`: what they would."""
        kind = ((fate[at] - OUT_SHARE) / STUCK_SHARE * len(_KINDS)).astype(np.int64)
        full = self._capacity[at]
        nobody = (0.0, 0.0, np.nan) if detector == CAMERA else (0.0, 0.0)
        taken = (full, full, 0.0 * full) if detector == CAMERA else (0.0 * full, 0.0 * full + 1.0)
        found = np.where(kind == _OCCUPIED, np.array(taken), np.array(nobody)[:, None])
        for k in np.flatnonzero(kind == _FROZEN).tolist():
            key, now = detector * len(self._capacity) + int(at[k]), int(spell[at[k]])
            held = self._held.get(key)
            if held is None or held.spell != now:
                held = self._held[key] = Held(now, [float(numbers[at[k]]) for numbers in says])
            found[:, k] = held.numbers
        return found


def _is_stuck(fate: npt.NDArray[np.float64]) -> _Flags:
    """Of detectors that have that fate."""
    found: _Flags = (fate >= OUT_SHARE) & (fate < OUT_SHARE + STUCK_SHARE)
    return found


def _mixed(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """32-bit numbers scattered over all 32-bit numbers (the finaliser of MurmurHash3, public domain)."""
    x = (x ^ x >> np.uint64(16)) * np.uint64(0x85EBCA6B) & _WORD
    x = (x ^ x >> np.uint64(13)) * np.uint64(0xC2B2AE35) & _WORD
    return x ^ x >> np.uint64(16)


def _draw(salt: npt.NDArray[np.uint64], what: _Ints) -> npt.NDArray[np.float64]:
    """Numbers in [0, 1), shapes (n,), (n,) → (n,) (the finaliser of SplitMix64, public domain)."""
    x = salt * np.uint64(0x9E3779B97F4A7C15) + what.astype(np.uint64) * np.uint64(0xD1B54A32D192ED03)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    drawn: npt.NDArray[np.float64] = (x ^ (x >> np.uint64(31))).astype(np.float64) / 2.0**64
    return drawn

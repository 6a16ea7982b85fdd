"""What speaks against a detector that says it works: sums over its readings that no street could make.

- `repeats`: the same reading to the last digit again and again, although by it vehicles move: farther than the
zone is long without anybody leaving, or with somebody entering or passing each time.
- `stands_in_green`: a standing queue in which nothing stirs, through more green than the slowest start would take
  (much more where it may have to give way), on a lane whose stop line no loop watches.
- `sees_nobody`: nothing at all, while by its usual share of what came on the lanes beside it (or, where there are
  none, to the junction) several vehicles should have come.
- `too_many`: more vehicles over the stop line than a lane can carry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from citybrain.brain.approach import Approaches
from citybrain.brain.ids import Places
from citybrain.brain.kept import Kept
from citybrain.brain.layout import Flags, Floats, Layout
from citybrain.brain.queue import Readings

SETTLED_MS = 4_000
"""From so long after its begin on, a green must show in what is measured: drivers start up."""
PATIENCE_S, PATIENCE_YIELDING_S = 10.0, 60.0
"""Such green without a stir before a queue is disbelieved; of a lane that may have to give way."""
REPEATED = 8
FARTHER = 1.5
"""Times the zone's length that vehicles may seem to go within it: speeds are means."""
NOBODY_VEH, LONGER, LONGEST_VEH = 8.0, 2.0, 12.0
"""Vehicles that should have come before nobody is disbelieved; and more by that factor than ever failed to come
before somebody came after all (at most so many are learnt): where traffic comes in bursts, the first false alarms
teach it."""
PEERS = 0.25
"""Lanes to compare with carry at least this part of what the lane itself does."""
EVIDENCE_VEH = 10.0
"""A lane on which fewer have been seen has no usual flow yet."""
BUSIEST_VPS, CALM_VPS = 1.0, 0.8
USUAL_S, BURST_S = 1800.0, 15.0
FORGET_S = 6 * 3600.0
_SAME = ("count", "halted", "entered", "passed", "speed_mps")

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What speaks against each of some detectors; `still_many`: not yet calm enough to be believed again."""

    repeats: Flags
    stands: Flags
    nobody: Flags
    too_many: Flags
    still_many: Flags


def start(zones: int) -> Arrays:
    """The sums before the first reading, shapes (Z,)."""
    names = ("moved_m", "repeated", "stood_s", "awaited_veh", "burst_vps", "usual_veh", "usual_s", "longest_veh")
    sums: Arrays = {name: np.zeros(zones) for name in names}
    return sums | {f"last_{name}": np.full(zones, -1.0) for name in _SAME}


def patience(layout: Layout) -> Floats:
    """Green without a stir that a queue may have, seconds, shape (Z,)."""
    found = np.full(len(layout.zones), PATIENCE_S)
    place = {z.id: at for at, z in enumerate(z for j in layout.net.junctions for z in j.zones)}
    for junction in layout.net.junctions:
        for movement in junction.movements:
            if any(stage.lamps[link] == "g" for stage in junction.stages for link in movement.signal_links):
                found[[place[zone] for zone in movement.zones if zone in place]] = PATIENCE_YIELDING_S
    return found


def lengths(layout: Layout) -> Floats:
    """Lengths of the zones in metres, shape (Z,)."""
    return np.array([z.length_m for j in layout.net.junctions for z in j.zones], np.float64)


@dataclass(frozen=True, slots=True)
class Expected:
    """Vehicles (n,) that should have come into lanes `zones` (n,) by what came elsewhere."""

    zones: Places
    vehicles: Floats


def expected(
    s: Kept, readings: Readings, approaches: Approaches, layout: Layout, heard: Flags, trusted: Flags
) -> Expected:
    """What should have come into the lanes that are heard while these came: by the usual flow of a lane against
    that of the other lanes of its approach that are trusted, or of its junction where those carry little. Nobody
    where its own is not known. Shapes (Z,)."""
    came = np.zeros(len(layout.zones))
    came[readings.zones] = readings.entered
    busy = np.zeros(len(layout.junctions), np.bool_)
    busy[layout.zone_junction[readings.zones[readings.entered > 0.0]]] = True
    at = np.flatnonzero(busy[layout.zone_junction] & heard & (s["usual_veh"] >= EVIDENCE_VEH))
    usual, peers = _usual(s, at), trusted[at]
    beside, enough = _for_one(approaches.link[at], usual, came[at], peers)
    around, some = _for_one(layout.zone_junction[at], usual, came[at], peers)
    return Expected(at, usual * np.where(enough, beside, np.where(some, around, 0.0)))


def _for_one(group: Places, usual: Floats, came: Floats, peers: Flags) -> tuple[Floats, Flags]:
    """Vehicles that came on the other lanes of the group for each veh/s that usually comes there, and whether
    those carry enough to be compared with."""
    size = int(group.max(initial=-1)) + 1
    usually, now = np.where(peers, usual, 0.0), np.where(peers, came, 0.0)
    others = np.bincount(group, usually, minlength=size)[group] - usually
    counted = np.bincount(group, now, minlength=size)[group] - now
    enough = others > np.maximum(PEERS * usual, 1e-6)
    return np.divide(counted, others, out=np.zeros_like(others), where=enough), enough


def _usual(s: Kept, at: Places) -> Floats:
    """Usual arrivals of lanes, veh/s."""
    usual: Floats = s["usual_veh"][at] / np.maximum(s["usual_s"][at], 1.0)
    return usual


def see(s: Kept, readings: Readings, should: Expected, late: Flags) -> Flags:
    """Add readings to the sums. `late`: green for longer than SETTLED_MS. Whether each says something new (n,)."""
    at, period = readings.zones, readings.period_s
    same = np.ones(len(at), np.bool_)
    for name in _SAME:
        value = getattr(readings, name)
        same &= s[f"last_{name}"][at] == value
        s.own(f"last_{name}")[at] = value
    crossing = readings.entered + readings.passed > 0.0
    quiet = same & ~crossing
    s.own("moved_m")[at] = np.where(quiet, s["moved_m"][at] + readings.speed_mps * period, 0.0)
    s.own("repeated")[at] = np.where(same & crossing, s["repeated"][at] + 1.0, 0.0)
    stood = s["stood_s"][at] + np.where(late & ~readings.line_works, period, 0.0)
    s.own("stood_s")[at] = np.where(quiet & (readings.halted > 0.0), stood, 0.0)
    somebody = at[crossing | (readings.count > 0.0)]
    waited = np.minimum(s["awaited_veh"][somebody], LONGEST_VEH)
    s.own("longest_veh")[at] *= np.exp(-period / FORGET_S)
    s.own("longest_veh")[somebody] = np.maximum(s["longest_veh"][somebody], waited)
    s.own("awaited_veh")[should.zones] += should.vehicles
    s.own("awaited_veh")[somebody] = 0.0
    fades = np.exp(-period / USUAL_S)
    s.own("usual_veh")[at] = s["usual_veh"][at] * fades + readings.entered
    s.own("usual_s")[at] = s["usual_s"][at] * fades + period
    weight = -np.expm1(-period / BURST_S)
    s.own("burst_vps")[at] += weight * (readings.passed / np.maximum(period, 1e-3) - s["burst_vps"][at])
    return ~same


def forgive(s: Kept, at: Places) -> None:
    """Let those detectors begin again to see nobody, with the longest patience."""
    s.own("awaited_veh")[at] = 0.0
    s.own("longest_veh")[at] = LONGEST_VEH


def verdicts(s: Kept, at: Places, patience_s: Floats, length_m: Floats) -> Verdicts:
    """What the sums say of the detectors `at`."""
    return Verdicts(
        (s["moved_m"][at] > FARTHER * length_m[at]) | (s["repeated"][at] >= REPEATED),
        s["stood_s"][at] >= patience_s[at],
        s["awaited_veh"][at] >= np.maximum(NOBODY_VEH, LONGER * s["longest_veh"][at]),
        s["burst_vps"][at] > BUSIEST_VPS,
        s["burst_vps"][at] > CALM_VPS,
    )

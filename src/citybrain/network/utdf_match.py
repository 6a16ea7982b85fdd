"""Joins the signals of a UTDF file with the junctions of a network, and its movements with theirs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from citybrain.model import Junction, Link, Movement, RoadNet
from citybrain.network.nema_plan import RingBarrier, RingError, RingPhase
from citybrain.network.utdf import HEADINGS, UtdfMove, UtdfSignal

NEAR_M = 40.0
"""A signal and a junction are the same when they lie no farther apart."""
MOST_PLACES = 2000
TRIED = 40
"""Shifts that are looked at, the most agreed on."""
LOOK_BACK_M = 20.0
"""An approach's heading is that of its last metres."""
TURN_AWAY_DEG = 60.0
Places = npt.NDArray[np.float64]
_LETTER = {"s": "T", "l": "L", "r": "R", "t": "U"}


class Match(Struct, frozen=True):
    """Signals by junction, and those that found none with the reason."""

    signals: Mapping[str, UtdfSignal]
    unmatched: Mapping[str, str]


def match(signals: Sequence[UtdfSignal], net: RoadNet, ids: Mapping[str, str]) -> Match:
    """The junction of each signal: as `ids` say (INTID → junction), by the same id, else by place.

    Synchro's plane is shifted against the network's by an unknown amount, and not turned: of all shifts the one
    that brings most signals within NEAR_M of a junction is taken, when at least two agree.
    """
    junctions = {j.id: j for j in net.junctions}
    found: dict[str, UtdfSignal] = {}
    unmatched: dict[str, str] = {}
    left = []
    for signal in signals:
        wanted = ids.get(signal.id, signal.id if signal.id in junctions else None)
        if wanted is None:
            left.append(signal)
        elif wanted not in junctions:
            unmatched[signal.id] = f"there is no junction {wanted}"
        elif wanted in found:
            unmatched[signal.id] = f"junction {wanted} is signal {found[wanted].id} already"
        else:
            found[wanted] = signal
    free = [j for j in net.junctions if j.id not in found]
    pairs = _by_place(left, free)
    for signal in left:
        if signal.id in pairs:
            found[pairs[signal.id]] = signal
        else:
            unmatched[signal.id] = "no junction lies where it lies: name it with --match"
    return Match(found, unmatched)


def _by_place(signals: Sequence[UtdfSignal], junctions: Sequence[Junction]) -> dict[str, str]:
    if len(signals) < 2 or len(junctions) < 2 or max(len(signals), len(junctions)) > MOST_PLACES:
        return {}
    there = np.array([j.point for j in junctions])
    here = np.array([(s.x_m, s.y_m) for s in signals])
    shifts = _shifts(here, there)
    near = [int((_nearest(here + shift, there)[1] <= NEAR_M).sum()) for shift in shifts]
    best = int(np.argmax(near))
    if near[best] < 2:
        return {}
    at, away = _nearest(here + shifts[best], there)
    same = away <= NEAR_M
    at, away = _nearest(here + np.median(there[at[same]] - here[same], axis=0), there)
    found: dict[str, str] = {}
    for signal, place, metres in sorted(zip(signals, at, away, strict=True), key=lambda f: float(f[2])):
        if metres <= NEAR_M and junctions[place].id not in found.values():
            found[signal.id] = junctions[place].id
    return found


def _shifts(here: Places, there: Places) -> Places:
    """The shifts from `here` to `there` that most pairs agree on, shapes (n, 2), (m, 2) → (TRIED, 2) at most.

    Every pair votes for its shift, on two grids of NEAR_M so that no cell's edge divides those that agree.
    """
    apart = (there[None, :, :] - here[:, None, :]).reshape(-1, 2)
    found = []
    for origin in (0.0, 0.5):
        _, cell, votes = np.unique(
            np.floor(apart / NEAR_M + origin).astype(np.int64), axis=0, return_inverse=True, return_counts=True
        )
        sums = np.stack([np.bincount(cell.ravel(), apart[:, k]) for k in (0, 1)], axis=1)
        most = np.argsort(-votes, kind="stable")[:TRIED]
        found.append(sums[most] / votes[most, None])
    return np.concatenate(found)


def _nearest(points: Places, there: Places) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    away = np.hypot(points[:, None, 0] - there[None, :, 0], points[:, None, 1] - there[None, :, 1])
    at = away.argmin(axis=1)
    return at, away[np.arange(len(points)), at]


def phase_lamps(signal: UtdfSignal, junction: Junction, links: Mapping[str, Link]) -> dict[int, str]:
    """For each phase the lamps that it gives the junction's links. Raises RingError in one line.

    Each approach of the junction is the UTDF approach whose direction of travel comes nearest. A turn without
    phases of its own goes with the straight movement beside it and gives way.
    """
    directions = _directions(signal, junction, links)
    lamps: dict[int, list[str]] = {}
    for movement in junction.movements:
        if movement.turn == "p":
            continue
        move = _move(signal, directions[movement.from_link], movement)
        for phases, letter in ((move.permitted, "g"), (move.protected, "G")):
            for phase in phases:
                row = lamps.setdefault(phase, ["r"] * junction.signal_links)
                for k in movement.signal_links:
                    row[k] = letter if row[k] != "G" else "G"
    return {phase: "".join(row) for phase, row in lamps.items()}


def with_walks(plan: RingBarrier, junction: Junction) -> RingBarrier:
    """The plan with its crossings: one goes with a phase when neither that phase nor any that may run beside it
    gives somebody the way over the crossing; who gives way to it may go."""
    groups = []
    for group in plan.groups:
        rings = []
        for ring, other in ((group[0], group[1]), (group[1], group[0])):
            rings.append(tuple(_with_walks(phase, other, junction) for phase in ring))
        groups.append((rings[0], rings[1]))
    return msgspec.structs.replace(plan, groups=tuple(groups))


def _with_walks(phase: RingPhase, beside: Sequence[RingPhase], junction: Junction) -> RingPhase:
    letters = list(phase.lamps)
    for k in (k for m in junction.movements if m.turn == "p" for k in m.signal_links):
        over = [
            (word[j], k in junction.yields[j]) for word in _words(phase, beside) for j in junction.conflicts[k]
        ]
        if all(letter == "r" or (letter == "g" and yields) for letter, yields in over):
            letters[k] = "G"
    return msgspec.structs.replace(phase, lamps="".join(letters))


def _words(phase: RingPhase, beside: Sequence[RingPhase]) -> list[str]:
    return [phase.lamps, *(p.lamps for p in beside)]


def _move(signal: UtdfSignal, direction: str, movement: Movement) -> UtdfMove:
    own = signal.moves.get(direction + _LETTER[movement.turn])
    if own is not None and (own.protected or own.permitted):
        return own
    beside = [signal.moves.get(direction + turn) for turn in ("T", "L", "R")]
    for other in beside:
        if other is not None and (other.protected or other.permitted):
            phases = (*other.protected, *other.permitted)
            return UtdfMove((), phases) if movement.turn != "s" else UtdfMove(phases, ())
    raise RingError(f"no phase serves {movement.id}: {direction} has none in the file")


def _directions(signal: UtdfSignal, junction: Junction, links: Mapping[str, Link]) -> dict[str, str]:
    """The UTDF direction of travel of each approach link, each used once, nearest headings first."""
    known = {column[:2] for column in signal.moves}
    approaches = dict.fromkeys(m.from_link for m in junction.movements if m.turn != "p")
    ranked = sorted(
        (abs((_heading(links[a]) - HEADINGS[d] + 180) % 360 - 180), a, d)
        for a in approaches
        for d in known
        if d in HEADINGS and a in links
    )
    found: dict[str, str] = {}
    for away, approach, direction in ranked:
        if away <= TURN_AWAY_DEG and approach not in found and direction not in found.values():
            found[approach] = direction
    for approach in approaches:
        if approach not in found:
            raise RingError(f"no approach of the file points where {approach} does")
    return found


def _heading(link: Link) -> float:
    """Degrees clockwise from north in which a link's last metres lead."""
    x, y = link.shape[-1]
    back = next((p for p in reversed(link.shape) if math.hypot(p[0] - x, p[1] - y) >= LOOK_BACK_M), link.shape[0])
    return math.degrees(math.atan2(x - back[0], y - back[1])) % 360

"""Yellow and all-red of a junction held against the formulas of the field."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from citybrain.model import Junction, Movement, RoadNet

REACTION_S = 1.0
DECELERATION_MPS2 = 3.05
"""10 ft/s²."""
FASTER_MPS = 3.13
"""7 mph: by so much the 85th percentile is above the speed allowed, where nobody has measured it (NCHRP 731)."""
SLOWER_MPS = 2.24
"""5 mph: by so much a left turn approaches below it (NCHRP 731)."""
ENTRY_MPS = {"l": 8.94, "r": 5.36, "t": 5.36}
"""Speed at which a turn enters the junction: 20 mph to the left, 12 mph to the right."""
MUTCD_YELLOW_S = (3.0, 6.0)
RILSA_YELLOW_S = ((50.0, 3.0), (60.0, 4.0), (70.0, 5.0))
"""Yellow by the speed allowed in km/h (at most 70 km/h before a signal)."""


class ChangeNote(Struct, frozen=True):
    """A movement's yellow: what the guard keeps, what the program has (None: none), what each rule asks for."""

    movement: str
    speed_mps: float
    yellow_s: float
    own_s: float | None
    rules: Mapping[str, float]

    @property
    def below(self) -> tuple[str, ...]:
        """The rules that ask for a longer yellow."""
        return tuple(name for name, least in self.rules.items() if self.yellow_s < least - 0.05)


def ite_yellow(speed_mps: float, turn: str) -> float:
    """Minimum yellow in seconds by the extended kinematic equation, Y = t + (v0 - vE / 2) / a.

    Institute of Transportation Engineers, *Guidelines for Determining Traffic Signal Change and Clearance
    Intervals* (2020): t = 1 s, a = 10 ft/s²; straight on vE = v0, which gives Y = t + v / (2 a).
    `speed_mps`: the speed allowed.
    """
    if turn in ENTRY_MPS:
        approach = max(speed_mps - SLOWER_MPS if turn == "l" else speed_mps, ENTRY_MPS[turn])
        return REACTION_S + (approach - ENTRY_MPS[turn] / 2) / DECELERATION_MPS2
    return REACTION_S + (speed_mps + FASTER_MPS) / (2 * DECELERATION_MPS2)


def rilsa_yellow(speed_mps: float) -> float:
    """Yellow in seconds by speed allowed: 3 s at 50 km/h, 4 at 60, 5 at 70 (RiLSA 2015; VwV-StVO zu § 37 IX)."""
    kmh = speed_mps * 3.6
    return next((seconds for most, seconds in RILSA_YELLOW_S if kmh <= most + 0.5), RILSA_YELLOW_S[-1][1])


def change_notes(junction: Junction, net: RoadNet) -> tuple[ChangeNote, ...]:
    """A note for each movement of vehicles that has to wait."""
    speeds = {link.id: link.speed_mps for link in net.links}
    return tuple(
        _note(junction, m, speeds[m.from_link])
        for m in junction.movements
        if m.turn != "p" and not m.always_green and m.from_link in speeds
    )


def _note(junction: Junction, movement: Movement, speed_mps: float) -> ChangeNote:
    rules = {
        "ITE 2020": round(min(max(ite_yellow(speed_mps, movement.turn), MUTCD_YELLOW_S[0]), MUTCD_YELLOW_S[1]), 1),
        "MUTCD 4F.17": MUTCD_YELLOW_S[0],
        "RiLSA": rilsa_yellow(speed_mps),
    }
    link = movement.signal_links[0]
    return ChangeNote(movement.id, speed_mps, junction.yellow_s[link], own_yellow(junction, link), rules)


def own_yellow(junction: Junction, link: int) -> float | None:
    """The longest yellow in a row that the junction's own plan shows for a signal link; None: it shows none."""
    longest = run = 0.0
    phases = [p for p in junction.plan.phases if link < len(p.lamps)]
    for phase in (*phases, *phases):
        run = run + phase.duration_s if phase.lamps[link] == "y" else 0.0
        longest = max(longest, run)
    return longest if 0 < longest < junction.plan.cycle_s else None


def own_all_red(junction: Junction) -> float | None:
    """The shortest time for which the own plan shows nobody green or yellow after a yellow; None: it does not."""
    free = {k for m in junction.movements if m.always_green for k in m.signal_links}
    found = []
    phases = junction.plan.phases
    for before, phase in zip((phases[-1:] + phases), phases, strict=False):
        red = all(c in "rs" or i in free for i, c in enumerate(phase.lamps))
        if "y" in before.lamps and red and phase.duration_s > 0:
            found.append(phase.duration_s)
    return min(found, default=None)

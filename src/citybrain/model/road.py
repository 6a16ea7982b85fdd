"""The road network as the brain, the guard and the map know it.

Only what a city's own records hold: geometry, lanes, signal programs, conflicts. Built by `network/`, passed to
steps and guard when they are made.
"""

from __future__ import annotations

from msgspec import Struct

from citybrain.model.place import Area, MapProjection, Point


class Lane(Struct, frozen=True):
    """One lane. `index` counts from the kerb."""

    id: str
    index: int
    length_m: float
    speed_mps: float
    shape: tuple[Point, ...]


class Link(Struct, frozen=True):
    """A directed stretch of road between two nodes (SUMO: edge)."""

    id: str
    name: str
    from_node: str
    to_node: str
    length_m: float
    speed_mps: float
    lanes: tuple[Lane, ...]
    shape: tuple[Point, ...]
    rank: int
    """0 motorway … 5 path: what is drawn first."""


class Reach(Struct, frozen=True):
    """A part of a lane that a detector sees: metres from the lane's begin."""

    lane: str
    begin_m: float
    end_m: float


class Zone(Struct, frozen=True):
    """What the detectors of one approach lane see: up to 100 m upstream of the stop line, followed across link
    splits. `reaches[0]` is the lane at the stop line."""

    id: str
    """The id of the lane at the stop line."""
    junction: str
    length_m: float
    speed_mps: float
    reaches: tuple[Reach, ...]


class Movement(Struct, frozen=True):
    """Traffic from one link to another through a signalised junction."""

    id: str
    """`<junction>:<from link>><to link>`."""
    from_link: str
    to_link: str
    turn: str
    """s straight, l left, r right, t turn-round, as in SUMO's `dir` (partial turns folded in); p pedestrians over
    a crossing, who have neither links nor zones: nothing counts them, and only maximum red serves them."""
    zones: tuple[str, ...]
    """Ids of the zones (approach lanes) that feed it."""
    signal_links: tuple[int, ...]
    """Its places in the junction's lamp string."""
    exit_lanes: tuple[str, ...]
    exit_length_m: float
    always_green: bool
    """Green in every stage (free right turns): never waits, never decides."""


class Stage(Struct, frozen=True):
    """A set of signal links that are green together. `lamps` has one letter a link: G, g (gives way) or r."""

    index: int
    lamps: str
    movements: tuple[int, ...]
    """Indices of the movements that it lets go."""
    further: bool = False
    """Its program does not show it; its signal groups allow it."""


class PlanPhase(Struct, frozen=True):
    """A phase of a junction's own plan: `stage` -1 while lamps change between stages."""

    lamps: str
    duration_s: float
    stage: int
    range_s: tuple[float, float] | None = None
    """How short and how long its program allows it to be where traffic decides; None: it does not say."""


class OwnPlan(Struct, frozen=True):
    """The plan that the junction runs without the brain."""

    program: str
    phases: tuple[PlanPhase, ...]
    offset_s: float
    """Its cycle begins so much later than city time's (SUMO; NTCIP 1202 patternOffset)."""

    @property
    def cycle_s(self) -> float:
        return sum(p.duration_s for p in self.phases)


class Priority(Struct, frozen=True):
    """Vehicles of some movements count more (or less) at times of the day."""

    movements: tuple[int, ...]
    """Indices of the junction's movements."""
    weight: float
    """A vehicle counts as much as this many."""
    begin_s: int
    """Second of the local day; from `end_s` on it holds no more. An end before the begin is the next day's."""
    end_s: int
    days: tuple[int, ...]
    """Days of the week on which it begins, 0 Monday … 6 Sunday."""


class Junction(Struct, frozen=True):
    """A signalised junction (one signal controller; SUMO: tlLogic)."""

    id: str
    name: str
    point: Point
    district: str
    zones: tuple[Zone, ...]
    movements: tuple[Movement, ...]
    stages: tuple[Stage, ...]
    plan: OwnPlan
    conflicts: tuple[tuple[int, ...], ...]
    """For each signal link, the links whose paths cross or merge with its path (from the network's foes)."""
    yields: tuple[tuple[int, ...], ...]
    """For each signal link, those conflicting links that it gives way to when it shows g."""
    yellow_s: tuple[float, ...]
    """For each signal link."""
    all_red_s: float
    """The longest after any link."""
    min_green_s: float
    max_red_s: float
    refused: str | None = None
    """Why the brain may not control it (it stays on its own plan); None where it may."""
    remarks: tuple[str, ...] = ()
    """What was changed in its program's stages to make them safe, a line each."""
    max_green_s: float | None = None
    """The brain ends a stage after this time when anybody waits elsewhere; None: as long as it pays."""
    group: str = ""
    """Junctions that an engineer wants coordinated. Kept and shown; the brain does not coordinate by it yet."""
    priorities: tuple[Priority, ...] = ()
    advisory: bool = False
    """It starts in advisory mode: the brain proposes, a person approves."""
    walk_s: float = 7.0
    """Pedestrians' green at least, before their clearance begins (MUTCD 4I.06: 7 s)."""
    clearing_s: tuple[float, ...] = ()
    """All-red after the yellow of each signal link; empty: `all_red_s` after each."""

    def all_red_after(self, link: int) -> float:
        """Seconds of all-red after the yellow of a signal link."""
        return self.clearing_s[link] if self.clearing_s else self.all_red_s

    @property
    def signal_links(self) -> int:
        return len(self.yellow_s)


class RoadNet(Struct, frozen=True):
    """A city's road network. `digest` names its content."""

    digest: str
    name: str
    projection: MapProjection
    bounds: tuple[float, float, float, float]
    """x min, y min, x max, y max in metres."""
    links: tuple[Link, ...]
    junctions: tuple[Junction, ...]
    areas: tuple[Area, ...]
    attribution: str
    """Credit that the map must carry, "" if none."""
    timezone: str = "UTC"
    """IANA zone of city time: the priorities' times of the day are local."""

"""What the page shows of the city: the records that it follows, in the form that goes to the browser.

Times are city time in milliseconds since 1970 UTC.
"""

from __future__ import annotations

from msgspec import Struct


class Score(Struct, frozen=True):
    """A row of `sim.score`: how the traffic fares in the living city or in its shadow."""

    city: str
    time: int
    in_transit: int
    waiting: int
    mean_delay_s: float
    delay_index: float
    mean_speed_mps: float | None
    arrived: int
    halted: int
    longest_queue_m: float
    longest_queue_zone: str | None
    teleports: int


METRICS = (
    "in_transit",
    "mean_delay_s",
    "delay_index",
    "mean_speed_mps",
    "longest_queue_m",
    "arrived",
    "waiting",
    "halted",
)
"""Columns of `sim.score` that have a history on the page."""


class Slow(Struct, frozen=True, array_like=True):
    """A link slower than it should be: its id, speed and allowed speed in m/s, probe observations."""

    link: str
    speed_mps: float
    free_speed_mps: float
    probes: int


class Signal(Struct, frozen=True):
    """A row of `traffic.signal_state`."""

    junction: str
    time: int
    stage: int
    next_stage: int
    since: int
    lamps: str
    control: str


class Queue(Struct, frozen=True):
    """A row of `traffic.movement_queue`."""

    movement: str
    time: int
    queue_veh: float
    queue_sd_veh: float
    arrival_vph: float
    waited_s: float
    age_s: float | None
    """None: no detector that works has said anything yet."""
    approaching_veh: float | None = None
    exit_occupied: float | None = None


class Detector(Struct, frozen=True):
    """A row of `traffic.detector_health`: whether the brain believes the detector of an approach lane."""

    zone: str
    time: int
    since: int
    state: str
    reason: str | None


class Order(Struct, frozen=True):
    """A row of `traffic.signal_order`: which stage the brain wants, and why."""

    junction: str
    time: int
    stage: int
    why: str
    serves: str | None
    serves_veh: float | None
    waits: str | None
    waits_s: float | None


class Decision(Struct, frozen=True):
    """A stage that the brain wanted for a reason, from its first order at `time` to its `last`."""

    time: int
    last: int
    stage: int
    why: str
    serves: str | None
    serves_veh: float | None
    waits: str | None
    waits_s: float | None


class Refusal(Struct, frozen=True):
    """A row of `traffic.order_refusal`."""

    junction: str
    time: int
    source: str
    stage: int
    reason: str


class Happening(Struct, frozen=True):
    """A line of the ticker: an event of the city (`sim.event`) or of a process (`city.process`)."""

    id: str
    time: int
    kind: str
    """rain, stadium, breakdown, day; or process."""
    subject: str
    """The link where it is, or the process."""
    state: str
    """State of the process; "" for events."""
    detail: str
    until: int | None = None


class Switch(Struct, frozen=True):
    """What a person commanded of an area's signals, and what became of it."""

    request: str
    time: int
    area: str
    control: str
    who: str = ""
    why: str = ""
    until: int | None = None
    accepted: bool | None = None
    """None: not answered yet."""
    reason: str = ""
    junctions: int = 0
    stage: int | None = None
    """Stage held, or (advised) the proposal approved."""
    lock: bool = False
    force: bool = False
    locked: int = 0
    """Junctions left out because somebody else has locked them."""


class Seen(Struct, frozen=True):
    """When the youngest record of a dataset came: its city time, and its age in wall seconds now."""

    dataset: str
    time: int
    age_s: float
    cadence_s: float | None


class JunctionNow(Struct, frozen=True):
    """What a junction does now."""

    id: str
    time: int
    signal: Signal | None
    order: Order | None
    queues: tuple[Queue, ...]
    switch: Switch | None
    """The command in force."""
    below: Switch | None
    """The one that is in force again when it ends."""
    decisions: tuple[Decision, ...] = ()
    """Newest first."""
    detectors: tuple[Detector, ...] = ()

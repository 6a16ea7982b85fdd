"""What a traffic engineer lays down about a junction: limits, priorities, an own plan. Written in `city.toml`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

DayTime = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Number = Annotated[int, Meta(ge=0, le=1000)]


class PriorityRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Vehicles of a movement, or of all movements of a stage, count `weight` times from `begin` to `end`."""

    weight: Annotated[float, Meta(ge=0.1, le=20)]
    movement: str | None = None
    stage: Number | None = None
    begin: DayTime = "00:00"
    end: DayTime = "00:00"
    """Not after the begin: of the next day. Equal: the whole day."""
    days: Literal["all", "weekdays", "weekend"] = "all"


class PlanStageRule(Struct, frozen=True, forbid_unknown_fields=True):
    """A stage of an own plan and its green."""

    stage: Number
    green_s: Annotated[float, Meta(ge=1, le=600)]


class OwnPlanRule(Struct, frozen=True, forbid_unknown_fields=True):
    """An own plan in place of the network's; yellow and all-red between its stages are the junction's."""

    stages: Annotated[tuple[PlanStageRule, ...], Meta(min_length=1, max_length=64)]
    offset_s: Annotated[float, Meta(ge=-3600, le=3600)] = 0.0
    """Its cycle begins so much later than city time's."""


class JunctionRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits for one junction (`id`) or for all junctions of an `area`; None leaves what is there."""

    id: str | None = None
    area: str | None = None
    stages: Annotated[tuple[Number, ...], Meta(max_length=64)] | None = None
    """The stages that may be shown, by their numbers in `citybrain plan show`."""
    further_stages: bool | None = None
    """Whether stages may be shown that the program does not show. Needs no word where `stages` says which."""
    min_green_s: Annotated[float, Meta(ge=5, le=120)] | None = None
    max_green_s: Annotated[float, Meta(ge=5, le=600)] | None = None
    max_red_s: Annotated[float, Meta(ge=30, le=600)] | None = None
    group: Annotated[str, Meta(max_length=64)] | None = None
    advisory: bool | None = None
    priority: Annotated[tuple[PriorityRule, ...], Meta(max_length=64)] = ()
    own_plan: OwnPlanRule | None = None

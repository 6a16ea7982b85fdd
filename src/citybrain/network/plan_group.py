"""Coordination groups: whether the own plans of junctions that belong together fit together."""

from __future__ import annotations

from collections import defaultdict

from msgspec import Struct

from citybrain.model import Junction, RoadNet

SAME_S = 0.05
"""Cycles that differ by less are the same."""


class PlanGroup(Struct, frozen=True):
    """The junctions of one `group` in `city.toml`; `remark`: why their offsets mean nothing to each other."""

    name: str
    junctions: tuple[Junction, ...]
    remark: str | None


def plan_groups(net: RoadNet) -> tuple[PlanGroup, ...]:
    """The groups of a network by name. Coordinated plans have one cycle, or one that fits a whole number of times
    into the longest of the group (a half cycle)."""
    members: dict[str, list[Junction]] = defaultdict(list)
    for junction in net.junctions:
        if junction.group:
            members[junction.group].append(junction)
    return tuple(PlanGroup(name, tuple(found), _remark(found)) for name, found in sorted(members.items()))


def _remark(junctions: list[Junction]) -> str | None:
    if len(junctions) < 2:
        return "it has one junction only: there is nobody to be in step with"
    cycles = sorted({j.plan.cycle_s for j in junctions})
    if all(abs(cycles[-1] / c - round(cycles[-1] / c)) * c < SAME_S for c in cycles if c > 0):
        return None
    told = ", ".join(f"{c:g} s ({', '.join(j.id for j in junctions if j.plan.cycle_s == c)})" for c in cycles)
    return f"its own plans have cycles of {told}: their offsets mean nothing to each other; give them one cycle"

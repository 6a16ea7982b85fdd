"""Coordination groups: plans of one cycle, or a warning that says which junctions do not fit."""

from __future__ import annotations

import msgspec
import pytest
from cities import data

from citybrain.model import JunctionRule, RoadNet
from citybrain.network import apply_rules, plan_groups, read_scenario


@pytest.fixture(scope="module")
def net() -> RoadNet:
    return read_scenario(data("cologne8")).net()


def grouped(net: RoadNet, *cycles_s: float) -> RoadNet:
    """The first junctions in a group, under own plans of those cycles."""
    junctions = list(net.junctions)
    for at, cycle_s in enumerate(cycles_s):
        phase = junctions[at].plan.phases[0]
        plan = msgspec.structs.replace(
            junctions[at].plan, phases=(msgspec.structs.replace(phase, duration_s=cycle_s),)
        )
        junctions[at] = msgspec.structs.replace(junctions[at], plan=plan, group="ring")
    return msgspec.structs.replace(net, junctions=tuple(junctions))


def test_a_network_without_groups_has_none_and_a_rule_makes_one(net: RoadNet) -> None:
    assert plan_groups(net) == ()
    (group,) = plan_groups(apply_rules(net, (JunctionRule(area="city", group="ring"),)))
    assert (group.name, group.junctions[0].id) == ("ring", net.junctions[0].id)
    assert len(group.junctions) == len(net.junctions)


def test_one_cycle_or_a_half_cycle_fits(net: RoadNet) -> None:
    for cycles_s in ((90, 90), (90, 45, 90), (120, 30, 60, 40), (78.6, 39.3)):
        (group,) = plan_groups(grouped(net, *cycles_s))
        assert (len(group.junctions), group.remark) == (len(cycles_s), None)


def test_cycles_that_do_not_fit_are_told_with_their_junctions(net: RoadNet) -> None:
    (group,) = plan_groups(grouped(net, 90, 60, 90))
    first, other, third = (j.id for j in group.junctions)
    assert group.remark is not None
    assert f"60 s ({other}), 90 s ({first}, {third})" in group.remark and "give them one cycle" in group.remark
    (alone,) = plan_groups(grouped(net, 90))
    assert alone.remark is not None and "one junction only" in alone.remark

"""`citybrain plan import`: plans that a city has, as a file that SUMO and `city.toml` take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from citybrain.city.errors import EXIT_DIFFERENCE
from citybrain.city.plan_show import group_lines
from citybrain.city.plan_source import open_network
from citybrain.city.settings import SettingsError
from citybrain.model import OwnPlan, PlanPhase, RoadNet
from citybrain.network import ImportedPlan, import_plans, ring_diagram, write_plans


def run_import(file: Path, network: Path, out: Path, matches: Sequence[str]) -> int:
    """Write the plans of `file` for the network's junctions to `out`; the exit code is 1 if any was left out.

    `matches`: INTID=junction. Raises what `open_network` does, UtdfError, SettingsError, OSError.
    """
    console = Console(highlight=False, soft_wrap=True)
    net = open_network(network).net
    if out.resolve() == file.resolve():
        raise SettingsError(f"--out {out}: is the file that is read; give another")
    found = import_plans(file, net, _ids(matches))
    if not found.plans:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(found.refused.items())[:3])
        raise SettingsError(f"{file}: no plan in it fits a junction of {network} ({reasons or 'it holds none'})")
    write_plans(found.plans, out)
    for plan in found.plans:
        console.print(
            f"{plan.junction}: {plan.program}, cycle {plan.cycle_s:g} s, offset {plan.offset_s:g} s", markup=False
        )
        for line in ring_diagram(plan.rings) if plan.rings is not None else ():
            console.print(f"  {line}", markup=False)
        for remark in plan.remarks:
            console.print(f"  {remark}", markup=False)
    for name, why in found.refused.items():
        console.print(f"left out: {name}: {why}", markup=False)
    for line in group_lines(_with_plans(net, found.plans)):
        console.print(line, markup=False)
    console.print(
        f'{len(found.plans)} plans in {out}; in city.toml: [street] plans = ["{out.name}"]', markup=False
    )
    return EXIT_DIFFERENCE if found.refused else 0


def _with_plans(net: RoadNet, plans: Sequence[ImportedPlan]) -> RoadNet:
    """The network with the cycles and offsets that these plans will give it."""
    by_junction = {p.junction: p for p in plans}
    junctions = tuple(
        msgspec.structs.replace(j, plan=_own(by_junction[j.id])) if j.id in by_junction else j
        for j in net.junctions
    )
    return msgspec.structs.replace(net, junctions=junctions)


def _own(plan: ImportedPlan) -> OwnPlan:
    phases = tuple(PlanPhase(lamps, seconds, -1) for lamps, seconds in plan.phases)
    return OwnPlan(plan.program, phases, plan.offset_s)


def _ids(matches: Sequence[str]) -> dict[str, str]:
    found = {}
    for match in matches:
        intid, _, junction = match.partition("=")
        if not intid or not junction:
            raise SettingsError(f"--match {match!r}: write INTID=junction, like 12=247379907")
        found[intid] = junction
    return found

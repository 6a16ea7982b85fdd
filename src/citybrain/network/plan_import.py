"""Plans from files that a city has, checked for a network: SUMO programs (static, NEMA) and Synchro's UTDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from msgspec import Struct

from citybrain.model import Junction, RoadNet
from citybrain.network.foes import Foes
from citybrain.network.nema_plan import RingBarrier, RingError, cycle_phases, of_program
from citybrain.network.netfile import ProgramRow, read_programs
from citybrain.network.stage_repair import clashes, giving_way
from citybrain.network.utdf import read_utdf, ring_barrier
from citybrain.network.utdf_match import match, phase_lamps, with_walks


class ImportedPlan(Struct, frozen=True):
    """A plan for a junction: lamps and seconds over the cycle, whose second 0 is at city time offset."""

    junction: str
    program: str
    phases: tuple[tuple[str, float], ...]
    offset_s: float
    rings: RingBarrier | None
    """The ring-barrier plan that it comes from; None: stages as they stand."""
    remarks: tuple[str, ...]

    @property
    def cycle_s(self) -> float:
        return sum(seconds for _, seconds in self.phases)


class PlanImport(Struct, frozen=True):
    """What a file brought: plans, and what was left out (junction or the file's own id) with the reason."""

    plans: tuple[ImportedPlan, ...]
    refused: Mapping[str, str]


def import_plans(file: Path, net: RoadNet, ids: Mapping[str, str] | None = None) -> PlanImport:
    """The plans of a file for the network's junctions: `.csv` is UTDF, anything else a SUMO additional file.

    `ids`: UTDF's INTID → junction, where neither id nor place tells. Raises NetError, UtdfError in one line.
    """
    if file.suffix.lower() == ".csv":
        return _of_utdf(file, net, ids or {})
    junctions = {j.id: j for j in net.junctions}
    plans, refused = [], {}
    for signal, program in sorted(read_programs(file).programs.items()):
        try:
            if signal not in junctions:
                raise RingError("the network has no such signalised junction")
            plans.append(_of_program(program, junctions[signal]))
        except RingError as e:
            refused[signal] = str(e)
    return PlanImport(tuple(plans), refused)


def write_plans(plans: Sequence[ImportedPlan], file: Path) -> None:
    """Write the plans as static programs in a SUMO additional file. Raises OSError."""
    lines = ["<additional>"]
    for plan in plans:
        attributes = {
            "id": plan.junction,
            "type": "static",
            "programID": plan.program,
            "offset": f"{plan.offset_s:g}",
        }
        lines.append("  <tlLogic " + " ".join(f'{k}="{escape(v)}"' for k, v in attributes.items()) + ">")
        lines += [f'    <phase duration="{seconds:g}" state="{lamps}"/>' for lamps, seconds in plan.phases]
        lines.append("  </tlLogic>")
    file.write_text("\n".join([*lines, "</additional>", ""]), encoding="utf-8")


def _of_program(program: ProgramRow, junction: Junction) -> ImportedPlan:
    if program.kind == "NEMA":
        return _of_rings(of_program(program), junction)
    if any(set(state) & set("oO") for state, _ in program.phases):
        raise RingError("its program has blinking lamps")
    return _plan(junction, program.id, program.phases, program.offset, None)


def _of_utdf(file: Path, net: RoadNet, ids: Mapping[str, str]) -> PlanImport:
    links = {link.id: link for link in net.links}
    junctions = {j.id: j for j in net.junctions}
    found = match(read_utdf(file), net, ids)
    plans, refused = [], {f"INTID {signal}": why for signal, why in found.unmatched.items()}
    for name, signal in sorted(found.signals.items()):
        try:
            lamps = phase_lamps(signal, junctions[name], links)
            rings = with_walks(ring_barrier(signal, name, lamps), junctions[name])
            plans.append(_of_rings(rings, junctions[name]))
        except RingError as e:
            refused[name] = f"INTID {signal.id}: {e}"
    return PlanImport(tuple(plans), refused)


def _of_rings(rings: RingBarrier, junction: Junction) -> ImportedPlan:
    offset = rings.begin_s % rings.cycle_s
    return _plan(junction, rings.program, cycle_phases(rings), offset, rings)


def _plan(
    junction: Junction,
    program: str,
    phases: Sequence[tuple[str, float]],
    offset_s: float,
    rings: RingBarrier | None,
) -> ImportedPlan:
    """The plan with its lamps made safe. Raises RingError where they cannot be, or do not fit the junction."""
    if any(len(state) != junction.signal_links for state, _ in phases) or not sum(s for _, s in phases) > 0:
        raise RingError(
            f"its lamps do not fit the junction's {junction.signal_links} signal links, or last no time"
        )
    foes = Foes(junction.conflicts, junction.yields, True)
    turning = frozenset(k for m in junction.movements if m.turn in "lrt" for k in m.signal_links)
    turning -= {k for m in junction.movements if m.turn in "sp" for k in m.signal_links}
    safe, yields = [], set[int]()
    for state, seconds in phases:
        lamps = giving_way(state, foes, turning)
        yields |= {k for k, (a, b) in enumerate(zip(state, lamps, strict=True)) if a != b}
        for i, j in clashes(lamps, foes):
            raise RingError(f"it lets the conflicting signal links {i} and {j} go at once")
        safe.append((lamps, seconds))
    remarks = rings.remarks if rings is not None else ()
    if yields:
        remarks += (f"signal links {', '.join(map(str, sorted(yields)))} give way (G to g)",)
    served = {k for state, _ in safe for k, c in enumerate(state) if c in "Gg"}
    for movement in junction.movements:
        if not served & set(movement.signal_links):
            raise RingError(f"it never lets {movement.id} go")
    return ImportedPlan(junction.id, program, tuple(safe), offset_s, rings, remarks)

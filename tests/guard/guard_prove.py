"""`make prove`: what `test_guard_proof` proves, with real timers and on the junctions of real networks.

    python tests/guard/guard_prove.py [--workers N]

Prints a line for each result as it comes, and at the end what is proved and what is not, by name. Ends with 1 if
anything is disproved or a seeded bug is not found.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from time import monotonic

from guard_crossing import real_net
from guard_induction import induction
from guard_mutants import MUTANTS
from guard_proof import both_limits, caught, inductions, lines, liveness, pre_emption, safety
from guard_search import Found
from guard_shapes import REAL, SHAPES, SMALL

from citybrain.guard import Limits, limits_of
from citybrain.model import Junction

NETWORKS = ("cologne8", "bologna_joined", "hangzhou4x4", "jinan3x4", "nanchang859")
WALKED_WHOLE = ("two_stages",)
"""Shapes whose whole product of real timers is walked; the others' maximum red is proved by induction."""
Line = tuple[str, str, bool]
"""What, how it came out, whether it is as it should be."""


def prove_shape(name: str) -> list[Line]:
    """One shape of junction with real timers."""
    junction = SHAPES[name](REAL)
    found = [("lamps", safety(junction))]
    if name in WALKED_WHOLE:
        found += [("lamps and maximum red", liveness(junction)), ("pre-emption", pre_emption(junction, 5))]
    result = [(f"{name}: {what}", _counts(f), not f.fault) for what, f in found]
    result[0] = (f"{result[0][0]} ({lines(limits_of(junction))})", *result[0][1:])
    return result + _inductions(name, junction)


def prove_small(name: str) -> list[Line]:
    """One shape with small timers, the whole product."""
    junction = SHAPES[name](SMALL)
    found = [("brain", liveness(junction)), ("brain and own plan in turns", both_limits(junction))]
    return [(f"{name}, small timers: {what}", _counts(f), not f.fault) for what, f in found]


def prove_junction(name: str, junction: Junction, alike: int) -> list[Line]:
    """One junction of a real network, and how many have the same limits."""
    limits = limits_of(junction)
    found = safety(junction)
    result = [(f"{name} × {alike}: lamps ({lines(limits)})", _counts(found), not found.fault)]
    return result + _inductions(name, junction)


def find_mutant(index: int, small: bool) -> list[Line]:
    """One seeded bug."""
    mutant = MUTANTS[index]
    junction = SHAPES[mutant.shape](SMALL if small else REAL)
    if not small and mutant.late and mutant.shape not in WALKED_WHOLE:
        limits = limits_of(junction)
        proved = induction(limits, limits.max_red_ms, step=mutant.step)
        fault, text = proved.fault, f"found after {proved.paths} paths of the induction: {proved.fault}"
    else:
        found = caught(junction, mutant, whole=small)
        fault, text = found.fault, f"found after {found.transitions} transitions: {found.fault}"
    size = "small" if small else "real"
    return [(f"seeded bug, {size} timers: {mutant.name}", text if fault else "NOT FOUND", bool(fault))]


def _counts(found: Found) -> str:
    return f"{found.states} states, {found.transitions} transitions {found.fault}"


def _inductions(name: str, junction: Junction) -> list[Line]:
    return [
        (f"{name}: maximum red by induction, {what}", f"{p.paths} paths {p.fault}", not p.fault)
        for what, p in inductions(junction).items()
    ]


def real_junctions() -> Iterator[tuple[str, Junction, int]]:
    """Junctions of the networks at hand that may be controlled, one of each kind, with the number of its kind."""
    for network in NETWORKS:
        net = real_net(network)
        kinds: dict[tuple[Limits, object, object], list[Junction]] = {}
        for junction in net.junctions if net is not None else ():
            if junction.refused is None:
                key = (limits_of(junction), junction.conflicts, junction.yields)
                kinds.setdefault(key, []).append(junction)
        for alike in kinds.values():
            yield f"{network} {alike[0].id}", alike[0], len(alike)


def submit(pool: ProcessPoolExecutor) -> list[Future[list[Line]]]:
    """All that is to be proved, what takes longest first."""
    jobs = [pool.submit(prove_shape, name) for name in SHAPES]
    jobs += [pool.submit(prove_small, name) for name in SHAPES if name != "dual_ring"]
    jobs += [pool.submit(find_mutant, i, small) for small in (True, False) for i in range(len(MUTANTS))]
    kinds = sorted(real_junctions(), key=lambda kind: -len(limits_of(kind[1]).home))
    return jobs + [pool.submit(prove_junction, *kind) for kind in kinds]


def open_ends() -> Iterator[str]:
    """What is not proved, by name."""
    for network in NETWORKS:
        net = real_net(network)
        if net is None:
            yield f"{network}: the network is not at hand"
        elif refused := [j.id for j in net.junctions if j.refused is not None]:
            yield f"{network}: own plans of refused junctions are played as they stand: {', '.join(refused)}"
    yield "that the road record (foes, ways, times) is true to the street"


def main() -> int:
    """Prove all, a line each; the exit code."""
    parser = argparse.ArgumentParser(description="The guard's proof with real timers and on real networks.")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes at work at once")
    begin = monotonic()
    right: list[str] = []
    wrong: list[str] = []
    with ProcessPoolExecutor(parser.parse_args().workers) as pool:
        jobs = submit(pool)
        for done, job in enumerate(as_completed(jobs), 1):
            for what, text, holds in job.result():
                (right if holds else wrong).append(what)
                at = f"{done:4}/{len(jobs)} {monotonic() - begin:5.0f} s"
                print(f"{at} {'   ' if holds else '!! '}{what}: {text.strip()}", flush=True)
    print("Proved, or found where it is a seeded bug:", *sorted(right), sep="\n  ")
    print("Disproved, or a seeded bug not found:", *(wrong or ["nothing"]), sep="\n  ")
    print("Not proved:", *open_ends(), sep="\n  ")
    print(f"{len(right)} results as they should be, {len(wrong)} not, {monotonic() - begin:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

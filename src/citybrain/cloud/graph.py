"""A graph of steps: the pure core that both runners share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from citybrain.model import Batch, Declarations, State, Step, Tick, conform, to_bytes


class GraphError(ValueError):
    """Steps that cannot be joined."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one tick made: the new state of each step and the batches written, in step order."""

    states: Mapping[str, State]
    batches: tuple[Batch, ...]


class Graph:
    """Steps in an order in which each reads only what comes from outside or from a step before it.

    Raises GraphError on a dataset that is not declared, on simulation truth among the inputs, on two steps of one
    name or one output, and on a circle.
    """

    def __init__(self, steps: Sequence[Step], declarations: Declarations) -> None:
        self.steps = _ordered(steps)
        self.declarations = declarations
        for step in self.steps:
            for name in (*step.reads, step.writes):
                if name not in declarations:
                    raise GraphError(f"step {step.name}: no dataset {name!r} is declared")
            for name in step.reads:
                if declarations[name].simulation_truth:
                    raise GraphError(f"step {step.name} may not read {name}: it is simulation truth")
        made = {s.writes for s in self.steps}
        self.reads: tuple[str, ...] = tuple(sorted({r for s in self.steps for r in s.reads} - made))
        """Datasets that come from outside."""
        self.writes: tuple[str, ...] = tuple(s.writes for s in self.steps)

    def start(self) -> dict[str, State]:
        """The states before the first tick."""
        return {s.name: s.start() for s in self.steps}

    def run(self, states: Mapping[str, State], tick: Tick, inputs: Sequence[Batch]) -> Outcome:
        """Run every step once on the batches that arrived since the last tick, in log order."""
        new: dict[str, State] = {}
        made: list[Batch] = []
        for step in self.steps:
            seen = [b for b in (*inputs, *made) if b.dataset in step.reads]
            new[step.name], rows = step.run(states[step.name], tick, seen)
            if rows is not None:
                rows = conform(rows, self.declarations[step.writes])
                made.append(Batch(step.writes, tick.batch_id(step.writes, step.name), rows))
        return Outcome(new, tuple(made))


def digest(batches: Sequence[Batch]) -> str:
    """SHA-256 over ids and rows of the batches, in order: equal if and only if they are bit-equal."""
    h = hashlib.sha256()
    for batch in batches:
        h.update(batch.id.encode())
        h.update(to_bytes(batch.rows))
    return h.hexdigest()


def _ordered(steps: Sequence[Step]) -> tuple[Step, ...]:
    if len({s.name for s in steps}) < len(steps) or len({s.writes for s in steps}) < len(steps):
        raise GraphError("two steps have one name or write one dataset")
    left = list(steps)
    done: list[Step] = []
    while left:
        waiting = {s.writes for s in left}
        ready = [s for s in left if not waiting & set(s.reads) - {s.writes}]
        if not ready:
            raise GraphError("steps wait for each other: " + ", ".join(s.name for s in left))
        done.extend(ready)
        left = [s for s in left if s not in ready]
    return tuple(done)

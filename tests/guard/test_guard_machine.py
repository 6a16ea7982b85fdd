"""A guard under everything at once: wild orders, silence, switches, restarts, a clock that jumps."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
from guard_crossing import T0, city, crossing, junctions
from guard_oracle import violations
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from citybrain.guard import Guard, limits_of
from citybrain.guard.limits import own_plan_limits
from citybrain.model import Control, SwitchRequest

SECONDS = st.sampled_from([1, 2, 4, 7, 15, 60, 130])


class GuardMachine(RuleBasedStateMachine):
    """Three junctions; each second the lamps are noted, at the end the oracle reads them."""

    @initialize(chosen=st.lists(st.sampled_from(junctions()), min_size=2, max_size=2, unique_by=lambda j: j.id))
    def begin(self, chosen: list) -> None:
        refused = crossing(id="refused", refused="blinking lamps")
        self.net = city(*chosen, refused)
        self.guard = Guard(self.net, T0)
        self.second = 0.0
        self.histories = [[(0.0, lamps)] for lamps in self.guard.lamps]
        self.shown = {j.id: "" for j in self.net.junctions}
        self.requests = 0

    @rule(stages=st.lists(st.integers(-1, 9), min_size=3, max_size=3), seconds=SECONDS)
    def order(self, stages: list[int], seconds: int) -> None:
        for _ in range(seconds):
            ids = [j.id for j in self.net.junctions]
            rows = pa.RecordBatch.from_pydict({"junction": ids, "time": [self.guard.time_ms] * 3, "stage": stages})
            self.guard.orders(rows, "adversary")
            self.advance(1000, 1)

    @rule(seconds=SECONDS)
    def say_nothing(self, seconds: int) -> None:
        for _ in range(seconds):
            self.advance(1000, 1)

    @rule(which=st.integers(0, 3), off=st.booleans(), term=st.sampled_from([None, 5000, 60_000]))
    def switch(self, which: int, off: bool, term: int | None) -> None:
        area = ("c", *(j.id for j in self.net.junctions))[which]
        control = Control.OWN_PLAN if off else Control.BRAIN
        until = None if term is None else self.guard.time_ms + term
        self.requests += 1
        request = SwitchRequest(str(self.requests), area, control, "who", "why", self.guard.time_ms, until)
        rows = self.guard.switch(request).to_pylist()
        assert rows[0]["accepted"] == (area != "refused")

    @rule(jump_ms=st.sampled_from([-86_400_000, -1000, 10_001, 3_600_000]))
    def jump(self, jump_ms: int) -> None:
        self.advance(jump_ms, 0)

    @rule(gap=st.sampled_from([2, 3, 10]))
    def lose_seconds(self, gap: int) -> None:
        self.advance(gap * 1000, 1)

    @rule()
    def restart(self) -> None:
        kept = self.guard.dump()
        self.guard = Guard(self.net, T0)
        self.guard.load(kept)
        assert self.guard.dump() == kept

    def advance(self, by_ms: int, elapsed_s: int) -> None:
        """One step of the guard; `elapsed_s` counts for limits (lamps stood still while seconds were lost)."""
        self.shown |= dict(self.guard.advance(self.guard.time_ms + by_ms))
        self.second += elapsed_s
        for seen, lamps in zip(self.histories, self.guard.lamps, strict=True):
            if seen[-1][0] == self.second:
                seen.pop()
            seen.append((self.second, lamps))

    @invariant()
    def what_was_told_is_what_shows(self) -> None:
        if self.second:
            assert tuple(self.shown.values()) == tuple(self.guard.lamps)
        assert not self.guard.faults

    def teardown(self) -> None:
        if not hasattr(self, "net"):
            return
        for junction, seen in zip(self.net.junctions[:2], self.histories, strict=False):
            longest = own_plan_limits(limits_of(junction), junction).max_red_ms / 1000
            assert violations(junction, seen, max_red_s=longest) == []
        for (_, before), (_, after) in pairwise(self.histories[2]):
            assert not any(a in "Gg" and b == "r" for a, b in zip(before, after, strict=True))


TestGuardMachine = GuardMachine.TestCase
TestGuardMachine.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)

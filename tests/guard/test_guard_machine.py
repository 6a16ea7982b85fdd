"""A guard under everything at once: wild orders, silence, commands, pre-emption, restarts, a clock that jumps."""

from __future__ import annotations

import msgspec
import pyarrow as pa
from guard_crossing import T0, city, crossing, junctions
from guard_shapes import REAL, SHAPES
from guard_watch import Watch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from citybrain.guard import Guard, limits_of
from citybrain.guard.limits import PREEMPTION_MS, own_plan_limits
from citybrain.model import Control, Junction, Preemption, SwitchRequest

replace = msgspec.structs.replace
SECONDS = st.sampled_from([1, 2, 4, 7, 15, 60, 130])
WHICH = st.integers(0, 3)
STAGE = st.integers(-1, 4)
TERM = st.sampled_from([None, 1000, 5000, 60_000, 3_600_000])
CONTROL = st.sampled_from(
    [Control.BRAIN, Control.OWN_PLAN, Control.ADVISED, Control.HOLD, Control.FLASH, Control.PREEMPTED]
)
SHAPED = [replace(SHAPES[name](REAL), id=name) for name in SHAPES]


class GuardMachine(RuleBasedStateMachine):
    """Three junctions; each second the oracle looks at the lamps of the two that are guarded."""

    @initialize(real=st.sampled_from(junctions()), shaped=st.sampled_from(SHAPED))
    def begin(self, real: Junction, shaped: Junction) -> None:
        refused = crossing(id="refused", refused="blinking lamps")
        self.net = city(real, shaped, refused)
        self.guard = Guard(self.net, T0)
        self.watches = [Watch(j, self.longest(j)) for j in (real, shaped)]
        self.seen = [watch.power_up() for watch in self.watches]
        self.shown = {j.id: "" for j in self.net.junctions}
        self.played = "r" * refused.signal_links
        self.requests = 0

    @staticmethod
    def longest(junction: Junction) -> int:
        """Ticks that anybody may wait: orders, own plan and pre-emption taking turns."""
        return (own_plan_limits(limits_of(junction), junction).max_red_ms + PREEMPTION_MS) // 1000

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

    @rule(
        which=WHICH, control=CONTROL, stage=st.one_of(st.none(), STAGE), term=TERM,
        who=st.sampled_from("ab"), lock=st.booleans(), force=st.booleans(),
    )  # fmt: skip
    def command(
        self, which: int, control: Control, stage: int | None, term: int | None, who: str, lock: bool, force: bool
    ) -> None:
        area = ("c", *(j.id for j in self.net.junctions))[which]
        until = None if term is None else self.guard.time_ms + term
        self.requests += 1
        request = SwitchRequest(
            str(self.requests), area, control, who, "why", self.guard.time_ms, until, stage, lock, force
        )
        rows = self.guard.switch(request).to_pylist()
        assert not (area == "refused" and rows[0]["accepted"])
        self.advance(1000, 1)
        if rows[0]["accepted"] and which in (1, 2) and stage is None and control is not Control.PREEMPTED:
            assert self.guard.controls[which - 1] in (control, Control.SILENCE, Control.PREEMPTED) or term == 1000

    @rule(which=WHICH, stage=STAGE, term_ms=st.integers(1, 120_001), who=st.sampled_from("ab"))
    def preempt(self, which: int, stage: int, term_ms: int, who: str) -> None:
        junction = ("nowhere", *(j.id for j in self.net.junctions))[which]
        self.guard.preempt(Preemption(junction, stage, self.guard.time_ms + term_ms, who))

    @rule(which=WHICH, who=st.sampled_from("ab"))
    def release(self, which: int, who: str) -> None:
        self.guard.release(("nowhere", *(j.id for j in self.net.junctions))[which], who)

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
        self.guard.read_back(list(self.shown.values()), self.guard.time_ms)
        for k, watch in enumerate(self.watches):
            self.seen[k], fault = watch.look(self.seen[k], self.guard.lamps[k], elapsed_s)
            assert not fault, (self.net.junctions[k].id, fault)
        played = self.guard.lamps[2]
        assert not any(a in "Gg" and b == "r" for a, b in zip(self.played, played, strict=True))
        self.played = played

    @invariant()
    def what_was_told_is_what_shows(self) -> None:
        if self.shown["refused"]:
            assert tuple(self.shown.values()) == tuple(self.guard.lamps)
            assert not self.guard.faults


TestGuardMachine = GuardMachine.TestCase
TestGuardMachine.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)

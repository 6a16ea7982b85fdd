"""The city's clock jumps: orders go on each second, and what was true before the jump does no harm after it."""

from __future__ import annotations

import pytest
from brain_street import READING, STATE, T0, batch, declared, lamp, reading, two

from citybrain.brain import steps
from citybrain.cloud import Graph, LocalRunner
from citybrain.model import Tick

ORDER = "traffic.signal_order"
BEFORE_S, AFTER_S = 60, 40


def order(runner: LocalRunner, seq: int, second: int, waits: str, since: int) -> dict[str, object]:
    """The order for junction a, which shows stage 0 since `since`, while five vehicles stand on one side of it."""
    lanes = {f"{j}/{side}_0": 0 for j in "ab" for side in ("n", "s", "w", "e")} | {f"a/{waits}_0": 5}
    rows = [reading(z, second, n, n, mean_speed_mps=0.1 + second % 7 if n else None) for z, n in lanes.items()]
    lamps = [lamp(j, second, 0, since) for j in "ab"]
    made = runner.run(
        Tick(1, seq, T0 + second * 1000), [batch(READING, rows, second), batch(STATE, lamps, second)]
    )
    (orders,) = (b.rows.to_pylist() for b in made if b.dataset == ORDER)
    (mine,) = (o for o in orders if o["junction"] == "a")
    assert round(mine["time"].timestamp() * 1000) == T0 + second * 1000
    return dict(mine)


@pytest.mark.parametrize("jump_s", [-86_400, -600, -2, 11, 3600, 86_400])
def test_after_a_jump_who_waits_is_served(jump_s: int) -> None:
    runner, fresh = (LocalRunner(Graph(steps(two()), declared())) for _ in range(2))
    start = 100_000
    for second in range(BEFORE_S):
        assert order(runner, second, start + second, "n", start)["stage"] == 0
    begin = start + BEFORE_S + jump_s
    after = [order(runner, BEFORE_S + s, begin + s, "w", begin) for s in range(AFTER_S)]
    assert [o["stage"] for o in after[-5:]] == [1] * 5
    assert all(0.0 <= o["waits_s"] <= abs(jump_s) + AFTER_S for o in after)
    if jump_s < 0:
        anew = [order(fresh, BEFORE_S + s, begin + s, "w", begin) for s in range(AFTER_S)]
        assert after == anew, "what lies in the future is forgotten"

"""The last decisions of a junction: what begins one, what goes with it, what a restored city takes back."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from small_city import START_MS

from citybrain.cockpit.decision import KEPT, DecisionLog
from citybrain.model import Declarations, arrow_schema


def orders(declared: Declarations, *said: tuple[int, int, str], junction: str = "J00") -> pa.RecordBatch:
    """Rows of `traffic.signal_order`: second, stage, why."""
    rows: list[dict[str, Any]] = [
        {
            "junction": junction,
            "time": START_MS + s * 1000,
            "stage": stage,
            "why": why,
            "serves": "m",
            "serves_veh": float(s),
            "waits": None,
            "waits_s": 0.0,
        }
        for s, stage, why in said
    ]
    return pa.RecordBatch.from_pylist(rows, schema=arrow_schema(declared["traffic.signal_order"]))


def told(log: DecisionLog, junction: str = "J00") -> list[tuple[int, int, int, str]]:
    """Begin and end in seconds, stage, why; newest first."""
    return [((d.time - START_MS) // 1000, (d.last - START_MS) // 1000, d.stage, d.why) for d in log.of(junction)]


def test_orders_of_one_stage_and_reason_are_one_decision(declared: Declarations) -> None:
    log = DecisionLog()
    said = [(1, 0, "longest_queue"), (2, 0, "hold_changing"), (3, 0, "hold_min_green"), (4, 0, "longest_queue")]
    log.take(orders(declared, *said, (5, 0, "hold_serving"), (6, 1, "max_red"), (7, 1, "hold_changing")))
    assert told(log) == [(6, 7, 1, "max_red"), (5, 5, 0, "hold_serving"), (1, 4, 0, "longest_queue")]
    assert log.of("J00")[-1].serves_veh == 1.0, "what was known when it was decided"


def test_another_stage_is_another_decision_even_while_lamps_change(declared: Declarations) -> None:
    log = DecisionLog()
    log.take(orders(declared, (1, 0, "longest_queue"), (2, 1, "hold_changing")))
    assert [d[2] for d in told(log)] == [1, 0]


def test_a_silence_ends_a_decision(declared: Declarations) -> None:
    log = DecisionLog()
    log.take(orders(declared, (1, 0, "hold_serving"), (60, 0, "hold_serving")))
    assert told(log) == [(60, 60, 0, "hold_serving"), (1, 1, 0, "hold_serving")]


def test_a_city_that_went_back_says_it_anew(declared: Declarations) -> None:
    log = DecisionLog()
    log.take(orders(declared, (1, 0, "max_red"), (2, 0, "max_red"), (4, 1, "only_demand"), (5, 0, "exit_blocked")))
    log.take(orders(declared, (2, 1, "longest_queue")))
    assert told(log) == [(2, 2, 1, "longest_queue"), (1, 1, 0, "max_red")]


def test_the_past_goes_before_what_is_known_and_the_oldest_are_forgotten(declared: Declarations) -> None:
    log = DecisionLog()
    log.take(orders(declared, (100, 0, "max_red")))
    past = [(s, s % 2, "longest_queue") for s in range(40)]
    log.remember("J00", orders(declared, *past, (100, 0, "max_red")))
    found = told(log)
    assert len(found) == KEPT
    assert found[:2] == [(100, 100, 0, "max_red"), (39, 39, 1, "longest_queue")]
    assert log.of("J01") == ()

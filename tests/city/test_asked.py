"""Requests as they come, and once more after a restart."""

from __future__ import annotations

import pyarrow as pa
import pytest

from citybrain.city.asked import Asked
from citybrain.hub import load_catalogue
from citybrain.model import Control, arrow_schema, from_ms

NOW = 1_795_500_000_000
MINUTE = 60_000


def rows(time_ms: int, until_ms: int | None, control: str = "flash") -> pa.RecordBatch:
    schema = arrow_schema(load_catalogue(None)["traffic.switch_request"])
    row = dict.fromkeys(schema.names) | {
        "request": "r",
        "time": from_ms(time_ms),
        "area": "a",
        "control": control,
        "who": "anna",
        "why": "lamp repair",
        "until": None if until_ms is None else from_ms(until_ms),
    }
    return pa.RecordBatch.from_pylist([row], schema=schema)


@pytest.mark.parametrize(
    ("again", "asked_ms", "lasts_ms"),
    [
        (False, NOW - 1000, 60 * MINUTE - 1000),
        (False, NOW + 1000, 60 * MINUTE + 1000),  # as it says
        (True, NOW - 1000, 60 * MINUTE - 1000),  # its hour has begun
        (True, NOW + MINUTE, 60 * MINUTE),  # the city went back a minute: it has an hour again
    ],
)
def test_a_command_lasts_no_longer_than_it_was_to_when_the_city_goes_back(
    again: bool, asked_ms: int, lasts_ms: int
) -> None:
    (request,) = Asked(rows(asked_ms, asked_ms + 60 * MINUTE), again).requests(NOW)
    assert request.until_ms == NOW + lasts_ms
    assert (request.control, request.who, request.requested_ms) == (Control.FLASH, "anna", asked_ms)
    (request,) = Asked(rows(asked_ms, None), again).requests(NOW)
    assert request.until_ms is None


def test_a_control_that_nobody_knows_is_one_that_nobody_may_choose() -> None:
    (request,) = Asked(rows(NOW, None, "dance")).requests(NOW)
    assert request.control is Control.SILENCE

"""The report of a day: hours that both cities have, honest means, and what happened to control."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from running_city import RunningCity
from small_city import START_MS

from citybrain.cockpit.day_report import HOUR_MS, SAMPLES_AN_HOUR, compare

STEP_MS = HOUR_MS // SAMPLES_AN_HOUR
MIDNIGHT_MS = START_MS - 7 * HOUR_MS


def scored(delay_s: float, begin: int = 1, end: int = SAMPLES_AN_HOUR) -> dict[int, dict[str, Any]]:
    """Rows of a city by their time: samples `begin` to `end` after midnight, 0."""
    row = {
        "mean_delay_s": delay_s,
        "delay_index": 1.5,
        "in_transit": 10,
        "waiting": 1,
        "halted": 2,
        "stops": 3,
        "trips": 2,
        "travel_s": 50.0,
        "co2_kg": 0.5,
    }
    return {k * STEP_MS: row | {"longest_queue_m": float(k)} for k in range(begin, end + 1)}


def test_only_moments_that_both_have_are_compared() -> None:
    live = scored(10.0, 1, 400) | scored(90.0, 401, 720)
    found = compare(live, scored(20.0, 1, 400), "actuated", 0)
    assert found is not None
    assert (found.live.delay_s, found.other.delay_s, found.gain) == (10.0, 20.0, 0.5)
    assert [(h.begin_ms, h.samples) for h in found.hours] == [(0, 360), (HOUR_MS, 40)]
    assert found.hours[0].live.longest_queue_m == 360.0, "the moment on the hour ends the hour before"
    assert [h.live.arrived_veh for h in found.hours] == [720, 80]


def test_stops_travel_time_and_co2_are_told_where_all_of_them_were_recorded() -> None:
    shadow = {at: row | {"stops": 4, "travel_s": 80.0, "co2_kg": 0.4} for at, row in scored(20.0).items()}
    found = compare(scored(10.0), shadow, "actuated", 0)
    assert found is not None
    assert (found.live.stops, found.other.stops, found.stops_gain) == (1080, 1440, 0.25)
    assert (found.live.travel_s, found.other.travel_s, found.travel_gain) == (25.0, 40.0, 0.375)
    assert (found.other.co2_kg, found.co2_gain) == (pytest.approx(144.0), pytest.approx(-0.25))
    older = shadow | {STEP_MS: shadow[STEP_MS] | {"stops": None, "travel_s": None, "co2_kg": None}}
    found = compare(scored(10.0), older, "actuated", 0)
    assert found is not None
    assert (found.stops_gain, found.travel_gain, found.co2_gain) == (None, None, None)
    assert found.gain == 0.5


def test_the_spread_over_hours_is_told() -> None:
    live = scored(10.0) | scored(30.0, 361, 720)
    found = compare(live, scored(20.0, 1, 720), "own_plan", 0)
    assert found is not None
    assert (found.least, found.most, found.gain) == (-0.5, 0.5, 0.0)


def test_cities_without_a_common_moment_or_without_delay_claim_nothing() -> None:
    assert compare(scored(10.0), scored(20.0, 361, 400), "actuated", 0) is None
    found = compare(scored(1.0), scored(0.0), "actuated", 0)
    assert found is not None
    assert (found.gain, found.least, found.most, found.hours[0].gain) == (None, None, None, None)


@pytest.fixture(scope="module")
def web(city: RunningCity) -> Iterator[httpx.Client]:
    city.publish(*city.happenings.performance(city.net.junctions[0], -3600, 0))
    city.advance(21)
    for reason in ("min_green", "fault:conflict", "min_green"):
        city.tell("traffic.order_refusal", junction="J00", source="brain", stage=0, reason=reason)
        city.advance()
    city.tell("city.process", process="shadow", state="died", detail="")
    ask = {"area": "J00", "control": "own_plan", "who": "Li", "why": "drill", "until": None}
    city.tell("traffic.switch_request", request="r1", **ask)
    answer = {"area": "J00", "control": "own_plan", "until": None, "junctions": 1}
    city.tell("traffic.switch_result", request="r1", accepted=True, reason="", **answer)
    city.happenings.control["J10"] = "silence"
    city.advance(10 - city.second % 10)
    with httpx.Client(base_url=city.url, timeout=15) as client:
        for _ in range(200):  # until the library has stored it all
            found = client.get("/api/report", params={"day": "2026-11-07"}).json()
            told = all(found[name] for name in ("comparisons", "commands", "signals", "processes"))
            refused = sum(r["n"] for r in found["refusals"])
            if told and refused == 3 and found["silences"]["n"] and "silence" in found["control"]:
                break
            city.advance()
        yield client


def test_the_server_reports_a_day(city: RunningCity, web: httpx.Client) -> None:
    found = web.get("/api/report", params={"day": "2026-11-07"}).json()
    assert (found["begin_ms"], found["end_ms"]) == (MIDNIGHT_MS, MIDNIGHT_MS + 24 * HOUR_MS)
    (actuated,) = found["comparisons"]
    assert actuated["against"] == "actuated"
    assert actuated["gain"] == pytest.approx(1 - 1 / 1.6)
    assert [h["begin_ms"] for h in actuated["hours"]] == [START_MS]
    assert {r["what"]: r["n"] for r in found["refusals"]} == {"min_green": 2, "fault": 1}
    assert found["silences"] == {"what": "silence", "n": 1, "junctions": 1}
    assert found["processes"] == [{"what": "shadow", "n": 1, "junctions": 0}]
    assert sum(found["control"].values()) == pytest.approx(1.0)
    assert 0 < found["control"]["silence"] < found["control"]["brain"]
    (command,) = found["commands"]
    assert (command["who"], command["why"], command["accepted"]) == ("Li", "drill", True)
    assert {s["begin_ms"] for s in found["signals"]} == {MIDNIGHT_MS + 6 * HOUR_MS}
    (hour,) = found["signals"]
    assert (hour["cycles"], hour["split_failures"], hour["walk_wait_s"]) == (5 * 12 * 9, 24, 21.0)
    assert hour["on_green_share"] == pytest.approx(0.6)


def test_a_day_without_records_is_empty_and_a_wrong_one_refused(web: httpx.Client) -> None:
    found = web.get("/api/report", params={"day": "2026-11-01"}).json()
    assert (found["scored_hours"], found["comparisons"], found["control"]) == (0, [], {})
    assert web.get("/api/report", params={"day": "today"}).status_code == 422

"""Signal performance measures as the page gets them: spans of a day, means that are weighed, cycles, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
from running_city import RunningCity
from small_city import START_MS, small_net

from citybrain.cockpit.group import GroupShare, group_view, movements_within
from citybrain.cockpit.measure import MEANS, _summary
from citybrain.cockpit.problem import RequestError
from citybrain.cockpit.span import read_span

replace = msgspec.structs.replace
HOUR = {"junction": "J00", "day": "2026-11-07", "begin": "06:00", "end": "07:00"}


@pytest.fixture(scope="module")
def web(city: RunningCity) -> Iterator[httpx.Client]:
    """The page's server, with an hour of measures of J00 in its library."""
    city.publish(*city.happenings.performance(city.net.junctions[0], -3600, 0))
    with httpx.Client(base_url=city.url, timeout=15) as client:
        for _ in range(200):  # until the library has stored them
            found = client.get("/api/measures", params=HOUR).json()
            if len(found["summaries"]) == 9 and len(found["cycles"]) == 60:
                break
            city.advance()
        yield client


def test_movements_are_summed_up_over_the_span(web: httpx.Client) -> None:
    found = web.get("/api/measures", params=HOUR).json()
    north, crossing = found["summaries"][0], found["summaries"][8]
    assert (north["cycles"], north["split_failures"], north["queue_veh"]) == (60, 24, 9.0)
    assert north["platoon_ratio"] == pytest.approx(1.5)
    assert (crossing["volume_vph"], crossing["walk_wait_s"]) == (None, 21.0)
    assert found["movement"] == north["movement"], "the busiest, where none is named"
    assert [p["time"] for p in found["series"]] == [START_MS + s * 1000 for s in range(-3300, 1, 300)]


def test_a_group_tells_who_comes_from_one_of_its_junctions_to_the_next(web: httpx.Client) -> None:
    group = web.get("/api/measures", params=HOUR).json()["group"]
    assert (group["name"], group["one_cycle"]) == ("Rose Lane", True)
    here, there = group["members"]
    assert (here["junction"], there["junction"]) == ("J00", "J10")
    assert here["arrivals_vph"] == pytest.approx(480 + 420), "the third and fourth movement come from the east"
    assert group["on_green_share"] == here["on_green_share"] == pytest.approx(0.6)
    assert here["platoon_ratio"] == pytest.approx(1.5)
    assert (there["arrivals_vph"], there["on_green_share"], there["platoon_ratio"]) == (None, None, None)
    assert (there["plan_cycle_s"], there["plan_offset_s"]) == (43.0, 0.0)
    assert web.get("/api/measures", params=HOUR | {"junction": "J01"}).json()["group"] is None


def test_a_group_knows_the_movements_between_its_junctions_and_nobody_elses() -> None:
    net = small_net()
    near = [j for j in net.junctions if j.group]
    assert {m.partition(">")[0] for m in movements_within(net, near)} == {"J00:n10n00", "J10:n00n10"}
    assert movements_within(net, near[:1]) == []
    far = [j for j in net.junctions if j.id in ("J00", "J11")]
    assert movements_within(net, far) == [], "a signal of another group lies between"
    links = {link.id: link for link in net.links}
    begin, end = replace(links["n10n00"], to_node="mid"), replace(links["n10n00"], id="on", from_node="mid")
    ways = [replace(m, from_link="on") if m.from_link == "n10n00" else m for m in near[0].movements]
    split = replace(near[0], movements=tuple(ways))
    others = tuple(x for x in net.links if x.id != "n10n00")
    joined = replace(net, links=(*others, begin, end), junctions=(split, *net.junctions[1:]))
    assert {m.partition(">")[0] for m in movements_within(joined, [split, near[1]])} == {
        "J00:n10n00",
        "J10:n00n10",
    }
    other = replace(end, id="off", to_node="elsewhere")
    forked = replace(joined, links=(*joined.links, other))
    assert {m.partition(">")[0] for m in movements_within(forked, [split, near[1]])} == {"J10:n00n10"}


def test_a_group_of_unlike_cycles_says_so() -> None:
    one, other = (j for j in small_net().junctions if j.group)
    longer = replace(other, plan=replace(other.plan, phases=other.plan.phases[:1]))
    assert not group_view([one, longer], []).one_cycle
    found = group_view([one, other], [GroupShare("J10", 4, 2000.0, 1500.0, 0.0)])
    assert (found.on_green_share, found.members[1].arrivals_vph, found.members[1].platoon_ratio) == (
        0.75,
        500.0,
        None,
    )
    assert group_view([one], [GroupShare("J00", 3, 0.0, 0.0, 0.0)]).members[0].arrivals_vph == 0.0


def test_cycles_of_the_movement_named_come_with_their_arrivals(web: httpx.Client) -> None:
    movement = web.get("/api/measures", params=HOUR).json()["summaries"][2]["movement"]
    found = web.get("/api/measures", params=HOUR | {"movement": movement}).json()
    assert found["movement"] == movement
    cycle = found["cycles"][0]
    assert cycle["begin"] < cycle["green"] < cycle["yellow"] < cycle["time"]
    assert len(cycle["offsets_s"]) == 8
    assert [c["time"] for c in found["cycles"]] == sorted(c["time"] for c in found["cycles"])


def test_a_shorter_span_has_less(web: httpx.Client) -> None:
    found = web.get("/api/measures", params=HOUR | {"begin": "06:30"}).json()
    assert found["summaries"][0]["cycles"] == 30
    empty = web.get("/api/measures", params=HOUR | {"day": "2026-11-05"}).json()
    assert (empty["summaries"], empty["movement"], empty["cycles"]) == ([], None, [])


def test_the_records_behind_it_leave_as_csv(web: httpx.Client) -> None:
    answer = web.get("/api/measures.csv", params=HOUR)
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 12 * 9
    assert {r["junction"] for r in rows} == {"J00"}
    assert sum(int(r["split_failures"] or 0) for r in rows) == 24


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"junction": "J99"}, 404),
        ({"movement": "nobody"}, 404),
        ({"day": "yesterday"}, 422),
        ({"day": "9999-12-31", "end": "24:00"}, 422),
        ({"begin": "7"}, 422),
        ({"begin": "25:00"}, 422),
        ({"begin": "08:00", "end": "07:00"}, 422),
        ({"begin": "07:00' OR 1=1 --"}, 422),
    ],
)
def test_what_makes_no_sense_is_refused(web: httpx.Client, wrong: dict[str, str], status: int) -> None:
    answer = web.get("/api/measures", params=HOUR | wrong)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_without_the_library_it_says_so(city: RunningCity, web: httpx.Client) -> None:
    city.forget()
    try:
        answer = web.get("/api/measures", params=HOUR)
        assert (answer.status_code, answer.json()["reason"]) == (503, "library")
    finally:
        city.remember()


def test_a_day_lasts_from_midnight_to_midnight_of_the_city_also_when_clocks_change() -> None:
    def hours(day: str) -> float:
        span = read_span(day, "00:00", "24:00", "Europe/Berlin")
        return (span.end_ms - span.begin_ms) / 3_600_000

    assert (hours("2026-03-29"), hours("2026-10-25"), hours("2026-11-22")) == (23, 25, 24)
    assert read_span("2026-11-22", "00:00", "01:00", "Asia/Shanghai").begin_ms == round(
        datetime(2026, 11, 21, 16, tzinfo=UTC).timestamp() * 1000
    )
    with pytest.raises(RequestError, match="later than begin"):
        read_span("2026-11-22", "07:00", "07:00", "UTC")


def test_a_cycle_longer_than_the_span_says_nothing_of_it() -> None:
    """A crossing that has green nearly always."""
    blank = dict.fromkeys(name for name, _ in MEANS) | {"split_failures": None, "queue_veh": None, "cycles": 1}
    rows = [blank | {"cycle_s": 11_655.0}, blank | {"cycle_s": 60.0}]
    assert _summary("m", rows, 3600.0).cycle_s == 60.0
    assert _summary("m", rows[:1], 3600.0).cycle_s is None


def test_means_weigh_as_much_as_what_they_are_of() -> None:
    blank: dict[str, Any] = dict.fromkeys(
        ("volume_vph", "on_green_share", "delay_s", "standing_s", "cycle_s", "green_share", "walk_wait_s", "seen")
    )
    few = blank | {"cycles": 1, "arrivals_vph": 100.0, "on_green_share": 1.0, "split_failures": None}
    many = blank | {"cycles": 3, "arrivals_vph": 300.0, "on_green_share": 0.2, "split_failures": 2}
    rows = [few | {"queue_veh": 4.0, "green_share": 0.2}, many | {"queue_veh": None, "green_share": 0.4}]
    found = _summary("m", rows, 3600.0)
    assert found.on_green_share == pytest.approx(0.4)
    assert found.green_share == pytest.approx(0.35)
    assert found.platoon_ratio == pytest.approx(0.4 / 0.35)
    assert (found.cycles, found.split_failures, found.queue_veh, found.delay_s) == (4, 2, 4.0, None)

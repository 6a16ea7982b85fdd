"""The page's server over a real bus, library and hub: what it answers, what it refuses, what it survives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from running_city import RunningCity
from small_city import START_MS
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

WITHIN_S = 15.0


@pytest.fixture
def web(city: RunningCity) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=city.url, timeout=WITHIN_S) as client:
        yield client


@pytest.fixture
def live(city: RunningCity) -> Iterator[ClientConnection]:
    """A page's live link, over which frames come already."""
    with linked(city) as socket:
        while not flows(city, socket):
            pass
        yield socket


def linked(city: RunningCity) -> ClientConnection:
    return connect(city.url.replace("http", "ws") + "/ws/live", max_size=None)


def flows(city: RunningCity, socket: ClientConnection) -> bool:
    """Whether the frame of one more second comes before the server has twice said how old everything is: it does
    not while the server is still on its way."""
    city.advance()
    ages = 0
    while ages < 2:
        message = socket.recv(timeout=WITHIN_S)
        if isinstance(message, bytes):
            return True
        ages += json.loads(message)["t"] == "seen"
    return False


def heard(socket: ClientConnection, wanted: Callable[[Any], bool]) -> Any:
    """The next message that is wanted: text messages as objects, frames as bytes."""
    while True:
        message = socket.recv(timeout=WITHIN_S)
        found = json.loads(message) if isinstance(message, str) else message
        if wanted(found):
            return found


def told(kind: str) -> Callable[[Any], bool]:
    return lambda m: isinstance(m, dict) and m["t"] == kind


def settled(city: RunningCity, live: ClientConnection, seconds: int = 1) -> None:
    """Let the city live, until the page's server has shown the last of it."""
    city.advance(seconds)
    frame = city.happenings.frame(city.second)
    heard(live, lambda m: m == frame)


def test_a_page_begins_with_all_that_is_known(city: RunningCity) -> None:
    with linked(city) as live:
        hello = heard(live, told("hello"))
    assert hello["city"] == "Smallville"
    assert hello["zone"] == "Asia/Shanghai"


def test_frames_pass_unchanged_and_the_newest_at_once(city: RunningCity, live: ClientConnection) -> None:
    city.advance()
    frame = city.happenings.frame(city.second)
    assert heard(live, lambda m: isinstance(m, bytes) and m == frame) == frame


def test_scores_come_live_and_stay_in_vitals(city: RunningCity, live: ClientConnection, web: httpx.Client) -> None:
    city.advance(10 - city.second % 10)
    message = heard(live, told("score"))
    assert [s["city"] for s in message["scores"]] == ["live", "shadow"]
    vitals = web.get("/api/vitals").json()
    assert vitals["live"][-1]["mean_delay_s"] == city.happenings.score("live", city.second)["mean_delay_s"]
    assert vitals["shadow"][-1]["in_transit"] == 120


def test_only_slow_links_with_enough_probes_are_told(city: RunningCity, live: ClientConnection) -> None:
    city.advance(60 - city.second % 60)
    slow = heard(live, told("slow"))["slow"]
    assert [row[0] for row in slow] == [link.id for link in city.net.links[:2]]
    assert slow[0][1:] == [2.0, 13.9, 5]


def test_a_watched_junction_is_told_each_second(city: RunningCity, live: ClientConnection) -> None:
    live.send(json.dumps({"watch": "J00"}))
    heard(live, told("junction"))
    settled(city, live)
    city.advance()
    now = heard(live, lambda m: told("junction")(m) and _whole(m["junction"], _now(city)))["junction"]
    assert now["id"] == "J00"
    assert now["order"]["why"] == "longest_queue"
    assert len(now["queues"]) == 9


def _whole(junction: Any, time_ms: int) -> bool:
    """Whether signal, queues and decision of that second are all there: they come in any order."""
    times = {
        junction["signal"]["time"],
        junction["decisions"][0]["last"],
        *(q["time"] for q in junction["queues"]),
    }
    return times == {time_ms}


def _now(city: RunningCity) -> int:
    return START_MS + city.second * 1000


def test_a_wrong_watch_is_passed_over(city: RunningCity, live: ClientConnection) -> None:
    for words in ('{"watch": "nowhere"}', "not json", '{"other": 1}', "x" * 2000):
        live.send(words)
    settled(city, live)


def test_the_junction_panel_has_all_that_is_known(
    city: RunningCity, live: ClientConnection, web: httpx.Client
) -> None:
    city.tell("traffic.order_refusal", junction="J01", source="brain", stage=1, reason="min_green")
    heard(live, told("refusal"))
    settled(city, live, 2)
    view = web.get("/api/junction/J01").json()
    assert [m["heading"] for m in view["movements"]] == [180, 180, 270, 270, 0, 0, 90, 90, 0]
    assert view["stages"][0]["movements"] == [0, 1, 4, 5]
    assert [s["further"] for s in view["stages"]] == [False, False, True]
    assert view["now"]["signal"]["control"] == "brain"
    assert view["refusals"][0]["reason"] == "min_green"
    assert view["now"]["queues"]
    assert [p["stage"] for p in view["plan"]] == [0, -1, 1]
    assert view["limits"] == {
        "max_green_s": 45.0,
        "walk_s": 7.0,
        "group": "",
        "priorities": [
            {"movements": [0], "weight": 2.5, "begin_s": 25200, "end_s": 32400, "days": [0, 1, 2, 3, 4]}
        ],
        "remarks": [],
    }
    assert view["now"]["decisions"][0]["stage"] == view["now"]["signal"]["stage"]
    assert web.get("/api/junction/J99").status_code == 404


def test_decisions_of_before_the_server_began_come_from_the_library(
    city: RunningCity, live: ClientConnection, web: httpx.Client
) -> None:
    settled(city, live, 31)
    for _ in range(200):  # until the library has stored what was said
        city.close_page()
        city.open_page()
        city.advance()
        decisions = web.get("/api/junction/J10").json()["now"]["decisions"]
        if len(decisions) > 3:
            break
    assert [d["stage"] for d in decisions[:4]] in ([0, 1, 0, 1], [1, 0, 1, 0])


def test_history_comes_from_the_library_in_buckets(
    city: RunningCity, live: ClientConnection, web: httpx.Client
) -> None:
    settled(city, live, 21)
    answers = (web.get("/api/history", params={"metric": "mean_delay_s", "hours": 1}).json() for _ in range(200))
    history = next(h for h in answers if h["source"] == "library" and len(h["live"]["time"]) > 1)
    assert history["bucket_s"] == 10
    assert all(b - a == 10_000 for a, b in zip(history["live"]["time"], history["live"]["time"][1:], strict=False))
    last = history["live"]["time"][-1]
    score = city.happenings.score("live", (last - START_MS) // 1000)
    assert history["live"]["value"][-1] == score["mean_delay_s"]


@pytest.mark.parametrize(
    "query", ["metric=secrets", "metric=arrived&hours=0", "metric=arrived&hours=1e9", "", "metric=arrived&hours=x"]
)
def test_history_refuses_what_it_does_not_know(web: httpx.Client, query: str) -> None:
    answer = web.get(f"/api/history?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "\n" not in answer.text
    assert answer.json()["detail"]


def test_a_dead_library_leaves_the_page_with_what_it_has(
    city: RunningCity, live: ClientConnection, web: httpx.Client
) -> None:
    settled(city, live, 11)
    city.forget()
    try:
        history = web.get("/api/history", params={"metric": "arrived", "hours": 1}).json()
        assert history["source"] == "memory"
        assert history["live"]["value"][-1] == 900
        assert web.get("/api/junction/J00").json()["refusals"] == []
        assert web.get("/api/vitals").json()["live"]
        settled(city, live)
    finally:
        city.remember()


def test_a_switch_is_sent_answered_and_kept(city: RunningCity, live: ClientConnection, web: httpx.Client) -> None:
    settled(city, live)
    until = "2026-11-08T12:00:00+08:00"
    with httpx.Client(base_url=city.url, timeout=WITHIN_S) as other:
        import concurrent.futures

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            ask = {"area": "north", "control": "own_plan", "who": "Officer Li", "why": "drill", "until": until}
            answer = pool.submit(other.post, "/api/switch", json=ask)
            asked = heard(live, told("switch"))["switches"][0]
            assert asked["accepted"] is None
            city.tell(
                "traffic.switch_result",
                request=asked["request"],
                area="north",
                accepted=True,
                reason="",
                control="own_plan",
                until=asked["until"],
                junctions=2,
            )
            done = answer.result(WITHIN_S)
    assert done.status_code == 200
    assert done.json()["accepted"] is True
    heard(live, lambda m: told("switch")(m) and m["switches"][0]["accepted"])
    kept = web.get("/api/switch").json()[0]
    assert (kept["who"], kept["why"], kept["area"], kept["junctions"]) == ("Officer Li", "drill", "north", 2)
    assert web.get("/api/junction/J01").json()["now"]["switch"]["who"] == "Officer Li"
    assert web.get("/api/junction/J00").json()["now"]["switch"] is None


GOOD = {"area": "city", "control": "brain", "who": "x", "why": "y", "until": None}


@pytest.mark.parametrize(
    "wrong",
    [
        {"area": "atlantis"},
        {"control": "chaos"},
        {"who": " "},
        {"why": ""},
        {"why": "y" * 301},
        {"until": "tomorrow"},
        {"until": "2026-11-07T12:00:00"},
        {"until": "2020-01-01T00:00:00Z"},
        {"until": "2030-01-01T00:00:00Z"},
        {"extra": 1},
        {"control": "hold", "area": "J00"},
        {"control": "hold", "area": "J00", "stage": 1},
        {"control": "hold", "area": "J00", "stage": 3, "until": "2026-11-07T08:00:00+08:00"},
        {"control": "hold", "area": "north", "stage": 0, "until": "2026-11-07T08:00:00+08:00"},
        {"control": "flash", "area": "J00"},
        {"control": "silence", "area": "J00"},
        {"control": "brain", "area": "J00", "stage": 0},
        {"area": "J00", "lock": True},
        {"lock": True, "until": "2026-11-07T08:00:00+08:00"},
        {"stage": -1},
        {"stage": 1.5},
    ],
)
def test_a_switch_that_makes_no_sense_is_refused(
    city: RunningCity, web: httpx.Client, wrong: dict[str, Any]
) -> None:
    city.advance()
    answer = web.post("/api/switch", json=GOOD | wrong)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_the_map_is_sent_packed_once_and_named(web: httpx.Client) -> None:
    first = web.get("/api/map")
    assert first.headers["content-encoding"] == "gzip"
    assert len(first.json()["junctions"]) == 4
    again = web.get("/api/map", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = web.get("/api/map", headers={"accept-encoding": "identity"})
    assert plain.json() == first.json()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example:80"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"host": "localhost"}, 200),
    ],
)
def test_other_host_names_are_not_answered(web: httpx.Client, headers: dict[str, str], status: int) -> None:
    assert web.get("/api/vitals", headers=headers).status_code == status


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_other_sites_change_nothing_and_hear_nothing(city: RunningCity, web: httpx.Client, origin: str) -> None:
    assert web.post("/api/switch", json=GOOD, headers={"origin": origin}).status_code == 403
    with (
        pytest.raises((InvalidStatus, ConnectionClosed)),
        connect(city.url.replace("http", "ws") + "/ws/live", origin=origin) as socket,
    ):
        socket.recv(timeout=WITHIN_S)


def test_the_page_itself_may_listen(city: RunningCity) -> None:
    with connect(city.url.replace("http", "ws") + "/ws/live", origin=city.url) as socket:
        assert json.loads(socket.recv(timeout=WITHIN_S))["t"] == "hello"


def test_forms_and_floods_are_refused(web: httpx.Client) -> None:
    assert web.post("/api/switch", content="{}", headers={"content-type": "text/plain"}).status_code == 415
    assert web.post("/api/switch", json={"why": "y" * 20_000}).status_code == 413
    parts = (b" " * 8000 for _ in range(4))
    assert web.post("/api/switch", content=parts, headers={"content-type": "application/json"}).status_code == 413


def test_every_answer_forbids_the_browser_to_reach_out(web: httpx.Client) -> None:
    for path in ("/", "/api/vitals", "/nowhere", "/healthz"):
        policy = web.get(path).headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy


def test_health_and_metrics(city: RunningCity, live: ClientConnection, web: httpx.Client) -> None:
    settled(city, live)
    health = web.get("/healthz").json()
    assert health["ok"] is True
    assert health["city_time_ms"] == _now(city)
    assert {s["dataset"] for s in health["seen"]} >= {"sim.vehicle", "traffic.signal_state"}
    assert web.get("/metrics").text == "small_city_up 1\n"


def test_what_is_not_there_is_told_in_one_line(web: httpx.Client) -> None:
    answer = web.get("/nowhere")
    assert answer.status_code == 404
    assert answer.json()["title"] == "Not Found"

"""What the page's server keeps in memory, and how it treats slow pages."""

from __future__ import annotations

import asyncio

import pytest
from small_city import START_MS, Happenings

from citybrain.cockpit.audience import MOST_LISTENERS, TEXTS_WAITING, Audience, Listener
from citybrain.cockpit.frame import frame_head
from citybrain.cockpit.live import LiveCity
from citybrain.cockpit.message import HappeningMessage, ScoreMessage
from citybrain.model import Declarations, RoadNet


@pytest.fixture
def happenings(net: RoadNet, declared: Declarations) -> Happenings:
    return Happenings(net, declared)


@pytest.fixture
def live(net: RoadNet) -> LiveCity:
    return LiveCity(net)


def test_the_past_goes_before_what_came_live(live: LiveCity, happenings: Happenings) -> None:
    def scores(*seconds: int) -> list[dict[str, object]]:
        return [happenings.score(city, s) for s in seconds for city in ("live", "shadow")]

    live.apply(happenings.batch("sim.score", scores(30), "a"))
    live.remember(happenings.batch("sim.score", scores(10, 20, 30), "b"))
    live.apply(happenings.batch("sim.score", scores(40), "c"))
    times = [(s.time - START_MS) // 1000 for s in live.scores("live")]
    assert times == [10, 20, 30, 40]
    assert len(live.scores("shadow")) == 4


def test_a_restored_city_writes_its_minutes_anew(live: LiveCity, happenings: Happenings) -> None:
    for i, s in enumerate((10, 20, 30, 20)):
        live.apply(happenings.batch("sim.score", [happenings.score("live", s)], str(i)))
    assert [(s.time - START_MS) // 1000 for s in live.scores("live")] == [10, 20]


def test_what_is_remembered_never_outdoes_what_is_live(live: LiveCity, happenings: Happenings) -> None:
    for batch in happenings.second(12):
        live.apply(batch)
    for batch in happenings.second(3):
        live.remember(batch)
    signal = live.junction("J00").signal
    assert signal is not None
    assert signal.stage == 1


def test_the_ticker_tells_of_deaths_not_of_births(live: LiveCity, happenings: Happenings) -> None:
    def told(state: str) -> list[object]:
        row = {"process": "brain", "time": START_MS, "state": state, "detail": ""}
        return list(live.apply(happenings.batch("city.process", [row], state)))

    assert told("started") == told("ready") == told("stopped") == []
    (died,) = told("died")
    assert isinstance(died, HappeningMessage)
    assert [h.state for h in live.hello().happenings] == ["died"]


def test_a_switch_is_in_force_until_its_end(live: LiveCity, happenings: Happenings) -> None:
    row = {"request": "r", "time": START_MS, "area": "south", "control": "own_plan", "until": START_MS + 5000}
    request = row | {"who": "Li", "why": "drill"}
    result = row | {"accepted": True, "reason": "", "junctions": 2}
    live.saw("sim.vehicle", START_MS)
    live.apply(happenings.batch("traffic.switch_request", [request], "a"))
    assert live.junction("J00").switch is None
    live.apply(happenings.batch("traffic.switch_result", [result], "b"))
    switch = live.junction("J00").switch
    assert switch is not None
    assert (switch.who, switch.junctions) == ("Li", 2)
    assert live.junction("J01").switch is None
    live.saw("sim.vehicle", START_MS + 5000)
    assert live.junction("J00").switch is None


def test_a_dataset_that_is_not_followed_is_passed_over(live: LiveCity, happenings: Happenings) -> None:
    row = {"source": "s", "time": START_MS, "run": 1, "seq": 1}
    assert live.apply(happenings.batch("traffic.tick", [row], "t")) == []
    (message,) = live.apply(happenings.batch("sim.score", [happenings.score("live", 1)], "s"))
    assert isinstance(message, ScoreMessage)


def test_a_slow_page_gets_the_newest_frame_only() -> None:
    listener = Listener()
    for frame in (b"1", b"2", b"3"):
        listener.put_frame(frame)
    listener.put_newest("junction", "old")
    listener.put_newest("junction", "new")
    texts, frame, lost = asyncio.run(listener.take())
    assert (texts, frame, lost) == (["new"], b"3", False)
    assert listener.frames_skipped == 2


def test_a_page_that_hears_nothing_for_long_begins_anew() -> None:
    listener = Listener()
    for i in range(TEXTS_WAITING + 3):
        listener.put_text(str(i))
    texts, _, lost = asyncio.run(listener.take())
    assert lost
    assert texts == [str(i) for i in range(TEXTS_WAITING, TEXTS_WAITING + 3)]


def test_the_house_can_be_full() -> None:
    audience = Audience()
    inside = [audience.enter() for _ in range(MOST_LISTENERS)]
    assert audience.enter() is None
    first = inside[0]
    assert first is not None
    audience.leave(first)
    assert audience.enter() is not None


def test_only_whole_frames_have_a_head(happenings: Happenings) -> None:
    frame = happenings.frame(7)
    head = frame_head(frame)
    assert (head.time_ms, head.vehicles, head.lamps) == (START_MS + 7000, 60, 36)
    for broken in (b"", frame[:39], frame[:-1], frame + b"x", b"x" + frame[1:], frame[:4] + b"\2" + frame[5:]):
        with pytest.raises(ValueError, match="frame"):
            frame_head(broken)

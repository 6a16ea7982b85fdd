"""The page of the default city as `make run` starts it: every process real, seen in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_pages import Pages
from playwright.sync_api import Browser, Page, expect
from test_page_lives import INK, LIGHT, ink, share, wait_for_share
from test_page_serves_people import violations
from tests.city.running import RunningCity, until

pytestmark = pytest.mark.browser
LIVE = 90_000


class WholeCity:
    """The running default city, as `Pages` opens it; it moves by itself."""

    def __init__(self, running: RunningCity) -> None:
        self.running = running
        self.url = running.page

    def advance(self, seconds: int = 1) -> None:
        """Nothing to do."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCity]:
    folder: Path = tmp_path_factory.mktemp("whole")
    with RunningCity(folder / "data", "--speed", "2") as running:
        yield WholeCity(running)


@pytest.fixture(scope="module")
def opened(browser: Browser, whole: WholeCity) -> Iterator[tuple[Pages, Page]]:
    pages = Pages(browser, whole)
    yield pages, pages.open()
    pages.close()


@pytest.fixture
def seen(opened: tuple[Pages, Page]) -> Iterator[Page]:
    """The page; no console error and no outside request while it is looked at."""
    pages, page = opened
    yield page
    assert pages.faults() == []


def test_the_map_of_the_real_network_is_drawn_and_credited(seen: Page) -> None:
    expect(seen.locator("body")).to_contain_text("OpenStreetMap")
    expect(seen.locator("body")).to_contain_text("Berlin-Adlershof")
    land, road = LIGHT
    wait_for_share(seen, land, 0.5)
    assert 0.002 < share(seen, road) < 0.3


def test_vehicles_and_signals_move_on_it(seen: Page, whole: WholeCity) -> None:
    for canvas in (".map-vehicles", ".map-signals"):
        before = ink(seen, canvas)
        assert before > 0
        seen.wait_for_function(
            f"([canvas, before]) => ({INK})(canvas) !== before", arg=[canvas, before], timeout=LIVE
        )
    stages = "SELECT count(DISTINCT stage) AS n FROM traffic.signal_state WHERE stage >= 0"
    until(lambda: whole.running.query(stages)[0]["n"] >= 2)


def test_figures_of_both_cities_move(seen: Page) -> None:
    tile = seen.locator("[data-metric=mean_delay_s]")
    expect(tile.locator(".tile-against")).to_contain_text("actuated", timeout=LIVE)
    before = tile.inner_text()
    expect(tile).not_to_have_text(before, timeout=LIVE, use_inner_text=True)


def test_the_clock_of_the_city_runs(seen: Page) -> None:
    seen.wait_for_function(
        """() => {
            const text = document.querySelector('header').innerText.match(/\\d\\d:\\d\\d:\\d\\d/)[0];
            window.firstClock ??= text;
            return text > window.firstClock;
        }""",
        timeout=LIVE,
    )


def test_both_languages_and_no_serious_barrier(seen: Page) -> None:
    assert violations(seen) == []
    seen.locator("[data-language]").click()
    expect(seen.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(seen.locator("#vitals-title")).to_have_text("生命体征")
    assert violations(seen) == []
    seen.locator("[data-language]").click()
    expect(seen.locator("html")).to_have_attribute("lang", "en")


def test_a_person_holds_a_stage_behind_the_real_guard_and_releases_it(seen: Page, whole: WholeCity) -> None:
    states = "SELECT junction, control FROM now.traffic.signal_state ORDER BY junction"
    junction = until(lambda: [s["junction"] for s in whole.running.query(states) if s["control"] == "brain"])[0]
    seen.evaluate("id => { location.hash = `junction/${encodeURIComponent(id)}`; }", junction)
    seen.locator(".take-control summary").click(timeout=LIVE)
    seen.locator("[data-command=hold]").click()
    seen.locator(".switch [name=who]").fill("Officer Li")
    seen.locator(".switch [name=why]").fill("fallen tree")
    seen.get_by_role("button", name="Send the command").click()
    seen.get_by_role("dialog").get_by_role("button", name="Yes, do it").click()
    expect(seen.locator(".switch [role=status]")).to_have_text("Done: 1 junction changed.", timeout=LIVE)
    expect(seen.locator("[data-control=hold]")).to_be_visible(timeout=LIVE)
    holder = seen.locator("[data-held=hold]")
    expect(holder).to_contain_text("Officer Li: fallen tree", timeout=LIVE)
    holder.locator("[data-release]").click()
    seen.get_by_role("dialog").get_by_role("button", name="Yes, do it").click()
    expect(holder).to_have_count(0, timeout=LIVE)
    expect(seen.locator("[data-control=brain]")).to_be_visible(timeout=LIVE)
    expect(seen.locator(".decisions li").first).to_be_visible(timeout=LIVE)
    seen.evaluate("location.hash = ''")

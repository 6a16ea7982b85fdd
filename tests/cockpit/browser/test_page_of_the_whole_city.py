"""The page of the default city as `make run` starts it: every process real, seen in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_pages import Pages
from playwright.sync_api import Browser, Page, expect
from test_page_serves_people import violations

from tests.city.running import RunningCity

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
    colours = seen.evaluate(
        """() => {
            const map = document.querySelector('canvas.maplibregl-canvas');
            const copy = document.createElement('canvas');
            copy.width = map.width; copy.height = map.height;
            const ink = copy.getContext('2d');
            return new Promise(done => requestAnimationFrame(() => {
                ink.drawImage(map, 0, 0);
                const data = ink.getImageData(0, 0, copy.width, copy.height).data;
                const found = new Set();
                for (let i = 0; i < data.length; i += 400) found.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
                done(found.size);
            }));
        }"""
    )
    screenshot = seen.screenshot()
    assert colours > 3 or len(screenshot) > 100_000


def test_figures_of_both_cities_move(seen: Page) -> None:
    figures = seen.locator("[data-metric] .value, .vital .value, .vitals")
    expect(seen.locator("body")).to_contain_text("actuated", timeout=LIVE)
    before = figures.first.inner_text()
    seen.wait_for_function(
        "before => document.querySelector('[data-metric] .value, .vital .value, .vitals').innerText !== before",
        arg=before,
        timeout=LIVE,
    )


def test_the_clock_of_the_city_runs(seen: Page) -> None:
    seen.wait_for_function(
        """() => {
            const text = document.querySelector('header').innerText.match(/\\d\\d:\\d\\d:\\d\\d/)[0];
            window.firstClock ??= text;
            return text > window.firstClock;
        }""",
        timeout=LIVE,
    )


def test_signals_change_on_the_map(seen: Page, whole: WholeCity) -> None:
    junctions = {r["junction"] for r in whole.running.query("SELECT junction FROM road.junction")}
    assert len(junctions) == 14
    stages = "SELECT count(DISTINCT stage) AS n FROM traffic.signal_state WHERE stage >= 0"
    assert whole.running.query(stages)[0]["n"] >= 2
    area = seen.locator(".map-box").bounding_box()
    assert area is not None
    first = seen.screenshot(clip=area)
    seen.wait_for_timeout(4000)
    assert seen.screenshot(clip=area) != first


def test_both_languages_and_no_serious_barrier(seen: Page) -> None:
    assert violations(seen) == []
    seen.locator("[data-language]").click()
    expect(seen.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(seen.locator("#vitals-title")).to_have_text("生命体征")
    assert violations(seen) == []
    seen.locator("[data-language]").click()
    expect(seen.locator("html")).to_have_attribute("lang", "en")

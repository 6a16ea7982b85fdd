"""The signal performance of a junction on the page: table, time of day, coordination diagram, export."""

from __future__ import annotations

import csv
from pathlib import Path

import httpx
import pytest
from browser_pages import Pages
from playwright.sync_api import Page, expect
from running_city import RunningCity
from test_page_serves_people import violations

pytestmark = pytest.mark.browser
SOON = 30_000

COLOURED = """colour => {
  const canvas = document.querySelector('.coordination');
  const [r, g, b] = colour;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const off = i => Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
  let n = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && off(i) < 24) n++;
  return n;
}"""
GREEN, DOTS = [14, 138, 69], [22, 25, 29]


@pytest.fixture
def measured(page: Page, city: RunningCity) -> Page:
    """The page at the measures of J00, an hour of which the library holds."""
    city.publish(*city.happenings.performance(city.net.junctions[0], -3600, 0))
    city.advance()
    page.evaluate("location.hash = 'junction/J00'")
    page.locator("[data-measures]").click()
    expect(page.locator("#measures-title")).to_be_focused()
    page.get_by_label("Day", exact=True).fill("2026-11-07")
    page.get_by_label("From", exact=True).fill("06:00")
    page.get_by_label("To", exact=True).fill("07:00")
    expect(page.locator("[data-summary]")).to_have_count(9, timeout=SOON)
    return page


def test_split_failures_are_told_apart_and_a_movement_is_drawn(measured: Page) -> None:
    north = measured.locator("[data-summary]").first
    expect(north).to_contain_text("From the north, straight on")
    expect(north.locator(".is-bad")).to_contain_text("24 / 60")
    measured.wait_for_function(f"colour => ({COLOURED})(colour) > 300", arg=GREEN, timeout=SOON)
    busy = measured.evaluate(COLOURED, DOTS)
    measured.locator("[data-summary] button").nth(7).click()
    expect(measured.locator("cb-measures")).to_contain_text("From the west, right: Purdue coordination diagram")
    measured.wait_for_function(f"([c, n]) => ({COLOURED})(c) < 0.7 * n", arg=[DOTS, busy], timeout=SOON)
    expect(measured.locator(".coordination")).to_have_attribute(
        "aria-label",
        "From the west, right: 60 cycles; 60 % of the arrivals came on green, platoon ratio 1.50. "
        "Across: time of day; up: second of the cycle, from the begin of red.",
    )
    assert violations(measured) == []


def test_another_time_of_day_is_chosen_and_an_empty_one_says_when_the_first_come(measured: Page) -> None:
    measured.get_by_label("From", exact=True).fill("06:30")
    expect(measured.locator("[data-summary]").first).to_contain_text("/ 30", timeout=SOON)
    measured.get_by_label("Day", exact=True).fill("2026-11-05")
    expect(measured.locator("[data-none]")).to_contain_text("5 minutes", timeout=SOON)
    measured.get_by_label("To", exact=True).fill("06:00")
    expect(measured.get_by_role("alert")).to_contain_text("the end must be later than the begin", timeout=SOON)
    measured.reload()
    measured.wait_for_selector(".map-box[data-ready]")


def test_a_group_stands_below_its_junction_s_movements(measured: Page) -> None:
    expect(measured.locator("[data-group]")).to_contain_text("60 % of those", timeout=SOON)
    here = measured.locator("[data-member=J00]")
    expect(here).to_contain_text("900")
    expect(here).to_contain_text("1.50")
    expect(measured.locator("[data-member=J10] td").nth(2)).to_have_text("–")


def test_the_records_leave_as_a_file(measured: Page, tmp_path: Path) -> None:
    with measured.expect_download() as begun:
        measured.locator("[data-export]").click()
    file = tmp_path / "measures.csv"
    begun.value.save_as(file)
    with file.open(encoding="utf-8") as lines:
        assert len(list(csv.DictReader(lines))) == 108


def test_in_chinese_on_a_phone_only_the_table_scrolls_sideways(pages: Pages, city: RunningCity) -> None:
    city.publish(*city.happenings.performance(city.net.junctions[0], -3600, 0))
    page = pages.open("/#measures/J00", width=390, height=844, locale="zh-CN")
    expect(page.locator("#measures-title")).to_contain_text("信号运行指标", timeout=SOON)
    expect(page.locator("[data-summary]").first).to_contain_text("北进口直行", timeout=SOON)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_the_report_of_the_day_says_what_was_gained_and_what_it_does_not_know(
    page: Page, city: RunningCity
) -> None:
    city.advance(21)
    for _ in range(200):  # until the library has stored a score
        if httpx.get(f"{city.url}/api/report", params={"day": "2026-11-07"}, timeout=15).json()["comparisons"]:
            break
        city.advance()
    page.locator("[data-report]").click()
    expect(page.locator("#report-title")).to_be_focused()
    against = page.locator("[data-against=actuated]")
    expect(against.locator(".figure")).to_have_text("38 %", timeout=SOON)
    expect(against.locator("[data-more] tbody tr").first).to_contain_text("37.5 %")
    expect(against.locator(".wide-table tbody tr").first).to_contain_text("07:00")
    expect(page.locator(".notes")).to_contain_text("No shadow city ran under own plans")
    assert violations(page) == []
    page.get_by_label("Day", exact=True).fill("2026-11-01")
    expect(page.locator("[data-none]")).to_have_text("Nothing was scored on that day.", timeout=SOON)

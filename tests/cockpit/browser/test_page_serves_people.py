"""The page in the hands of people: both languages, keyboard alone, a phone, a screen reader's rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser_pages import Pages
from playwright.sync_api import Page, expect
from running_city import RunningCity

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"
PLACES = ("", "junction/J00", "records/mean_delay_s", "control", "measures/J00", "report")


def violations(page: Page) -> list[str]:
    """Serious and critical violations that axe-core finds."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: run npm ci in web/")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate("axe.run(document).then(r => r.violations)")
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:120]} {v['nodes'][0].get('failureSummary', '')}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("place", PLACES)
def test_axe_finds_nothing_serious(page: Page, city: RunningCity, place: str) -> None:
    city.happenings.control["J00"] = "own_plan"
    city.advance(10)
    page.evaluate("place => { location.hash = place; }", place)
    page.evaluate("document.querySelector('.map-key').open = true")
    if "junction" in place:
        expect(page.locator("[data-control=own_plan]")).to_be_visible()
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
    city.happenings.control["J00"] = "brain"
    city.advance()


def test_axe_would_find_a_nameless_button(page: Page) -> None:
    page.evaluate("document.querySelector('.map').append(document.createElement('button'))")
    assert any(v.startswith("button-name") for v in violations(page))
    page.evaluate("document.querySelector('.map').lastElementChild.remove()")


def test_both_languages(page: Page) -> None:
    for language, tag, title, words in (
        ("zh", "zh-CN", "生命体征", "比感应控制低"),
        ("en", "en", "Vital signs", "below actuated"),
    ):
        page.locator("[data-language]").click()
        expect(page.locator("html")).to_have_attribute("lang", tag)
        expect(page.locator("#vitals-title")).to_have_text(title)
        expect(page.locator("[data-metric=mean_delay_s]")).to_contain_text(words)
        assert page.evaluate("localStorage.getItem('citybrain.language')") == language


def test_a_chinese_browser_is_met_in_chinese_and_a_choice_is_kept(pages: Pages) -> None:
    page = pages.open("/#junction/J11", locale="zh-CN")
    expect(page.locator("cb-junction")).to_contain_text("计入切换损失后每秒放行最多：北进口直行，8辆。")
    expect(page.locator(".movements")).to_contain_text("解放路")
    expect(page.locator(".stage .stage-further")).to_have_text(["自有方案外"])
    page.locator("[data-language]").click()
    page.reload()
    expect(page.locator(".stage").nth(2).locator(".stage-further")).to_have_text("not in its own plan")
    expect(page.locator("cb-junction")).to_contain_text(
        "Most vehicles a second, change included: from the north, straight on"
    )


def test_the_way_to_a_junction_by_keyboard(page: Page, city: RunningCity) -> None:
    page.keyboard.press("/")
    page.keyboard.type("mill")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#junction-title")).to_be_focused()
    expect(page.locator("#junction-title")).to_have_text("Junction Elm Street / Mill Road")
    expect(page.locator("cb-junction")).to_contain_text(
        "Most vehicles a second, change included: from the north, straight on, 8 vehicles."
    )
    city.advance(10)
    expect(page.locator(".stage.is-now")).to_contain_text(str(city.second // 10 % 2 + 1))
    newest = page.locator(".decisions li").first
    expect(newest).to_contain_text(f"Stage {city.second // 10 % 2 + 1}, held")
    expect(page.locator(".why")).to_contain_text("Longest without green: from the east, straight on")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#vitals-title")).to_be_visible()


def test_a_click_on_the_map_opens_the_junction(page: Page) -> None:
    page.get_by_role("button", name="Show the whole city").click()
    page.wait_for_function("() => !document.querySelector('cb-app').map.base.isMoving()")
    at = page.evaluate(
        """() => {
          const map = document.querySelector('cb-app').map;
          const j = map.ground.map.junctions[0];
          const [x, y] = map.ground.mercatorOfUnits(j.x, j.y);
          const box = document.querySelector('.map').getBoundingClientRect();
          const c = map.camera;
          return [box.x + (x - c.x) * c.world + c.width / 2, box.y + (y - c.y) * c.world + c.height / 2];
        }"""
    )
    page.mouse.click(*at)
    expect(page.locator("#junction-title")).to_have_text("Junction Rose Lane / Mill Road")


def test_a_person_gives_a_district_to_its_own_plans(page: Page, city: RunningCity) -> None:
    page.evaluate("location.hash = 'control'")
    expect(page.locator(".counts")).to_contain_text("2 of 2 junctions under the brain")
    page.get_by_label("Area").select_option("north")
    page.get_by_label("Your name").fill("Officer Li")
    page.get_by_label("Reason").fill("road works")
    page.get_by_role("button", name="Send the command").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes, do it").click()
    asked = page.wait_for_function("() => document.querySelector('cb-app').city.switches[0]").json_value()
    assert (asked["area"], asked["who"], asked["why"]) == ("north", "Officer Li", "road works")
    assert asked["until"] - asked["time"] == 3_600_000
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
    expect(page.get_by_role("status").filter(has_text="Done")).to_have_text("Done: 2 junctions changed.")
    for junction in ("J01", "J11"):
        city.happenings.control[junction] = "own_plan"
    city.advance()
    expect(page.locator(".counts")).to_contain_text("0 of 2 junctions under the brain")
    page.evaluate("location.hash = 'junction/J11'")
    expect(page.locator("[data-held=own_plan]")).to_contain_text("Officer Li: road works")
    for junction in ("J01", "J11"):
        city.happenings.control[junction] = "brain"
    city.advance()


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_a_phone_needs_no_sideways_scroll(pages: Pages, locale: str) -> None:
    page = pages.open(width=390, height=844, locale=locale)
    box = page.locator(".map").bounding_box()
    assert box is not None
    assert box["y"] < 120
    assert box["height"] >= 300
    for place in PLACES:
        page.evaluate("place => { location.hash = place; }", place)
        expect(page.locator(".side h2").first).to_be_visible()
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_the_map_credits_openstreetmap_and_names_the_truth(page: Page) -> None:
    expect(page.locator(".credit")).to_have_text("© OpenStreetMap contributors")
    expect(page.locator(".truth")).to_have_text("Vehicles: simulation truth")
    expect(page.locator(".label")).to_have_text("Simulated city")

"""A person commands a junction from the page: asked first, refused in words, held, counted down, released."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from running_city import RunningCity

pytestmark = pytest.mark.browser

NEWEST = "document.querySelector('cb-app').city.switches[0]"


def known(page: Page) -> str:
    """The newest command that the page knows of; "" for none."""
    found: str = page.evaluate(f"{NEWEST}?.request ?? ''")
    return found


def newest_request(page: Page, before: str) -> dict[str, Any]:
    """The newest command, as soon as it is another than `before`."""
    wait = f"before => {{ const s = {NEWEST}; return s && s.request !== before && s; }}"
    found: dict[str, Any] = page.wait_for_function(wait, arg=before).json_value()
    return found


def answer(city: RunningCity, asked: dict[str, Any], **more: Any) -> None:
    """The guard's answer; the junction does as it was told."""
    said = {
        "accepted": True,
        "reason": "",
        "junctions": 1,
        "until": asked["until"],
        "lock": asked["lock"],
        "locked": 0,
    }
    names = ("request", "area", "control", "stage")
    city.tell("traffic.switch_result", **{n: asked[n] for n in names}, **(said | more))
    if (said | more)["accepted"]:
        city.happenings.control[asked["area"]] = asked["control"]
    city.advance()


def fill(page: Page, command: str, why: str) -> None:
    page.locator(f"[data-command={command}]").click()
    page.locator(".switch [name=who]").fill("Officer Li")
    page.locator(".switch [name=why]").fill(why)


@pytest.fixture
def panel(page: Page, city: RunningCity) -> Page:
    """The panel of a junction with its form of commands open; nobody holds it."""
    city.happenings.control["J10"] = "brain"
    city.advance()
    page.evaluate("location.hash = 'junction/J10'")
    page.locator(".take-control summary").click()
    return page


def test_a_stage_is_held_after_a_question_counted_down_and_released(panel: Page, city: RunningCity) -> None:
    first = known(panel)
    fill(panel, "hold", "fallen tree")
    panel.get_by_role("radio", name="Stage 2").check()
    panel.get_by_label("Lock").check()
    expect(panel.locator(".switch [name=until]")).to_have_value("15")
    panel.get_by_role("button", name="Send the command").click()
    dialog = panel.get_by_role("dialog")
    expect(dialog).to_contain_text("Rose Lane / 解放路: stage 2 held?")
    dialog.get_by_role("button", name="Yes, do it").click()
    asked = newest_request(panel, first)
    assert (asked["control"], asked["stage"], asked["lock"], asked["why"]) == ("hold", 1, True, "fallen tree")
    assert asked["until"] - asked["time"] == 900_000
    answer(city, asked)
    expect(panel.locator(".switch [role=status]")).to_have_text("Done: 1 junction changed.")
    holder = panel.locator("[data-held=hold]")
    expect(holder).to_contain_text("Officer Li: fallen tree")
    expect(holder).to_contain_text("locked")
    expect(panel.locator("[data-control=hold]")).to_be_visible()
    before = holder.locator(".holder-left").inner_text()
    assert before.endswith(" left")
    city.advance(2)
    expect(holder.locator(".holder-left")).not_to_have_text(before)
    holder.get_by_role("button", name="Release to: Brain").click()
    panel.get_by_role("dialog").get_by_role("button", name="Yes, do it").click()
    released = newest_request(panel, asked["request"])
    assert (released["control"], released["area"], released["who"]) == ("brain", "J10", "Officer Li")
    answer(city, released)
    expect(holder).to_have_count(0)


def test_a_no_sends_nothing_and_the_keyboard_alone_suffices(panel: Page) -> None:
    fill(panel, "flash", "drill")
    panel.locator(".switch [name=why]").press("Enter")
    dialog = panel.get_by_role("dialog")
    expect(dialog).to_contain_text("All lamps flash amber")
    expect(dialog.get_by_role("button", name="No, leave it")).to_be_focused()
    panel.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(panel.locator("#junction-title")).to_be_visible()
    assert panel.evaluate("document.querySelector('cb-app').city.switches.every(s => s.control !== 'flash')")


def test_a_lock_is_told_with_what_to_do_and_may_be_overridden(panel: Page, city: RunningCity) -> None:
    first = known(panel)
    fill(panel, "own_plan", "road works")
    panel.get_by_role("button", name="Send the command").click()
    panel.get_by_role("dialog").get_by_role("button", name="Yes, do it").click()
    asked = newest_request(panel, first)
    answer(city, asked, accepted=False, reason="locked", junctions=0)
    expect(panel.locator(".switch [role=status]")).to_contain_text("ask them to release it")
    panel.locator("[data-force]").click()
    dialog = panel.get_by_role("dialog")
    expect(dialog).to_contain_text("Over somebody's lock")
    dialog.get_by_role("button", name="Yes, do it").click()
    again = newest_request(panel, asked["request"])
    assert (again["force"], again["control"], again["why"]) == (True, "own_plan", "road works")
    answer(city, again)
    expect(panel.locator("[data-held=own_plan]")).to_be_visible()


def test_under_advice_the_proposal_is_approved_beside_its_reason(panel: Page, city: RunningCity) -> None:
    city.happenings.control["J10"] = "advised"
    city.advance()
    proposal = panel.locator("[data-proposal]")
    expect(proposal).to_contain_text("Most vehicles a second, change included: from the north")
    stage = int(proposal.get_attribute("data-proposal") or -1)
    before = known(panel)
    proposal.locator("[name=who]").fill("Officer Li")
    proposal.locator("[data-approve]").click()
    asked = newest_request(panel, before)
    assert (asked["control"], asked["stage"], asked["until"]) == ("advised", stage, None)
    assert asked["why"].startswith("Most vehicles a second")
    answer(city, asked, accepted=False, reason="proposal_changed", junctions=0)
    expect(panel.locator("cb-holder [role=status]")).to_contain_text("the brain proposes something else by now")
    city.happenings.control["J10"] = "brain"
    city.advance()
    expect(proposal).to_have_count(0)


def test_detectors_that_are_not_believed_are_told(page: Page, city: RunningCity) -> None:
    zones = [z.id for z in city.net.junctions[2].zones]
    row: dict[str, Any] = {"junction": "J01", "since": city.happenings.time_ms(city.second)}
    page.evaluate("location.hash = 'junction/J01'")
    city.tell("traffic.detector_health", zone=zones[0], state="works", reason=None, **row)
    city.advance()
    expect(page.locator("cb-junction")).to_contain_text("The brain believes all 1.")
    city.tell("traffic.detector_health", zone=zones[1], state="silent", reason="no_readings", **row)
    city.advance()
    expect(page.locator("[data-detector=silent]")).to_contain_text("From the east: silent")
    expect(page.locator("cb-junction")).to_contain_text("1 of 2 are not believed")


def test_limits_of_an_engineer_stand_beside_the_own_plan(page: Page) -> None:
    page.evaluate("location.hash = 'junction/J01'")
    limits = page.locator(".limits")
    expect(limits).to_contain_text("Green at most, when others wait45 s", use_inner_text=False)
    expect(limits).to_contain_text("From the north, straight on counts 2.5-fold")
    expect(limits).to_contain_text("07:00–09:00 Mon Tue Wed Thu Fri")
    expect(page.locator(".plan")).to_have_attribute(
        "aria-label", "Stage 1 20 s and then stage 2 20 s; lamps changing 3 s"
    )

"""The page in a real browser: the map is drawn, the city moves on it, its figures follow."""

from __future__ import annotations

import base64
import time

import pytest
from browser_pages import Pages
from playwright.sync_api import Browser, Page, expect
from running_city import RunningCity

pytestmark = pytest.mark.browser

INK = """name => {
  const canvas = document.querySelector(name);
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 4)
    if (pixels[i + 3]) sum = (sum * 31 + i + pixels[i] * 7 + pixels[i + 1]) % 1e9;
  return sum;
}"""
SHARE = """async ([png, colour]) => {
  const image = new Image();
  image.src = 'data:image/png;base64,' + png;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const pen = canvas.getContext('2d');
  pen.drawImage(image, 0, 0);
  const pixels = pen.getImageData(0, 0, image.width, image.height).data;
  const near = (i, k) => Math.abs(pixels[i + k] - colour[k]) < 3;
  let found = 0;
  for (let i = 0; i < pixels.length; i += 4) if (near(i, 0) && near(i, 1) && near(i, 2)) found++;
  return found / (pixels.length / 4);
}"""
DRAWN_S = 60.0
PICTURES = """count => new Promise(done => {
  const next = () => (count-- > 0 ? requestAnimationFrame(next) : done());
  next();
})"""


def ink(page: Page, canvas: str) -> int:
    """A number that stands for what is drawn on a canvas; 0 for nothing."""
    found: int = page.evaluate(INK, canvas)
    return found


def share(page: Page, colour: tuple[int, int, int]) -> float:
    """The share of the map's picture that has a colour."""
    picture = base64.b64encode(page.locator(".map").screenshot()).decode()
    found: float = page.evaluate(SHARE, [picture, colour])
    return found


def wait_for_share(page: Page, colour: tuple[int, int, int], least: float) -> None:
    """Until the map, drawn anew in its own time, has that much of a colour."""
    end = time.monotonic() + DRAWN_S
    while (found := share(page, colour)) <= least:
        assert time.monotonic() < end, f"{colour} fills {found:.3f} of the map after {DRAWN_S} s"
        page.evaluate(PICTURES, 3)


LIGHT = ((232, 235, 238), (255, 255, 255))
DARK = ((15, 18, 21), (42, 48, 55))


def test_the_map_is_drawn_in_the_reader_s_scheme(page: Page) -> None:
    assert ink(page, ".map-picture") > 0
    for scheme, (land, road) in (("dark", DARK), ("light", LIGHT)):
        page.emulate_media(color_scheme=scheme)
        wait_for_share(page, land, 0.5)
        assert 0.002 < share(page, road) < 0.3
    assert ink(page, ".map-signals") > 0


def test_the_map_takes_most_of_the_page(page: Page) -> None:
    box = page.locator(".map").bounding_box()
    assert box is not None
    assert box["width"] * box["height"] >= 0.6 * 1440 * 900


def test_vehicles_move_and_signals_change(page: Page, city: RunningCity) -> None:
    for canvas, seconds in ((".map-vehicles", 1), (".map-signals", 10)):
        before = ink(page, canvas)
        assert before > 0
        city.advance(seconds)
        page.wait_for_function(f"([canvas, before]) => ({INK})(canvas) !== before", arg=[canvas, before])


def test_vehicles_glide_between_frames_unless_motion_is_unwelcome(page: Page, city: RunningCity) -> None:
    drawn = "document.querySelector('cb-app').map.overlay.drawn"
    counts = []
    for motion in ("no-preference", "reduce"):
        page.emulate_media(reduced_motion=motion)
        city.advance(2)
        before = page.evaluate(drawn)
        city.advance()
        now = city.happenings.time_ms(city.second)
        page.wait_for_function("now => document.querySelector('cb-app').city.timeMs === now", arg=now)
        page.evaluate(PICTURES, 20)
        counts.append(page.evaluate(drawn) - before)
    page.emulate_media(reduced_motion="no-preference")
    assert counts[0] > 3 * counts[1]


def test_figures_follow_and_say_how_old_they_are(page: Page, city: RunningCity) -> None:
    for _ in range(3):
        city.advance(10 - city.second % 10)
        value = city.happenings.score("live", city.second)["mean_delay_s"]
        tile = page.locator("[data-metric=mean_delay_s]")
        expect(tile.locator(".figure")).to_have_text(f"{value:.1f}")
        expect(tile.locator(".unit")).to_have_text("s")
        expect(tile.locator(".tile-against")).to_contain_text("38 % below actuated")
    expect(page.locator(".age")).to_contain_text("ago")
    expect(page.locator("[data-metric=arrived] .tile-against")).to_contain_text("13 % above actuated")


def test_a_figure_opens_to_the_records_behind_it(page: Page, city: RunningCity) -> None:
    city.advance(20)
    page.locator("[data-metric=longest_queue_m]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#records-title")).to_be_focused()
    expect(page.locator("table.records tbody tr").first).to_contain_text("38 % below actuated")
    expect(page.locator("cb-chart canvas")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("[data-metric=longest_queue_m]")).to_be_focused()


def test_what_happens_is_told(page: Page, city: RunningCity) -> None:
    link = city.net.links[0].id
    city.tell("sim.event", event="b1", kind="breakdown", until=None, link=link, detail="a lorry stands")
    city.tell("city.process", process="library", state="restarted", detail="it died")
    expect(page.locator("cb-ticker")).to_contain_text("Breakdown")
    expect(page.locator("cb-ticker")).to_contain_text("Process library restarted")


def test_a_silent_city_is_stale_and_a_dead_server_is_waited_for(pages: Pages, city: RunningCity) -> None:
    page = pages.open(watch=False)
    expect(page.locator("[data-state=stale]")).to_contain_text("Stale", timeout=15_000)
    city.close_page()
    expect(page.locator("[data-state=lost]")).to_contain_text("trying again", timeout=15_000)
    assert page.locator("[data-metric=mean_delay_s] .figure").is_visible()
    city.open_page()
    expect(page.locator("[data-state=lost]")).to_have_count(0, timeout=15_000)
    city.advance()
    expect(page.locator("[data-state=live]")).to_be_visible(timeout=15_000)


def test_without_webgl_the_city_moves_on_the_plain_map(browser: Browser, city: RunningCity) -> None:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.add_init_script(
        """const real = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
          return kind.startsWith('webgl') ? null : real.call(this, kind, ...more);
        };"""
    )
    page.goto(city.url)
    expect(page.locator(".map-plain")).to_contain_text("no WebGL 2")
    city.advance()
    page.wait_for_function(f"() => ({INK})('.map-vehicles') > 0")
    assert ink(page, ".map-picture") > 0
    context.close()

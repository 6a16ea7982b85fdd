"""A real Chromium on the page of the small city."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser_pages import ARGUMENTS, STATIC, Pages, chromium
from playwright.sync_api import Browser, Page, sync_playwright
from running_city import RunningCity


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not longer than a module: while Playwright's loop runs on this thread no other test can have one."""
    path = chromium()
    if path is None:
        pytest.skip("no Chromium is installed (or set CITYBRAIN_CHROMIUM)")
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built: run python hatch_build.py")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def standing(browser: Browser, city: RunningCity) -> Iterator[tuple[Pages, Page]]:
    """A page that stays open for the tests of a module."""
    pages = Pages(browser, city)
    yield pages, pages.open()
    pages.close()


@pytest.fixture
def page(standing: tuple[Pages, Page]) -> Iterator[Page]:
    """The standing page, at its overview; nothing may go wrong on it."""
    pages, page = standing
    page.evaluate("location.hash = ''")
    page.evaluate("document.activeElement.blur()")
    yield page
    assert pages.faults() == []


@pytest.fixture
def pages(browser: Browser, city: RunningCity) -> Iterator[Pages]:
    """Opens pages of its own; nothing may go wrong on them."""
    opened = Pages(browser, city)
    yield opened
    opened.close()
    assert opened.faults() == []

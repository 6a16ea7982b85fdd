"""Pages of the small city in a real Chromium, watched for what must not happen."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request
from running_city import RunningCity

import citybrain.cockpit

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
STATIC = Path(citybrain.cockpit.__file__).parent / "static"
NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """The browser to test with: CITYBRAIN_CHROMIUM, or one that is installed."""
    named = os.environ.get("CITYBRAIN_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


class Watch:
    """What a page must not do: complain, fail, or ask anybody else."""

    def __init__(self, page: Page, origin: str) -> None:
        self.faults: list[str] = []
        self.asked: list[str] = []
        self._origin = origin
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        self.asked.append(request.url)
        if not request.url.startswith((self._origin, self._origin.replace("http", "ws"), "blob:", "data:")):
            self.faults.append(f"asked {request.url}")


class Pages:
    """Opens pages of the city, each in a browser context of its own, and watches them."""

    def __init__(self, browser: Browser, city: RunningCity) -> None:
        self._browser = browser
        self._city = city
        self._contexts: list[BrowserContext] = []
        self._watches: list[Watch] = []

    def open(
        self, path: str = "/", *, width: int = 1440, height: int = 900, watch: bool = True, **settings: Any
    ) -> Page:
        """The page at `path`, with its map drawn and the city moving on it."""
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, **{"locale": "en-GB", **settings}
        )
        self._contexts.append(context)
        page = context.new_page()
        if watch:
            self._watches.append(Watch(page, self._city.url))
        page.goto(self._city.url + path)
        page.wait_for_selector(".map-box[data-ready]")
        self._city.advance()
        page.wait_for_selector("[data-state=live]")
        return page

    def faults(self) -> list[str]:
        """What went wrong on any page since the last time."""
        found = [fault for watch in self._watches for fault in watch.faults]
        for watch in self._watches:
            watch.faults.clear()
        return found

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        self._contexts.clear()

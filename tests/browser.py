"""Pages looked at in a real browser: headless Chromium that hears of everything a page does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

PATIENCE_MS = 20_000
# What follows a key or a click comes when the browser gets to it: tests `expect` it.
expect.set_options(timeout=PATIENCE_MS)


class Seen:
    """A page in a browser, what it said on the console, and what it asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.console: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, address: str) -> None:
        """Load a page to its end."""
        self.page.goto(address, wait_until="load")

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        wide: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return wide


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium with a profile of its own, and end it."""
    # Where the package was only unpacked, `tools/debs.sh` has put a link or a script of that name on the PATH.
    program = shutil.which("chromium")
    assert program is not None, "there is no chromium; `sh tools/debs.sh tests/apt.txt .cache/tools` fetches it"
    with sync_playwright() as driver:
        # Root may not have the sandbox, and containers have too little shared memory.
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def looking(
    browser: Browser, width: int = 1280, height: int = 900, scheme: Literal["light", "dark"] = "light"
) -> Iterator[Seen]:
    """Given a browser, yield an empty page of some size in a colour scheme."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    try:
        yield Seen(context.new_page())
    finally:
        context.close()

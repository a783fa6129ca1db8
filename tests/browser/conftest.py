"""Debian's Chromium under Playwright, and a page that may neither err nor talk to anybody but its own server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.stage import Stage, free_port

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-precise-memory-info",
)  # fmt: skip
CONNECTION_LOST = "net::ERR_"
"""What Chromium writes to the console when our own server is away; only a test that takes it away may see that."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium, for the whole run."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.fail("no chromium on PATH: run scripts/browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A race that has not begun; the test starts its observer."""
    return Stage(data_dir=tmp_path, port=free_port())


class Watcher:
    """What a page did that it should not."""

    def __init__(self, page: Page) -> None:
        self.faults: list[str] = []
        self.may_lose_connection = False
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self._check(request.url))

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not (self.may_lose_connection and CONNECTION_LOST in text):
            self.faults.append(text)

    def _check(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "blob:")):
            self.faults.append(f"request to {url}")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A desktop page; the test fails if anything went wrong on it."""
    context = browser.new_context(viewport={"width": 1360, "height": 900}, color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(10_000)
    watcher = Watcher(page)
    page.watcher = watcher  # type: ignore[attr-defined]
    yield page
    faults = list(watcher.faults)
    context.close()
    assert faults == []

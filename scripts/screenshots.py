"""Runs a testnet with real proofs and takes the pictures of its live page that the documents show.

Run by `scripts/screenshots`. The run ends when the pictures are taken.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
START_SECONDS = 600.0
RACE_SECONDS = 900.0
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")

PICTURES = (
    ("race-light", "", 1360, 1180, "light"),
    ("race-dark", "", 1360, 1180, "dark"),
    ("race-phone", "", 390, 844, "dark"),
    ("batch-light", "#/batch/{batch}", 1360, 900, "light"),
)
"""Name, where on the page, width, height, theme."""


def main() -> int:
    arguments = parse()
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="poe-screenshots-") as folder,
        testnet(Path(folder), arguments.provers) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        wait_for_batches(browser, url, arguments.batches)
        for picture in PICTURES:
            take(browser, url, arguments.batches, *picture)
        browser.close()
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=40, help="how many are final before the first picture")
    parser.add_argument("--provers", type=int, default=4)
    return parser.parse_args()


@contextmanager
def testnet(folder: Path, provers: int) -> Iterator[str]:
    """A running testnet; yields its live page's address."""
    data_dir = folder / "testnet"
    command = [sys.executable, "-m", "poe", "testnet", "up", "--provers", provers, "--data-dir", data_dir]
    process = subprocess.Popen([str(word) for word in command], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield address(process, data_dir / "testnet.json")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def address(process: subprocess.Popen[bytes], marker: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        facts = json.loads(marker.read_text() or "{}") if marker.exists() else {}
        if "web" in facts.get("endpoints", {}).get("observer", {}):
            return str(facts["endpoints"]["observer"]["web"])
        time.sleep(0.5)
    sys.exit("the testnet did not start")


def wait_for_batches(browser: Browser, url: str, batches: int) -> None:
    page = browser.new_page()
    page.goto(url)
    final = page.locator(".figures dd").first
    deadline = time.monotonic() + RACE_SECONDS
    while int(final.evaluate("told => told.firstChild.textContent")) < batches:
        if time.monotonic() > deadline:
            sys.exit(f"no {batches} batches were final in {RACE_SECONDS:.0f} s")
        page.wait_for_timeout(500)
    page.close()


def take(browser: Browser, url: str, batches: int, name: str, where: str, width: int, height: int, theme: str) -> None:
    """One picture, as tall as a screen: what somebody sees who opens the page."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        device_scale_factor=2 if width < 600 else 1,
    )
    page = context.new_page()
    page.goto(url + where.format(batch=batches - 3))
    page.locator(".lane, .big-lane:not([hidden])").first.wait_for()
    page.wait_for_timeout(3000)
    page.screenshot(path=str(IMAGES / f"{name}.png"))
    context.close()
    print(IMAGES / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main())

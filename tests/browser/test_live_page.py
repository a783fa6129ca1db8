"""The live page in a real browser: quick, truthful, usable by keyboard, in both themes, on a phone, after a restart."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from poe.status import write_status
from tests.browser.stage import Stage
from tests.fakes_l1 import exit_mode_entered
from tests.fakes_web import PAYEES, root_after

A, B, C = PAYEES[:3]
LOAD_SECONDS = 1.0
WINNER_SECONDS = 2.0
READABLE = 4.5
"""Least contrast of text, WCAG 2.2 AA."""


def lane(page: Page, number: int):  # type: ignore[no-untyped-def]
    return page.locator(f'.lane[data-batch="{number}"]')


def name_of(payee: bytes) -> str:
    text = "0x" + payee.hex()
    return f"{text[:6]}…{text[-4:]}"


def test_it_loads_within_a_second_with_a_full_history(stage: Stage, browser: Browser) -> None:
    for first in range(1, 401, 50):
        stage.race(range(first, first + 50), PAYEES)
    with stage.running():
        best = min(load_seconds(stage, browser) for _ in range(3))
    assert best < LOAD_SECONDS


def load_seconds(stage: Stage, browser: Browser) -> float:
    """From asking for the page to the newest batch being drawn, in a browser that has nothing cached."""
    context = browser.new_context()
    page = context.new_page()
    started = time.monotonic()
    page.goto(stage.url)
    lane(page, 400).wait_for()
    seconds = time.monotonic() - started
    context.close()
    return seconds


def test_a_winner_is_shown_within_two_seconds_of_its_event(stage: Stage, page: Page) -> None:
    with stage.running():
        page.goto(stage.url)
        stage.post()
        expect(lane(page, 1)).to_have_attribute("data-state", "open")
        told = time.monotonic()
        stage.win(1, B)
        page.locator('.lane[data-winner="0x' + B.hex() + '"]').wait_for()
        seconds = time.monotonic() - told
        expect(lane(page, 1)).to_contain_text(name_of(B))
        expect(page.locator("table").first).to_contain_text(name_of(B))
    assert seconds < WINNER_SECONDS


def test_a_win_that_l1_takes_back_is_taken_back(stage: Stage, page: Page) -> None:
    with stage.running():
        stage.race([1], [A])
        stage.race([2], [A])
        page.goto(stage.url)
        expect(lane(page, 2)).to_have_attribute("data-state", "final")
        stage.tell(back_to=stage.chain.block - 1)
        expect(lane(page, 2)).to_have_attribute("data-state", "open")
        stage.tell(back_to=stage.chain.block - 2)
        expect(lane(page, 2)).to_have_count(0)


def test_those_who_say_they_prove_are_shown_as_hearsay(stage: Stage, page: Page) -> None:
    with stage.running():
        stage.post()
        stage.say(1, A)
        stage.say(1, C)
        page.goto(stage.url)
        expect(lane(page, 1)).to_contain_text("2 proving")
        expect(lane(page, 1).locator(".run.said")).to_have_count(2)


def test_reports_give_names_and_the_lead(stage: Stage, page: Page, tmp_path: Path) -> None:
    now = time.time()
    stage.folders = [
        report(tmp_path / "prover-1", A, now + 1.0, "won"), report(tmp_path / "prover-2", B, now + 1.4, "late"),
    ]  # fmt: skip
    with stage.running():
        stage.post()
        stage.win(1, A)
        page.goto(stage.url)
        expect(lane(page, 1)).to_contain_text("prover-1")
        expect(lane(page, 1)).to_contain_text("0.40 s ahead")
        expect(lane(page, 1).locator(".run")).to_have_count(2)


def report(folder: Path, payee: bytes, proved: float, outcome: str) -> Path:
    folder.mkdir()
    race = {
        "batch": 1, "outcome": outcome, "started_at": proved - 0.9, "ended_at": proved + 0.1, "proof_seconds": 0.9,
        "proved_at": proved, "core_seconds": 1.0,
    }  # fmt: skip
    write_status(folder, {"role": "prover", "payee": "0x" + payee.hex(), "races": [race]})
    return folder


def test_markup_in_what_others_say_stays_text(stage: Stage, page: Page, tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    stage.folders = [report(tmp_path / hostile, A, time.time(), "won")]
    with stage.running():
        stage.race([1], [A])
        page.goto(stage.url)
        expect(lane(page, 1)).to_contain_text(hostile)
        page.goto(stage.url + "#/prover/0x" + A.hex())
        expect(page.locator("h1")).to_contain_text(hostile)
        assert page.locator("main img").count() == 0


def test_everything_is_reached_by_keyboard(stage: Stage, page: Page) -> None:
    with stage.running():
        stage.race([1, 2, 3], [A, B])
        page.goto(stage.url)
        lane(page, 3).wait_for()
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        for _ in range(2):
            page.keyboard.press("Tab")
        expect(lane(page, 3)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Batch 3")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("h1")).to_have_text("Batch 2")
        page.keyboard.press("ArrowRight")
        expect(page.locator("h1")).to_have_text("Batch 3")
        page.keyboard.press("Escape")
        lane(page, 3).wait_for()


def test_what_has_focus_keeps_it_while_the_race_goes_on(stage: Stage, page: Page) -> None:
    with stage.running():
        stage.race([1], [A])
        page.goto(stage.url)
        lane(page, 1).focus()
        stage.race([2, 3], [B])
        lane(page, 3).wait_for()
        expect(lane(page, 1)).to_be_focused()


def test_a_batchs_page_shows_slots_statement_proof_and_gas(stage: Stage, page: Page) -> None:
    with stage.running():
        stage.race([1, 2], [A])
        page.goto(stage.url + "#/batch/2")
        expect(page.get_by_role("heading", name="Transactions")).to_be_visible()
        expect(page.locator("tbody tr")).to_have_count(4)
        expect(page.locator("main")).to_contain_text(hex(root_after(2)))
        expect(page.locator("main")).to_contain_text("commitment")
        expect(page.locator("main")).to_contain_text("300 k gas")


def test_a_batchs_page_fills_itself_when_the_batch_comes(stage: Stage, page: Page) -> None:
    with stage.running():
        page.goto(stage.url + "#/batch/1")
        expect(page.locator("main")).to_contain_text("has not ordered this batch")
        stage.race([1], [A])
        expect(page.locator(".lede")).to_contain_text("won")
        page.watcher.faults.clear()  # type: ignore[attr-defined]  # the 404 that was asked for


def test_a_provers_page_shows_its_money_and_races(stage: Stage, page: Page) -> None:
    with stage.running():
        stage.race(range(1, 7), [A, B, C])
        page.goto(stage.url + "#/prover/0x" + A.hex())
        expect(page.locator(".lede")).to_contain_text("Won 2 final batches")
        expect(page.locator("tbody tr")).to_have_count(2)


def test_an_empty_race_says_what_will_happen(stage: Stage, page: Page) -> None:
    with stage.running():
        page.goto(stage.url)
        expect(page.locator("main")).to_contain_text("No batch yet")
        expect(page.locator("main")).to_contain_text("Nobody has won yet")
        expect(page.locator("#link-state")).to_have_text("live")


def test_it_survives_a_restart_of_the_observer(stage: Stage, page: Page) -> None:
    page.watcher.may_lose_connection = True  # type: ignore[attr-defined]
    with stage.running():
        stage.race([1], [A])
        page.goto(stage.url)
        lane(page, 1).wait_for()
    expect(page.locator("#link-state")).to_have_text("reconnecting")
    expect(page.locator("#banner")).to_contain_text("does not answer")
    expect(lane(page, 1)).to_be_visible()
    with stage.running():
        expect(page.locator("#link-state")).to_have_text("live", timeout=20_000)
        stage.race([2], [B])
        expect(lane(page, 2)).to_contain_text(name_of(B))
        expect(page.locator("#banner")).to_be_hidden()


def test_a_silent_l1_is_told(stage: Stage, page: Page) -> None:
    stage.l1["silent"] = 42
    with stage.running():
        page.goto(stage.url)
        expect(page.locator("#banner")).to_contain_text("silent for 42 s")
        expect(page.locator("main")).to_contain_text("silent for 42 s")


def test_the_end_of_the_rollup_is_told(stage: Stage, page: Page) -> None:
    with stage.running():
        stage.race([1], [A])
        stage.tell(exit_mode_entered(1, root_after(1)))
        page.goto(stage.url)
        expect(page.locator("#banner")).to_contain_text("The rollup has ended")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable_in_both_themes(stage: Stage, page: Page, theme: str) -> None:
    with stage.running():
        stage.race([1, 2], [A, B])
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.goto(stage.url)
        lane(page, 2).wait_for()
        paper = colour(page, "body", "background-color")
        assert (luminance(paper) > 0.5) == (theme == "light")
        for selector in ("body", ".note", ".lane-no small", "th", ".plus", ".foot", ".figures dt"):
            assert contrast(colour(page, selector, "color"), paper) >= READABLE, selector


def colour(page: Page, selector: str, rule: str) -> tuple[float, ...]:
    """A computed colour, each part from 0 to 1."""
    text = page.locator(selector).first.evaluate(f"e => getComputedStyle(e).getPropertyValue('{rule}')")
    return tuple(int(part) / 255 for part in re.findall(r"\d+", text)[:3])


def luminance(of: tuple[float, ...]) -> float:
    """Relative luminance (WCAG 2.2)."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in of)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Contrast ratio (WCAG 2.2)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_it_fits_a_phone(stage: Stage, page: Page) -> None:
    with stage.running():
        stage.race(range(1, 20), PAYEES)
        page.set_viewport_size({"width": 360, "height": 740})
        for where in ("", "#/batch/3", "#/prover/0x" + A.hex()):
            page.goto(stage.url + where)
            page.locator("main table").first.wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, where


def test_shapes_tell_provers_apart_where_colours_do_not(stage: Stage, page: Page) -> None:
    with stage.running():
        stage.race(range(1, 9), PAYEES[:8])
        page.goto(stage.url)
        page.locator("tbody tr").nth(7).wait_for()
        shapes = (
            page.locator("table")
            .first.locator("tbody .glyph path")
            .evaluate_all("all => all.map(p => p.getAttribute('d'))")
        )
        assert len(set(shapes)) == 8

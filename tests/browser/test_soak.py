"""Twenty batches a second: the page keeps up and does not grow.

Far more than provers make here, so the events come from the test: the follower's updates, into the real observer, read
model, server and page. What is real below that (anvil, decoding) is the same at any rate and tested elsewhere.
"""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page

from tests.browser.stage import Stage
from tests.fakes_web import PAYEES

BATCHES_A_SECOND = 20
POLL_SECONDS = 0.25
OPEN_BATCHES = 10
HEAP_BYTES = 150 * 10**6
BEHIND_SECONDS = 2.0


@pytest.mark.parametrize("seconds", [5, pytest.param(300, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_twenty_batches_a_second(stage: Stage, page: Page, seconds: int) -> None:
    heaps, delays = [], []
    with stage.running():
        page.goto(stage.url)
        started = time.monotonic()
        for turn in range(int(seconds / POLL_SECONDS)):
            race_on(stage, turn)
            wait_until(page, started + (turn + 1) * POLL_SECONDS)
            if turn % 8 == 7:
                heaps.append(page.evaluate("performance.memory.usedJSHeapSize"))
                delays.append(seconds_behind(stage, page))
        assert stage.posted == seconds * BATCHES_A_SECOND
    print(
        f"heap {max(heaps) / 1e6:.1f} MB at most, {heaps[-1] / 1e6:.1f} at the end; {max(delays):.2f} s behind at most"
    )
    assert max(heaps) < HEAP_BYTES
    assert max(delays) < BEHIND_SECONDS


def race_on(stage: Stage, turn: int) -> None:
    """A poll's worth of L1: batches posted, those of a while ago won, and somebody says that it works on the newest."""
    share = int(BATCHES_A_SECOND * POLL_SECONDS)
    first = stage.posted + 1
    won = [number for number in range(first - OPEN_BATCHES, first - OPEN_BATCHES + share) if number > 0]
    events = [event for number in won for event in stage.chain.won(number, PAYEES[number % len(PAYEES)])]
    stage.posted += share
    stage.tell(*events, *stage.chain.posted(*range(first, first + share)))
    for payee in PAYEES[turn % 4 : turn % 4 + 3]:
        stage.say(stage.posted, payee)


def wait_until(page: Page, moment: float) -> None:
    """Let the browser work until then."""
    page.wait_for_timeout(max(0.0, 1000 * (moment - time.monotonic())))


def seconds_behind(stage: Stage, page: Page) -> float:
    """How long after now the page shows the newest batch."""
    started = time.monotonic()
    page.locator(f'.lane[data-batch="{stage.posted}"]').wait_for()
    return time.monotonic() - started

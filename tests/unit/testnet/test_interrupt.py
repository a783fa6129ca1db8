"""What Ctrl+C means at each phase of a run, and what a dead child's last word becomes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import trio

from poe.testnet.interrupt import Interrupts
from poe.testnet.process import Child


async def test_before_the_race_an_interrupt_ends_everything() -> None:
    interrupts, scope = Interrupts(), trio.CancelScope()
    interrupts.interrupt(scope)
    assert scope.cancel_called
    assert not interrupts.stop.is_set()


async def test_during_the_race_the_first_asks_for_a_report_and_the_second_ends_everything() -> None:
    interrupts, scope = Interrupts(is_racing=True), trio.CancelScope()
    interrupts.interrupt(scope)
    assert interrupts.stop.is_set()
    assert not scope.cancel_called
    interrupts.interrupt(scope)
    assert scope.cancel_called


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_both_signals_are_heard(number: signal.Signals) -> None:
    interrupts = Interrupts(is_racing=True)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            await nursery.start(interrupts.watch, nursery.cancel_scope)
            os.kill(os.getpid(), number)
            await interrupts.stop.wait()
            os.kill(os.getpid(), number)
            await trio.sleep_forever()
    assert nursery.cancel_scope.cancelled_caught


@pytest.mark.parametrize(
    ("log", "last"),
    [("poe: POE-CFG-001: no key (make one)\n\n", "poe: POE-CFG-001: no key (make one)"), ("", "nothing")],
)
def test_a_lost_child_is_one_line_with_its_last_word(tmp_path: Path, log: str, last: str) -> None:
    child = Child("prover-1", tmp_path)
    child.log_path.write_text("first\n" * (log != "") + log)
    line = str(child.lost("ended with exit code 78"))
    assert line == f"POE-TOL-004: prover-1 ended with exit code 78; it said last: {last} (see {child.log_path})"

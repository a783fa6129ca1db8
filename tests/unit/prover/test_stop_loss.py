"""When a prover stops racing, and when it begins again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from poe.prover.race import Outcome
from poe.prover.stop_loss import LOOKED_AT, Limits, StopLoss
from poe.rollup.types import Wei

LIMITS = Limits(failures_in_a_row=3, pause_seconds=100.0, least_balance=Wei(0), least_win_share=0.0)


class Watch:
    """A stop-loss on the test's clock."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.now = 0.0
        self.stop_loss = StopLoss(limits, lambda: self.now)

    def note(self, *outcomes: Outcome) -> str:
        for outcome in outcomes:
            self.stop_loss.note(outcome)
        return self.stop_loss.why_not()


def test_failures_in_a_row_pause_and_the_pause_ends() -> None:
    watch = Watch()
    assert watch.note(Outcome.FAILED, Outcome.FAILED) == ""
    assert watch.note(Outcome.FAILED) == "3 races in a row failed; racing again in 100 s"
    watch.now = 99.0
    assert watch.stop_loss.why_not() != ""
    watch.now = 100.0
    assert watch.stop_loss.why_not() == ""
    assert watch.note(Outcome.FAILED, Outcome.FAILED) == "", "counted anew"


@pytest.mark.parametrize("between", [Outcome.WON, Outcome.LATE, Outcome.CANCELLED, Outcome.SHADOW])
def test_anything_but_a_failure_between_them_begins_the_count_again(between: Outcome) -> None:
    assert Watch().note(Outcome.FAILED, Outcome.FAILED, between, Outcome.FAILED, Outcome.FAILED) == ""


def test_a_small_share_of_wins_pauses_once_enough_races_were_run() -> None:
    watch = Watch(replace(LIMITS, least_win_share=0.25))
    lost = [Outcome.LATE, Outcome.CANCELLED] * (LOOKED_AT // 2)
    assert watch.note(*lost[:-1]) == ""
    assert watch.note(lost[-1]).startswith("0 of the last 20 races were won")


def test_a_fair_share_of_wins_does_not_pause() -> None:
    watch = Watch(replace(LIMITS, least_win_share=0.25))
    assert watch.note(*[Outcome.WON, Outcome.LATE, Outcome.CANCELLED] * LOOKED_AT) == ""


def test_shadow_races_say_nothing_about_wins() -> None:
    assert Watch(replace(LIMITS, least_win_share=1.0)).note(*[Outcome.SHADOW] * 50) == ""


def test_a_low_balance_stops_and_a_filled_one_goes_on_at_once() -> None:
    watch = Watch(replace(LIMITS, least_balance=Wei(10)))
    assert watch.stop_loss.why_not() == "", "not known yet"
    watch.stop_loss.balance = Wei(9)
    assert watch.stop_loss.why_not() == "the balance is 9 wei, wanted 10"
    watch.stop_loss.balance = Wei(10)
    assert watch.stop_loss.why_not() == ""


def test_limits_of_zero_are_off() -> None:
    watch = Watch(Limits(failures_in_a_row=0))
    watch.stop_loss.balance = Wei(0)
    assert watch.note(*[Outcome.FAILED] * 50, *[Outcome.LATE] * 50) == ""

"""Chances learnt from times, and what they are worth in wei."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe.prover.odds import KEPT_TIMES, Odds, Prices, Times
from poe.rollup.types import Wei

SECONDS = st.floats(min_value=0, max_value=1000)


def odds(*, ours: float | None = None, theirs: list[float] = []) -> Odds:  # noqa: B006 (never changed)
    made = Odds()
    if ours is not None:
        made.ours.add(ours)
    for seconds in theirs:
        made.theirs.add(seconds)
    return made


def test_times_know_their_median_and_how_many_are_longer() -> None:
    times = Times()
    assert (times.median(), times.count_beyond(0)) == (None, 0)
    for seconds in (5.0, 1.0, 3.0, 3.0):
        times.add(seconds)
    assert times.median() == 3.0
    assert [times.count_beyond(limit) for limit in (0, 1, 3, 5)] == [4, 3, 1, 0]


@given(st.lists(SECONDS, max_size=3 * KEPT_TIMES))
def test_only_the_last_times_count(seconds: list[float]) -> None:
    times = Times()
    for one in seconds:
        times.add(one)
    kept = seconds[-KEPT_TIMES:]
    assert len(times) == len(kept)
    assert times.count_beyond(10) == sum(one > 10 for one in kept)


def test_with_nothing_learnt_the_chance_is_shared_among_those_who_say_they_race() -> None:
    assert [odds().chance(0, rivals) for rivals in (0, 1, 3)] == [1.0, 0.5, pytest.approx(1 / 12)]


def test_faster_than_all_winners_seen_is_nearly_sure_slower_is_nearly_hopeless() -> None:
    fast, slow = odds(ours=1, theirs=[4.0] * 30), odds(ours=9, theirs=[4.0] * 30)
    assert fast.chance(0, 1) == 31 / 32
    assert slow.chance(0, 1) == 1 / 32


def test_time_that_has_passed_counts_against_us_and_wins_that_should_have_come_do_not() -> None:
    learnt = odds(ours=2, theirs=[3.0] * 30)
    assert learnt.chance(0, 1) > 0.9, "we finish at 2"
    assert learnt.chance(2, 1) < 0.1, "we would finish at 4"
    assert learnt.chance(10, 1) == 0.5, "whoever won the others is not here: nothing is known"


def test_a_batch_that_nobody_says_to_work_on_is_better_than_a_contested_one() -> None:
    learnt = odds(ours=5, theirs=[4.0] * 10)
    assert learnt.chance(0, 0) > 0.5 > learnt.chance(0, 1) > learnt.chance(0, 2)


@given(SECONDS, st.lists(SECONDS, max_size=80), SECONDS, st.integers(0, 100))
def test_a_chance_is_a_chance_and_no_rival_more_makes_it_better(
    ours: float, theirs: list[float], age: float, rivals: int
) -> None:
    learnt = odds(ours=ours, theirs=theirs)
    assert 0 < learnt.chance(age, rivals + 1) <= learnt.chance(age, rivals) <= 1


def prices(**changes: float) -> Prices:
    made = Prices(reward=Wei(1000), tip=Wei(100), energy_per_core_second=Wei(0), win_gas=10, late_gas=5)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_profit_is_reward_less_tip_gas_and_energy_weighed_by_the_chance() -> None:
    assert prices().expected_profit(1.0, 0) == 900
    assert prices(gas_price=20).expected_profit(1.0, 0) == 700
    assert prices(gas_price=20).expected_profit(0.5, 0) == 350
    assert prices(gas_price=20, late_share=1.0).expected_profit(0.5, 0) == 300
    assert prices(energy_per_core_second=3).expected_profit(1.0, 100) == 600


def test_a_race_can_be_worth_less_than_nothing() -> None:
    assert prices(gas_price=200).expected_profit(0.9, 0) < 0
    assert prices(energy_per_core_second=1).expected_profit(0.0, 5) == -5

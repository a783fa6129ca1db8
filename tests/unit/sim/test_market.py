"""The market's model: each policy's rule on known proof times, and what it does to shares, waste and who can stay."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe.cli.app import app
from poe.errors import InputError
from poe.sim.market import FIRST_VALID, LEASE, PHOTO_FINISH, POLICIES, Market, Summary, play, who_stays

CLOSE = Market(seconds=(1.2, 1.3, 1.4, 1.5), spread=0.0575)
"""Four provers within a quarter of each other, all far faster than a block."""


def played(policy: str, market: Market, batches: int = 4000, seed: int = 1) -> Summary:
    return play(policy, market, batches, Random(seed))


def exact(*seconds: float, **terms: Any) -> Market:
    """Provers that always take the same time."""
    return Market(seconds=seconds, **{"spread": 0.0, **terms})


def test_arrival_order_pays_the_fastest_alone() -> None:
    summary = played(FIRST_VALID, exact(1.2, 1.3))
    assert summary.shares == (1.0, 0.0)
    assert summary.hhi == 1.0
    assert summary.delay_seconds == 12.0
    assert summary.wasted_seconds == pytest.approx(1.3)


def test_a_small_lead_takes_most_batches_by_arrival_order() -> None:
    shares = played(FIRST_VALID, CLOSE, 20_000).shares
    assert shares == pytest.approx((0.83, 0.15, 0.019, 0.001), abs=0.01)


def test_a_draw_within_a_block_makes_close_provers_equal() -> None:
    summary = played(PHOTO_FINISH, CLOSE)
    assert summary.shares == pytest.approx((0.25,) * 4, abs=0.03)
    assert summary.hhi == pytest.approx(0.25, abs=0.005)


def test_a_draw_is_among_those_of_the_first_block_alone() -> None:
    summary = played(PHOTO_FINISH, exact(0.5, 0.9, 1.1, block_seconds=1.0))
    assert summary.shares[2] == 0.0
    assert summary.shares[0] == pytest.approx(0.5, abs=0.05)


def test_a_draw_is_by_stake() -> None:
    assert played(PHOTO_FINISH, exact(1.0, 1.0, stakes=(1.0, 3.0))).shares[1] == pytest.approx(0.75, abs=0.03)


def test_a_late_prover_works_until_it_sees_the_block() -> None:
    summary = played(FIRST_VALID, exact(1.2, 9.0, block_seconds=2.0))
    assert summary.wasted_seconds == pytest.approx(2.0)


def test_under_a_lease_nobody_works_for_nothing() -> None:
    summary = played(LEASE, CLOSE)
    assert summary.wasted_seconds == 0.0
    assert summary.shares == pytest.approx((0.25,) * 4, abs=0.03)
    assert summary.delay_seconds == 12.0


def test_a_lease_that_lapses_costs_its_length() -> None:
    market = exact(1.0, 1.0, block_seconds=2.0, lease_blocks=3, outage=0.2)
    summary = played(LEASE, market, 20_000)
    # The holder is out for a fifth of the batches, the other proves in the first block after the lease, or is out too.
    assert summary.delay_seconds == pytest.approx((0.8 * 2 + 0.16 * 8) / 0.96, abs=0.05)


def test_a_holder_slower_than_its_lease_goes_on_in_the_race() -> None:
    slow = played(LEASE, exact(7.0, 6.0, block_seconds=2.0, lease_blocks=3))
    assert slow.wasted_seconds > 0
    assert slow.shares[0] == pytest.approx(0.5, abs=0.05)


def test_a_batch_nobody_proves_pays_nobody() -> None:
    summary = played(FIRST_VALID, exact(1.0, outage=0.99), 50, seed=3)
    assert math.isfinite(summary.delay_seconds)
    assert sum(summary.shares) in (0.0, 1.0)


def test_a_pure_race_ends_with_one_prover_and_the_others_leave() -> None:
    assert who_stays(FIRST_VALID, CLOSE, 2000, Random(1)) == (0,)
    assert who_stays(PHOTO_FINISH, CLOSE, 2000, Random(1)) == (0, 1, 2, 3)
    assert who_stays(LEASE, CLOSE, 2000, Random(1)) == (0, 1, 2, 3)


def test_nobody_stays_where_a_proof_costs_more_than_it_brings() -> None:
    assert who_stays(LEASE, exact(1.0, cost_per_second=1.1), 100, Random(1)) == ()


@pytest.mark.parametrize("policy", POLICIES)
@given(
    seconds=st.lists(st.floats(0.1, 30), min_size=1, max_size=6),
    outage=st.floats(0, 0.9),
    block_seconds=st.floats(0.5, 12),
    lease_blocks=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25, deadline=None)
def test_rewards_paid_are_batches_proven(policy: str, seconds: list[float], seed: int, **terms: Any) -> None:
    market = Market(seconds=tuple(seconds), cost_per_second=0.0, **terms)
    summary = played(policy, market, 40, seed)
    proven = sum(summary.profit)
    assert -1e-9 <= proven <= 1 + 1e-9
    assert sum(summary.shares) == pytest.approx(1.0 if proven else 0.0)
    assert summary.wasted_seconds >= -1e-9


def test_the_command_prints_each_policy_and_the_same_for_the_same_seed(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        app(["bench", "market", "--batches", "200", "--json"], result_action="return_value")
    first, second = capsys.readouterr().out.split("}\n{")
    assert first.strip("{}\n ") == second.strip("{}\n ")
    assert set(json.loads(first + "}")["policies"]) == set(POLICIES)
    app(["bench", "market", "--batches", "200"], result_action="return_value")
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(POLICIES)


@pytest.mark.parametrize("seconds", ["", "1,x", "0", "nan", "1,inf", ",".join(["1"] * 65)])
def test_the_command_refuses_proof_times_that_are_none(seconds: str) -> None:
    with pytest.raises(InputError):
        app(["bench", "market", "--seconds", seconds], result_action="return_value")

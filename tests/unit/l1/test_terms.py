"""What a deployment may choose: refused here where the arbiter would refuse it, before any gas is spent."""

import pytest

from poe.errors import ConfigError
from poe.l1.terms import Deadlines, Market

ETHER = 10**18


def test_the_defaults_are_a_market_and_fit_together() -> None:
    market, deadlines = Market(), Deadlines()
    assert market.reward_floor < market.reward
    assert market.bond == 64 * 3 * market.reward
    assert deadlines.halt_after_blocks <= deadlines.exit_deadline_blocks


@pytest.mark.parametrize("reward", [0, 10**9, 3 * 10**9, 10**16, (2**48 - 1) * 10**9])
def test_a_floor_of_no_given_size_is_a_quarter_in_whole_gwei(reward: int) -> None:
    market = Market(reward_wei=reward, bond_wei=3 * reward)
    assert market.reward_floor % 10**9 == 0
    assert reward // 4 - 10**9 < market.reward_floor <= reward // 4


def test_a_floor_at_the_ceiling_makes_a_fixed_reward() -> None:
    assert Market(reward_wei=ETHER, reward_floor_wei=ETHER).reward_floor == ETHER


@pytest.mark.parametrize(
    "choice",
    [
        {"reward_wei": 10**16 + 1},
        {"reward_wei": -1},
        {"reward_wei": 2**48 * 10**9, "bond_wei": 3 * 2**48 * 10**9},
        {"reward_floor_wei": 10**16 + 10**9},
        {"reward_floor_wei": 5},
        {"bond_wei": 3 * 10**16 - 10**9},
        {"bond_wei": 3 * 10**16 + 1},
        {"bond_wei": 2**64 * 10**9},
        {"bounty_wei": -1},
        {"bounty_wei": 2**96},
        {"target_delay_blocks": 2**32},
        {"window_blocks": 0},
    ],
    ids=str,
)
def test_a_market_that_the_arbiter_would_refuse_is_refused(choice: dict[str, int]) -> None:
    with pytest.raises(ConfigError) as refused:
        Market(**choice)
    assert refused.value.code == "POE-CFG-070"


@pytest.mark.parametrize(
    "choice",
    [
        {"double_after_blocks": 900},
        {"quadruple_after_blocks": 3600},
        {"halt_after_blocks": 7201},
        {"exit_deadline_blocks": 3599},
        {"queue_deadline_blocks": 3600},
        {"alarm_delay_blocks": 2**32},
        {"double_after_blocks": -1},
    ],
    ids=str,
)
def test_deadlines_that_do_not_follow_one_another_are_refused(choice: dict[str, int]) -> None:
    with pytest.raises(ConfigError) as refused:
        Deadlines(**choice)
    assert refused.value.code == "POE-CFG-013"


def test_posting_may_halt_as_late_as_the_end() -> None:
    assert Deadlines(halt_after_blocks=7200).halt_after_blocks == 7200

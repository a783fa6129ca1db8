"""Concentration: known values, bounds, and that it looks at shares alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe.observer.concentration import herfindahl, nakamoto
from poe.rollup.types import Address

WINS = st.lists(st.integers(1, 1000), min_size=1, max_size=40)


def payees(wins: Sequence[int]) -> dict[Address, int]:
    return {Address(index.to_bytes(20)): won for index, won in enumerate(wins)}


@pytest.mark.parametrize(
    ("wins", "hhi", "coefficient"),
    [
        ([], 0, 0),
        ([7], 1, 1),
        ([1, 1], 0.5, 2),
        ([2, 1, 1], 0.375, 2),
        ([51, 49], 0.5002, 1),
        ([1] * 100, 0.01, 51),
        ([40, 30, 20, 10], 0.3, 2),
    ],
)
def test_known_markets(wins: list[int], hhi: float, coefficient: int) -> None:
    assert herfindahl(payees(wins)) == pytest.approx(hhi)
    assert nakamoto(payees(wins)) == coefficient


def test_half_is_not_more_than_half() -> None:
    assert nakamoto(payees([2, 1, 1])) == 2


@given(WINS)
def test_between_equal_shares_and_a_monopoly(wins: list[int]) -> None:
    assert 1 / len(wins) <= herfindahl(payees(wins)) + 1e-12
    assert herfindahl(payees(wins)) <= 1
    assert 1 <= nakamoto(payees(wins)) <= len(wins) // 2 + 1


@given(WINS, st.integers(2, 9))
def test_only_shares_matter(wins: list[int], factor: int) -> None:
    more = [won * factor for won in wins]
    assert herfindahl(payees(more)) == pytest.approx(herfindahl(payees(wins)))
    assert nakamoto(payees(more)) == nakamoto(payees(wins))

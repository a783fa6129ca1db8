"""How concentrated a market is, from the wins of each payee."""

from __future__ import annotations

from collections.abc import Mapping

from poe.rollup.types import Address


def herfindahl(wins: Mapping[Address, int]) -> float:
    """The Herfindahl-Hirschman index: the sum of squared shares, from 1 / payees to 1; 0 before the first win."""
    total = sum(wins.values())
    return sum(won * won for won in wins.values()) / total**2 if total else 0.0


def nakamoto(wins: Mapping[Address, int]) -> int:
    """The Nakamoto coefficient: the fewest payees that together won more than half; 0 before the first win."""
    total, together = sum(wins.values()), 0
    for rank, won in enumerate(sorted(wins.values(), reverse=True), 1):
        together += won
        if 2 * together > total:
            return rank
    return 0

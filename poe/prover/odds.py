"""What a race is worth: the chance of winning it, learnt from our own times and the winners seen, times the money."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from dataclasses import dataclass
from statistics import median

from poe.rollup.types import Wei

KEPT_TIMES = 64
"""So many of the last proofs and wins are looked at: enough to be steady, few enough to notice a new rival."""

WIN_GAS = 310_000
LATE_GAS = 60_000
"""Gas of a proof that is accepted, and of one that is sent and too late, until our own receipts tell better."""


class Times:
    """The last `KEPT_TIMES` durations in seconds, in order of size as well."""

    def __init__(self) -> None:
        self._last: deque[float] = deque()
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._last)

    def add(self, seconds: float) -> None:
        """Take in one; the oldest makes room."""
        self._last.append(seconds)
        insort(self._sorted, seconds)
        if len(self._last) > KEPT_TIMES:
            self._sorted.remove(self._last.popleft())

    def median(self) -> float | None:
        """The one in the middle; None without any."""
        return median(self._sorted) if self._sorted else None

    def count_beyond(self, seconds: float) -> int:
        """How many are longer than this."""
        return len(self._sorted) - bisect_right(self._sorted, seconds)


class Odds:
    """Our chance of winning a batch.

    `ours` are our proofs' times; `theirs` the times that batches others won had been open, both as we saw it.
    """

    def __init__(self) -> None:
        self.ours, self.theirs = Times(), Times()

    def chance(self, open_seconds: float, rivals: int) -> float:
        """The chance that a proof begun now is first.

        Of the batches that others won and that were still open at this age, the share won later than we would finish
        (Laplace's rule of succession: one success and one failure are taken for granted). That is against whoever is
        about; against nobody else who says to work on it it is at least the middle between that and certainty, and each
        further rival after the first takes their share.
        """
        finish = open_seconds + (self.ours.median() or 0.0)
        later, open_still = self.theirs.count_beyond(finish), self.theirs.count_beyond(open_seconds)
        chance = (later + 1) / (open_still + 2) if len(self.theirs) else 1 / (rivals + 1)
        if rivals == 0:
            return (1 + chance) / 2
        return chance / rivals


@dataclass(slots=True)
class Prices:
    """What racing earns and costs, in wei; kept up to date by the node.

    `late_share`: the share of lost races in which we sent a proof all the same; simulation catches most.
    """

    reward: Wei
    tip: Wei
    energy_per_core_second: Wei
    gas_price: Wei = Wei(0)
    win_gas: int = WIN_GAS
    late_gas: int = LATE_GAS
    late_share: float = 0.0

    def expected_profit(self, chance: float, core_seconds: float) -> int:
        """Wei that a race brings on average: P(win) · (reward − tip − gas) − P(lose) · late gas − energy."""
        won = self.reward - self.tip - self.win_gas * self.gas_price
        lost = self.late_share * self.late_gas * self.gas_price
        return int(chance * won - (1 - chance) * lost - core_seconds * self.energy_per_core_second)

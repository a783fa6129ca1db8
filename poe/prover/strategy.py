"""Which open batch to race for. A rival strategy is one class with one method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from poe.prover.candidates import Candidate
from poe.prover.intents import IntentBook
from poe.prover.odds import Odds, Prices
from poe.rollup.types import Wei


class Strategy(Protocol):
    """Chooses the next race; `reason` says why, in words for the log."""

    reason: str

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """One of the open batches (lowest number first), or None to sit out until something changes."""


class OldestFirst:
    """Race for the oldest open batch, whoever else does: it is the one that finality waits for."""

    reason = "the oldest"

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """The first candidate, if there is any."""
        return candidates[0] if candidates else None


class LeastContested:
    """The oldest of the batches that fewest others say they work on.

    Proofs are accepted out of order, so provers that spread over the open batches all earn, where a pack on one batch
    burns all proofs but one. With a single open batch, or without gossip, this is a race for the oldest.
    """

    reason = "the oldest of the least contested"

    def __init__(self, intents: IntentBook) -> None:
        self._intents = intents

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """The least contested candidate, the lowest number among equals."""
        return min(candidates, key=lambda one: (self._intents.count(one.batch_hash), one.number), default=None)


class ExpectedValue:
    """The batch whose race is worth most; none, while no race is worth at least `least` wei.

    Value: P(win) · (reward − tip − gas) − P(lose) · what a late proof costs − energy (poe/prover/odds.py).
    """

    def __init__(
        self,
        intents: IntentBook,
        odds: Odds,
        prices: Prices,
        *,
        least: Wei,
        threads: int,
        clock: Callable[[], float],
    ) -> None:
        self._intents = intents
        self._odds = odds
        self._prices = prices
        self.least = least
        self._threads = threads
        self._clock = clock
        self.reason = ""

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """The candidate of the highest value, the lowest number among equals; `reason` says how it was judged."""
        best = max(candidates, key=lambda one: (self.value(one), -one.number), default=None)
        if best is None:
            self.reason = "no batch is open"
            return None
        value = self.value(best)
        self.reason = f"batch {best.number} is worth {value} wei at a chance of {self._chance(best):.2f}"
        if value < self.least:
            self.reason += f", wanted {self.least}"
            return None
        return best

    def value(self, candidate: Candidate) -> int:
        """Wei that a race for this batch brings on average."""
        seconds = self._odds.ours.median() or 0.0
        return self._prices.expected_profit(self._chance(candidate), seconds * self._threads)

    def _chance(self, candidate: Candidate) -> float:
        open_seconds = max(0.0, self._clock() - candidate.seen_at)
        return self._odds.chance(open_seconds, self._intents.count(candidate.batch_hash))

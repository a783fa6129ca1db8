"""Which open batch to race for. A rival strategy is one class with one method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from poe.prover.candidates import Candidate
from poe.prover.intents import IntentBook


class Strategy(Protocol):
    """Chooses the next race."""

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """One of the open batches (lowest number first), or None to sit out until something changes."""


class OldestFirst:
    """Race for the oldest open batch, whoever else does: it is the one that finality waits for."""

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """The first candidate, if there is any."""
        return candidates[0] if candidates else None


class LeastContested:
    """The oldest of the batches that fewest others say they work on.

    Proofs are accepted out of order, so provers that spread over the open batches all earn, where a pack on one batch
    burns all proofs but one. With a single open batch, or without gossip, this is a race for the oldest.
    """

    def __init__(self, intents: IntentBook) -> None:
        self._intents = intents

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """The least contested candidate, the lowest number among equals."""
        return min(candidates, key=lambda one: (self._intents.count(one.batch_hash), one.number), default=None)

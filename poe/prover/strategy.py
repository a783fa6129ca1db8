"""Which open batch to race for. A rival strategy is one class with one method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from poe.prover.candidates import Candidate


class Strategy(Protocol):
    """Chooses the next race."""

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """One of the open batches (lowest number first), or None to sit out until something changes."""


class OldestFirst:
    """Race for the oldest open batch: it is the one that finality waits for."""

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """The first candidate, if there is any."""
        return candidates[0] if candidates else None

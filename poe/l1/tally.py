"""Wins and rewards by payee, from L1's events alone; undone with L1.

A batch is won once, by whoever its event of finality names, or under an award policy the event of its award: copies of
it change nothing, nor does anything that is said off L1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType

from poe.l1.interface import Awarded, BatchFinalized, ChainUpdate
from poe.rollup.types import Address, BatchNumber, Wei

KEPT_BATCHES = 10_000
"""So many batches behind the last final one their events are kept; a reorg never reaches further back."""


class Tally:
    """Who has won how much."""

    def __init__(self, kept_batches: int = KEPT_BATCHES, *, has_policy: bool = False) -> None:
        self._kept_batches = kept_batches
        self._pays = Awarded if has_policy else BatchFinalized
        self._final: dict[BatchNumber, BatchFinalized] = {}
        self._paid: dict[BatchNumber, BatchFinalized | Awarded] = {}
        self._wins: dict[Address, int] = {}
        self._rewards: dict[Address, Wei] = {}

    def apply(self, update: ChainUpdate) -> None:
        """Take in a step of L1."""
        if update.rolled_back_to is not None:
            self._roll_back(update.rolled_back_to)
        for event in update.events:
            if isinstance(event, BatchFinalized) and event.number not in self._final:
                self._final[event.number] = event
                self._final.pop(BatchNumber(event.number - self._kept_batches), None)
            if isinstance(event, self._pays) and event.number not in self._paid:
                self._paid[event.number] = event
                self._count(event, 1)
                self._paid.pop(BatchNumber(event.number - self._kept_batches), None)

    @property
    def wins(self) -> Mapping[Address, int]:
        """Final batches by the payee that each pays; nobody is in here without a win."""
        return MappingProxyType(self._wins)

    @property
    def rewards(self) -> Mapping[Address, Wei]:
        """The rewards of those batches, tips included."""
        return MappingProxyType(self._rewards)

    def final(self, number: BatchNumber) -> BatchFinalized | None:
        """The event that made a batch final; None if it is not, or long ago."""
        return self._final.get(number)

    def paid(self, number: BatchNumber) -> BatchFinalized | Awarded | None:
        """The event that says whom a batch pays; None if none did, or long ago."""
        return self._paid.get(number)

    def recent_wins(self, batches: int) -> Mapping[Address, int]:
        """Wins among the last so many batches that are paid."""
        return Counter(event.payee for event in islice(reversed(self._paid.values()), batches))

    def _count(self, final: BatchFinalized | Awarded, change: int) -> None:
        payee = final.payee
        self._wins[payee] = self._wins.get(payee, 0) + change
        self._rewards[payee] = Wei(self._rewards.get(payee, Wei(0)) + change * final.reward)
        if not self._wins[payee]:
            del self._wins[payee], self._rewards[payee]

    def _roll_back(self, block: int) -> None:
        self._final = {n: event for n, event in self._final.items() if event.origin.block.number <= block}
        for event in reversed(list(self._paid.values())):
            if event.origin.block.number <= block:
                return
            self._count(self._paid.pop(event.number), -1)
        self._wins.clear()  # of batches forgotten long ago as well: nothing is left, so L1 is read from its start again
        self._rewards.clear()

"""Wins and rewards by payee, from the L1 events that pay alone; undone with L1.

A batch is won once, by whoever its paying event names: copies of it change nothing, nor does anything that is said off
L1. Where an award policy is set an award pays, else finality does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType

from poe.l1.interface import Awarded, BatchFinalized, ChainUpdate
from poe.rollup.types import Address, BatchNumber, Wei

KEPT_BATCHES = 10_000
"""So many batches behind the last one paid their events are kept; a reorg never reaches further back."""

Payment = BatchFinalized | Awarded


class Tally:
    """Who has won how much."""

    def __init__(self, kept_batches: int = KEPT_BATCHES, *, has_policy: bool = False) -> None:
        self._kept_batches = kept_batches
        self._paying = Awarded if has_policy else BatchFinalized
        self._paid: dict[BatchNumber, Payment] = {}
        self._wins: dict[Address, int] = {}
        self._rewards: dict[Address, Wei] = {}

    def apply(self, update: ChainUpdate) -> None:
        """Take in a step of L1."""
        if update.rolled_back_to is not None:
            self._roll_back(update.rolled_back_to)
        for event in update.events:
            if isinstance(event, Payment) and isinstance(event, self._paying) and event.number not in self._paid:
                self._paid[event.number] = event
                self._count(event, 1)
                self._paid.pop(BatchNumber(event.number - self._kept_batches), None)

    @property
    def wins(self) -> Mapping[Address, int]:
        """Batches by the payee that each paid; nobody is in here without a win."""
        return MappingProxyType(self._wins)

    @property
    def rewards(self) -> Mapping[Address, Wei]:
        """The rewards of those batches, tips included."""
        return MappingProxyType(self._rewards)

    def payment(self, number: BatchNumber) -> Payment | None:
        """The event that paid for a batch; None if nothing has, or long ago."""
        return self._paid.get(number)

    def recent_wins(self, batches: int) -> Mapping[Address, int]:
        """Wins among the last so many batches that were paid."""
        return Counter(event.payee for event in islice(reversed(self._paid.values()), batches))

    def _count(self, paid: Payment, change: int) -> None:
        payee = paid.payee
        self._wins[payee] = self._wins.get(payee, 0) + change
        self._rewards[payee] = Wei(self._rewards.get(payee, Wei(0)) + change * paid.reward)
        if not self._wins[payee]:
            del self._wins[payee], self._rewards[payee]

    def _roll_back(self, block: int) -> None:
        for event in reversed(list(self._paid.values())):
            if event.origin.block.number <= block:
                return
            self._count(self._paid.pop(event.number), -1)
        self._wins.clear()  # of batches forgotten long ago as well: nothing is left, so L1 is read from its start again
        self._rewards.clear()

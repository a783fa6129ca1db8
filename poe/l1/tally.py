"""Wins and rewards by payee, from the L1 events that pay alone; undone with L1.

A batch is won once, by whoever its paying event names: copies of it change nothing, nor does anything that is said off
L1. Where an award policy is set an award pays, else finality does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from poe.l1.interface import Awarded, BatchFinalized, ChainUpdate
from poe.rollup.types import Address, BatchNumber, Wei

KEPT_BATCHES = 10_000
"""Payments of so many batches behind the last one paid are kept..."""
KEPT_BLOCKS = 256
"""...and those of so many L1 blocks, however many batches that is: a reorg never reaches further back."""


class Payment(NamedTuple):
    """Who was paid for a batch, in which L1 block, and how many Wei."""

    block: int
    payee: Address
    reward: Wei


class Tally:
    """Who has won how much."""

    def __init__(
        self, kept_batches: int = KEPT_BATCHES, *, kept_blocks: int = KEPT_BLOCKS, has_policy: bool = False
    ) -> None:
        self._kept_batches = kept_batches
        self._kept_blocks = kept_blocks
        self._forgotten_block = 0
        self._paying = Awarded if has_policy else BatchFinalized
        self._paid: dict[BatchNumber, Payment] = {}
        self._wins: dict[Address, int] = {}
        self._rewards: dict[Address, Wei] = {}

    def apply(self, update: ChainUpdate) -> None:
        """Take in a step of L1."""
        if update.rolled_back_to is not None:
            self._roll_back(update.rolled_back_to)
        for event in update.events:
            if not (isinstance(event, BatchFinalized | Awarded) and isinstance(event, self._paying)):
                continue
            if event.number not in self._paid:
                paid = Payment(event.origin.block.number, event.payee, event.reward)
                self._paid[event.number] = paid
                self._count(paid, 1)
        self._forget(update.head.number - self._kept_blocks)

    @property
    def wins(self) -> Mapping[Address, int]:
        """Batches by the payee that each paid; nobody is in here without a win."""
        return MappingProxyType(self._wins)

    @property
    def rewards(self) -> Mapping[Address, Wei]:
        """The rewards of those batches, tips included."""
        return MappingProxyType(self._rewards)

    def payment(self, number: BatchNumber) -> Payment | None:
        """Who was paid for a batch; None if nobody was, or long ago."""
        return self._paid.get(number)

    def recent_wins(self, batches: int) -> Mapping[Address, int]:
        """Wins among the last so many batches that were paid."""
        return Counter(paid.payee for paid in islice(reversed(self._paid.values()), batches))

    def _count(self, paid: Payment, change: int) -> None:
        payee = paid.payee
        self._wins[payee] = self._wins.get(payee, 0) + change
        self._rewards[payee] = Wei(self._rewards.get(payee, Wei(0)) + change * paid.reward)
        if not self._wins[payee]:
            del self._wins[payee], self._rewards[payee]

    def _forget(self, old_block: int) -> None:
        while len(self._paid) > self._kept_batches:
            number, paid = next(iter(self._paid.items()))
            if paid.block > old_block:
                return
            del self._paid[number]
            self._forgotten_block = paid.block

    def _roll_back(self, block: int) -> None:
        for number, paid in reversed(list(self._paid.items())):
            if paid.block <= block:
                return
            self._count(paid, -1)
            del self._paid[number]
        if block < self._forgotten_block:  # deeper than any reorg: L1 is read from its start again
            self._wins.clear()
            self._rewards.clear()
            self._forgotten_block = 0

"""Our turn to post: what the arbiter's rule of turns says about our own account at L1's head."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

from poe.l1.interface import BlockRef
from poe.l1.ledger import Ledger
from poe.l1.turns import Turns, turns_of
from poe.rollup.types import Address

LEAD_BLOCKS = 2
"""Batches are cut so many blocks before they may be posted."""


class OurTurn:
    """Asks the rule for our account, in the next block: the first in which a posting could be mined."""

    def __init__(self, *, ledger: Ledger, account: Address, l1_head: Callable[[], BlockRef | None]) -> None:
        """`l1_head` is the block up to which the ledger has been read; None before the first."""
        self._ledger = ledger
        self._account = account
        self._l1_head = l1_head

    @property
    def has_seat(self) -> bool:
        """Do we hold a seat?"""
        return self._account in self._ledger.sequencers

    def is_ours(self, *, after: int = 0) -> bool:
        """Is it our own turn in the block after the head, or after block `after` if that is later?"""
        block = self._next_block(after)
        return block is not None and self._turns().holder(block) == self._account

    def is_open(self, *, after: int = 0) -> bool:
        """May we post there because whoever has the turn has been silent?"""
        block = self._next_block(after)
        return block is not None and self.has_seat and self._turns().is_open(block)

    def postable(self, most: int) -> int:
        """How many batches, at most `most`, could be posted one a block in the turn that we have or are about to."""
        start, turns = self._next_block(), self._turns()
        if start is None:
            return 0
        soon = range(start, start + LEAD_BLOCKS)
        first = next((block for block in soon if turns.may_post(self._account, block)), None)
        if first is None:
            return 0
        blocks = range(first, first + most)
        return sum(1 for _ in takewhile(lambda block: turns.may_post(self._account, block), blocks))

    def _next_block(self, after: int = 0) -> int | None:
        head = self._l1_head()
        return None if head is None else max(head.number, after) + 1

    def _turns(self) -> Turns:
        return turns_of(self._ledger)

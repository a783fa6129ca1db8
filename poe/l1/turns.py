"""Whose turn it is to post: the arbiter's rule (docs/protocol.md, section 11) from what its events tell.

Pure. Blocks are L1 block numbers, seats are in the arbiter's order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from poe.l1.ledger import Ledger
from poe.rollup.types import Address, BatchNumber

DUE_BLOCKS = 3
"""Nodes do not see L1's blocks at once; a batch is told a block or two before it is mined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """The seats, the window in blocks, and in which blocks the latest batches were posted, oldest first.

    `postings` reaches back to the last one before the window of the newest: no rule looks further.
    """

    seats: tuple[Address, ...]
    window: int
    postings: tuple[int, ...] = ()

    @property
    def half(self) -> int:
        """Half a window, rounded up."""
        return (self.window + 1) // 2

    def holder(self, block: int) -> Address | None:
        """Whose window it is; None when nobody has a seat."""
        return self.seats[block // self.window % len(self.seats)] if self.seats else None

    def is_open(self, block: int) -> bool:
        """May every seat post: has there been half a window of silence in this window, its first half being over?

        Once that was so, the window stays open, whoever posts. The arbiter knows of a final batch only when it
        became final and counts the silence from there, so it may open a window later than this says.
        """
        start = block - block % self.window
        silent_since = max((posted for posted in self.postings if posted < start), default=None)
        for posted in (*(p for p in self.postings if start <= p <= block), block):
            is_silent = silent_since is None or posted - silent_since >= self.half
            if is_silent and posted - start >= self.half:
                return True
            silent_since = posted
        return False

    def may_post(self, who: Address, block: int) -> bool:
        """Would the arbiter take a batch of `who` in this block, as far as turns go?"""
        return who in self.seats and (self.holder(block) == who or self.is_open(block))

    def posters(self, blocks: Iterable[int]) -> frozenset[Address]:
        """All that may post in one of these blocks, if nothing is posted meanwhile."""
        return frozenset(who for block in blocks for who in self.seats if self.may_post(who, block))


def due_at(ledger: Ledger, head: int) -> frozenset[Address]:
    """Whose batch may come next, at L1 block `head`: who may post in one of the few blocks after it."""
    return turns_of(ledger).posters(range(head, head + 1 + DUE_BLOCKS))


def turns_of(ledger: Ledger) -> Turns:
    """The turns as the ledger knows them."""
    window = ledger.parameters.window_blocks
    return Turns(seats=ledger.sequencers, window=window, postings=_postings(ledger, window))


def _postings(ledger: Ledger, window: int) -> tuple[int, ...]:
    """Blocks of the newest batch's window, and the last posting before it; fewer if the ledger has forgotten them."""
    found: list[int] = []
    number, _ = ledger.head()
    while (batch := ledger.batch(number)) is not None:
        found.append(batch.origin.block.number)
        if found[-1] < found[0] - found[0] % window:
            break
        number = BatchNumber(number - 1)
    return tuple(reversed(found))

"""The mutable state behind the ledger, and how its events change it: each change with the record that undoes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from poe.errors import BadAnswer
from poe.l1.interface import (
    ArbiterEvent,
    BatchSequenced,
    ExitModeEntered,
    LogOrigin,
    ProofAccepted,
    ProofContends,
    QueueEntry,
)
from poe.rollup.types import AccountIndex, Address, Batch, BatchNumber, FieldElement, Hash, Wei

GENESIS_HASH = Hash(bytes(32))
"""Parent hash of batch 1."""

HASH_BYTES = 32
Undo = tuple[Callable[..., None], *tuple[Any, ...]]
"""What takes one change back: a function of the books, and what it needs besides.

Plain records, not closures: those of thousands of batches are kept, and a closure takes four times the memory.
"""

NOTHING_TO_UNDO: Undo = (lambda _books: None,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A posted batch, less what the books hold anyway; without `body` once that is dropped."""

    origin: LogOrigin
    reward: Wei
    queue_end: int
    body: Batch | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """What became final with a batch: the root it started from, and the queue entries it drained."""

    old_root: FieldElement
    drained: tuple[QueueEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAward:
    """A final batch whose money waits until block `until`; `payee` brought the first valid proof."""

    number: BatchNumber
    old_root: FieldElement
    payee: Address
    until: int


@dataclass(slots=True)
class Books:
    """What events write and their records restore.

    `entries` are the queue's entries from `final_queue_end`, the first that no final batch drained, to its tail;
    `finals` those that each final batch took, from batch `oldest` on, the first that is not forgotten. Batches above
    `finalized` and up to `cancelled` were final once, and paid, until an alarm.
    """

    finalized_root: FieldElement
    finalized: int = 0
    hashes: bytearray = field(default_factory=bytearray)
    postings: dict[int, Posting] = field(default_factory=dict)
    oldest: int = 1
    proofs: dict[int, dict[FieldElement, ProofAccepted]] = field(default_factory=dict)
    entries: deque[QueueEntry] = field(default_factory=deque)
    final_queue_end: int = 0
    queue_head: int = 0
    finals: dict[int, Final] = field(default_factory=dict)
    cancelled: int = 0
    exits_credited: set[int] = field(default_factory=set)
    wins: dict[Address, int] = field(default_factory=dict)
    credits: dict[Address, Wei] = field(default_factory=dict)
    exit_mode: ExitModeEntered | None = None
    batches_refunded: set[int] = field(default_factory=set)
    entries_refunded: set[int] = field(default_factory=set)
    left: set[AccountIndex] = field(default_factory=set)
    seats: list[Address] = field(default_factory=list)
    bonds: dict[Address, Wei] = field(default_factory=dict)
    contenders: dict[int, list[ProofContends]] = field(default_factory=dict)
    awards: dict[int, PendingAward] = field(default_factory=dict)

    @property
    def sequenced(self) -> int:
        """The last batch that L1 has ordered."""
        return len(self.hashes) // HASH_BYTES

    @property
    def queue_tail(self) -> int:
        """Queue position after the last entry."""
        return self.final_queue_end + len(self.entries)

    @property
    def pending(self) -> list[QueueEntry]:
        """The entries that no batch has drained."""
        return list(islice(self.entries, self.queue_head - self.final_queue_end, None))

    @property
    def first_void(self) -> int:
        """In exit mode: the first batch that never was final, so that nobody was paid for it."""
        return max(self.finalized, self.cancelled) + 1

    def hash_of(self, number: int) -> Hash:
        """The batch's hash; 32 zero bytes for batch 0."""
        start = (number - 1) * HASH_BYTES
        return Hash(bytes(self.hashes[start : start + HASH_BYTES])) if number > 0 else GENESIS_HASH

    def add_credits(self, changes: Mapping[Address, int]) -> Undo:
        """Change what accounts are credited, in Wei."""
        for payee, change in changes.items():
            self.credit(payee, change)
        return (uncredit, *(part for change in changes.items() for part in change))

    def credit(self, payee: Address, change: int) -> None:
        """Change what one account is credited; nobody is credited nothing."""
        amount = Wei(self.credits.get(payee, Wei(0)) + change)
        if amount:
            self.credits[payee] = amount
        else:
            self.credits.pop(payee, None)

    def add_win(self, payee: Address) -> Undo:
        """Count a batch as won."""
        self.wins[payee] = self.wins.get(payee, 0) + 1
        return remove_win, payee

    def posting(self, number: int) -> BatchSequenced | None:
        """A batch as it was posted; None if its posting or its body is not known any more."""
        kept = self.postings.get(number)
        if kept is None or kept.body is None:
            return None
        return BatchSequenced(
            origin=kept.origin,
            number=BatchNumber(number),
            parent_hash=self.hash_of(number - 1),
            batch_hash=self.hash_of(number),
            batch=kept.body,
            reward=kept.reward,
            queue_end=kept.queue_end,
        )

    def take_back(self, undo: Undo) -> None:
        """Undo one change; those that came after it are undone already."""
        undo[0](self, *undo[1:])


def uncredit(books: Books, *changes: Any) -> None:
    """Take back what accounts were credited: payee, Wei, payee, Wei..."""
    for payee, change in zip(changes[::2], changes[1::2], strict=True):
        books.credit(payee, -change)


def remove_win(books: Books, payee: Address) -> None:
    """A batch is not won any more."""
    books.wins[payee] -= 1
    if books.wins[payee] == 0:
        del books.wins[payee]


def take_back_all(books: Books, *undos: Undo) -> None:
    """Undo what one event changed, its last change first."""
    for undo in reversed(undos):
        books.take_back(undo)


def require(holds: bool, event: ArbiterEvent, what: str) -> None:
    """BadAnswer unless it holds: the arbiter would never have emitted the event."""
    if not holds:
        raise contradiction(event, what)


def contradiction(event: ArbiterEvent, what: str) -> BadAnswer:
    """An event that the arbiter's rules rule out."""
    return BadAnswer(
        f"{type(event).__name__} in block {event.origin.block.number}: {what}",
        fix="the endpoint leaves out or invents logs; use another one",
    )

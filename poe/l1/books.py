"""The mutable state behind the ledger, and how its events change it: each change with the closure that undoes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from poe.errors import BadAnswer
from poe.l1.interface import ArbiterEvent, BatchSequenced, ExitModeEntered, ProofAccepted, ProofContends, QueueEntry
from poe.rollup.types import AccountIndex, Address, BatchNumber, FieldElement, Hash, Wei

GENESIS_HASH = Hash(bytes(32))
"""Parent hash of batch 1."""

HASH_BYTES = 32
Undo = Callable[[], None]


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
    """What events write and closures restore.

    `entries` are the queue's entries from `final_queue_end`, the first that no final batch drained, to its tail;
    `finals` those that each final batch took, while its body is kept. Batches above `finalized` and up to `cancelled`
    were final once, and paid, until an alarm.
    """

    finalized_root: FieldElement
    finalized: int = 0
    hashes: bytearray = field(default_factory=bytearray)
    batches: dict[int, BatchSequenced] = field(default_factory=dict)
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
        before = {payee: self.credits.get(payee, Wei(0)) for payee in changes}
        _write(self.credits, {payee: Wei(before[payee] + change) for payee, change in changes.items()})
        return lambda: _write(self.credits, before)

    def add_win(self, payee: Address) -> Undo:
        """Count a batch as won."""
        self.wins[payee] = self.wins.get(payee, 0) + 1

        def undo() -> None:
            self.wins[payee] -= 1
            if self.wins[payee] == 0:
                del self.wins[payee]

        return undo


def _write(accounts: dict[Address, Wei], amounts: Mapping[Address, Wei]) -> None:
    for payee, amount in amounts.items():
        if amount:
            accounts[payee] = amount
        else:
            accounts.pop(payee, None)


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

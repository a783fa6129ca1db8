"""The mutable state behind the ledger, and how its events change it: each change with the closure that undoes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from poe.errors import BadAnswer
from poe.l1.interface import ArbiterEvent, BatchSequenced, ExitModeEntered, ProofAccepted, QueueEntry
from poe.rollup.types import AccountIndex, Address, FieldElement, Hash, Wei

GENESIS_HASH = Hash(bytes(32))
"""Parent hash of batch 1."""

HASH_BYTES = 32
WEI_A_GWEI = 10**9
Undo = Callable[[], None]


@dataclass(slots=True)
class Books:
    """What events write and closures restore.

    `entries` are the queue's entries from `final_queue_end`, the first that no final batch drained, to its tail.
    """

    finalized_root: FieldElement
    finalized: int = 0
    hashes: bytearray = field(default_factory=bytearray)
    batches: dict[int, BatchSequenced] = field(default_factory=dict)
    proofs: dict[int, dict[FieldElement, ProofAccepted]] = field(default_factory=dict)
    entries: deque[QueueEntry] = field(default_factory=deque)
    final_queue_end: int = 0
    queue_head: int = 0
    exits_credited: set[int] = field(default_factory=set)
    wins: dict[Address, int] = field(default_factory=dict)
    credits: dict[Address, Wei] = field(default_factory=dict)
    exit_mode: ExitModeEntered | None = None
    batches_refunded: set[int] = field(default_factory=set)
    entries_refunded: set[int] = field(default_factory=set)
    left: set[AccountIndex] = field(default_factory=set)

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

    def hash_of(self, number: int) -> Hash:
        """The batch's hash; 32 zero bytes for batch 0."""
        start = (number - 1) * HASH_BYTES
        return Hash(bytes(self.hashes[start : start + HASH_BYTES])) if number > 0 else GENESIS_HASH

    def add_credits(self, changes: Mapping[Address, int]) -> Undo:
        """Change what accounts are credited, in Wei."""
        before = {payee: self.credits.get(payee, Wei(0)) for payee in changes}
        _write(self.credits, {payee: Wei(before[payee] + change) for payee, change in changes.items()})
        return lambda: _write(self.credits, before)


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

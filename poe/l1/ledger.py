"""What the arbiter's events add up to: batches, proofs, finality, the queue, wins, credits; undone with L1.

Pure and synchronous. Every event is applied together with the closure that undoes it, kept per L1 block.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from poe.errors import BadAnswer
from poe.l1.interface import (
    ArbiterEvent,
    ArbiterParameters,
    BatchFinalized,
    BatchSequenced,
    ChainUpdate,
    Deposited,
    ExitsCredited,
    ForcedExitQueued,
    ForcedTransactionQueued,
    ProofAccepted,
    QueueEntry,
    Withdrawn,
)
from poe.rollup.types import Address, BatchNumber, FieldElement, Hash, Wei

GENESIS_HASH = Hash(bytes(32))
"""Parent hash of batch 1."""

_HASH_BYTES = 32
_WEI_A_GWEI = 10**9
_NOTHING: Mapping[FieldElement, ProofAccepted] = MappingProxyType({})
Undo = Callable[[], None]


@dataclass(slots=True)
class _Books:
    """The mutable state that events write and closures restore."""

    finalized_root: FieldElement
    finalized: int = 0
    hashes: bytearray = field(default_factory=bytearray)
    batches: dict[int, BatchSequenced] = field(default_factory=dict)
    proofs: dict[int, dict[FieldElement, ProofAccepted]] = field(default_factory=dict)
    queue: deque[QueueEntry] = field(default_factory=deque)
    queue_head: int = 0
    queue_tail: int = 0
    exits_credited: set[int] = field(default_factory=set)
    wins: dict[Address, int] = field(default_factory=dict)
    credits: dict[Address, Wei] = field(default_factory=dict)

    @property
    def sequenced(self) -> int:
        return len(self.hashes) // _HASH_BYTES

    def hash_of(self, number: int) -> Hash:
        start = (number - 1) * _HASH_BYTES
        return Hash(bytes(self.hashes[start : start + _HASH_BYTES])) if number > 0 else GENESIS_HASH


class Ledger:
    """The arbiter as its events tell it.

    Batches and proofs further than `kept_batches` behind the head are forgotten once final, but for their hashes;
    a rollback can reach `kept_blocks` L1 blocks back, or to before the deployment, which starts over.
    **Invariant**: after any updates the state is that of the canonical events alone, in whatever order of
    rollbacks they came.
    """

    def __init__(self, parameters: ArbiterParameters, *, kept_batches: int = 4096, kept_blocks: int = 256) -> None:
        self._parameters = parameters
        self._kept_batches = kept_batches
        self._kept_blocks = kept_blocks
        self._start_over()

    def apply(self, update: ChainUpdate) -> None:
        """Take one step of the follower.

        BadAnswer, the rollback done but no event taken, if the events contradict the arbiter's rules.
        """
        if update.rolled_back_to is not None:
            self._roll_back(update.rolled_back_to)
        done: list[tuple[int, Undo]] = []
        before = self._books.sequenced
        try:
            for event in update.events:
                done.append((event.origin.block.number, self._apply_event(event)))
        except BadAnswer:
            for _, undo in reversed(done):
                undo()
            raise
        done.extend((update.head.number, undo) for undo in self._forget(before))
        self._undos.extend(done)
        while self._undos and self._undos[0][0] <= update.head.number - self._kept_blocks:
            self._undo_floor = self._undos.popleft()[0]

    def head(self) -> tuple[BatchNumber, Hash]:
        """Number and hash of the last sequenced batch; (0, 32 zero bytes) before the first."""
        number = self._books.sequenced
        return BatchNumber(number), self._books.hash_of(number)

    def batch(self, number: BatchNumber) -> BatchSequenced | None:
        """The batch as posted; None if it is not sequenced or long final."""
        return self._books.batches.get(number)

    def is_sequenced(self, number: BatchNumber, batch_hash: Hash) -> bool:
        """Is this very batch the one L1 orders at this number?"""
        return 0 < number <= self._books.sequenced and self._books.hash_of(number) == batch_hash

    def accepted(self, number: BatchNumber) -> Mapping[FieldElement, ProofAccepted]:
        """Accepted proofs of a batch by the old root they start from."""
        return MappingProxyType(self._books.proofs[number]) if number in self._books.proofs else _NOTHING

    def open_batches(self) -> list[BatchNumber]:
        """Batches sequenced, not final, and without a proof on their canonical old root as far as events tell.

        The canonical old root is known from the finalized root on through accepted proofs; behind the first batch
        without one every batch counts as open, whatever proofs on other roots it has.
        """
        number, root = self._books.finalized + 1, self._books.finalized_root
        while (proof := self.accepted(BatchNumber(number)).get(root)) is not None:
            number, root = number + 1, proof.new_root
        return [BatchNumber(n) for n in range(number, self._books.sequenced + 1)]

    def pending_entries(self) -> list[QueueEntry]:
        """Queue entries no sequenced batch has drained, oldest first."""
        return list(self._books.queue)

    def pending_deposits(self) -> list[Deposited]:
        """The deposits among them."""
        return [entry for entry in self._books.queue if isinstance(entry, Deposited)]

    def are_exits_credited(self, number: BatchNumber) -> bool:
        """Have the exits of this batch been credited?"""
        return number in self._books.exits_credited

    @property
    def queue_end(self) -> int:
        """Queue position after the last drained entry."""
        return self._books.queue_head

    @property
    def finalized_number(self) -> BatchNumber:
        """The last final batch."""
        return BatchNumber(self._books.finalized)

    @property
    def finalized_root(self) -> FieldElement:
        """The chain's state root."""
        return self._books.finalized_root

    def wins(self) -> Mapping[Address, int]:
        """Final batches by the payee of their proof."""
        return MappingProxyType(self._books.wins)

    def credits(self) -> Mapping[Address, Wei]:
        """What each account has earned by proofs and exits and not withdrawn, where more than nothing.

        It could withdraw that much at least: no event tells the queue fees that a sequencer is credited.
        """
        return MappingProxyType(self._books.credits)

    def _start_over(self) -> None:
        self._books = _Books(finalized_root=self._parameters.genesis_root)
        self._undos: deque[tuple[int, Undo]] = deque()
        self._undo_floor = self._parameters.deployed_at_block - 1

    def _roll_back(self, block: int) -> None:
        if block < self._parameters.deployed_at_block:
            return self._start_over()
        if block < self._undo_floor:
            raise BadAnswer(f"a rollback to block {block} is deeper than the {self._kept_blocks} blocks kept")
        while self._undos and self._undos[-1][0] > block:
            self._undos.pop()[1]()
        return None

    def _apply_event(self, event: ArbiterEvent) -> Undo:
        match event:
            case Deposited() | ForcedExitQueued() | ForcedTransactionQueued():
                return self._enqueue(event)
            case BatchSequenced():
                return self._sequence(event)
            case ProofAccepted():
                return self._accept(event)
            case BatchFinalized():
                return self._finalize(event)
            case ExitsCredited():
                return self._credit_exits(event)
            case Withdrawn():
                return self._withdraw(event)

    def _enqueue(self, event: QueueEntry) -> Undo:
        books = self._books
        _require(event.queue_index == books.queue_tail, event, f"queue entry {books.queue_tail} comes next")
        books.queue.append(event)
        books.queue_tail += 1

        def undo() -> None:
            books.queue.pop()
            books.queue_tail -= 1

        return undo

    def _sequence(self, event: BatchSequenced) -> Undo:
        books = self._books
        number, parent = self.head()
        _require(event.number == number + 1, event, f"batch {number + 1} comes next, got {event.number}")
        _require(event.parent_hash == parent, event, "parent hash is not the head's")
        _require(books.queue_head <= event.queue_end <= books.queue_tail, event, "queue end is outside the queue")
        drained = [books.queue.popleft() for _ in range(event.queue_end - books.queue_head)]
        queue_head, books.queue_head = books.queue_head, event.queue_end
        books.hashes += event.batch_hash
        books.batches[event.number] = event

        def undo() -> None:
            del books.batches[event.number]
            del books.hashes[-_HASH_BYTES:]
            books.queue_head = queue_head
            books.queue.extendleft(reversed(drained))

        return undo

    def _accept(self, event: ProofAccepted) -> Undo:
        books = self._books
        _require(event.number <= books.sequenced, event, f"batch {event.number} is not sequenced")
        _require(event.number > books.finalized, event, f"batch {event.number} is final")
        proofs = books.proofs.setdefault(event.number, {})
        _require(event.old_root not in proofs, event, "a proof on this root is accepted already")
        proofs[event.old_root] = event

        def undo() -> None:
            del proofs[event.old_root]
            if not proofs:
                del books.proofs[event.number]

        return undo

    def _finalize(self, event: BatchFinalized) -> Undo:
        books = self._books
        proof = self.accepted(event.number).get(books.finalized_root)
        _require(event.number == books.finalized + 1, event, f"batch {books.finalized + 1} finalizes next")
        if proof is None or proof.new_root != event.new_root or proof.payee != event.payee:
            raise _contradiction(event, "no such proof on the finalized root is accepted")
        _require(proof.tip <= event.reward, event, "the tip is above the reward")
        changes = {event.payee: event.reward - proof.tip}
        changes[proof.submitter] = changes.get(proof.submitter, 0) + proof.tip
        undo_credits = self._add_credits(changes)
        before = books.finalized, books.finalized_root
        books.finalized, books.finalized_root = event.number, event.new_root
        books.wins[event.payee] = books.wins.get(event.payee, 0) + 1

        def undo() -> None:
            books.finalized, books.finalized_root = before
            books.wins[event.payee] -= 1
            if books.wins[event.payee] == 0:
                del books.wins[event.payee]
            undo_credits()

        return undo

    def _credit_exits(self, event: ExitsCredited) -> Undo:
        books = self._books
        _require(event.number <= books.finalized, event, f"batch {event.number} is not final")
        _require(event.number not in books.exits_credited, event, "its exits are credited already")
        changes: dict[Address, int] = {}
        for leaving in event.exits:
            changes[leaving.address] = changes.get(leaving.address, 0) + leaving.amount * _WEI_A_GWEI
        undo_credits = self._add_credits(changes)
        books.exits_credited.add(event.number)

        def undo() -> None:
            books.exits_credited.remove(event.number)
            undo_credits()

        return undo

    def _withdraw(self, event: Withdrawn) -> Undo:
        """A withdrawal takes all there is: what we know of, and queue fees that no event told."""
        known = self._books.credits.get(event.payee, Wei(0))
        _require(event.amount >= known, event, f"{event.amount} Wei withdrawn, {known} were credited")
        return self._add_credits({event.payee: -known})

    def _add_credits(self, changes: Mapping[Address, int]) -> Undo:
        accounts = self._books.credits
        before = {payee: accounts.get(payee, Wei(0)) for payee in changes}
        _write(accounts, {payee: Wei(before[payee] + change) for payee, change in changes.items()})
        return lambda: _write(accounts, before)

    def _forget(self, sequenced_before: int) -> list[Undo]:
        """Drop final batches well behind what was the head before this update, so that its own all stay readable."""
        books = self._books
        undos: list[Undo] = []
        limit = min(sequenced_before - self._kept_batches, books.finalized)
        while books.batches and (number := next(iter(books.batches))) <= limit:
            undos.append(_forget_one(books, number))
        return undos


def _forget_one(books: _Books, number: int) -> Undo:
    batch, proofs = books.batches.pop(number), books.proofs.pop(number, None)

    def undo() -> None:
        books.batches = {number: batch, **books.batches}
        if proofs is not None:
            books.proofs[number] = proofs

    return undo


def _write(accounts: dict[Address, Wei], amounts: Mapping[Address, Wei]) -> None:
    for payee, amount in amounts.items():
        if amount:
            accounts[payee] = amount
        else:
            accounts.pop(payee, None)


def _require(holds: bool, event: ArbiterEvent, what: str) -> None:
    if not holds:
        raise _contradiction(event, what)


def _contradiction(event: ArbiterEvent, what: str) -> BadAnswer:
    return BadAnswer(
        f"{type(event).__name__} in block {event.origin.block.number}: {what}",
        fix="the endpoint leaves out or invents logs; use another one",
    )

"""What the arbiter's events add up to: batches, proofs, finality, the queue, wins, credits; undone with L1.

Pure and synchronous. Every event leaves a record that undoes it, kept per L1 block (see `poe.l1.books`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType

from poe.errors import BadAnswer
from poe.l1 import batches, exit_mode, market
from poe.l1.books import GENESIS_HASH, Books, PendingAward, Undo
from poe.l1.interface import (
    AlarmRaised,
    ArbiterEvent,
    ArbiterParameters,
    Awarded,
    AwardWaits,
    BatchFinalized,
    BatchRefunded,
    BatchSequenced,
    BondChanged,
    BondReleased,
    ChainUpdate,
    Deposited,
    EntryRefunded,
    ExitModeEntered,
    ExitsCredited,
    ForcedExitQueued,
    ForcedTransactionQueued,
    Left,
    ProofAccepted,
    ProofContends,
    QueueEntry,
    SequencerJoined,
    SequencerLeft,
    SequencerSlashed,
    Withdrawn,
)
from poe.rollup.types import AccountIndex, Address, BatchNumber, FieldElement, Hash, Wei

__all__ = ["GENESIS_HASH", "Ledger"]

_NOTHING: Mapping[FieldElement, ProofAccepted] = MappingProxyType({})


class Ledger:
    """The arbiter as its events tell it.

    Batches and proofs further than `kept_batches` behind the head are forgotten once final, but for their hashes;
    a rollback can reach `kept_blocks` L1 blocks back, or to before the deployment, which starts over. It brings back
    what was forgotten meanwhile, bodies only if the ledger `keeps_bodies`: without them it takes a third of the memory.
    **Invariant**: after any updates the state is that of the canonical events alone, in whatever order of
    rollbacks they came.
    """

    def __init__(
        self,
        parameters: ArbiterParameters,
        *,
        kept_batches: int = 4096,
        kept_blocks: int = 256,
        keeps_bodies: bool = True,
    ) -> None:
        self.parameters = self._parameters = parameters
        self._kept_batches = kept_batches
        self._kept_blocks = kept_blocks
        self._keeps_bodies = keeps_bodies
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
                self._books.take_back(undo)
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
        return self._books.posting(number)

    def is_sequenced(self, number: BatchNumber, batch_hash: Hash) -> bool:
        """Is this very batch the one L1 orders at this number?"""
        return 0 < number <= self._books.sequenced and self._books.hash_of(number) == batch_hash

    def accepted(self, number: BatchNumber) -> Mapping[FieldElement, ProofAccepted]:
        """Accepted proofs of a batch by the old root they start from."""
        return MappingProxyType(self._books.proofs[number]) if number in self._books.proofs else _NOTHING

    def final_proof(self, number: BatchNumber) -> ProofAccepted:
        """The proof by which a batch became final; LookupError when it is not final, or forgotten."""
        return self._books.proofs[number][self._books.finals[number].old_root]

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
        return self._books.pending

    def pending_deposits(self) -> list[Deposited]:
        """The deposits among them."""
        return [entry for entry in self._books.pending if isinstance(entry, Deposited)]

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
        """Final batches by the payee of their proof, under a policy by whom it awarded them to.

        What an alarm cancels had been won: it stays paid.
        """
        return MappingProxyType(self._books.wins)

    def credits(self) -> Mapping[Address, Wei]:
        """What each account has earned by proofs and exits and not withdrawn, where more than nothing.

        It could withdraw that much at least: no event tells the queue fees that a sequencer is credited.
        """
        return MappingProxyType(self._books.credits)

    @property
    def exit_mode(self) -> ExitModeEntered | None:
        """How the rollup ended; None while it goes on."""
        return self._books.exit_mode

    @property
    def is_alarmed(self) -> bool:
        """Whether an alarm has cancelled final batches."""
        return self._books.cancelled > 0

    def exit_mode_due_at(self) -> int | None:
        """The first block in which exit mode may be entered as things are; None while nothing waits.

        A batch waits since its posting, the queue's oldest entry since it entered.
        """
        books = self._books
        waiting = [books.postings[n].origin for n in (books.finalized + 1,) if n <= books.sequenced]
        waiting += [entry.origin for entry in books.pending[:1]]
        since = [origin.block.number for origin in waiting]
        return min(since) + self._parameters.exit_deadline_blocks + 1 if since else None

    def void_batches(self) -> list[BatchSequenced]:
        """In exit mode: the batches that never became final, not before an alarm either, and are not refunded.

        Without those whose bodies this ledger has dropped: they were final for so long before a rollback.
        """
        books = self._books
        numbers = range(books.first_void, books.sequenced + 1) if books.exit_mode else ()
        postings = [books.posting(number) for number in numbers if number not in books.batches_refunded]
        return [posting for posting in postings if posting is not None]

    def void_entries(self) -> list[QueueEntry]:
        """In exit mode: the queue entries that no final batch drained and that are not refunded."""
        books = self._books
        entries = books.entries if books.exit_mode else ()
        return [entry for entry in entries if entry.queue_index not in books.entries_refunded]

    def has_left(self, account: AccountIndex) -> bool:
        """Was the account's balance in the final state credited on L1?"""
        return account in self._books.left

    @property
    def sequencers(self) -> tuple[Address, ...]:
        """Who has a seat, in the order of turns."""
        return tuple(self._books.seats)

    @property
    def bonds(self) -> Mapping[Address, Wei]:
        """What is left of each bond, of those who gave up their seats too."""
        return MappingProxyType(self._books.bonds)

    def pending_awards(self) -> list[PendingAward]:
        """Final batches whose money waits for the policy, oldest first."""
        return list(self._books.awards.values())

    @property
    def left_count(self) -> int:
        """How many accounts have left in exit mode."""
        return len(self._books.left)

    def _start_over(self) -> None:
        self._books = Books(finalized_root=self._parameters.genesis_root)
        self._undos: deque[tuple[int, Undo]] = deque()
        self._undo_floor = self._parameters.deployed_at_block - 1

    def _roll_back(self, block: int) -> None:
        if block < self._parameters.deployed_at_block:
            return self._start_over()
        if block < self._undo_floor:
            raise BadAnswer(f"a rollback to block {block} is deeper than the {self._kept_blocks} blocks kept")
        while self._undos and self._undos[-1][0] > block:
            self._books.take_back(self._undos.pop()[1])
        return None

    def _apply_event(self, event: ArbiterEvent) -> Undo:
        books = self._books
        match event:
            case Deposited() | ForcedExitQueued() | ForcedTransactionQueued():
                return batches.enqueue(books, event)
            case BatchSequenced():
                return batches.sequence(books, event)
            case ProofAccepted():
                return batches.accept(books, event)
            case BatchFinalized():
                return batches.finalize(books, event, pays=not any(self._parameters.policy))
            case ExitsCredited():
                return exit_mode.credit_exits(books, event)
            case Withdrawn():
                return batches.withdraw(books, event)
            case ExitModeEntered():
                return exit_mode.enter(books, event)
            case BatchRefunded():
                return exit_mode.refund_batch(books, event)
            case EntryRefunded():
                return exit_mode.refund_entry(books, event)
            case Left():
                return exit_mode.leave(books, event)
            case SequencerJoined():
                return market.join(books, event)
            case SequencerLeft():
                return market.leave(books, event)
            case BondChanged():
                return market.change_bond(books, event)
            case BondReleased():
                return market.release_bond(books, event)
            case SequencerSlashed():
                return market.slash(books, event)
            case ProofContends():
                return market.contend(books, event)
            case AwardWaits():
                return market.wait_for_award(books, event)
            case Awarded():
                return market.award(books, event)
            case AlarmRaised():
                return market.raise_alarm(books, event)

    def _forget(self, sequenced_before: int) -> list[Undo]:
        """Drop final batches well behind what was the head before this update, so that its own all stay readable."""
        books = self._books
        undos: list[Undo] = []
        limit = min(sequenced_before - self._kept_batches, books.finalized)
        while books.oldest <= limit:
            undos.append(batches.forget_oldest(books, keeps_body=self._keeps_bodies))
        return undos

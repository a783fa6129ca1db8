"""The batches executed on our state, in one line of parents: those L1 has ordered, then those it has not yet."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import trio

from poe.backend.interface import Execution, StateBackend
from poe.errors import SequencerError
from poe.l1.ledger import GENESIS_HASH
from poe.rollup.batch import batch_hash
from poe.rollup.types import Account, AccountIndex, Batch, BatchNumber, FieldElement, Gwei, Hash, SlotOutcome
from poe.sequencer.offload import Offload

KEPT_BATCHES = 512
"""Batches that can be undone; the state backend keeps at least as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBatch:
    """A batch as executed, without the trace; it drains the queue entries `[queue_start, queue_end)`."""

    number: BatchNumber
    parent_hash: Hash
    batch: Batch
    batch_hash: Hash
    execution: Execution
    queue_start: int
    queue_end: int

    @property
    def drained(self) -> int:
        """How many queue entries it drains: they are its first slots."""
        return self.queue_end - self.queue_start

    @property
    def applied_transactions(self) -> tuple[bytes, ...]:
        """The slots of the signed transfers and exits that took effect, in order, forced ones among them."""
        return self._applied_from(self.batch.header.deposits + self.batch.header.forced)

    @property
    def applied_from_pool(self) -> tuple[bytes, ...]:
        """Those of them that no queue entry brought."""
        return self._applied_from(self.drained)

    def _applied_from(self, first: int) -> tuple[bytes, ...]:
        slots, outcomes = self.batch.slots, self.execution.outcomes
        return tuple(slots[i] for i in range(first, len(slots)) if outcomes[i] is SlotOutcome.APPLIED)


class Chain:
    """Executes batch after batch and can undo the latest.

    Whoever executes, undoes or reads accounts holds `lock`: a native execution borrows the state while it runs.
    """

    def __init__(
        self, *, state: StateBackend, domain: FieldElement, offload: Offload, kept_batches: int = KEPT_BATCHES
    ) -> None:
        self.lock = trio.Lock()
        self._state = state
        self._domain = domain
        self._offload = offload
        self._kept_batches = kept_batches
        self._batches: deque[SealedBatch] = deque()
        self._root = state.root
        self._height = BatchNumber(state.height)
        self._transactions = 0
        self._oldest_parent = (GENESIS_HASH, 0)

    @property
    def height(self) -> BatchNumber:
        """Number of the last batch executed; 0 is the genesis."""
        return self._height

    @property
    def head_hash(self) -> Hash:
        """Hash of the last batch executed."""
        return self._batches[-1].batch_hash if self._batches else self._oldest_parent[0]

    @property
    def queue_end(self) -> int:
        """Queue entries drained by all batches executed."""
        return self._batches[-1].queue_end if self._batches else self._oldest_parent[1]

    @property
    def root(self) -> FieldElement:
        """State root after the last batch."""
        return self._root

    @property
    def transactions(self) -> int:
        """Signed transfers and exits applied by all batches executed."""
        return self._transactions

    @property
    def base(self) -> tuple[BatchNumber, Hash]:
        """The batch below all that are kept: it can no longer be undone."""
        return BatchNumber(self._height - len(self._batches)), self._oldest_parent[0]

    @property
    def kept(self) -> tuple[SealedBatch, ...]:
        """The latest batches, oldest first: all that can be undone."""
        return tuple(self._batches)

    def get(self, number: int) -> SealedBatch | None:
        """Batch `number`; None when it is not executed or no longer kept."""
        position = number - self._height - 1 + len(self._batches)
        return self._batches[position] if 0 <= position < len(self._batches) else None

    def account(self, index: AccountIndex) -> Account | None:
        """The account after the last batch. Hold `lock`."""
        return self._state.account(index)

    def total_balance(self) -> Gwei:
        """Sum of all balances after the last batch. Hold `lock`."""
        return self._state.total_balance()

    async def extend(self, batch: Batch, *, queue_end: int) -> SealedBatch:
        """Execute the next batch. Hold `lock`."""
        execution = await self._offload(lambda: self._state.execute(batch, self._domain))
        sealed = SealedBatch(
            number=BatchNumber(self._height + 1),
            parent_hash=self.head_hash,
            batch=batch,
            batch_hash=batch_hash(batch),
            execution=replace(execution, trace=b""),
            queue_start=self.queue_end,
            queue_end=queue_end,
        )
        self._batches.append(sealed)
        self._note_state(len(sealed.applied_transactions))
        if len(self._batches) > self._kept_batches:
            oldest = self._batches.popleft()
            self._oldest_parent = (oldest.batch_hash, oldest.queue_end)
        return sealed

    def truncate(self, number: int) -> list[SealedBatch]:
        """Undo every batch after `number` and return them, oldest first. Hold `lock`.

        SequencerError when that is further back than we keep.
        """
        count = self._height - number
        if count > len(self._batches):
            raise SequencerError(
                f"L1 reorganised to batch {number}, the last {len(self._batches)} of {self._height} can be undone",
                fix="start again: the state is rebuilt from L1",
                code="POE-SEQ-020",
            )
        removed = [self._batches.pop() for _ in range(count)][::-1]
        self._state.rollback(count)
        self._note_state(-sum(len(batch.applied_transactions) for batch in removed))
        return removed

    def _note_state(self, transactions: int) -> None:
        """Copy what may be asked for without the lock."""
        self._height = BatchNumber(self._state.height)
        self._root = self._state.root
        self._transactions += transactions

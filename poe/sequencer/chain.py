"""The batches executed on our state, in one line of parents: those L1 has ordered, then those it has not yet.

`Chain` executes on any state backend and keeps nothing; `EngineChain` shows what the native engine executed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import trio

from poe.backend.interface import QueueSlots, SequencerEngine, StateBackend
from poe.errors import SequencerError
from poe.l1.ledger import GENESIS_HASH
from poe.rollup.batch import batch_hash
from poe.rollup.types import Account, AccountIndex, Batch, BatchNumber, Exit, FieldElement, Gwei, Hash, SlotOutcome
from poe.sequencer.offload import Offload

KEPT_BATCHES = 512
"""Batches that can be undone; the state backend keeps at least as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBatch:
    """A batch as executed; it drains the queue entries `[queue_start, queue_end)`.

    `root` is the state's after it; None inside a round of batches whose tree nodes were hashed together.
    """

    number: BatchNumber
    parent_hash: Hash
    batch: Batch
    batch_hash: Hash
    outcomes: tuple[SlotOutcome, ...]
    exits: tuple[Exit, ...]
    root: FieldElement | None
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
        slots, outcomes = self.batch.slots, self.outcomes
        return tuple(slots[i] for i in range(first, len(slots)) if outcomes[i] is SlotOutcome.APPLIED)


class Line:
    """The latest batches and how high they reach.

    Whoever executes, undoes or reads accounts holds `lock`: a native execution borrows the state while it runs.
    """

    def __init__(self, *, height: int, root: FieldElement, transactions: int, base: tuple[Hash, int]) -> None:
        self.lock = trio.Lock()
        self._batches: deque[SealedBatch] = deque()
        self._root = root
        self._height = BatchNumber(height)
        self._transactions = transactions
        self._oldest_parent = base

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

    def _forget_oldest(self) -> None:
        oldest = self._batches.popleft()
        self._oldest_parent = (oldest.batch_hash, oldest.queue_end)

    def _require_kept(self, count: int, number: int) -> None:
        """SequencerError unless the last `count` batches, those after `number`, can be undone."""
        if count > len(self._batches):
            raise SequencerError(
                f"L1 reorganised to batch {number}, the last {len(self._batches)} of {self._height} can be undone",
                fix="remove sequencer.redb from the data folder and start again: the state is rebuilt from L1",
                code="POE-SEQ-020",
            )


class Chain(Line):
    """Executes batch after batch on a state backend and can undo the latest."""

    def __init__(
        self, *, state: StateBackend, domain: FieldElement, offload: Offload, kept_batches: int = KEPT_BATCHES
    ) -> None:
        super().__init__(height=state.height, root=state.root, transactions=0, base=(GENESIS_HASH, 0))
        self._state = state
        self._domain = domain
        self._offload = offload
        self._kept_batches = kept_batches

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
            outcomes=execution.outcomes,
            exits=execution.exits,
            root=execution.new_root,
            queue_start=self.queue_end,
            queue_end=queue_end,
        )
        self._batches.append(sealed)
        self._note_state(len(sealed.applied_transactions))
        if len(self._batches) > self._kept_batches:
            self._forget_oldest()
        return sealed

    def truncate(self, number: int) -> list[SealedBatch]:
        """Undo every batch after `number` and return them, oldest first. Hold `lock`.

        SequencerError when that is further back than we keep.
        """
        count = self._height - number
        self._require_kept(count, number)
        removed = [self._batches.pop() for _ in range(count)][::-1]
        self._state.rollback(count)
        self._note_state(-sum(len(batch.applied_transactions) for batch in removed))
        return removed

    def _note_state(self, transactions: int) -> None:
        """Copy what may be asked for without the lock."""
        self._height = BatchNumber(self._state.height)
        self._root = self._state.root
        self._transactions += transactions


class EngineChain(Line):
    """The batches of the native engine, which executes, undoes and keeps them on disk."""

    def __init__(self, engine: SequencerEngine, offload: Offload) -> None:
        standing, (base, base_hash, base_queue_end) = engine.standing(), engine.base()
        super().__init__(
            height=base, root=engine.root(), transactions=standing.transactions, base=(base_hash, base_queue_end)
        )
        self._engine = engine
        self._offload = offload
        self._take_up(standing.height)

    def account(self, index: AccountIndex) -> Account | None:
        """The account after the last batch. Hold `lock`."""
        return self._engine.account(index)

    def total_balance(self) -> Gwei:
        """Sum of all balances after the last batch. Hold `lock`."""
        return self._engine.total_balance()

    async def cut(self, queue: QueueSlots, *, most: int) -> list[SealedBatch]:
        """Cut batches of what waits, the queue's slots in the first. Hold `lock`."""
        cut = await self._offload(lambda: self._engine.seal(queue, most=most, partial=True))
        return [] if cut is None else self._take_up(cut[1])

    async def extend(self, batch: Batch, *, queue_end: int) -> int:
        """Execute the next batch as L1 ordered it; how many waiting transactions it overtook. Hold `lock`."""
        overtaken = await self._offload(lambda: self._engine.extend(batch, queue_end=queue_end))
        self._take_up(self._height + 1)
        return overtaken

    def truncate(self, number: int) -> tuple[int, int]:
        """Undo every batch after `number`; how many those were, and how many transactions were dropped. Hold `lock`."""
        count = self._height - number
        self._require_kept(count, number)
        dropped = self._engine.truncate(number)
        for _ in range(count):
            self._batches.pop()
        self._note_standing()
        return count, dropped

    def _take_up(self, last: int) -> list[SealedBatch]:
        """Read the engine's batches up to `last`, and let go of those that it let go."""
        taken = [_from_engine(self._engine, number) for number in range(self._height + 1, last + 1)]
        self._batches.extend(taken)
        self._note_standing()
        base, _, _ = self._engine.base()
        while self._batches and self._batches[0].number <= base:
            self._forget_oldest()
        return taken

    def _note_standing(self) -> None:
        """Copy what may be asked for without the lock."""
        standing = self._engine.standing()
        self._height, self._transactions = standing.height, standing.transactions
        self._root = self._engine.root()


def _from_engine(engine: SequencerEngine, number: int) -> SealedBatch:
    found = engine.batch(number)
    if found is None:
        raise SequencerError(f"the engine does not hold batch {number}", code="POE-SEQ-021")
    return SealedBatch(
        number=found.number,
        parent_hash=found.parent_hash,
        batch=found.batch,
        batch_hash=found.batch_hash,
        outcomes=found.outcomes,
        exits=found.exits,
        root=found.root,
        queue_start=found.queue_start,
        queue_end=found.queue_end,
    )

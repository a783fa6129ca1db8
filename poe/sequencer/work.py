"""What waits and what has been executed, moved together: batches cut, L1's executed, ours undone.

`PoolWork` is plain Python over any state backend, the specification of the order that batches are cut in;
`EngineWork` has the native engine do it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from poe.backend.interface import QueueSlots, SequencerEngine
from poe.errors import InputError, SequencerError
from poe.l1.interface import QueueEntry
from poe.rollup.batch import seal_batch
from poe.rollup.transaction import SignedTransaction, decode_transaction
from poe.rollup.types import AccountIndex, Batch, Shape, SlotOutcome
from poe.sequencer.chain import Chain, EngineChain, SealedBatch
from poe.sequencer.mempool import Mempool
from poe.sequencer.queue import lay_out

log = logging.getLogger("poe.sequencer.work")


class Work(Protocol):
    """Callers of `cut`, `extend` and `undo` hold the chain's lock."""

    def __len__(self) -> int:
        """Transactions that wait."""

    def ready(self, count: int) -> int:
        """How many of them, at most `count`, a batch could take now."""

    def next_nonce(self, account: AccountIndex, nonce: int) -> int:
        """The first nonce at or after the account's own for which nothing waits yet."""

    def expire(self) -> int:
        """Forget what has waited for too long; how many."""

    def note_posted(self, number: int) -> None:
        """L1 has ordered the batches up to this one."""

    async def cut(self, entries: Sequence[QueueEntry], *, most: int) -> tuple[list[SealedBatch], int]:
        """Cut up to `most` batches, the queue's entries in the first, and count what was dropped on the way."""

    async def extend(self, batch: Batch, *, queue_end: int) -> int:
        """Execute the next batch as L1 ordered it; how many waiting transactions it overtook."""

    def undo(self, number: int) -> tuple[int, int]:
        """Undo every batch after `number`; users' transactions wait again. How many batches, how many dropped."""


class PoolWork:
    """Work on a mempool and a chain; cuts one batch at a time."""

    def __init__(self, *, chain: Chain, mempool: Mempool, shape: Shape, fee_account: AccountIndex) -> None:
        self._chain = chain
        self._mempool = mempool
        self._shape = shape
        self._fee_account = fee_account

    def __len__(self) -> int:
        return len(self._mempool)

    def ready(self, count: int) -> int:
        """How many of them, at most `count`, a batch could take now."""
        return len(self._mempool.select(count))

    def next_nonce(self, account: AccountIndex, nonce: int) -> int:
        """The first nonce at or after the account's own for which nothing waits yet."""
        return self._mempool.next_nonce(account, nonce)

    def expire(self) -> int:
        """Nothing: this pool has no clock."""
        return 0

    def note_posted(self, number: int) -> None:
        """Nothing: the chain forgets by count alone."""

    async def cut(self, entries: Sequence[QueueEntry], *, most: int) -> tuple[list[SealedBatch], int]:
        """Execute queue entries and transactions; a transaction that turns out a no-op leaves the pool and the batch
        is cut anew. An entry that does nothing stays: the arbiter wants it drained, whatever it does.

        Only the first no-op is dropped at a time: a later one may be no more than its consequence. Each round
        drops one transaction, so this ends; the pool takes only what its sender can pay, so rounds are rare.
        """
        dropped = 0
        while True:
            transactions = self._mempool.select(self._shape.slots - len(entries))
            if not entries and not transactions:
                return [], dropped
            sealed = await self._execute(entries, transactions)
            outcomes = sealed.outcomes[len(entries) :]
            no_op = next((i for i in range(len(transactions)) if outcomes[i] is not SlotOutcome.APPLIED), None)
            if no_op is None:
                overtaken = self._mempool.settle_all(sealed.applied_transactions)
                for signed in overtaken:
                    _note_dropped(signed, SlotOutcome.WRONG_NONCE)
                return [sealed], dropped + len(overtaken)
            self._chain.truncate(sealed.number - 1)
            self._mempool.drop(transactions[no_op])
            _note_dropped(transactions[no_op], outcomes[no_op])
            dropped += 1

    async def _execute(self, entries: Sequence[QueueEntry], transactions: Sequence[SignedTransaction]) -> SealedBatch:
        drained = lay_out(entries)
        batch = seal_batch(
            self._shape,
            deposits=drained.deposits,
            forced_exits=drained.forced_exits,
            transfers=[*drained.forced_transactions, *(signed.slot for signed in transactions)],
            fee_account=self._fee_account,
        )
        return await self._chain.extend(batch, queue_end=self._chain.queue_end + len(entries))

    async def extend(self, batch: Batch, *, queue_end: int) -> int:
        """Execute the next batch as L1 ordered it; how many waiting transactions it overtook."""
        sealed = await self._chain.extend(batch, queue_end=queue_end)
        return len(self._mempool.settle_all(sealed.applied_transactions))

    def undo(self, number: int) -> tuple[int, int]:
        """Re-judge what waits on the state as it is then, and add what the undone batches held.

        Not what the queue had forced into them: that comes again with the queue, or not at all.
        """
        removed = self._chain.truncate(number)
        if not removed:
            return 0, 0
        dropped = self._mempool.refresh(self._chain.account)
        for slot in (slot for batch in removed for slot in batch.applied_from_pool):
            try:
                self._add(decode_transaction(slot))
            except (SequencerError, InputError) as error:
                log.info("transaction_dropped reason=%r", str(error))
                dropped += 1
        return len(removed), dropped

    def _add(self, signed: SignedTransaction) -> None:
        sender = self._chain.account(signed.transaction.sender)
        if sender is None:
            raise SequencerError(f"account {signed.transaction.sender} is gone with the reorg", code="POE-SEQ-010")
        self._mempool.add(signed, sender)


class EngineWork:
    """Work that the native engine does: its pool, its batches, both on disk."""

    def __init__(self, *, engine: SequencerEngine, chain: EngineChain) -> None:
        self._engine = engine
        self._chain = chain

    def __len__(self) -> int:
        return self._engine.standing().waiting

    def ready(self, count: int) -> int:
        """How many of them, at most `count`, a batch could take now."""
        return min(count, self._engine.standing().ready)

    def next_nonce(self, account: AccountIndex, nonce: int) -> int:
        """The first nonce at or after the account's own for which nothing waits yet."""
        return self._engine.next_nonce(account, nonce)

    def expire(self) -> int:
        """Forget what has waited for too long; how many."""
        return self._engine.expire()

    def note_posted(self, number: int) -> None:
        """L1 has ordered the batches up to this one."""
        self._engine.set_posted(number)

    async def cut(self, entries: Sequence[QueueEntry], *, most: int) -> tuple[list[SealedBatch], int]:
        """Cut up to `most` batches, the queue's entries in the first, and count what was dropped on the way."""
        drained = lay_out(entries)
        before = self._engine.standing().dropped
        queue = QueueSlots(
            deposits=len(drained.deposits),
            forced=len(drained.forced_exits),
            slots=drained.slots,
            end=self._chain.queue_end + len(entries),
        )
        sealed = await self._chain.cut(queue, most=most)
        return sealed, self._engine.standing().dropped - before

    async def extend(self, batch: Batch, *, queue_end: int) -> int:
        """Execute the next batch as L1 ordered it; how many waiting transactions it overtook."""
        return await self._chain.extend(batch, queue_end=queue_end)

    def undo(self, number: int) -> tuple[int, int]:
        """Undo every batch after `number`; users' transactions wait again. How many batches, how many dropped."""
        return self._chain.truncate(number)


def _note_dropped(signed: SignedTransaction, outcome: SlotOutcome) -> None:
    dropped = signed.transaction
    log.info("transaction_dropped sender=%d nonce=%d outcome=%s", dropped.sender, dropped.nonce, outcome.name)

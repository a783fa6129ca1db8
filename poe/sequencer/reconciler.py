"""Keeps our chain in agreement with L1: a restart, a reorg and a foreign batch are all healed the same way."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from poe.errors import InputError, L1Error, SequencerError
from poe.l1.interface import BlockRef, ChainUpdate
from poe.l1.ledger import Ledger
from poe.metrics import Metrics
from poe.rollup.transaction import SignedTransaction, decode_transaction
from poe.rollup.types import BatchNumber
from poe.sequencer.bell import Bell
from poe.sequencer.chain import Chain, SealedBatch
from poe.sequencer.mempool import Mempool
from poe.sequencer.queue import agrees_with_queue

log = logging.getLogger("poe.sequencer.reconciler")


class Reconciler:
    """Takes in L1's steps; undoes our batches that L1 contradicts and puts their transactions back into the pool."""

    def __init__(self, *, chain: Chain, ledger: Ledger, mempool: Mempool, metrics: Metrics, bell: Bell) -> None:
        self._chain = chain
        self._ledger = ledger
        self._mempool = mempool
        self._metrics = metrics
        self._bell = bell
        self.l1_head: BlockRef | None = None

    @property
    def l1_height(self) -> BatchNumber:
        """The last batch that L1 has ordered."""
        return self._ledger.head()[0]

    async def follow(self, update: ChainUpdate) -> None:
        """Take in one step of L1: undo from the first disagreement on, then execute what L1 ordered."""
        async with self._chain.lock:
            was_open = self._ledger.exit_mode is None
            self._ledger.apply(update)
            if was_open != (self._ledger.exit_mode is None):
                log.warning("exit_mode_%s l1_block=%d", "entered" if was_open else "undone", update.head.number)
            self.l1_head = update.head
            first_wrong = self._first_disagreement()
            removed = [] if first_wrong is None else self._undo_from(first_wrong)
            await self._execute_ordered()
            self._put_back(removed)
        self._show(update)
        self._bell.ring()

    async def unseal(self, number: BatchNumber) -> None:
        """Undo our batches from `number` on, which L1 will not take; their transactions wait again."""
        async with self._chain.lock:
            self._put_back(self._undo_from(number))
        self._bell.ring()

    async def wait_until_finalized(self, number: BatchNumber) -> None:
        """Return once we have executed all of L1's batches up to one that is known to be final there."""
        while self._ledger.finalized_number < number or self.l1_head is None:
            await self._bell.wait()

    def _first_disagreement(self) -> BatchNumber | None:
        """The first of our batches that is not L1's at its number, or whose entries L1's queue no longer has."""
        l1_height, _ = self._ledger.head()
        queue = self._ledger.pending_entries()
        base, base_hash = self._chain.base
        if base > 0 and not self._ledger.is_sequenced(base, base_hash):
            return base
        for ours in self._chain.kept:
            agrees = self._is_ordered(ours) if ours.number <= l1_height else agrees_with_queue(ours, queue)
            if not agrees:
                return ours.number
        return None

    def _is_ordered(self, ours: SealedBatch) -> bool:
        """Is it L1's batch at its number? A hash does not tell forced transactions from those of users."""
        ordered = self._ledger.batch(ours.number)
        is_same_queue = ordered is None or ordered.queue_end == ours.queue_end
        return is_same_queue and self._ledger.is_sequenced(ours.number, ours.batch_hash)

    def _undo_from(self, number: BatchNumber) -> list[SealedBatch]:
        removed = self._chain.truncate(number - 1)
        log.warning("batches_undone from=%d count=%d", number, len(removed))
        return removed

    async def _execute_ordered(self) -> None:
        for number in range(self._chain.height + 1, self._ledger.head()[0] + 1):
            ordered = self._ledger.batch(BatchNumber(number))
            if ordered is None:
                raise L1Error(f"batch {number} is ordered on L1, its body is not known any more", fix="start again")
            sealed = await self._chain.extend(ordered.batch, queue_end=ordered.queue_end)
            overtaken = self._mempool.settle_all(sealed.applied_transactions)
            self._metrics.transactions.labels(outcome="dropped").inc(len(overtaken))

    def _put_back(self, removed: Sequence[SealedBatch]) -> None:
        """Re-judge what waits on the state as it is now, then add what the undone batches held.

        Not what the queue had forced into them: that comes again with the queue, or not at all.
        """
        if not removed:
            return
        dropped = self._mempool.refresh(self._chain.account)
        for slot in (slot for batch in removed for slot in batch.applied_from_pool):
            try:
                self._add(decode_transaction(slot))
            except (SequencerError, InputError) as error:
                log.info("transaction_dropped reason=%r", str(error))
                dropped += 1
        self._metrics.transactions.labels(outcome="dropped").inc(dropped)

    def _add(self, signed: SignedTransaction) -> None:
        sender = self._chain.account(signed.transaction.sender)
        if sender is None:
            raise SequencerError(f"account {signed.transaction.sender} is gone with the reorg", code="POE-SEQ-010")
        self._mempool.add(signed, sender)

    def _show(self, update: ChainUpdate) -> None:
        heights = {
            "sealed": self._chain.height,
            "sequenced": self._ledger.head()[0],
            "finalized": self._ledger.finalized_number,
        }
        for stage, height in heights.items():
            self._metrics.batch_height.labels(stage=stage).set(height)
        self._metrics.l1_head.set(update.head.number)
        self._metrics.l1_reorgs.inc(update.rolled_back_to is not None)
        self._metrics.backlog.set(max(0, self._chain.height - self.l1_height))
        self._metrics.mempool_size.set(len(self._mempool))

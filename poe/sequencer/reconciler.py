"""Keeps our chain in agreement with L1: a restart, a reorg and a foreign batch are all healed the same way."""

from __future__ import annotations

import logging

from poe.errors import L1Error
from poe.l1.contradiction import tell_alarms, tell_contradiction
from poe.l1.interface import BlockRef, ChainUpdate
from poe.l1.ledger import Ledger
from poe.metrics import Metrics
from poe.rollup.types import BatchNumber
from poe.sequencer.bell import Bell
from poe.sequencer.chain import Line, SealedBatch
from poe.sequencer.queue import agrees_with_queue
from poe.sequencer.work import Work

log = logging.getLogger("poe.sequencer.reconciler")


class Reconciler:
    """Takes in L1's steps; undoes our batches that L1 contradicts and puts their transactions back into the pool."""

    def __init__(
        self, *, chain: Line, ledger: Ledger, work: Work, metrics: Metrics, bell: Bell, resume_block: int = 0
    ) -> None:
        """`resume_block`: L1's head when we started. Until L1 is read up to there, batches that we come back with are
        neither judged nor undone: what they drain and where they were ordered may not have been read yet.
        """
        self._chain = chain
        self._ledger = ledger
        self._work = work
        self._resume_block = resume_block
        self._metrics = metrics
        self._bell = bell
        self._agrees = True
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
            tell_alarms(update)
            if was_open != (self._ledger.exit_mode is None):
                log.warning("exit_mode_%s l1_block=%d", "entered" if was_open else "undone", update.head.number)
            self.l1_head = update.head
            if update.head.number >= self._resume_block:
                first_wrong = self._first_disagreement()
                if first_wrong is not None:
                    self._undo_from(first_wrong, is_reorg=update.rolled_back_to is not None)
            await self._execute_ordered()
            self._work.note_posted(self._ledger.head()[0])
            self._compare_final_roots()
            self._metrics.transactions.labels(outcome="dropped").inc(self._work.expire())
        self._show(update)
        self._bell.ring()

    async def unseal(self, number: BatchNumber) -> None:
        """Undo our batches from `number` on, which L1 will not take; their transactions wait again."""
        async with self._chain.lock:
            self._undo_from(number, is_reorg=False)
        self._bell.ring()

    async def wait_until_finalized(self, number: BatchNumber) -> None:
        """Return once we have executed all of L1's batches up to one that is known to be final there.

        Or once the rollup has ended: an alarm may have cancelled it meanwhile.
        """
        while (
            (self._ledger.finalized_number < number and self._ledger.exit_mode is None)
            or self.l1_head is None
            or self.l1_head.number < self._resume_block
        ):
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

    def _undo_from(self, number: BatchNumber, *, is_reorg: bool) -> None:
        """Without a reorg another sequencer was first, or the queue has moved: that is every day's business."""
        undone, dropped = self._work.undo(number - 1)
        self._metrics.transactions.labels(outcome="dropped").inc(dropped)
        log.log(logging.WARNING if is_reorg else logging.INFO, "batches_undone from=%d count=%d", number, undone)

    async def _execute_ordered(self) -> None:
        for number in range(self._chain.height + 1, self._ledger.head()[0] + 1):
            ordered = self._ledger.batch(BatchNumber(number))
            if ordered is None:
                raise L1Error(f"batch {number} is ordered on L1, its body is not known any more", fix="start again")
            overtaken = await self._work.extend(ordered.batch, queue_end=ordered.queue_end)
            self._metrics.transactions.labels(outcome="dropped").inc(overtaken)

    def _compare_final_roots(self) -> None:
        """Say so once L1's final root is not ours; not again before they agree."""
        number, on_l1 = self._ledger.finalized_number, self._ledger.finalized_root
        final = self._chain.get(number)
        if final is None or final.root is None:
            return
        if final.root != on_l1 and self._agrees:
            tell_contradiction(number, on_l1=on_l1, ours=final.root, parameters=self._ledger.parameters)
        self._agrees = final.root == on_l1

    def _show(self, update: ChainUpdate) -> None:
        heights = {
            "sealed": self._chain.height,
            "sequenced": self._ledger.head()[0],
            "finalized": self._ledger.finalized_number,
        }
        for stage, height in heights.items():
            self._metrics.batch_height.labels(stage=stage).set(height)
        is_reorg = update.rolled_back_to is not None
        self._metrics.set_l1_head(number=update.head.number, timestamp=update.head.timestamp, is_reorg=is_reorg)
        self._metrics.backlog.set(max(0, self._chain.height - self.l1_height))
        self._metrics.mempool_size.set(len(self._work))

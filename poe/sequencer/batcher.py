"""Seals batches: queue entries first, then transactions, when one is full or something has waited long enough."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import trio

from poe.l1.interface import QueueEntry
from poe.l1.ledger import Ledger
from poe.metrics import Metrics
from poe.rollup.batch import seal_batch
from poe.rollup.transaction import SignedTransaction
from poe.rollup.types import AccountIndex, Shape, SlotOutcome
from poe.sequencer.bell import Bell
from poe.sequencer.chain import Chain, SealedBatch
from poe.sequencer.mempool import Mempool
from poe.sequencer.queue import lay_out

log = logging.getLogger("poe.sequencer.batcher")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingRules:
    """How batches are cut. Sealing pauses at either bound, and the mempool then fills up and pushes back."""

    shape: Shape
    fee_account: AccountIndex
    seal_seconds: float
    max_unposted_batches: int
    max_unproven_batches: int


class Batcher:
    """Cuts the waiting queue entries and transactions into batches on top of our chain."""

    def __init__(
        self, *, chain: Chain, ledger: Ledger, mempool: Mempool, rules: SealingRules, metrics: Metrics, bell: Bell
    ) -> None:
        self._chain = chain
        self._ledger = ledger
        self._mempool = mempool
        self._rules = rules
        self._metrics = metrics
        self._bell = bell

    async def run(self) -> None:
        """Seal for ever."""
        while True:
            await self._wait_until_due()
            await self.seal()

    async def seal(self) -> SealedBatch | None:
        """Seal one batch of what waits now; None when nothing does, or nothing of it can be executed."""
        async with self._chain.lock:
            sealed = await self._seal_without_no_ops()
            if sealed is None:
                return None
            for overtaken in self._mempool.settle_all(sealed.applied_transactions):
                self._note_dropped(overtaken, SlotOutcome.WRONG_NONCE)
        self._show(sealed)
        self._bell.ring()
        return sealed

    async def _seal_without_no_ops(self) -> SealedBatch | None:
        """Execute queue entries and transactions; a transaction that turns out a no-op leaves the pool and the batch
        is cut anew. An entry that does nothing stays: the arbiter wants it drained, whatever it does.

        Only the first no-op is dropped at a time: a later one may be no more than its consequence. Each round
        drops one transaction, so this ends; the pool takes only what its sender can pay, so rounds are rare.
        """
        slots = self._rules.shape.slots
        entries = self._undrained_entries()[:slots]
        while True:
            transactions = self._mempool.select(slots - len(entries))
            if not entries and not transactions:
                return None
            sealed = await self._execute(entries, transactions)
            outcomes = sealed.execution.outcomes[len(entries) :]
            no_op = next((i for i in range(len(transactions)) if outcomes[i] is not SlotOutcome.APPLIED), None)
            if no_op is None:
                return sealed
            self._chain.truncate(sealed.number - 1)
            self._mempool.drop(transactions[no_op])
            self._note_dropped(transactions[no_op], outcomes[no_op])

    async def _execute(self, entries: list[QueueEntry], transactions: list[SignedTransaction]) -> SealedBatch:
        drained = lay_out(entries)
        batch = seal_batch(
            self._rules.shape,
            deposits=drained.deposits,
            forced_exits=drained.forced_exits,
            transfers=[*drained.forced_transactions, *(signed.slot for signed in transactions)],
            fee_account=self._rules.fee_account,
        )
        with self._metrics.execute_seconds.time():
            return await self._chain.extend(batch, queue_end=self._chain.queue_end + len(entries))

    def _note_dropped(self, signed: SignedTransaction, outcome: SlotOutcome) -> None:
        self._metrics.transactions.labels(outcome="dropped").inc()
        dropped = signed.transaction
        log.info("transaction_dropped sender=%d nonce=%d outcome=%s", dropped.sender, dropped.nonce, outcome.name)

    def _undrained_entries(self) -> list[QueueEntry]:
        """The queue's entries that no batch of ours has drained, posted or not."""
        drained = self._chain.queue_end
        return [entry for entry in self._ledger.pending_entries() if entry.queue_index >= drained]

    async def _wait_until_due(self) -> None:
        """Return when a batch can be filled, or `seal_seconds` after something began to wait or the last seal."""
        waiting_since: float | None = None
        while True:
            slots_waiting = self._slots_waiting()
            if slots_waiting == 0:
                waiting_since, due_at = None, float("inf")
            else:
                waiting_since = trio.current_time() if waiting_since is None else waiting_since
                is_full = slots_waiting >= self._rules.shape.slots
                due_at = waiting_since if is_full else waiting_since + self._rules.seal_seconds
            if not self._has_room():
                due_at = float("inf")
            elif due_at <= trio.current_time():
                return
            with trio.move_on_at(due_at):
                await self._bell.wait()

    def _slots_waiting(self) -> int:
        """How many slots of the next batch could be filled."""
        slots = self._rules.shape.slots
        entries = min(slots, len(self._undrained_entries()))
        return entries + len(self._mempool.select(slots - entries))

    def _has_room(self) -> bool:
        if self._ledger.exit_mode is not None:
            return False
        unposted = self._chain.height - self._ledger.head()[0]
        unproven = self._chain.height - self._ledger.finalized_number
        return unposted < self._rules.max_unposted_batches and unproven < self._rules.max_unproven_batches

    def _show(self, sealed: SealedBatch) -> None:
        transactions = len(sealed.applied_transactions)
        self._metrics.transactions.labels(outcome="executed").inc(transactions)
        self._metrics.mempool_size.set(len(self._mempool))
        self._metrics.backlog.set(self._chain.height - self._ledger.head()[0])
        self._metrics.batch_height.labels(stage="sealed").set(sealed.number)
        log.info(
            "batch_sealed number=%d drained=%d transactions=%d exits=%d",
            sealed.number,
            sealed.drained,
            transactions,
            len(sealed.execution.exits),
        )

"""Seals batches: queue entries first, then transactions, when one is full or something has waited long enough."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import trio

from poe.l1.interface import QueueEntry
from poe.l1.ledger import Ledger
from poe.metrics import Metrics
from poe.rollup.types import Shape
from poe.sequencer.bell import Bell
from poe.sequencer.chain import Line, SealedBatch
from poe.sequencer.turn import OurTurn
from poe.sequencer.work import Work

log = logging.getLogger("poe.sequencer.batcher")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingRules:
    """How batches are cut. Sealing pauses at either bound, and the mempool then fills up and pushes back.

    It also pauses while it is others' turn to post: their batches would undo ours.
    """

    shape: Shape
    seal_seconds: float
    max_unposted_batches: int
    max_unproven_batches: int


class Batcher:
    """Cuts the waiting queue entries and transactions into batches on top of our chain."""

    def __init__(
        self,
        *,
        chain: Line,
        ledger: Ledger,
        turn: OurTurn,
        work: Work,
        rules: SealingRules,
        metrics: Metrics,
        bell: Bell,
    ) -> None:
        self._chain = chain
        self._ledger = ledger
        self._turn = turn
        self._work = work
        self._rules = rules
        self._metrics = metrics
        self._bell = bell

    async def run(self) -> None:
        """Seal for ever."""
        while True:
            await self._wait_until_due()
            await self.seal()

    async def seal(self) -> SealedBatch | None:
        """Seal what waits now, a round of batches at most; the last one, or None when nothing can be executed."""
        async with self._chain.lock:
            entries = self._undrained_entries()[: self._rules.shape.slots]
            with self._metrics.execute_seconds.time():
                sealed, dropped = await self._work.cut(entries, most=self._room())
        self._metrics.transactions.labels(outcome="dropped").inc(dropped)
        for batch in sealed:
            self._show(batch)
        if not sealed:
            return None
        self._bell.ring()
        return sealed[-1]

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
            if self._room() <= 0:
                due_at = float("inf")
            elif due_at <= trio.current_time():
                return
            with trio.move_on_at(due_at):
                await self._bell.wait()

    def _slots_waiting(self) -> int:
        """How many slots of the next batch could be filled."""
        slots = self._rules.shape.slots
        entries = min(slots, len(self._undrained_entries()))
        return entries + self._work.ready(slots - entries)

    def _room(self) -> int:
        """How many batches may be sealed now: as many as could still be posted in our turn and proved in time.

        None once the rollup has ended.
        """
        if self._ledger.exit_mode is not None:
            return 0
        unposted = self._chain.height - self._ledger.head()[0]
        unproven = self._chain.height - self._ledger.finalized_number
        postable = self._turn.postable(self._rules.max_unposted_batches)
        return min(postable - unposted, self._rules.max_unproven_batches - unproven)

    def _show(self, sealed: SealedBatch) -> None:
        transactions = len(sealed.applied_transactions)
        self._metrics.transactions.labels(outcome="executed").inc(transactions)
        self._metrics.mempool_size.set(len(self._work))
        self._metrics.backlog.set(self._chain.height - self._ledger.head()[0])
        self._metrics.batch_height.labels(stage="sealed").set(sealed.number)
        log.info(
            "batch_sealed number=%d drained=%d transactions=%d exits=%d",
            sealed.number,
            sealed.drained,
            transactions,
            len(sealed.exits),
        )

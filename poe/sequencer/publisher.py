"""Posts sealed batches to L1 in order, tells peers about them, and serves their bodies."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import trio

from poe.errors import L1Error, NetError, Reverted
from poe.l1.interface import ArbiterClient, ArbiterParameters, Receipt
from poe.l1.ledger import Ledger
from poe.metrics import Metrics
from poe.net.interface import BatchAnnouncement, BodySource, Network
from poe.rollup.types import Batch, BatchNumber
from poe.sequencer.bell import Bell
from poe.sequencer.chain import Line, SealedBatch
from poe.sequencer.queue import overdue
from poe.sequencer.reconciler import Reconciler

log = logging.getLogger("poe.sequencer.publisher")

RETRY_SECONDS = 2.0
OVERDUE_MARGIN_BLOCKS = 4
"""A posting may be mined this many blocks after the last one we have seen."""

L1_MOVED = frozenset({"WrongNumber", "WrongParent"})
"""Our idea of L1's head is not L1's: the follower will tell."""
QUEUE_MOVED = frozenset({"WrongQueueEnd", "TooManyEntries", "WrongCounts", "OverdueEntries", "EntryMismatch"})
"""The batch does not fit L1's queue any more: it has to be sealed anew."""
NEVER_RIGHT = frozenset({"NotSequencer", "WrongReward", "WrongDataLength"})
"""Waiting heals none of these: the node is set up wrongly."""

SignAnnouncement = Callable[[BatchAnnouncement], BatchAnnouncement]
"""Fills in the signature by our L1 key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Posted:
    """The last batch we have a receipt for, and the block it was mined in."""

    number: BatchNumber
    block: int


def body_source(chain: Line, ledger: Ledger) -> BodySource:
    """Serves bodies to peers: what we sealed, and whatever the ledger still holds."""

    async def body(number: BatchNumber) -> Batch | None:
        held = chain.get(number) or ledger.batch(number)
        return None if held is None else held.batch

    return body


class Publisher:
    """Takes our chain's batches beyond L1's head and posts them one after the other."""

    def __init__(
        self,
        *,
        chain: Line,
        ledger: Ledger,
        reconciler: Reconciler,
        arbiter: ArbiterClient,
        parameters: ArbiterParameters,
        network: Network | None,
        sign: SignAnnouncement,
        metrics: Metrics,
        bell: Bell,
    ) -> None:
        self._chain = chain
        self._ledger = ledger
        self._reconciler = reconciler
        self._arbiter = arbiter
        self._parameters = parameters
        self._network = network
        self._sign = sign
        self._metrics = metrics
        self._bell = bell
        self._posted: _Posted | None = None
        self._announced: SealedBatch | None = None

    async def run(self) -> None:
        """Post for ever."""
        while True:
            sealed = self._next()
            if sealed is None:
                await self._bell.wait()
            elif self._misses_overdue_entries(sealed):
                await self._reconciler.unseal(sealed.number)
            else:
                await self._announce(sealed)
                await self._post(sealed)

    def _next(self) -> SealedBatch | None:
        """The first of our batches that is neither in the ledger nor in a receipt the ledger has yet to reach.

        None in exit mode: L1 takes no batch any more.
        """
        if self._ledger.exit_mode is not None:
            return None
        height, _ = self._ledger.head()
        l1_head = self._reconciler.l1_head
        if self._posted is not None and l1_head is not None and l1_head.number >= self._posted.block:
            self._posted = None  # the ledger has seen that block: if the batch is not in it, a reorg took it out
        return self._chain.get(max(height, self._posted.number if self._posted is not None else 0) + 1)

    def _misses_overdue_entries(self, sealed: SealedBatch) -> bool:
        """Would L1 refuse the batch for entries that must be drained by now? It would also refuse all after it."""
        l1_head = self._reconciler.l1_head
        if l1_head is None or self._posted is not None:
            return False  # the ledger's queue is behind what we posted: L1 itself will judge
        slots, deadline = self._parameters.shape.slots, self._parameters.queue_deadline_blocks
        at_block = l1_head.number + min(OVERDUE_MARGIN_BLOCKS, deadline // 2)
        due = overdue(self._ledger.pending_entries(), at_block=at_block, deadline_blocks=deadline)
        return sealed.drained < min(due, max(1, slots // 2))

    async def _announce(self, sealed: SealedBatch) -> None:
        """Gossip the header once, ahead of the posting: provers may begin while L1 still mines it."""
        if self._network is None or self._announced is sealed:
            return
        announcement = BatchAnnouncement(
            number=sealed.number,
            parent_hash=sealed.parent_hash,
            batch_hash=sealed.batch_hash,
            header=sealed.batch.header,
            signature=b"",
        )
        try:
            await self._network.announce(self._sign(announcement))
        except NetError as error:
            log.warning("batch_not_announced number=%d reason=%r", sealed.number, str(error))
        self._announced = sealed

    async def _post(self, sealed: SealedBatch) -> None:
        try:
            receipt = await self._arbiter.sequence_batch(
                sealed.number,
                sealed.parent_hash,
                sealed.batch,
                queue_end=sealed.queue_end,
                reward=self._parameters.reward,
            )
        except Reverted as refusal:
            await self._recover(sealed, refusal)
        except L1Error as error:
            log.warning("batch_not_posted number=%d reason=%r", sealed.number, str(error))
            await self._wait_for_l1()
        else:
            self._note_posted(sealed, receipt)

    def _note_posted(self, sealed: SealedBatch, receipt: Receipt) -> None:
        self._posted = _Posted(number=sealed.number, block=receipt.block_number)
        price = receipt.effective_gas_price
        self._metrics.note_gas("sequenceBatch", outcome="accepted", gas=receipt.gas_used, price=price)
        log.info(
            "batch_posted number=%d block=%d gas=%d tx=0x%s",
            sealed.number,
            receipt.block_number,
            receipt.gas_used,
            receipt.tx_hash.hex(),
        )

    async def _recover(self, sealed: SealedBatch, refusal: Reverted) -> None:
        """L1 said no: see what it has become, and seal anew where the batch itself is what no longer fits."""
        if refusal.name in NEVER_RIGHT:
            raise refusal
        log.warning("batch_refused number=%d reason=%r", sealed.number, str(refusal))
        await self._wait_for_l1()
        if refusal.name in QUEUE_MOVED and self._chain.get(sealed.number) is sealed:
            height, _ = self._ledger.head()
            if sealed.number > height:
                await self._reconciler.unseal(sealed.number)

    async def _wait_for_l1(self) -> None:
        """Return at L1's next step, or after a while."""
        before = self._reconciler.l1_head
        with trio.move_on_after(RETRY_SECONDS):
            while self._reconciler.l1_head == before:
                await self._bell.wait()

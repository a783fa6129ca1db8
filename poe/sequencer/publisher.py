"""Posts sealed batches to L1 in order, tells peers about them, and serves their bodies."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import trio

from poe.errors import L1Error, Reverted
from poe.l1.interface import ArbiterClient, ArbiterParameters, Receipt
from poe.l1.ledger import Ledger
from poe.l1.terms import offer_for
from poe.metrics import Metrics
from poe.net.interface import BodySource
from poe.rollup.types import Batch, BatchNumber, Wei
from poe.sequencer.announcer import Announcer
from poe.sequencer.bell import Bell
from poe.sequencer.chain import Line, SealedBatch
from poe.sequencer.hindrance import HINDRANCES, Hindrance, Obstacle
from poe.sequencer.queue import overdue
from poe.sequencer.reconciler import Reconciler
from poe.sequencer.turn import OurTurn

log = logging.getLogger("poe.sequencer.publisher")

RETRY_SECONDS = 2.0
OVERDUE_MARGIN_BLOCKS = 4
"""A posting may be mined this many blocks after the last one we have seen."""

OVERTAKEN = frozenset({"WrongNumber", "WrongParent", "NotInTurn", "WrongReward"})
"""Somebody else was first, the turn ended, or the reward rose: all in a day's work, the follower will tell."""
QUEUE_MOVED = frozenset({"WrongQueueEnd", "TooManyEntries", "WrongCounts", "OverdueEntries", "EntryMismatch"})
"""The batch does not fit L1's queue any more: it has to be sealed anew."""
NEVER_RIGHT = frozenset({"WrongDataLength"})
"""Waiting does not heal this: the node is set up wrongly."""


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
    """Takes our chain's batches beyond L1's head and posts them one after the other, when it is our turn."""

    def __init__(
        self,
        *,
        chain: Line,
        ledger: Ledger,
        reconciler: Reconciler,
        arbiter: ArbiterClient,
        parameters: ArbiterParameters,
        turn: OurTurn,
        announcer: Announcer,
        obstacle: Obstacle,
        metrics: Metrics,
        bell: Bell,
    ) -> None:
        self._chain = chain
        self._ledger = ledger
        self._reconciler = reconciler
        self._arbiter = arbiter
        self._parameters = parameters
        self._turn = turn
        self._announcer = announcer
        self._obstacle = obstacle
        self._metrics = metrics
        self._bell = bell
        self._posted: _Posted | None = None
        self._had_seat = False

    async def run(self) -> None:
        """Post for ever."""
        while True:
            sealed = self._next()
            self._had_seat = self._had_seat or self._turn.has_seat
            if not self._turn.has_seat:
                await self._wait_for_a_seat()
            elif sealed is None:
                self._obstacle.set(None)
                await self._bell.wait()
            elif self._misses_overdue_entries(sealed):
                await self._reconciler.unseal(sealed.number)
            elif await self._may_post():
                await self._announcer.announce(sealed)
                await self._post(sealed)
            else:
                await self._wait_for_l1()

    async def _wait_for_a_seat(self) -> None:
        """At the start L1's word of our seat may not have been read yet; one that we had is lost."""
        if self._had_seat:
            self._obstacle.set(Hindrance.NO_SEAT)
        while not self._turn.has_seat:
            await self._bell.wait()
        self._obstacle.set(None)

    async def _may_post(self) -> bool:
        """Is it our turn, or another's who has been silent? Of silence L1 itself knows best: it is asked first."""
        posted = 0 if self._posted is None else self._posted.block
        if self._turn.is_ours(after=posted):
            return True
        if not self._turn.is_open(after=posted):
            return False
        try:
            return await self._arbiter.may_post(self._arbiter.account)
        except L1Error as error:
            log.warning("turn_unknown reason=%r", str(error))
            return False

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

    async def _post(self, sealed: SealedBatch) -> None:
        try:
            reward = offer_for(await self._arbiter.current_reward(), self._parameters.reward)
            receipt = await self._arbiter.sequence_batch(
                sealed.number,
                sealed.parent_hash,
                sealed.batch,
                queue_end=sealed.queue_end,
                value=Wei(reward + self._parameters.bounty),
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
        self._obstacle.set(None)
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
        if refusal.name in HINDRANCES:
            self._obstacle.set(HINDRANCES[refusal.name], str(refusal))
        else:
            level = logging.INFO if refusal.name in OVERTAKEN else logging.WARNING
            log.log(level, "batch_refused number=%d reason=%r", sealed.number, str(refusal))
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

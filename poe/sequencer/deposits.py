"""The deposits a batch must begin with, byte for byte as the arbiter compares them."""

from __future__ import annotations

from collections.abc import Sequence

from poe.l1.interface import Deposited
from poe.rollup.batch import deposit_slot
from poe.rollup.types import SLOT_BYTES, Address
from poe.sequencer.chain import SealedBatch


def slot_of(deposit: Deposited) -> bytes:
    """The slot of one queued deposit."""
    return deposit_slot(
        deposit.account,
        deposit.amount,
        (deposit.public_key_x, deposit.public_key_y),
        Address(deposit.exit_address.to_bytes(20, "big")),
    )


def agrees_with_queue(sealed: SealedBatch, queue: Sequence[Deposited]) -> bool:
    """Are the batch's deposits still the entries of the queue (those not drained on L1) at its place?"""
    count = sealed.batch.header.deposits
    first = sealed.queue_end - count
    entries = [deposit for deposit in queue if first <= deposit.queue_index < sealed.queue_end]
    return b"".join(slot_of(entry) for entry in entries) == sealed.batch.data[: count * SLOT_BYTES]


def overdue(queue: Sequence[Deposited], *, at_block: int, deadline_blocks: int) -> int:
    """How many entries from the queue's head on are older than the deadline at an L1 block."""
    return sum(deposit.origin.block.number + deadline_blocks < at_block for deposit in queue)

"""The queue entries a batch must begin with, byte for byte and in the order that the arbiter demands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poe.l1.interface import Deposited, ForcedExitQueued, ForcedTransactionQueued, QueueEntry
from poe.rollup.batch import deposit_slot, forced_exit_slot, seal_batch
from poe.rollup.types import AccountIndex, Address, Batch, Shape
from poe.sequencer.chain import SealedBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """The slots of consecutive queue entries, by kind, each kind in queue order (docs/protocol.md, section 8)."""

    deposits: tuple[bytes, ...]
    forced_exits: tuple[bytes, ...]
    forced_transactions: tuple[bytes, ...]

    @property
    def slots(self) -> tuple[bytes, ...]:
        """All of them as they stand in the batch, from slot 0 on."""
        return self.deposits + self.forced_exits + self.forced_transactions


def lay_out(entries: Sequence[QueueEntry]) -> Drained:
    """The slots of the entries that a batch drains."""
    return Drained(
        deposits=tuple(_deposit(entry) for entry in entries if isinstance(entry, Deposited)),
        forced_exits=tuple(
            forced_exit_slot(entry.account, entry.amount, entry.exit_address)
            for entry in entries
            if isinstance(entry, ForcedExitQueued)
        ),
        forced_transactions=tuple(entry.slot for entry in entries if isinstance(entry, ForcedTransactionQueued)),
    )


def seal_entries(shape: Shape, entries: Sequence[QueueEntry]) -> Batch:
    """A batch of nothing but these entries: what anyone may post once the oldest has waited for too long."""
    drained = lay_out(entries)
    return seal_batch(
        shape,
        deposits=drained.deposits,
        forced_exits=drained.forced_exits,
        transfers=drained.forced_transactions,
        fee_account=AccountIndex(0),
    )


def agrees_with_queue(sealed: SealedBatch, queue: Sequence[QueueEntry]) -> bool:
    """Are the entries that the batch drains still those of the queue (of what L1 has not drained) at its place?"""
    entries = [entry for entry in queue if sealed.queue_start <= entry.queue_index < sealed.queue_end]
    drained, header = lay_out(entries), sealed.batch.header
    return (
        len(entries) == sealed.drained
        and (len(drained.deposits), len(drained.forced_exits)) == (header.deposits, header.forced)
        and sealed.batch.data.startswith(b"".join(drained.slots))
    )


def overdue(queue: Sequence[QueueEntry], *, at_block: int, deadline_blocks: int) -> int:
    """How many entries from the queue's head on are older than the deadline at an L1 block."""
    return sum(entry.origin.block.number + deadline_blocks < at_block for entry in queue)


def _deposit(entry: Deposited) -> bytes:
    key = (entry.public_key_x, entry.public_key_y)
    return deposit_slot(entry.account, entry.amount, key, Address(entry.exit_address.to_bytes(20, "big")))

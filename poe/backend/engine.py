"""The sequencer's engine by the Rust core: transactions in, batches out, both durable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from poe import _core
from poe.backend.interface import EngineBatch, EngineRules, QueueSlots, Standing
from poe.crypto.field import from_word, to_word
from poe.errors import SequencerError
from poe.rollup.types import (
    Account,
    AccountIndex,
    Address,
    Batch,
    BatchNumber,
    Exit,
    FieldElement,
    Gwei,
    Hash,
    Header,
    Shape,
    SlotOutcome,
)

ENGINE_FAILED = "POE-SEQ-021"
"""The store cannot be opened, read or written, or a batch cannot be executed."""


class Engine:
    """Pool, state and batches of a sequencer.

    Every method may be called from any thread, blocks while it works and returns once what it says is on disk.
    `path` None keeps nothing. `genesis_accounts` accounts of the measurement's workload are there from the start.
    """

    def __init__(
        self, rules: EngineRules, path: Path | None, *, clock: Callable[[], float], genesis_accounts: int = 0
    ) -> None:
        self._clock = clock
        self._capacity = 4**rules.shape.depth
        with _refused():
            self._core = _core.Engine(
                path=None if path is None else str(path),
                slots=rules.shape.slots,
                depth=rules.shape.depth,
                domain=to_word(rules.domain),
                fee_account=rules.fee_account,
                pool_transactions=rules.pool_transactions,
                pool_per_account=rules.pool_per_account,
                pool_seconds=rules.pool_seconds,
                kept_batches=rules.kept_batches,
                max_unposted=rules.max_unposted,
                genesis_accounts=genesis_accounts,
                now=clock(),
            )

    def admit(self, frame: bytes) -> bytes:
        """Judge slots of 128 bytes, in order; one code each, as the binary intake answers them."""
        with _refused():
            return self._core.admit(frame, self._clock())

    def seal(self, queue: QueueSlots, *, most: int, partial: bool) -> tuple[BatchNumber, BatchNumber] | None:
        """Cut up to `most` batches, the queue's entries first; the first and the last number, or None for none.

        A batch is cut if it is full, has entries of the queue, or if `partial` and there is anything to put into it.
        """
        with _refused():
            cut = self._core.seal(
                deposits=queue.deposits,
                forced=queue.forced,
                queue_slots=b"".join(queue.slots),
                queue_end=queue.end,
                most=most,
                partial=partial,
            )
        return None if cut is None else (BatchNumber(cut[0]), BatchNumber(cut[1]))

    def extend(self, batch: Batch, *, queue_end: int) -> int:
        """Execute a batch that L1 has ordered; how many waiting transactions it overtook."""
        header = batch.header
        with _refused():
            return self._core.extend(
                slots=header.shape.slots,
                depth=header.shape.depth,
                deposits=header.deposits,
                forced=header.forced,
                fee_account=header.fee_account,
                data=batch.data,
                queue_end=queue_end,
            )

    def truncate(self, number: int) -> int:
        """Undo every batch after `number`; users' transactions wait again. How many were dropped instead."""
        with _refused():
            return self._core.truncate(number, self._clock())

    def set_posted(self, number: int) -> None:
        """L1 has ordered the batches up to this one."""
        with _refused():
            self._core.set_posted(number)

    def expire(self) -> int:
        """Forget what has waited for too long; how many."""
        with _refused():
            return self._core.expire(self._clock())

    def batch(self, number: int) -> EngineBatch | None:
        """A batch that is kept and on disk."""
        with _refused():
            found = self._core.batch(number) if number >= 0 else None
        return None if found is None else _batch(found)

    def account(self, index: AccountIndex) -> Account | None:
        """The account after the last batch."""
        with _refused():
            found = self._core.account(index) if 0 <= index < self._capacity else None
        if found is None:
            return None
        key_x, key_y, balance, nonce, exit_address = found
        return Account(
            public_key_x=from_word(key_x),
            public_key_y=from_word(key_y),
            balance=Gwei(balance),
            nonce=nonce,
            exit_address=from_word(exit_address),
        )

    def next_nonce(self, account: AccountIndex, nonce: int) -> int:
        """The first nonce at or after the account's own for which nothing waits yet."""
        with _refused():
            return self._core.next_nonce(account, nonce)

    def total_balance(self) -> Gwei:
        """Sum of all balances, in gwei."""
        with _refused():
            return Gwei(self._core.total_balance())

    def root(self) -> FieldElement:
        """The state root after the last batch."""
        with _refused():
            return FieldElement(from_word(self._core.root))

    def base(self) -> tuple[BatchNumber, Hash, int]:
        """The batch below all that are kept: its number, its hash, the queue's index after it."""
        with _refused():
            number, batch_hash, queue_end = self._core.base()
        return BatchNumber(number), Hash(batch_hash), queue_end

    def standing(self) -> Standing:
        """How far everything is."""
        with _refused():
            height, durable, base, applied, waiting, ready, dropped, written, p99 = self._core.standing()
        return Standing(
            height=BatchNumber(height),
            durable=BatchNumber(durable),
            base=BatchNumber(base),
            transactions=applied,
            waiting=waiting,
            ready=ready,
            dropped=dropped,
            written_bytes=written,
            p99_seconds=p99,
        )


def workload_transfers(accounts: int, *, first: int, count: int, domain: FieldElement) -> bytes:
    """Slots of signed transfers between a measurement's accounts, from number `first` on."""
    with _refused():
        return _core.workload_transfers(accounts, first, count, to_word(domain))


def workload_execute(accounts: int, shape: Shape, *, seconds: float) -> tuple[int, float, float]:
    """Execute unsigned transfers in memory: how many, seconds, p99 seconds of a round of batches."""
    with _refused():
        return _core.workload_execute(accounts, shape.slots, shape.depth, seconds)


def _batch(found: _core.SealedBatch) -> EngineBatch:
    slots, depth, deposits, forced, fee_account = found.header
    header = Header(
        shape=Shape(slots=slots, depth=depth),
        deposits=deposits,
        forced=forced,
        fee_account=AccountIndex(fee_account),
    )
    queue_start, queue_end = found.queue
    root = found.root
    return EngineBatch(
        number=BatchNumber(found.number),
        parent_hash=Hash(found.parent_hash),
        batch=Batch(header=header, data=found.data),
        batch_hash=Hash(found.hash),
        outcomes=tuple(map(SlotOutcome, found.outcomes)),
        exits=tuple(
            Exit(slot=slot, address=Address(address), amount=Gwei(amount)) for slot, address, amount in found.exits
        ),
        fees=Gwei(found.fees),
        burnt=Gwei(found.burnt),
        queue_start=queue_start,
        queue_end=queue_end,
        root=None if root is None else FieldElement(from_word(root)),
    )


@contextmanager
def _refused() -> Iterator[None]:
    """What the core refuses, or cannot even hold in its integers."""
    try:
        yield
    except (_core.CoreError, OverflowError) as error:
        raise SequencerError(str(error), code=ENGINE_FAILED) from error

"""Forced exits and transactions: where they stand in a batch, what they overtake, deadlines, reorgs of the queue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from poe.l1.interface import QueueEntry
from poe.rollup.batch import seal_batch
from poe.rollup.types import AccountIndex, BatchNumber, SlotOutcome
from poe.sequencer.chain import SealedBatch
from poe.sequencer.queue import lay_out, overdue
from tests.fakes import DEADLINE_BLOCKS, SHAPE
from tests.unit.sequencer.rig import BALANCE, KEYS, Rig, exit_of, transfer


async def seal(rig: Rig) -> SealedBatch:
    sealed = await rig.batcher.seal()
    assert sealed is not None
    return sealed


def force(rig: Rig, *entries: str | bytes) -> None:
    """Queue entries, a block each: `deposit N`, `exit N`, or the slot of a transaction."""
    for entry in entries:
        event: QueueEntry
        if isinstance(entry, bytes):
            event = rig.l1.enqueue_transaction(entry)
        else:
            kind, user = entry.split()[0], int(entry.split()[1])
            if kind == "deposit":
                event = rig.l1.enqueue(user, public_key=KEYS[user], amount=BALANCE)
            else:
                event = rig.l1.enqueue_exit(user, amount=100)
        rig.l1.mine(event)


JUNK = b"\xff" * 128


async def test_entries_stand_by_kind_each_kind_in_queue_order_and_users_last() -> None:
    rig = await Rig().with_users(2)
    await rig.send(transfer(0, 0))
    force(rig, JUNK, "exit 1", "deposit 2")
    await rig.sync()
    sealed = await seal(rig)
    deposit, asked, junk = lay_out(rig.l1.queue[2:]).slots
    assert sealed.batch.slots == (deposit, asked, JUNK, transfer(0, 0).slot)
    assert junk == JUNK
    assert (sealed.batch.header.deposits, sealed.batch.header.forced, sealed.drained) == (1, 1, 3)
    assert sealed.outcomes[:2] == (SlotOutcome.APPLIED, SlotOutcome.APPLIED)
    await rig.post()
    assert rig.l1.sequenced[-1].queue_end == 5


async def test_two_of_a_kind_keep_their_order_whatever_stands_between() -> None:
    rig = await Rig().with_users(3)
    force(rig, transfer(2, 0).slot, "exit 2", transfer(2, 1).slot, "exit 1")
    await rig.sync()
    sealed = await seal(rig)
    first, second = lay_out(rig.l1.queue[3:]).forced_exits
    assert sealed.batch.slots == (first, second, transfer(2, 0).slot, transfer(2, 1).slot)
    await rig.post()
    assert rig.account(2).nonce == 2


async def test_what_does_not_fit_comes_with_the_next_batch() -> None:
    rig = await Rig().with_users(2)
    force(rig, *[JUNK] * 3, "exit 1", "exit 0", "deposit 2")
    await rig.sync()
    first, second = await seal(rig), await seal(rig)
    assert [(b.batch.header.deposits, b.batch.header.forced, b.drained) for b in (first, second)] == [
        (0, 1, 4),
        (1, 1, 2),
    ]
    assert (first.queue_start, first.queue_end, second.queue_start, second.queue_end) == (2, 6, 6, 8)
    await rig.post()
    assert rig.l1.posted == [1, 2, 3]


async def test_an_entry_that_does_nothing_is_no_reason_to_drop_anything() -> None:
    """Only what users sent us can be left out; the arbiter demands the entries."""
    rig = await Rig().with_users(3)
    await rig.send(transfer(2, 0))
    rig.l1.mine(rig.l1.enqueue_exit(1, amount=BALANCE, asked_by=0xBAD))
    rig.l1.mine(rig.l1.enqueue_exit(1, amount=BALANCE + 1))
    force(rig, JUNK)
    await rig.sync()
    sealed = await seal(rig)
    assert sealed.outcomes == (
        SlotOutcome.NOT_EXIT_ADDRESS,
        SlotOutcome.INSUFFICIENT_BALANCE,
        SlotOutcome.UNKNOWN_KIND,
        SlotOutcome.APPLIED,
    )
    assert (sealed.exits, rig.counted("dropped")) == ((), 0)
    await rig.post()


async def test_entries_alone_are_sealed_even_if_all_do_nothing() -> None:
    rig = await Rig().with_users(2)
    force(rig, bytes(128))
    await rig.sync()
    sealed = await seal(rig)
    assert sealed.drained == 1
    await rig.post()
    assert rig.l1.sequenced[-1].queue_end == 3
    assert await rig.batcher.seal() is None


async def test_a_forced_exit_pays_out_and_leaves_the_nonce() -> None:
    rig = await Rig().with_users(2)
    await rig.send(transfer(1, 0))
    force(rig, "exit 1")
    await rig.sync()
    sealed = await seal(rig)
    assert [(leaving.slot, leaving.amount) for leaving in sealed.exits] == [(0, 100)]
    assert rig.account(1).nonce == 1, "of the transfer alone"
    assert len(rig.mempool) == 0
    assert rig.counted("executed") == 1


async def test_a_forced_exit_that_empties_an_account_drops_what_the_account_can_no_longer_pay() -> None:
    rig = await Rig().with_users(2)
    await rig.send(transfer(1, 0, to=0))
    rig.l1.mine(rig.l1.enqueue_exit(1, amount=BALANCE))
    await rig.sync()
    sealed = await seal(rig)
    assert sealed.batch.slots[1] == bytes(128)
    assert (rig.account(1).balance, len(rig.mempool), rig.counted("dropped")) == (0, 0, 1)


async def test_a_pool_transaction_whose_nonce_a_forced_one_uses_is_dropped_with_its_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = await Rig().with_users(3)
    await rig.send(transfer(1, 0, amount=1), transfer(1, 1, amount=2), transfer(2, 0))
    force(rig, transfer(1, 0, amount=99).slot)
    await rig.sync()
    caplog.set_level("INFO", "poe.sequencer")
    sealed = await seal(rig)
    assert sealed.batch.slots[:2] == (transfer(1, 0, amount=99).slot, transfer(2, 0).slot)
    assert "transaction_dropped sender=1 nonce=0 outcome=WRONG_NONCE" in caplog.messages
    assert rig.counted("dropped") == 1
    assert rig.mempool.select(9) == [transfer(1, 1, amount=2)], "the next nonce goes on"
    following = await seal(rig)
    assert following.batch.slots[0] == transfer(1, 1, amount=2).slot


async def test_it_is_dropped_even_when_the_batch_had_no_room_for_it() -> None:
    rig = await Rig().with_users(3)
    await rig.send(transfer(1, 0, amount=1))
    force(rig, transfer(1, 0, amount=99).slot, *[JUNK] * 3)
    await rig.sync()
    await seal(rig)
    assert (len(rig.mempool), rig.counted("dropped")) == (0, 1)


async def test_the_very_transaction_that_waits_may_be_forced_too() -> None:
    rig = await Rig().with_users(2)
    await rig.send(transfer(1, 0))
    force(rig, transfer(1, 0).slot)
    await rig.sync()
    await seal(rig)
    assert (rig.account(1).nonce, len(rig.mempool), rig.chain.transactions) == (1, 0, 1)


async def test_a_signed_exit_can_be_forced() -> None:
    rig = await Rig().with_users(2)
    force(rig, exit_of(1, 0, amount=55).slot)
    await rig.sync()
    sealed = await seal(rig)
    assert [leaving.amount for leaving in sealed.exits] == [55]
    assert rig.account(1).nonce == 1


async def test_a_forged_deposit_in_a_forced_transaction_is_no_deposit() -> None:
    rig = await Rig().with_users(2)
    force(rig, lay_out(rig.l1.queue[:1]).deposits[0])
    await rig.sync()
    sealed = await seal(rig)
    assert sealed.outcomes[0] is SlotOutcome.UNKNOWN_KIND
    assert (sealed.batch.header.deposits, rig.chain.total_balance()) == (0, 2 * BALANCE)


@pytest.mark.parametrize("kind", ["deposit 2", "exit 1", "transaction"])
def test_entries_of_every_kind_are_overdue_the_block_after_the_deadline(kind: str) -> None:
    rig = Rig()
    force(rig, JUNK if kind == "transaction" else kind)
    entered = rig.l1.queue[0].origin.block.number
    at = entered + DEADLINE_BLOCKS
    assert overdue(rig.l1.queue, at_block=at, deadline_blocks=DEADLINE_BLOCKS) == 0
    assert overdue(rig.l1.queue, at_block=at + 1, deadline_blocks=DEADLINE_BLOCKS) == 1


@pytest.mark.parametrize("entry", ["exit 1", JUNK])
async def test_a_sealed_batch_that_overdue_entries_have_overtaken_is_sealed_anew_with_them(entry: str | bytes) -> None:
    rig = await Rig().with_users(3)
    await rig.send(transfer(2, 0))
    sealed = await seal(rig)
    force(rig, entry)
    for _ in range(DEADLINE_BLOCKS + 1):
        rig.l1.mine()
    await rig.sync()
    assert rig.publisher._misses_overdue_entries(sealed)
    await rig.reconciler.unseal(sealed.number)
    anew = await seal(rig)
    assert (anew.drained, anew.batch.slots[1]) == (1, transfer(2, 0).slot)
    assert not rig.publisher._misses_overdue_entries(anew)
    await rig.post()
    assert rig.l1.posted == [1, 2]


async def test_a_reorg_that_takes_out_an_entry_undoes_the_batch_and_puts_only_users_transactions_back() -> None:
    rig = await Rig().with_users(3)
    await rig.send(transfer(2, 0))
    force(rig, transfer(1, 0).slot)
    await rig.sync()
    await seal(rig)
    rig.l1.reorg(1)
    await rig.sync()
    assert (rig.chain.height, rig.account(1).nonce) == (1, 0)
    assert rig.mempool.select(9) == [transfer(2, 0)]


EXIT_1_AS_A_TRANSACTION = (2 << 224 | 1 << 176 | 100 << 64).to_bytes(32) + (0xE1).to_bytes(32) + bytes(64)
REORDERED = [
    (("exit 1",), (EXIT_1_AS_A_TRANSACTION,), False),
    ((JUNK, "exit 1"), ("exit 1", JUNK), True),
    (("exit 1", "exit 0"), ("exit 0", "exit 1"), False),
    ((JUNK, bytes(128)), (bytes(128), JUNK), False),
    (("exit 1",), (JUNK,), False),
    (("deposit 2", "exit 1"), ("exit 1", "deposit 2"), True),
    (("exit 1", JUNK), ("exit 1",), False),
]


@pytest.mark.parametrize(("before", "after", "stands"), REORDERED)
async def test_after_a_reorg_of_the_queue_a_batch_stands_only_if_the_arbiter_would_still_take_it(
    before: tuple[str | bytes, ...], after: tuple[str | bytes, ...], stands: bool
) -> None:
    """Kinds have their own places, so two entries of different kinds may change places without a new batch."""
    rig = await Rig().with_users(3)
    force(rig, *before)
    await rig.sync()
    sealed = await seal(rig)
    rig.l1.drop(len(before))
    force(rig, *after)
    await rig.sync()
    assert (rig.chain.get(2) is sealed) == stands
    if not stands:
        await seal(rig)
    await rig.post()
    assert rig.l1.sequenced[-1].queue_end == 3 + len(after)


async def test_a_reorg_that_leaves_the_bytes_but_not_what_they_drain_is_noticed() -> None:
    """A batch's hash does not say which user slots the queue had forced in."""
    rig = await Rig().with_users(2)
    await rig.send(transfer(1, 0))
    ours = await seal(rig)
    await rig.post()
    rig.l1.drop(1)
    force(rig, transfer(1, 0).slot)
    await rig.l1.sequence_batch(ours.number, ours.parent_hash, ours.batch, queue_end=3, value=rig.parameters.reward)
    await rig.sync()
    theirs = rig.chain.get(2)
    assert theirs is not None
    assert (theirs.batch_hash, theirs.drained, rig.chain.queue_end) == (ours.batch_hash, 1, 3)
    assert len(rig.mempool) == 0
    assert await rig.batcher.seal() is None


async def test_a_batch_of_entries_that_a_stranger_posted_is_followed_and_ours_goes_on_top() -> None:
    rig = await Rig().with_users(3)
    await rig.send(transfer(2, 0))
    force(rig, "exit 1", JUNK)
    drained = lay_out(rig.l1.queue[3:])
    batch = seal_batch(
        SHAPE,
        deposits=(),
        forced_exits=drained.forced_exits,
        transfers=drained.forced_transactions,
        fee_account=AccountIndex(0),
    )
    head = rig.l1.sequenced[-1].batch_hash
    await rig.l1.sequence_batch(BatchNumber(2), head, batch, queue_end=5, value=rig.parameters.reward)
    await rig.sync()
    assert (rig.chain.height, rig.chain.queue_end, rig.account(1).balance) == (2, 5, BALANCE - 100)
    sealed = await seal(rig)
    assert (sealed.number, sealed.drained, sealed.batch.slots[0]) == (3, 0, transfer(2, 0).slot)


async def test_overtaken_transactions_of_foreign_batches_are_counted_as_dropped() -> None:
    rig = await Rig().with_users(3)
    await rig.send(transfer(1, 0, amount=1), transfer(2, 0))
    force(rig, transfer(1, 0, amount=9).slot)
    theirs = Rig(l1=rig.l1)
    await theirs.sync()
    await seal(theirs)
    await theirs.post()
    await rig.sync()
    assert rig.mempool.select(9) == [transfer(2, 0)]
    assert rig.counted("dropped") == 1


def test_a_layout_names_each_kind() -> None:
    rig = Rig()
    entry = rig.l1.enqueue_exit(3, amount=7)
    later = replace(entry, queue_index=1, amount=8)  # type: ignore[type-var]
    drained = lay_out([entry, rig.l1.enqueue_transaction(JUNK), later])
    assert (len(drained.deposits), len(drained.forced_exits), drained.forced_transactions) == (0, 2, (JUNK,))
    word = 2 << 224 | 3 << 176 | 7 << 64
    assert drained.slots[0] == word.to_bytes(32) + (0xE3).to_bytes(32) + bytes(64)

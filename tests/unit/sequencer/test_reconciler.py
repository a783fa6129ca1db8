"""Agreement with L1: restarts, reorgs, foreign batches, deposits that vanish; transactions wait again."""

from __future__ import annotations

import pytest

from poe.errors import SequencerError
from poe.rollup.types import BatchNumber
from tests.fakes import FakeL1
from tests.unit.sequencer.rig import BALANCE, KEYS, Rig, transfer


async def sealed_and_posted(rig: Rig, *transactions: object) -> None:
    await rig.send(*transactions)  # type: ignore[arg-type]
    assert await rig.batcher.seal() is not None
    await rig.post()


async def test_a_restart_rebuilds_state_and_chain_from_l1_alone() -> None:
    before = await Rig().with_users(4)
    await sealed_and_posted(before, transfer(1, 0), transfer(2, 0))
    await sealed_and_posted(before, transfer(1, 1))
    after = Rig(l1=before.l1)
    await after.sync()
    for name in ("height", "root", "head_hash", "queue_end", "transactions"):
        assert getattr(after.chain, name) == getattr(before.chain, name), name
    await after.send(transfer(1, 2))
    sealed = await after.batcher.seal()
    assert sealed is not None
    assert (sealed.number, sealed.parent_hash) == (4, before.chain.head_hash)
    await after.post()
    assert before.l1.posted == [1, 2, 3, 4]


async def test_a_reorg_that_takes_out_a_posting_posts_the_very_same_batch_again() -> None:
    """So a proof that somebody has made of it holds."""
    rig = await Rig().with_users(4)
    await sealed_and_posted(rig, transfer(1, 0))
    first_hash, root = rig.chain.head_hash, rig.chain.root
    rig.l1.reorg(1)
    await rig.sync()
    assert (rig.chain.height, rig.ledger.head()[0], rig.chain.root) == (2, 1, root)
    await rig.post()
    assert rig.l1.posted == [1, 2, 2]
    assert rig.ledger.head() == (2, first_hash)


async def test_a_reorg_that_takes_out_deposits_undoes_the_batches_that_drained_them() -> None:
    rig = await Rig().with_users(3)
    rig.deposit(3)
    await rig.sync()
    await sealed_and_posted(rig, transfer(1, 0), transfer(2, 0, to=0))
    assert rig.account(3).balance == BALANCE
    rig.l1.reorg(2)
    await rig.sync()
    assert (rig.chain.height, rig.chain.queue_end) == (1, 3)
    assert transfer(1, 0) in rig.mempool
    assert transfer(2, 0, to=0) in rig.mempool
    await rig.batcher.seal()
    await rig.post()
    assert rig.chain.transactions == 2
    assert len(rig.mempool) == 0


async def test_deposits_that_come_back_in_another_order_are_drained_in_the_new_order() -> None:
    rig = Rig()
    rig.deposit(0, 1)
    await rig.sync()
    await rig.batcher.seal()
    rig.l1.drop(2)
    rig.l1.mine(rig.l1.enqueue(0, public_key=KEYS[1], amount=7))
    rig.l1.mine(rig.l1.enqueue(1, public_key=KEYS[0], amount=8))
    await rig.sync()
    assert rig.chain.height == 0
    await rig.batcher.seal()
    await rig.post()
    assert (rig.account(0).balance, rig.account(1).balance) == (7, 8)


async def test_batches_waiting_to_be_posted_stand_while_l1_and_its_queue_go_on() -> None:
    rig = Rig()
    rig.deposit(*range(6))
    await rig.sync()
    first, second = await rig.batcher.seal(), await rig.batcher.seal()
    rig.deposit(6, 7)
    await rig.sync()
    assert rig.chain.kept == (first, second)
    await rig.batcher.seal()
    rig.l1.mine()
    await rig.sync()
    assert rig.chain.height == 3
    await rig.post()
    assert rig.l1.posted == [1, 2, 3]


async def test_a_deposit_that_changes_its_amount_in_a_reorg_is_noticed() -> None:
    rig = Rig()
    rig.deposit(0)
    await rig.sync()
    await rig.batcher.seal()
    rig.l1.drop(1)
    rig.deposit(0, amount=BALANCE - 1)
    await rig.sync()
    assert rig.chain.height == 0


async def test_a_batch_that_came_from_elsewhere_replaces_ours_and_our_transactions_wait_again() -> None:
    """Two processes with one key: the second to post loses its batch, not its users' transactions."""
    ours = await Rig().with_users(4)
    theirs = Rig(l1=ours.l1)
    await theirs.sync()
    await ours.send(transfer(1, 0), transfer(2, 0))
    await ours.batcher.seal()
    await ours.send(transfer(2, 1))
    await ours.batcher.seal()
    await sealed_and_posted(theirs, transfer(1, 0), transfer(3, 0))
    await ours.sync()
    assert (ours.chain.height, ours.chain.root) == (2, theirs.chain.root)
    assert transfer(1, 0) not in ours.mempool, "it is in their batch"
    assert ours.mempool.select(4) == [transfer(2, 0), transfer(2, 1)]
    assert ours.counted("dropped") == 0, "one took effect in theirs, two wait"


async def test_transactions_that_another_process_has_posted_stop_waiting() -> None:
    ours = await Rig().with_users(4)
    theirs = Rig(l1=ours.l1)
    await theirs.sync()
    await ours.send(transfer(1, 0), transfer(1, 1))
    await sealed_and_posted(theirs, transfer(1, 0))
    await ours.sync()
    assert ours.mempool.select(4) == [transfer(1, 1)]
    assert len(ours.mempool) == 1


async def test_transactions_that_can_no_longer_be_paid_after_a_reorg_are_dropped() -> None:
    rig = await Rig().with_users(2)
    rig.deposit(1, amount=50)
    await rig.sync()
    await rig.batcher.seal()
    await rig.post()
    await sealed_and_posted(rig, transfer(1, 0, to=0, amount=BALANCE + 40, fee=0))
    rig.l1.reorg(3)
    await rig.sync()
    assert rig.chain.height == 1
    assert len(rig.mempool) == 0
    assert rig.counted("dropped") == 1


async def test_transactions_of_an_account_that_is_gone_are_dropped() -> None:
    rig = await Rig().with_users(2)
    rig.deposit(2)
    await rig.sync()
    await rig.batcher.seal()
    await rig.send(transfer(2, 0), transfer(1, 0))
    await rig.batcher.seal()
    await rig.send(transfer(2, 1))
    rig.l1.reorg(1)
    await rig.sync()
    assert rig.mempool.select(9) == [transfer(1, 0)]
    assert len(rig.mempool) == 1


async def test_a_reorg_deeper_than_what_is_kept_says_so_and_how_to_go_on() -> None:
    rig = await Rig(kept_batches=2).with_users(2)
    for nonce in range(3):
        await sealed_and_posted(rig, transfer(1, nonce))
    rig.l1.drop(len(rig.l1.blocks) - 1)
    rig.deposit(5)
    with pytest.raises(SequencerError, match="can be undone") as stopped:
        await rig.sync()
    assert stopped.value.code == "POE-SEQ-020"
    assert "start again" in stopped.value.fix


async def test_unsealing_puts_the_transactions_back() -> None:
    rig = await Rig().with_users(4)
    await rig.send(transfer(1, 0), transfer(1, 1))
    await rig.batcher.seal()
    await rig.reconciler.unseal(BatchNumber(2))
    assert rig.chain.height == 1
    assert rig.mempool.select(4) == [transfer(1, 0), transfer(1, 1)]
    assert rig.account(1).nonce == 0


async def test_a_transaction_put_back_does_not_push_out_its_replacement() -> None:
    """While a batch was sealed the account went on; put back, both nonces wait in order."""
    rig = await Rig().with_users(4)
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    await rig.send(transfer(1, 1))
    await rig.reconciler.unseal(BatchNumber(2))
    assert [signed.transfer.nonce for signed in rig.mempool.select(4)] == [0, 1]


async def test_batches_with_junk_slots_are_followed_like_any_other() -> None:
    """Any data is a batch: a sequencer with our key may have posted what no intake would take."""
    rig = await Rig().with_users(2)
    sequenced = rig.l1.sequenced[-1]
    junk = type(sequenced.batch)(
        header=type(sequenced.batch.header)(
            shape=sequenced.batch.header.shape, deposits=0, forced=0, fee_account=sequenced.batch.header.fee_account
        ),
        data=b"\xff" * len(sequenced.batch.data),
    )
    await rig.l1.sequence_batch(BatchNumber(2), sequenced.batch_hash, junk, queue_end=2, value=rig.parameters.reward)
    root = rig.chain.root
    await rig.sync()
    assert (rig.chain.height, rig.chain.root, rig.chain.transactions) == (2, root, 0)
    rig.l1.reorg(1)
    await rig.sync()
    assert len(rig.mempool) == 0


async def test_l1_heights_and_reorgs_are_shown() -> None:
    rig = Rig(l1=FakeL1())
    await rig.with_users(2)
    height = rig.metrics.batch_height.labels(stage="sequenced")._value.get()
    assert height == 1
    rig.l1.reorg(1)
    await rig.sync()
    assert rig.metrics.l1_reorgs._value.get() == 1
    assert rig.metrics.l1_head._value.get() == rig.l1.head.number

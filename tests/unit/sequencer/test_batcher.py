"""Sealing: by size and by age, deposits first, no-ops thrown out, bounds that push back."""

from __future__ import annotations

import trio

from poe.rollup.types import SlotOutcome
from poe.sequencer.queue import lay_out
from tests.fakes import SHAPE
from tests.unit.sequencer.rig import BALANCE, KEYS, SEAL_SECONDS, Rig, transfer


async def test_nothing_waiting_seals_nothing() -> None:
    rig = await Rig().with_users(2)
    assert await rig.batcher.seal() is None
    assert rig.chain.height == 1


async def test_deposits_come_first_byte_for_byte_as_the_contract_compares_them() -> None:
    rig = await Rig().with_users(2)
    await rig.send(transfer(0, 0))
    rig.deposit(2, 3)
    await rig.sync()
    sealed = await rig.batcher.seal()
    assert sealed is not None
    header, slots = sealed.batch.header, sealed.batch.slots
    assert (header.deposits, header.forced, header.shape) == (2, 0, SHAPE)
    assert slots[:2] == lay_out(rig.l1.queue[2:]).deposits
    assert slots[2:] == (transfer(0, 0).slot, bytes(128))
    assert sealed.queue_end == 4
    await rig.post()
    assert rig.l1.sequenced[-1].queue_end == 4


async def test_deposits_may_fill_a_whole_batch_and_the_rest_comes_with_the_next() -> None:
    rig = Rig()
    rig.deposit(*range(6))
    await rig.sync()
    first, second = await rig.batcher.seal(), await rig.batcher.seal()
    assert first is not None
    assert second is not None
    assert [(batch.batch.header.deposits, batch.queue_end) for batch in (first, second)] == [(4, 4), (2, 6)]
    assert await rig.batcher.seal() is None


async def test_a_top_up_and_a_second_deposit_of_one_account_are_both_credited() -> None:
    rig = await Rig().with_users(2)
    rig.deposit(1, 1, amount=5)
    await rig.sync()
    await rig.batcher.seal()
    assert rig.account(1).balance == BALANCE + 10


async def test_batches_name_their_parents() -> None:
    rig = Rig()
    rig.deposit(*range(6))
    await rig.sync()
    first, second = await rig.batcher.seal(), await rig.batcher.seal()
    assert first is not None
    assert second is not None
    assert (first.number, second.number) == (1, 2)
    assert first.parent_hash == bytes(32)
    assert second.parent_hash == first.batch_hash


async def test_the_fees_of_a_batch_go_to_the_fee_account() -> None:
    rig = await Rig().with_users(3)
    await rig.send(transfer(2, 0, to=1, amount=100, fee=30))
    await rig.batcher.seal()
    assert rig.account(0).balance == BALANCE + 30
    assert rig.chain.total_balance() == 3 * BALANCE


async def test_sealed_transactions_leave_the_pool_and_are_counted() -> None:
    rig = await Rig().with_users(3)
    await rig.send(transfer(1, 0), transfer(1, 1), transfer(2, 0))
    await rig.batcher.seal()
    assert len(rig.mempool) == 0
    assert (rig.chain.transactions, rig.counted("executed"), rig.counted("accepted")) == (3, 3, 3)


async def test_a_no_op_is_dropped_with_its_outcome_and_the_batch_is_filled_anew() -> None:
    """A transaction that the pool let in and the state refuses: here one whose signature nobody checked."""
    rig = await Rig().with_users(4)
    forged = transfer(1, 0, fee=90, secret=b"\x77" * 32)
    rig.mempool.add(forged, rig.account(1))
    await rig.send(transfer(1, 1, fee=80), transfer(2, 0), transfer(2, 1), transfer(3, 0), transfer(3, 1))
    sealed = await rig.batcher.seal()
    assert sealed is not None
    assert sealed.number == 2
    assert set(sealed.outcomes) == {SlotOutcome.APPLIED}
    assert sealed.batch.slots == tuple(s.slot for s in (transfer(2, 0), transfer(3, 0), transfer(2, 1), transfer(3, 1)))
    assert rig.counted("dropped") == 1
    assert forged not in rig.mempool
    assert transfer(1, 1, fee=80) in rig.mempool, "it waits for another transaction with nonce 0"


async def test_nothing_but_no_ops_seals_nothing_and_leaves_the_state_alone() -> None:
    rig = await Rig().with_users(2)
    root = rig.chain.root
    rig.mempool.add(transfer(1, 0, secret=b"\x77" * 32), rig.account(1))
    assert await rig.batcher.seal() is None
    assert (rig.chain.height, rig.chain.root, len(rig.mempool)) == (1, root, 0)


async def test_a_full_batch_is_sealed_at_once(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    rig = await Rig().with_users(4)
    nursery.start_soon(rig.batcher.run)
    await trio.testing.wait_all_tasks_blocked()
    started = trio.current_time()
    await rig.send(*(transfer(user, 0) for user in range(4)))
    await trio.testing.wait_all_tasks_blocked()
    assert rig.chain.height == 2
    assert trio.current_time() == started


async def test_a_batch_that_is_not_full_is_sealed_when_its_oldest_has_waited(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    rig = await Rig().with_users(4)
    nursery.start_soon(rig.batcher.run)
    await rig.send(transfer(1, 0))
    await trio.sleep(SEAL_SECONDS * 0.75)
    await rig.send(transfer(2, 0))  # a later one does not put the sealing off
    await trio.sleep(SEAL_SECONDS * 0.2)
    assert rig.chain.height == 1
    await trio.sleep(SEAL_SECONDS * 0.1)
    assert rig.chain.height == 2
    assert rig.chain.transactions == 2


async def test_a_lone_deposit_is_sealed_by_age_too(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    rig = await Rig().with_users(2)
    nursery.start_soon(rig.batcher.run)
    rig.deposit(2)
    await rig.sync()
    await trio.sleep(SEAL_SECONDS * 1.1)
    assert rig.account(2).balance == BALANCE


async def test_a_gap_is_nothing_to_seal(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    rig = await Rig().with_users(2)
    nursery.start_soon(rig.batcher.run)
    await rig.send(transfer(1, 1))
    await trio.sleep(10 * SEAL_SECONDS)
    assert rig.chain.height == 1


async def test_sealing_pauses_at_the_bound_of_unposted_batches_and_goes_on_after_posting(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    rig = await Rig(max_unposted_batches=2).with_users(4)
    nursery.start_soon(rig.batcher.run)
    for nonce in range(4):
        await rig.send(*(transfer(user, nonce) for user in range(4)))
    await trio.sleep(10 * SEAL_SECONDS)
    assert rig.chain.height == 3
    assert len(rig.mempool) == 8
    await rig.post()
    await trio.sleep(SEAL_SECONDS)
    assert rig.chain.height == 5


async def test_sealing_pauses_at_the_bound_of_unproven_batches_and_goes_on_after_finality(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    rig = await Rig(max_unproven_batches=2).with_users(4)
    nursery.start_soon(rig.batcher.run)
    await rig.send(transfer(1, 0))
    await trio.sleep(2 * SEAL_SECONDS)
    assert rig.chain.height == 2
    await rig.send(transfer(1, 1))
    await trio.sleep(10 * SEAL_SECONDS)
    assert rig.chain.height == 2
    first = rig.chain.get(1)
    assert first is not None
    rig.l1.finalize(root=first.root)
    await rig.sync()
    await trio.sleep(2 * SEAL_SECONDS)
    assert rig.chain.height == 3


async def test_a_full_pool_pushes_back_while_sealing_pauses() -> None:
    rig = await Rig(capacity=3).with_users(4)
    await rig.send(*(transfer(user, 0) for user in range(3)))
    (verdict,) = await rig.intake.admit([transfer(3, 0)])
    assert verdict is not None
    assert verdict.code == "POE-SEQ-001"


async def test_cancelling_in_the_middle_of_sealing_leaves_pool_and_chain_in_agreement() -> None:
    rig = await Rig().with_users(2)
    await rig.send(transfer(1, 0))
    with trio.CancelScope() as scope:
        scope.cancel()
        await rig.batcher.seal()
    assert scope.cancelled_caught
    assert (rig.chain.height, len(rig.mempool)) == (1, 1)
    assert not rig.chain.lock.locked()
    sealed = await rig.batcher.seal()
    assert sealed is not None
    assert sealed.batch.slots[0] == transfer(1, 0).slot


async def test_accounts_of_the_deposits_hold_their_keys() -> None:
    rig = await Rig().with_users(3)
    assert [(rig.account(i).public_key_x, rig.account(i).public_key_y) for i in range(3)] == list(KEYS[:3])

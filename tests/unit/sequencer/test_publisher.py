"""Posting: order, gossip, refusals by name, outages, overdue deposits, bodies for peers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
import trio

from poe.errors import L1Unreachable, NetError, NotMined, PoeError, Reverted
from poe.net.interface import BatchAnnouncement, NetworkStats
from poe.rollup.types import Address, BatchNumber
from poe.sequencer.publisher import RETRY_SECONDS, body_source
from tests.fakes import FakeL1
from tests.unit.sequencer.rig import Rig, transfer

Clock = trio.testing.MockClock


@dataclass
class RecordingNetwork:
    """Keeps what is announced; `refusal` is raised instead when set."""

    announced: list[BatchAnnouncement] = field(default_factory=list)
    refusal: NetError | None = None
    heads: list[int] = field(default_factory=list)
    due: frozenset[Address] = frozenset()

    async def announce(self, announcement: BatchAnnouncement) -> None:
        await trio.lowlevel.checkpoint()
        if self.refusal is not None:
            raise self.refusal
        self.announced.append(announcement)

    def set_head(self, number: int) -> None:
        self.heads.append(number)

    def set_sequencers(self, bonded: Iterable[Address], *, due: Iterable[Address]) -> None:
        self.due = frozenset(due)

    def stats(self) -> NetworkStats:
        return NetworkStats(peers=1, mesh_peers=1, accepted=0, ignored=0, rejected=0, bad_frames=0)


async def follow(rig: Rig) -> None:
    async for update in rig.follower.updates():
        await rig.reconciler.follow(update)


async def settle() -> None:
    await trio.testing.wait_all_tasks_blocked()


async def publishing(rig: Rig, nursery: trio.Nursery) -> Rig:
    """Follow L1 and post from now on; sealing is done by hand."""
    nursery.start_soon(follow, rig)
    nursery.start_soon(rig.publisher.run)
    await settle()
    return rig


async def test_sealed_batches_are_posted_in_order(nursery: trio.Nursery, autojump_clock: Clock) -> None:
    rig = await Rig().with_users(4)
    for nonce in range(3):
        await rig.send(transfer(1, nonce))
        await rig.batcher.seal()
    await publishing(rig, nursery)
    assert rig.l1.posted == [1, 2, 3, 4]
    assert rig.ledger.head() == (4, rig.chain.head_hash)
    assert rig.metrics.gas_used.labels(call="sequenceBatch", outcome="accepted")._value.get() == 400_000


async def test_the_next_batch_is_posted_on_the_receipt_without_waiting_for_the_follower(
    nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    rig = await Rig().with_users(2)
    for nonce in range(2):
        await rig.send(transfer(1, nonce))
        await rig.batcher.seal()
    nursery.start_soon(rig.publisher.run)
    await settle()
    assert rig.l1.posted == [1, 2, 3]
    assert rig.ledger.head()[0] == 1


async def test_a_posting_lost_with_its_receipt_is_made_again(nursery: trio.Nursery, autojump_clock: Clock) -> None:
    """The block is gone before the follower has ever seen it."""
    rig = await Rig().with_users(2)
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    nursery.start_soon(rig.publisher.run)
    await settle()
    rig.l1.reorg(1)
    nursery.start_soon(follow, rig)
    await settle()
    assert rig.l1.posted == [1, 2, 2]
    assert rig.ledger.head() == (2, rig.chain.head_hash)


async def test_a_batch_is_announced_once_however_often_its_posting_fails(
    nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    network = RecordingNetwork()
    rig = await Rig(network=network).with_users(2)  # type: ignore[arg-type]
    rig.l1.failures = [L1Unreachable("down"), NotMined("late"), L1Unreachable("down")]
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    await publishing(rig, nursery)
    await trio.sleep(10 * RETRY_SECONDS)
    assert rig.l1.posted == [1, 2]
    (announced,) = network.announced
    sealed = rig.chain.get(2)
    assert sealed is not None
    assert (announced.number, announced.batch_hash, announced.parent_hash) == (2, sealed.batch_hash, sealed.parent_hash)
    assert (announced.header, len(announced.signature)) == (sealed.batch.header, 65)


async def test_gossip_that_fails_does_not_hold_up_posting(nursery: trio.Nursery, autojump_clock: Clock) -> None:
    network = RecordingNetwork(refusal=NetError("no peers"))
    rig = await Rig(network=network).with_users(2)  # type: ignore[arg-type]
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    await publishing(rig, nursery)
    assert rig.l1.posted == [1, 2]


async def test_an_outage_is_waited_for_and_retried(nursery: trio.Nursery, autojump_clock: Clock) -> None:
    rig = await Rig().with_users(2)
    rig.l1.failures = [L1Unreachable("down")]
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    await publishing(rig, nursery)
    assert rig.l1.posted == [1]
    await trio.sleep(RETRY_SECONDS * 1.1)
    assert rig.l1.posted == [1, 2]


async def test_a_new_l1_block_ends_the_wait_early(nursery: trio.Nursery, autojump_clock: Clock) -> None:
    rig = await Rig().with_users(2)
    rig.l1.failures = [L1Unreachable("down")]
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    await publishing(rig, nursery)
    rig.l1.mine()
    await settle()
    assert rig.l1.posted == [1, 2]


@pytest.mark.parametrize("name", ["WrongNumber", "WrongParent"])
async def test_l1_being_elsewhere_is_healed_by_following_it(
    name: str, nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    rig = await Rig().with_users(3)
    theirs = Rig(l1=rig.l1)
    await theirs.sync()
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    await theirs.send(transfer(2, 0))
    await theirs.batcher.seal()
    await theirs.post()
    rig.l1.failures = [Reverted(f"refused: {name}", name=name)]
    nursery.start_soon(rig.publisher.run)
    await settle()
    nursery.start_soon(follow, rig)
    await settle()
    assert rig.ledger.head()[0] == 2
    assert transfer(1, 0) in rig.mempool
    await rig.batcher.seal()
    await settle()
    assert rig.l1.posted == [1, 2, 3]
    assert len(rig.l1.failures) == 0


async def test_a_batch_whose_deposits_l1_no_longer_has_is_sealed_anew(
    nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    """L1 says so before our follower does."""
    rig = await Rig().with_users(2)
    rig.deposit(2)
    await rig.sync()
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    rig.l1.reorg(1)
    nursery.start_soon(rig.publisher.run)
    await settle()
    assert rig.l1.posted == [1]
    await trio.sleep(RETRY_SECONDS * 1.1)
    assert rig.chain.height == 1
    assert transfer(1, 0) in rig.mempool


async def test_a_refusal_by_the_queue_unseals_only_what_l1_has_not_ordered(
    nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    rig = await Rig().with_users(3)
    for nonce in range(2):
        await rig.send(transfer(1, nonce))
        await rig.batcher.seal()
    rig.l1.failures = [Reverted("refused", name="EntryMismatch")]
    await publishing(rig, nursery)
    await trio.sleep(RETRY_SECONDS * 1.1)
    assert rig.chain.height == 1
    assert rig.mempool.select(4) == [transfer(1, 0), transfer(1, 1)]
    await rig.batcher.seal()
    await settle()
    assert rig.l1.posted == [1, 2]


async def test_a_batch_that_got_onto_l1_while_its_refusal_was_waited_out_stays(
    nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    rig = await Rig().with_users(3)
    await rig.send(transfer(1, 0))
    sealed = await rig.batcher.seal()
    assert sealed is not None
    rig.l1.failures = [Reverted("refused", name="EntryMismatch")]
    await publishing(rig, nursery)
    await rig.l1.sequence_batch(
        sealed.number, sealed.parent_hash, sealed.batch, queue_end=sealed.queue_end, value=rig.parameters.reward
    )
    await trio.sleep(2 * RETRY_SECONDS)
    assert (rig.chain.height, rig.ledger.head()[0], len(rig.mempool)) == (2, 2, 0)


async def test_a_sealed_batch_that_overdue_deposits_have_overtaken_is_sealed_anew_with_them() -> None:
    """It waited for L1 so long that posting it would revert, and every batch after it."""
    rig = await Rig(l1=FakeL1(deadline_blocks=4)).with_users(2)
    await rig.send(transfer(1, 0))
    stale = await rig.batcher.seal()
    rig.deposit(2)
    for _ in range(5):
        rig.l1.mine()
    await rig.sync()
    assert stale is not None
    with pytest.raises(Reverted, match="OverdueEntries"):
        await rig.l1.sequence_batch(
            stale.number, stale.parent_hash, stale.batch, queue_end=stale.queue_end, value=rig.parameters.reward
        )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow, rig)
        nursery.start_soon(rig.publisher.run)
        await settle()
        assert rig.chain.height == 1
        await rig.batcher.seal()
        await settle()
        nursery.cancel_scope.cancel()
    assert rig.l1.posted == [1, 2]
    assert rig.l1.sequenced[-1].batch.header.deposits == 1
    assert rig.chain.transactions == 1


async def test_deposits_are_overdue_a_margin_ahead_of_the_contract() -> None:
    rig = await Rig(l1=FakeL1(deadline_blocks=10)).with_users(2)
    await rig.send(transfer(1, 0))
    sealed = await rig.batcher.seal()
    assert sealed is not None
    rig.deposit(2)
    await rig.sync()
    entered = rig.l1.head.number
    verdicts = {}
    for _ in range(12):
        verdicts[rig.l1.head.number - entered] = rig.publisher._misses_overdue_entries(sealed)
        rig.l1.mine()
        await rig.sync()
    assert [blocks for blocks, misses in verdicts.items() if misses] == [7, 8, 9, 10, 11]


async def test_half_the_slots_are_as_many_overdue_deposits_as_a_batch_must_hold() -> None:
    rig = await Rig(l1=FakeL1(deadline_blocks=4)).with_users(2)
    rig.deposit(2, 3)
    await rig.sync()
    sealed = await rig.batcher.seal()
    assert sealed is not None
    rig.deposit(4, 5)
    for _ in range(9):
        rig.l1.mine()
    await rig.sync()
    assert not rig.publisher._misses_overdue_entries(sealed)
    await rig.post()
    assert rig.l1.posted == [1, 2]


@pytest.mark.parametrize("name", ["WrongDataLength"])
async def test_what_waiting_never_heals_stops_the_node(name: str, autojump_clock: Clock) -> None:
    rig = await Rig().with_users(2)
    rig.l1.failures = [Reverted("refused", name=name)]
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    with pytest.raises(PoeError, match="refused"):
        await rig.publisher.run()


async def test_an_unknown_refusal_is_retried(nursery: trio.Nursery, autojump_clock: Clock) -> None:
    rig = await Rig().with_users(2)
    rig.l1.failures = [Reverted("refused", name="")]
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    await publishing(rig, nursery)
    await trio.sleep(RETRY_SECONDS * 1.1)
    assert rig.l1.posted == [1, 2]


async def test_bodies_are_served_sealed_or_sequenced_or_not_at_all() -> None:
    rig = await Rig().with_users(2)
    await rig.send(transfer(1, 0))
    sealed = await rig.batcher.seal()
    assert sealed is not None
    body = body_source(rig.chain, rig.ledger)
    assert await body(BatchNumber(1)) == rig.l1.sequenced[0].batch
    assert await body(BatchNumber(2)) == sealed.batch
    assert await body(BatchNumber(3)) is None
    assert await body(BatchNumber(0)) is None


async def test_bodies_no_longer_kept_in_the_chain_come_from_the_ledger() -> None:
    rig = await Rig(kept_batches=1).with_users(2)
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    assert rig.chain.get(1) is None
    assert await body_source(rig.chain, rig.ledger)(BatchNumber(1)) == rig.l1.sequenced[0].batch


async def test_cancelled_while_posting_a_restart_finds_the_batch_on_l1_and_goes_on() -> None:
    rig = await Rig().with_users(2)
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.publisher.run)
        while rig.l1.posted != [1, 2]:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    again = Rig(l1=rig.l1)
    await again.sync()
    assert (again.chain.height, again.chain.root) == (2, rig.chain.root)
    assert again.publisher._next() is None

"""The role on the native engine: the same doors, and a restart that goes on where the last one was killed."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import trio

from poe.errors import SequencerError
from poe.rollup.types import BatchNumber
from poe.sequencer.client import RpcClient
from poe.sequencer.stream import ENDED, NOT_READY, send_frame
from tests.unit.sequencer.rig import BALANCE, SEAL_SECONDS, Rig, exit_of, transfer

Clock = trio.testing.MockClock
UNTIL_SEALED = SEAL_SECONDS + 0.5


async def rig_at(folder: Path, rig: Rig | None = None) -> Rig:
    """A rig on the engine's store; on the L1 of another if there is one, as a restart at its head."""
    if rig is None:
        return await Rig(store=folder / "engine.redb").with_users(4)
    return Rig(l1=rig.l1, store=folder / "engine.redb", resume_block=rig.l1.head.number)


def kill(rig: Rig) -> None:
    """Let go of the store; nothing is written on the way out that was not before."""
    del rig.engine, rig.work, rig.chain, rig.intake, rig.rpc, rig.reconciler, rig.batcher, rig.publisher
    gc.collect()


async def test_transactions_over_http_and_as_frames_end_up_on_l1(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    rig = await rig_at(tmp_path)
    ports = await nursery.start(rig.node(tmp_path).run)
    await trio.testing.wait_all_tasks_blocked()
    async with RpcClient(f"http://127.0.0.1:{ports.rpc}") as client:
        sent = transfer(2, 0, to=3, amount=500, fee=7)
        assert await client.call("poe_sendRawTransactions", sent.slot.hex()) == [{"accepted": True}]
        async with await trio.open_tcp_stream("127.0.0.1", ports.stream) as stream:
            frame = transfer(1, 0, to=3).slot + transfer(1, 1, secret=bytes(32)).slot + exit_of(3, 0).slot
            assert await send_frame(stream, frame) == bytes([0, 12, 0])
        await trio.sleep(UNTIL_SEALED)
        assert (await client.call("poe_getAccount", 2))["nonce"] == 1
        status = await client.call("poe_status")
    assert (status["executed"], status["mempool"], status["agrees_with_l1"]) == (3, 0, True)
    assert rig.l1.posted == [1, 2]


async def test_frames_are_refused_until_l1_is_read(tmp_path: Path) -> None:
    rig = await rig_at(tmp_path)
    assert await rig.intake.admit_frame(transfer(1, 0).slot * 2) == bytes([NOT_READY] * 2)
    rig.intake.open()
    assert await rig.intake.admit_frame(transfer(1, 0).slot) == b"\0"


async def test_frames_are_refused_once_the_rollup_has_ended(tmp_path: Path) -> None:
    rig = await rig_at(tmp_path)
    rig.intake.open()
    rig.l1.end()
    await rig.sync()
    assert await rig.intake.admit_frame(transfer(1, 0).slot * 2) == bytes([ENDED] * 2)
    assert len(rig.work) == 0


async def test_every_refusal_names_its_code(tmp_path: Path) -> None:
    rig = await rig_at(tmp_path)
    await rig.send(transfer(1, 0))
    forged, poor = transfer(2, 0, secret=b"\7" * 32), transfer(3, 0, amount=2 * BALANCE)
    stranger, lost = transfer(7, 0), transfer(2, 0, to=9)
    verdicts = await rig.intake.admit([transfer(1, 0, fee=1, amount=9), forged, poor, stranger, lost])
    codes = [verdict.code for verdict in verdicts if isinstance(verdict, SequencerError)]
    assert codes == ["POE-SEQ-004", "POE-SEQ-012", "POE-SEQ-005", "POE-SEQ-010", "POE-SEQ-011"]
    assert (rig.counted("refused"), rig.counted("accepted")) == (5, 1)


async def test_a_restart_keeps_what_waited_and_what_was_sealed_but_not_posted(tmp_path: Path) -> None:
    first = await rig_at(tmp_path)
    await first.send(transfer(1, 0), transfer(2, 0))
    sealed = await first.batcher.seal()
    assert sealed is not None
    await first.send(transfer(1, 1))
    root, height = first.chain.root, first.chain.height
    kill(first)
    second = await rig_at(tmp_path, first)
    assert (second.chain.root, second.chain.height, len(second.work)) == (root, height, 1)
    await second.sync()
    assert second.chain.get(height) == sealed
    await second.post()
    await second.batcher.seal()
    await second.post()
    assert [batch.batch_hash for batch in second.l1.sequenced][1] == sealed.batch_hash
    assert second.account(1).nonce == 2
    assert second.chain.transactions == 3


async def test_a_restart_undoes_what_l1_has_replaced_meanwhile(tmp_path: Path) -> None:
    ours = await rig_at(tmp_path)
    theirs = Rig(l1=ours.l1)
    await theirs.sync()
    await ours.send(transfer(1, 0), transfer(2, 0))
    await ours.batcher.seal()
    kill(ours)
    await theirs.send(transfer(3, 0))
    await theirs.batcher.seal()
    await theirs.post()
    again = await rig_at(tmp_path, ours)
    await again.sync()
    assert (again.chain.height, again.chain.root) == (2, theirs.chain.root)
    assert len(again.work) == 2
    await again.batcher.seal()
    assert again.account(1).nonce == again.account(2).nonce == 1


async def test_a_reorg_that_drops_a_posting_is_undone_by_what_its_queue_entries_have_become(tmp_path: Path) -> None:
    rig = await rig_at(tmp_path)
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    await rig.post()
    assert rig.l1.posted == [1, 2]
    rig.l1.drop(1)
    await rig.sync()
    assert rig.chain.height == 2, "it is still ours to post"
    await rig.post()
    assert rig.ledger.head()[0] == 2


async def test_unsealing_puts_users_transactions_back(tmp_path: Path) -> None:
    rig = await rig_at(tmp_path)
    await rig.send(transfer(1, 0), transfer(2, 0))
    await rig.batcher.seal()
    await rig.reconciler.unseal(BatchNumber(2))
    assert (rig.chain.height, len(rig.work), rig.counted("dropped")) == (1, 2, 0)
    await rig.batcher.seal()
    assert rig.account(1).nonce == rig.account(2).nonce == 1


async def test_a_pool_that_posting_cannot_follow_pushes_back_with_its_own_code(tmp_path: Path) -> None:
    rig = await Rig(store=tmp_path / "engine.redb", max_unposted_batches=1, capacity=4).with_users(4)
    await rig.send(*(transfer(1, nonce) for nonce in range(4)))
    (full,) = await rig.intake.admit([transfer(2, 0)])
    await rig.batcher.seal()
    await rig.send(*(transfer(2, nonce) for nonce in range(4)))
    assert await rig.batcher.seal() is None
    (behind,) = await rig.intake.admit([transfer(3, 0)])
    assert [error.code for error in (full, behind) if error is not None] == ["POE-SEQ-001", "POE-SEQ-008"]
    await rig.post()
    assert await rig.batcher.seal() is not None


async def test_a_damaged_store_is_refused_with_a_code(tmp_path: Path) -> None:
    rig = await rig_at(tmp_path)
    kill(rig)
    (tmp_path / "engine.redb").write_bytes(b"not a database" * 1000)
    with pytest.raises(SequencerError) as refused:
        Rig(store=tmp_path / "engine.redb")
    assert refused.value.code == "POE-SEQ-021"

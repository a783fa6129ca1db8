"""The whole role: from HTTP to L1, restarts, reorgs, outages, cancellation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio

from poe.errors import L1Unreachable, Reverted, SequencerError, ToolError
from poe.sequencer.client import RpcClient
from poe.sequencer.publisher import RETRY_SECONDS
from poe.status import read_status
from tests.unit.sequencer.rig import BALANCE, SEAL_SECONDS, Rig, transfer
from tests.unit.sequencer.test_publisher import RecordingNetwork

Clock = trio.testing.MockClock
UNTIL_SEALED = SEAL_SECONDS + 0.5


async def start(rig: Rig, data_dir: Path, nursery: trio.Nursery) -> RpcClient:
    """The node running and caught up, and a client of it."""
    port = (await nursery.start(rig.node(data_dir).run)).rpc
    await trio.testing.wait_all_tasks_blocked()
    return RpcClient(f"http://127.0.0.1:{port}")


async def send(client: RpcClient, *transactions: object) -> None:
    slots = b"".join(signed.slot for signed in transactions)  # type: ignore[attr-defined]
    verdicts = await client.call("poe_sendRawTransactions", slots.hex())
    assert verdicts == [{"accepted": True}] * len(transactions)


async def test_a_transfer_sent_over_http_ends_up_in_a_batch_on_l1(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    network = RecordingNetwork()
    rig = await Rig(network=network).with_users(4)  # type: ignore[arg-type]
    async with await start(rig, tmp_path, nursery) as client:
        await send(client, transfer(2, 0, to=3, amount=500, fee=7))
        await trio.sleep(UNTIL_SEALED)
        assert (await client.call("poe_getAccount", 3))["balance"] == str(BALANCE + 500)
    assert rig.l1.posted == [1, 2]
    assert rig.l1.sequenced[-1].batch.slots[0] == transfer(2, 0, to=3, amount=500, fee=7).slot
    assert [announced.number for announced in network.announced] == [2]
    assert network.heads[-1] == 2
    status = read_status(tmp_path)
    assert status is not None
    assert (status["role"], status["executed"], status["height"]) == ("sequencer", 1, 2)
    assert status["total_balance_gwei"] == 4 * BALANCE


async def test_deposits_on_l1_become_accounts_with_no_transaction_at_all(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    rig = Rig()
    async with await start(rig, tmp_path, nursery) as client:
        assert await client.call("poe_getAccount", 0) is None
        rig.deposit(0, 1)
        await trio.sleep(UNTIL_SEALED)
        assert (await client.call("poe_getAccount", 1))["balance"] == str(BALANCE)
    assert rig.l1.posted == [1]


async def test_a_killed_sequencer_goes_on_from_l1_alone(tmp_path: Path, autojump_clock: Clock) -> None:
    first = await Rig().with_users(4)
    async with trio.open_nursery() as nursery, await start(first, tmp_path, nursery) as client:
        await send(client, transfer(1, 0), transfer(2, 0))
        await trio.sleep(UNTIL_SEALED)
        nursery.cancel_scope.cancel()
    second = Rig(l1=first.l1)
    async with trio.open_nursery() as nursery, await start(second, tmp_path, nursery) as client:
        assert (await client.call("poe_getAccount", 1))["nonce"] == 1
        await send(client, transfer(1, 1))
        await trio.sleep(UNTIL_SEALED)
        nursery.cancel_scope.cancel()
    assert first.l1.posted == [1, 2, 3]
    assert second.chain.transactions == 3


async def test_a_reorg_in_the_middle_of_a_run_loses_no_transaction(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    rig = await Rig().with_users(4)
    async with await start(rig, tmp_path, nursery) as client:
        for nonce in range(3):
            await send(client, *(transfer(user, nonce) for user in range(4)))
            await trio.testing.wait_all_tasks_blocked()
        assert rig.l1.posted == [1, 2, 3, 4]
        root = rig.chain.root
        rig.l1.reorg(2)
        await trio.sleep(5 * RETRY_SECONDS)
        assert (rig.ledger.head()[0], rig.chain.root) == (4, root)
    assert rig.l1.posted == [1, 2, 3, 4, 3, 4]


async def test_a_reorg_that_takes_a_deposit_out_loses_no_transaction_of_others(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    rig = await Rig().with_users(3)
    rig.deposit(3)
    async with await start(rig, tmp_path, nursery) as client:
        await send(client, transfer(1, 0), transfer(2, 0))
        await trio.sleep(UNTIL_SEALED)
        assert rig.l1.posted == [1, 2]
        rig.l1.reorg(2)
        await trio.sleep(UNTIL_SEALED)
        assert await client.call("poe_getAccount", 3) is None
        assert (await client.call("poe_getAccount", 1))["nonce"] == 1
    assert rig.l1.posted == [1, 2, 2]
    assert rig.l1.sequenced[-1].batch.header.deposits == 0
    assert rig.chain.transactions == 2


async def test_an_outage_of_l1_fills_the_backlog_then_the_pool_and_then_pushes_back(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    rig = await Rig(max_unposted_batches=1, capacity=4).with_users(4)
    rig.l1.failures = [L1Unreachable("down")] * 1000
    async with await start(rig, tmp_path, nursery) as client:
        await send(client, *(transfer(user, 0) for user in range(4)))
        await trio.sleep(UNTIL_SEALED)
        await send(client, *(transfer(user, 1) for user in range(4)))
        (refused,) = await client.call("poe_sendRawTransactions", transfer(0, 2).slot.hex())
        assert refused["error"]["data"]["code"] == "POE-SEQ-001"
        assert (rig.chain.height, len(rig.mempool)) == (2, 4)
        rig.l1.failures = []
        await trio.sleep(3 * RETRY_SECONDS)
    assert rig.l1.posted == [1, 2, 3]
    assert len(rig.mempool) == 0


async def test_transactions_are_taken_only_once_l1s_final_batches_are_executed(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    """The follower tells history in steps; the first of them is not yet the whole."""
    rig = await Rig().with_users(2)
    first = rig.chain.get(1)
    assert first is not None
    rig.l1.finalize(root=first.root)
    late = Rig(l1=rig.l1)
    blocks, late.l1.blocks = late.l1.blocks, late.l1.blocks[:2]
    node = replace(late.node(tmp_path), arbiter=rig.l1)

    async def one() -> int:
        return 1

    late.l1.finalized_number = one  # type: ignore[method-assign, assignment]
    port = (await nursery.start(node.run)).rpc
    await trio.testing.wait_all_tasks_blocked()
    async with RpcClient(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(SequencerError) as refused:
            await client.call("poe_sendRawTransactions", transfer(1, 0).slot.hex())
        assert refused.value.code == "POE-SEQ-007"
        late.l1.blocks = blocks
        late.l1.mine()
        await trio.testing.wait_all_tasks_blocked()
        await send(client, transfer(1, 0))


async def test_a_port_that_is_taken_stops_the_node_with_one_clear_error(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    port = (await nursery.start(Rig().node(tmp_path).run)).rpc
    taken = replace(Rig().node(tmp_path), port=port)
    with pytest.RaisesGroup(ToolError, allow_unwrapped=True, flatten_subgroups=True):
        await taken.run()


async def test_a_batch_that_fits_no_arbiter_stops_the_node(tmp_path: Path, autojump_clock: Clock) -> None:
    rig = await Rig().with_users(2)
    rig.l1.failures = [Reverted("the data is too long", name="WrongDataLength")]
    await rig.send(transfer(1, 0))
    with trio.fail_after(60), pytest.RaisesGroup(Reverted, flatten_subgroups=True):
        await rig.node(tmp_path).run()


async def test_cancelled_it_ends_at_once_and_leaves_the_port_free(tmp_path: Path, autojump_clock: Clock) -> None:
    rig = await Rig().with_users(2)
    async with trio.open_nursery() as nursery:
        port = (await nursery.start(rig.node(tmp_path).run)).rpc
        await rig.send(transfer(1, 0))
        nursery.cancel_scope.cancel()
    with pytest.raises(OSError, match="connect"):
        await trio.open_tcp_stream("127.0.0.1", port)

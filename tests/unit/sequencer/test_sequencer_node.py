"""The whole role: from HTTP to L1, restarts, reorgs, a foreign batch, cancellation."""

from __future__ import annotations

from pathlib import Path

import trio

from poe.status import read_status
from poe.testnet.rpc_client import RpcClient
from tests.unit.sequencer.rig import BALANCE, SEAL_SECONDS, Rig, transfer

UNTIL_SEALED = SEAL_SECONDS + 0.5


async def test_a_transfer_sent_over_http_ends_up_in_a_batch_on_l1(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    rig = await Rig().with_users(4)
    port = await nursery.start(rig.node(tmp_path).run)
    await trio.testing.wait_all_tasks_blocked()
    async with RpcClient(f"http://127.0.0.1:{port}") as client:
        result = await client.call("poe_sendRawTransactions", transfer(2, 0, to=3, amount=500, fee=7).slot.hex())
    assert result == [{"accepted": True}]
    await trio.sleep(UNTIL_SEALED)
    assert rig.l1.posted == [1, 2]
    assert rig.l1.sequenced[-1].batch.slots[0] == transfer(2, 0, to=3, amount=500, fee=7).slot
    assert (rig.account(2).balance, rig.account(3).balance) == (BALANCE - 507, BALANCE + 500)
    status = read_status(tmp_path)
    assert status is not None
    assert (status["role"], status["executed"], status["height"]) == ("sequencer", 1, 2)

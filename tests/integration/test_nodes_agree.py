"""Every node's L2 state against the specification replayed from L1 alone: roots, balances, the contract's root."""

from __future__ import annotations

import os
import signal
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import trio

from poe.assembly.chain import Chain, follow_arbiter
from poe.backend.reference import ReferenceState
from poe.rollup.types import AccountIndex, Address, BatchNumber, FieldElement
from poe.sequencer.client import RpcClient
from tests.integration.launching import finish, read_json, start, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]


class Replay:
    """The specification's state after each batch that L1 has ordered."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._state = ReferenceState(chain.parameters.shape.depth)
        self.roots: list[FieldElement] = [self._state.root]
        self.balances: list[list[int]] = [[]]

    async def up_to(self, number: int) -> None:
        """Follow L1 until batch `number` is executed."""
        with trio.fail_after(60):
            async with aclosing(self._chain.follower.updates()) as updates:
                async for update in updates:
                    self._chain.ledger.apply(update)
                    self._execute_ordered()
                    if len(self.roots) > number:
                        return

    def _execute_ordered(self) -> None:
        for height in range(len(self.roots), self._chain.ledger.head()[0] + 1):
            ordered = self._chain.ledger.batch(BatchNumber(height))
            assert ordered is not None
            self._state.execute(ordered.batch, self._chain.domain)
            self.roots.append(self._state.root)
            self.balances.append(self._balances())

    def _balances(self) -> list[int]:
        accounts = (self._state.account(AccountIndex(i)) for i in range(self._chain.parameters.shape.capacity))
        return [account.balance for account in accounts if account is not None]


async def sequencer_balances(url: str, count: int) -> tuple[int, list[int]]:
    """The sequencer's height and balances, both of one moment."""
    async with RpcClient(url) as client:
        while True:
            before = (await client.call("poe_status"))["heights"]["sealed"]
            accounts = [await client.call("poe_getAccount", index) for index in range(count)]
            if (await client.call("poe_status"))["heights"]["sealed"] == before:
                return before, [int(account["balance"]) for account in accounts if account is not None]


async def check_agreement(facts: dict[str, Any], statuses: dict[str, dict[str, Any]]) -> None:
    chain = await follow_arbiter(facts["l1"], Address(bytes.fromhex(facts["arbiter"][2:])))
    height, balances = await sequencer_balances(facts["endpoints"]["sequencer"]["rpc"], chain.parameters.shape.capacity)
    replay = Replay(chain)
    await replay.up_to(max(height, *(status["height"] for status in statuses.values())))
    assert balances == replay.balances[height]
    for name, status in statuses.items():
        assert int(status["root"], 16) == replay.roots[status["height"]], name
        assert status["total_balance_gwei"] == sum(replay.balances[status["height"]]), name
        assert status["agrees_with_l1"], name
    assert chain.ledger.finalized_number >= 2
    assert chain.ledger.finalized_root == replay.roots[chain.ledger.finalized_number]


def test_balances_on_every_node_are_those_the_specification_gets_from_l1(data_dir: Path) -> None:
    process = start(data_dir, "--provers", "2")
    nodes = ("sequencer", "prover-1", "prover-2")
    wait_until(lambda: read_json(data_dir / "observer" / "status.json").get("finalized", 0) >= 2, 180, "finality")
    statuses = {name: read_json(data_dir / name / "status.json") for name in nodes}
    trio.run(check_agreement, read_json(data_dir / "testnet.json"), statuses)
    os.kill(process.pid, signal.SIGINT)
    finish(process, data_dir, seconds=60)

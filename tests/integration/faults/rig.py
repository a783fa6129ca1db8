"""A real prover node on anvil behind endpoints that fail as told, a sequencer that feeds it, and the books afterwards.

Waiting times are divided: what a node does within minutes happens within seconds here. Proofs are real.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import trio

from poe.assembly.prover import run_prover
from poe.config import L1Settings, NetSettings, ProverSettings, Settings
from poe.l1 import endpoints as endpoints_module
from poe.l1 import transactor as transactor_module
from poe.l1.abi import load_artifact
from poe.l1.anvil import Anvil
from poe.l1.events import EventDecoder
from poe.l1.follower import ChainFollower
from poe.l1.ledger import Ledger
from poe.l1.transactor import Patience
from poe.prover import node as node_module
from poe.rollup.types import BatchNumber
from tests.integration.faults.proxy import FaultyEndpoint, faulty_endpoint
from tests.integration.market import REWARD, Market, account, dev_key, key_of, open_market

DIVISOR = 24
"""A slot of 12 seconds lasts half a second here, the two minutes that nothing may stall for last five."""
STALL_SECONDS = 120 / DIVISOR
SLACK_SECONDS = 15.0
"""For proofs, processes and a busy machine, which no divisor makes faster."""
PAYEE = account("prover").address
GWEI = 10**9


@dataclass(kw_only=True)
class Posted:
    """A batch as it was posted, to be posted again after a reorg."""

    number: BatchNumber
    order: Callable[[], Awaitable[object]]


@dataclass(kw_only=True)
class Rig:
    """The market, the prover's endpoints, and what was posted."""

    market: Market
    endpoints: list[FaultyEndpoint]
    data_dir: Path
    posted: list[Posted] = field(default_factory=list)
    orders: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    by_hand: set[str] = field(default_factory=set)
    """Transactions of the prover's account that the operator sent: their cost is not the node's."""

    @property
    def anvil(self) -> Anvil:
        return self.market.anvil

    @property
    def status(self) -> dict[str, Any]:
        """The node's own words."""
        try:
            found: dict[str, Any] = json.loads((self.data_dir / "status.json").read_text())
        except (OSError, json.JSONDecodeError):
            return {}
        return found

    async def post(self, transfers: bool = True) -> BatchNumber:
        """One more batch, on L1 when this returns."""
        number = await (self.market.post_transfers() if transfers else self.market.post())
        self.posted.append(Posted(number=number, order=self.orders[-1]))
        return number

    def remember_orders(self) -> None:
        """Keep each call that orders a batch, so that it can be made again word for word."""
        client = self.market.clients["sequencer"]
        order = client.sequence_batch

        async def remembered(*arguments: Any, **named: Any) -> object:
            self.orders.append(partial(order, *arguments, **named))
            return await order(*arguments, **named)

        setattr(client, "sequence_batch", remembered)  # noqa: B010 -- one object's method, not the class's

    async def post_again(self) -> None:
        """What a reorg has taken off L1, as the sequencer would."""
        (head, _) = (await self.books()).head()
        for lost in self.posted:
            if lost.number > head:
                await lost.order()

    async def until(self, holds: Callable[[], Any], *, seconds: float = STALL_SECONDS + SLACK_SECONDS) -> None:
        """Wait for what the node brings about."""
        with trio.move_on_after(seconds):
            while not holds():  # noqa: ASYNC110 -- the node tells nobody in here
                await trio.sleep(0.02)
            return
        raise AssertionError(f"stalled for {seconds:g} s; status: {self.status}")

    async def until_final(self, *, mines: bool = False, seconds: float = STALL_SECONDS + SLACK_SECONDS) -> None:
        """Wait until the node says that all is final; `mines`: make blocks meanwhile."""
        wanted = self.posted[-1].number
        async with trio.open_nursery() as nursery:
            if mines:
                nursery.start_soon(self.keep_mining)
            await self.until(lambda: self.status.get("finalized", 0) >= wanted, seconds=seconds)
            nursery.cancel_scope.cancel()

    async def keep_mining(self) -> None:
        """A block a slot."""
        while True:
            await self.anvil.mine()
            await trio.sleep(12 / DIVISOR)

    async def books(self) -> Ledger:
        """What L1 itself says, read anew past all faults."""
        parameters = self.market.parameters
        decoder = EventDecoder(load_artifact("Arbiter"), shape=parameters.shape)
        follower = ChainFollower(self.anvil.rpc, parameters, decoder, poll_seconds=0.01)
        ledger, head = Ledger(parameters), (await self.anvil.rpc.latest()).number
        with trio.fail_after(20):
            async with aclosing(cast(Any, follower.updates())) as updates:
                async for update in updates:
                    ledger.apply(update)
                    if update.head.number >= head:
                        return ledger
        raise AssertionError

    async def nonce(self) -> int:
        """How many transactions of the prover are mined."""
        return int(str(await self.anvil.rpc.call("eth_getTransactionCount", "0x" + PAYEE.hex(), "latest")), 16)

    async def close_the_books(self) -> None:
        """No transaction lost money, and node, ledger and contract tell the same."""
        ledger, client = await self.books(), self.market.clients["rival"]
        assert await client.finalized_number() == ledger.finalized_number == self.posted[-1].number
        assert await client.state_root() == ledger.finalized_root == self.market.state.root
        assert await client.credit_of(PAYEE) == ledger.credits()[PAYEE]
        await self.until(lambda: self.status["won"] == ledger.wins()[PAYEE])
        await self._require_no_loss()
        told = self.status
        assert told["finalized"] == ledger.finalized_number
        assert told["finalized_root"] == hex(ledger.finalized_root)
        assert told["agrees_with_l1"]

    async def _require_no_loss(self) -> None:
        """Every transaction of the prover on L1 succeeded, for less than its proofs earn, or cost next to nothing."""
        rpc, spent, count = self.anvil.rpc, 0, 0
        for number in range((await rpc.latest()).number + 1):
            block = cast(dict[str, Any], await rpc.call("eth_getBlockByNumber", hex(number), True))
            for tx in block["transactions"]:
                if bytes.fromhex(tx["from"][2:]) != PAYEE or tx["hash"] in self.by_hand:
                    continue
                receipt = cast(dict[str, Any], await rpc.call("eth_getTransactionReceipt", tx["hash"]))
                cost = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
                assert receipt["status"] == "0x1", f"a transaction that reverted: {tx}"
                proofs = sum(1 for log in receipt["logs"] if PAYEE.hex() in "".join(log["topics"]))
                assert cost <= (REWARD * proofs if proofs else REWARD // 10), f"{cost} wei for {proofs} events: {tx}"
                spent, count = spent + cost, count + 1
        assert count >= 1
        assert spent <= self.status["won"] * REWARD


@asynccontextmanager
async def open_rig(folder: Path, monkeypatch: pytest.MonkeyPatch, *, endpoints: int = 1) -> AsyncIterator[Rig]:
    """A prover that follows a market through so many endpoints; two users have deposited, a long time ago."""
    quicken(monkeypatch)
    async with open_market(dev_key()) as market, AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(faulty_endpoint(market.anvil.url)) for _ in range(endpoints)]
        rig = Rig(market=market, endpoints=proxies, data_dir=folder / "data")
        rig.data_dir.mkdir()
        rig.remember_orders()
        await market.post_deposits()
        rival = market.clients["rival"]
        await rival.submit_proof(await market.prove(BatchNumber(1), rival.account))
        await market.anvil.mine(70)
        key_file = folder / "key"
        key_file.touch(mode=0o600)
        key_file.write_text(key_of("prover").hex())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_prover, settings_of(rig, key_file))
            await rig.until(lambda: rig.status.get("finalized") == 1)
            yield rig
            nursery.cancel_scope.cancel()


def settings_of(rig: Rig, key_file: Path) -> Settings:
    """A node that races at once and pays at most its reward for gas."""
    arbiter = "0x" + rig.market.parameters.address.hex()
    urls = tuple(endpoint.url for endpoint in rig.endpoints)
    l1 = L1Settings(rpc_url=urls, arbiter=arbiter, key_file=str(key_file), poll_seconds=0.05, deadline_seconds=2.0)
    prover = ProverSettings(start_jitter_seconds=0.0, strategy="oldest")
    return Settings(data_dir=str(rig.data_dir), l1=l1, net=NetSettings(enabled=False), prover=prover)


def quicken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Divide what a node waits for."""
    usual = Patience()
    quick = partial(
        Patience,
        mined_seconds=usual.mined_seconds / DIVISOR,
        resend_seconds=usual.resend_seconds / DIVISOR,
        poll_seconds=0.02,
    )
    monkeypatch.setattr(transactor_module, "Patience", quick)
    monkeypatch.setattr(node_module, "PAUSE_AFTER_FAILURE_SECONDS", node_module.PAUSE_AFTER_FAILURE_SECONDS / DIVISOR)
    for name, seconds in (("LOOK_EVERY_SECONDS", 0.25), ("SLOW_SECONDS", 1.0), ("DISPUTE_SECONDS", 2.0)):
        monkeypatch.setattr(endpoints_module, name, seconds)

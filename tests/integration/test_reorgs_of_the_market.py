"""Reorgs under posts and wins: whatever depth L1 rewrites, the ledger and the contract come to agree again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
import trio

from poe.l1.anvil import Anvil
from poe.l1.contract import Arbiter
from poe.l1.deploy import deploy_arbiter
from poe.l1.follower import ChainFollower
from poe.l1.interface import Deadlines
from poe.l1.ledger import Ledger
from poe.l1.views import ArbiterViews
from poe.rollup.types import Address, Batch, BatchNumber, FieldElement, Gwei, Wei
from tests.integration.test_l1_anvil import (
    ETHER,
    GENESIS_ROOT,
    PROVER,
    QUICK,
    REWARD,
    RIVAL,
    SEQUENCER,
    World,
    deployment,
    empty_batch,
    prove,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CI_DEPTHS = (1, 3, 16, 64)
MOST_DEPTH = 64
MIN_DEPTH_OF_A_WIN = 5
"""So many blocks hold a proof that made a batch final, wherever in a round they end."""


@dataclass(kw_only=True)
class Twin:
    """A ledger that lives through reorgs, and the contract it must agree with."""

    world: World
    ledger: Ledger
    follower: ChainFollower
    clients: dict[Address, Arbiter] = field(default_factory=dict)
    batches: dict[BatchNumber, Batch] = field(default_factory=dict)
    branch: int = 0

    async def play(self, blocks: int) -> None:
        """At least so many blocks of posts, deposits and proofs, a block a transaction, from wherever L1 stands.

        Every fourth proof waits for the batch before it: the next one makes both final. Each branch has batches of its
        own. Proofs that a reorg took out are made up for first.
        """
        self.branch += 1
        start = (await self.world.anvil.rpc.latest()).number
        sequencer, rival = self.clients[SEQUENCER.address], self.clients[RIVAL.address]
        await self.prove_what_is_open()
        while (await self.world.anvil.rpc.latest()).number < start + blocks:
            number, parent = await self.head()
            posted = BatchNumber(number + 1)
            self.batches[posted] = empty_batch((posted + self.branch) % 64)
            await sequencer.sequence_batch(posted, parent, self.batches[posted], queue_end=0, value=REWARD)
            if posted % 3 == 0:
                await rival.deposit(public_key=(11, 12), exit_address=RIVAL.address, amount=Gwei(posted))
            if posted % 4 != 2:
                await self.prove_what_is_open()

    async def prove_what_is_open(self) -> None:
        """Every batch without a proof, the last one first."""
        head, final = (await self.head())[0], await self.view("finalizedNumber")
        for number in range(head, final, -1):
            root = FieldElement(GENESIS_ROOT + number - 1)
            _, payee, _ = await self.view("accepted", number, root)
            if int(payee, 16) == 0:
                batch = self.batches[BatchNumber(number)]
                proof = prove(self.world.parameters, number, batch, root, root + 1)
                await self.clients[PROVER.address].submit_proof(proof)

    async def head(self) -> tuple[int, Any]:
        number, batch_hash = await self.view("head")
        return number, batch_hash

    async def view(self, name: str, *arguments: object) -> Any:
        return await ArbiterViews(self.world.anvil.rpc, self.world.parameters.address).view(name, *arguments)

    async def catch_up(self, updates: Any) -> None:
        """Feed the ledger until it has L1's head."""
        head = await self.world.anvil.rpc.latest()
        with trio.fail_after(30):
            while True:
                update = await anext(updates)
                self.ledger.apply(update)
                if update.head.hash == head.hash:
                    return

    async def require_agreement(self) -> None:
        """Everything that both know, batch by batch and account by account."""
        number, batch_hash = await self.head()
        assert self.ledger.head() == (number, batch_hash)
        final = await self.view("finalizedNumber")
        assert (self.ledger.finalized_number, self.ledger.finalized_root) == (final, await self.view("stateRoot"))
        tail = self.ledger.queue_end + len(self.ledger.pending_entries())
        assert (self.ledger.queue_end, tail) == (await self.view("queueHead"), await self.view("queueTail"))
        for open_ in range(final + 1, number + 1):
            root = FieldElement(GENESIS_ROOT + open_ - 1)
            _, payee, _ = await self.view("accepted", open_, root)
            assert (root in self.ledger.accepted(BatchNumber(open_))) == (int(payee, 16) != 0)
        for account in (PROVER.address, SEQUENCER.address, RIVAL.address):
            assert self.ledger.credits().get(account, 0) == await self.view("creditOf", account)
        assert self.ledger.wins().get(PROVER.address, 0) == final
        assert [one.hex() for one in self.ledger.sequencers] == [a[2:].lower() for a in await self.view("sequencers")]


@pytest.fixture
async def twin() -> AsyncIterator[Twin]:
    async with Anvil(block_seconds=None) as anvil:
        for signer in (SEQUENCER, PROVER, RIVAL):
            await anvil.set_balance(signer.address, Wei(100 * ETHER))
        terms = replace(deployment(), deadlines=Deadlines(queue_deadline_blocks=3500))
        world = World(anvil, await deploy_arbiter(anvil.rpc, SEQUENCER, terms, patience=QUICK))
        made = Twin(world=world, ledger=Ledger(world.parameters), follower=world.follower())
        for signer in (SEQUENCER, PROVER, RIVAL):
            made.clients[signer.address] = await world.client(signer)
        await made.clients[SEQUENCER.address].join_sequencers(world.parameters.bond)
        yield made


async def lives_through(twin: Twin, depths: tuple[int, ...]) -> None:
    """One ledger, reorg after reorg, each under postings and wins of more blocks than it is deep."""
    async with aclosing(cast(Any, twin.follower.updates())) as updates:
        for depth in depths:
            await twin.play(depth + 2)
            await twin.catch_up(updates)
            await twin.require_agreement()
            before = twin.ledger.head(), twin.ledger.finalized_number, twin.ledger.pending_entries()
            await twin.world.anvil.reorg(depth)
            await twin.catch_up(updates)
            await twin.require_agreement()
            after = twin.ledger.head(), twin.ledger.finalized_number, twin.ledger.pending_entries()
            assert after != before, "the reorg undid nothing"
            assert after[1] < before[1] or depth < MIN_DEPTH_OF_A_WIN
    assert twin.follower.stats().deepest_reorg_blocks == max(depths)
    assert twin.follower.stats().skipped_logs == 0


async def test_reorgs_of_some_depths_leave_ledger_and_contract_in_agreement(twin: Twin) -> None:
    await lives_through(twin, CI_DEPTHS)


@pytest.mark.long
@pytest.mark.parametrize("depths", [(1, 24), (25, 40), (41, 52), (53, MOST_DEPTH)], ids=str)
async def test_reorgs_of_every_depth_leave_ledger_and_contract_in_agreement(
    twin: Twin, depths: tuple[int, int]
) -> None:
    """In parts, each on a chain of its own: anvil forgets the states of blocks long past."""
    first, last = depths
    await lives_through(twin, tuple(range(first, last + 1)))

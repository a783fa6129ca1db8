"""Seats on a real L1: Python's turns against the contract's; a seat taken, lost for two announcements, given up."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import trio

from poe.assembly.seat import has_seat, open_signed, take_seat
from poe.assembly.sequencer import sign_announcement
from poe.errors import ConfigError, Reverted, SequencerError
from poe.journal import Journal
from poe.l1.anvil import Anvil
from poe.l1.contract import Arbiter
from poe.l1.deploy import deploy_arbiter
from poe.l1.interface import Announced, Market
from poe.l1.ledger import Ledger
from poe.l1.turns import turns_of
from poe.net.interface import BatchAnnouncement
from poe.rollup.batch import batch_hash
from poe.rollup.statement import domain
from poe.rollup.types import AccountIndex, Batch, BatchNumber, Hash, Header, Wei
from poe.sequencer.announcer import FORGOTTEN_NUMBERS
from tests.integration.test_l1_anvil import MARKET, PROVER, QUICK, REWARD, RIVAL, SEQUENCER, SHAPE, World, deployment

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

WINDOW = 6
SIGNERS = (SEQUENCER, PROVER, RIVAL)
TURNS = Market(**{name: getattr(MARKET, name) for name in MARKET.__slots__} | {"window_blocks": WINDOW})


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """An arbiter with empty seats; a block a transaction."""
    async with Anvil(block_seconds=None) as anvil:
        for signer in SIGNERS:
            await anvil.set_balance(signer.address, Wei(10**21))
        terms = replace(deployment(), market=TURNS)
        yield World(anvil, await deploy_arbiter(anvil.rpc, SEQUENCER, terms, patience=QUICK))


def batch_of(salt: int) -> Batch:
    header = Header(shape=SHAPE, deposits=0, forced=0, fee_account=AccountIndex(0))
    return Batch(header=header, data=salt.to_bytes(4) * (SHAPE.slots * 32))


async def test_pythons_turns_are_the_contracts(world: World) -> None:
    """Every block, for everybody: nothing is final here, so they agree but for one case.

    When whoever has the turn breaks half a window of silence itself, Python calls the window open; the contract has
    written down only what others post.
    """
    clients = [await world.client(signer) for signer in SIGNERS]
    for client in clients[:2]:
        await client.join_sequencers(world.parameters.bond)
    ledger, rng, number, parent = Ledger(world.parameters), random.Random(7), 0, Hash(bytes(32))
    seen = {True: 0, False: 0}
    updates = cast(Any, world.follower(world.anvil.rpc).updates())
    async with aclosing(updates):
        for _ in range(60):
            await world.anvil.mine(rng.choice((1, 1, 1, 2)))
            head = (await world.anvil.rpc.latest()).number
            with trio.fail_after(20):
                while not ledger_is_at(ledger, update := await anext(updates), head):
                    pass
            turns = turns_of(ledger)
            for client in clients:
                told = await client.may_post(client.account)
                assert not told or turns.may_post(client.account, head), (head, turns)
                assert told or turns.holder(head) != client.account or client.account not in turns.seats
                seen[told] += 1
            poster = rng.choice(clients)
            if rng.random() < 0.7:
                batch = batch_of(number + 1)
                if await post(poster, number + 1, parent, batch) is None:
                    number, parent = number + 1, batch_hash(batch)
            assert update.head.number == head
    assert number >= 10
    assert min(seen.values()) > 20


async def post(poster: Arbiter, number: int, parent: Hash, batch: Batch) -> str | None:
    """None, or that it was not the poster's turn."""
    try:
        await poster.sequence_batch(BatchNumber(number), parent, batch, queue_end=0, value=REWARD)
    except Reverted as refusal:
        if refusal.name != "NotInTurn":
            raise
        return refusal.name
    return None


def ledger_is_at(ledger: Ledger, update: Any, head: int) -> bool:
    ledger.apply(update)
    return bool(update.head.number >= head)


async def test_a_node_without_a_seat_says_so_or_takes_one(world: World, tmp_path: Path) -> None:
    arbiter, parameters = await world.client(SEQUENCER), world.parameters
    with pytest.raises(ConfigError, match="holds no sequencer's seat") as refused:
        await take_seat(arbiter, parameters, may_bond=False)
    assert refused.value.code == "POE-CFG-060"
    assert "poe sequencer bond" in refused.value.fix
    with Journal.open(tmp_path, identity=b"sequencer") as journal:
        assert (await open_signed(arbiter, journal)).floor == 0
    await take_seat(arbiter, parameters, may_bond=True)
    assert await has_seat(arbiter)
    await take_seat(arbiter, parameters, may_bond=False)
    assert await arbiter.bond_of(arbiter.account) == parameters.bond


async def test_a_seat_whose_journal_is_gone_signs_nothing_for_a_while(world: World, tmp_path: Path) -> None:
    arbiter = await world.client(SEQUENCER)
    await take_seat(arbiter, world.parameters, may_bond=True)
    with Journal.open(tmp_path, identity=b"sequencer") as journal:
        assert (await open_signed(arbiter, journal)).floor == 1
    await arbiter.sequence_batch(BatchNumber(1), Hash(bytes(32)), batch_of(1), queue_end=0, value=REWARD)
    with Journal.open(tmp_path / "another", identity=b"sequencer") as journal:
        assert (await open_signed(arbiter, journal)).floor == 1 + FORGOTTEN_NUMBERS


async def test_an_account_that_cannot_pay_the_bond_is_told_what_it_takes(world: World) -> None:
    await world.anvil.set_balance(RIVAL.address, world.parameters.bond)
    with pytest.raises(SequencerError, match="the bond is") as refused:
        await take_seat(await world.client(RIVAL), world.parameters, may_bond=True)
    assert refused.value.code == "POE-SEQ-064"


def announced(world: World, number: int, salt: int) -> Announced:
    """What the node's own signer says of a batch."""
    parameters, batch = world.parameters, batch_of(salt)
    unsigned = BatchAnnouncement(
        number=BatchNumber(number),
        parent_hash=Hash(b"p" * 32),
        batch_hash=batch_hash(batch),
        header=batch.header,
        signature=b"",
    )
    its_domain = domain(parameters.chain_id, parameters.address, parameters.circuit_version)
    told = sign_announcement(its_domain, SEQUENCER, unsigned)
    return Announced(batch_hash=told.batch_hash, header=told.header, signature=told.signature)


async def test_two_announcements_by_the_nodes_own_signer_cost_the_bond(world: World) -> None:
    parameters = world.parameters
    sequencer, rival = await world.client(SEQUENCER), await world.client(RIVAL)
    await take_seat(sequencer, parameters, may_bond=True)
    await take_seat(rival, parameters, may_bond=True)
    first, second = announced(world, 5, 1), announced(world, 5, 2)
    with pytest.raises(Reverted) as refused:
        await slash(rival, first, first)
    assert refused.value.name == "SameAnnouncement"
    await slash(rival, first, second)
    assert await sequencer.sequencers() == (RIVAL.address,)
    assert await rival.credit_of(RIVAL.address) == parameters.bond // 2
    with pytest.raises(Reverted) as refused:
        await take_seat(sequencer, parameters, may_bond=True)
    assert refused.value.name == "AlreadySequencer"


async def slash(reporter: Arbiter, first: Announced, second: Announced) -> None:
    await reporter.slash_sequencer(BatchNumber(5), Hash(b"p" * 32), first, second)


async def test_a_seat_given_up_has_its_bond_back_after_the_alarms_delay(world: World) -> None:
    parameters, arbiter = world.parameters, await world.client(SEQUENCER)
    await take_seat(arbiter, parameters, may_bond=True)
    await arbiter.leave_sequencers()
    assert await arbiter.sequencers() == ()
    with pytest.raises(Reverted) as refused:
        await arbiter.release_bond(arbiter.account)
    assert refused.value.name == "BondNotDue"
    await world.anvil.mine(parameters.alarm_delay_blocks)
    await arbiter.release_bond(arbiter.account)
    assert await arbiter.credit_of(arbiter.account) == parameters.bond
    await take_seat(arbiter, parameters, may_bond=True)

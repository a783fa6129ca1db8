"""The L1 door against real anvil and the real contracts; proofs are made with a key whose secrets the test knows."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from py_ecc.optimized_bn128 import G1, G2, curve_order, multiply, normalize

from poe.errors import AlreadyAccepted, ConfigError, L1Error, L1Unreachable, NotMined, Reverted, ToolError, WrongChain
from poe.l1.abi import load_artifact
from poe.l1.anvil import Anvil, find_anvil
from poe.l1.contract import FEE_HEADROOM_ENTRIES, Arbiter
from poe.l1.deploy import Deployment, deploy_arbiter
from poe.l1.events import EventDecoder
from poe.l1.follower import ChainFollower
from poe.l1.interface import (
    ArbiterParameters,
    BatchFinalized,
    BatchSequenced,
    ChainUpdate,
    Deposited,
    ExitsCredited,
    ForcedExitQueued,
    ForcedTransactionQueued,
    Market,
    ProofAccepted,
    SequencerJoined,
    Submission,
    Withdrawn,
)
from poe.l1.keys import Signer
from poe.l1.ledger import GENESIS_HASH, Ledger
from poe.l1.rpc import Rpc
from poe.l1.transactor import FeePolicy, Patience
from poe.rollup.batch import batch_hash, deposit_slot, forced_exit_slot, seal_batch
from poe.rollup.statement import challenge, commitment, context, domain, evaluate, statement_words
from poe.rollup.types import (
    AccountIndex,
    Address,
    Batch,
    BatchNumber,
    Exit,
    FieldElement,
    Gwei,
    Hash,
    Shape,
    Wei,
)

pytestmark = pytest.mark.integration

SHAPE = Shape(slots=4, depth=5)
GENESIS_ROOT = FieldElement(1234)
REWARD = Wei(10**15)
MARKET = Market(reward_wei=REWARD, reward_floor_wei=REWARD)
ETHER = 10**18
SEQUENCER = Signer(hashlib.sha256(b"sequencer").digest())
PROVER = Signer(hashlib.sha256(b"prover").digest())
RIVAL = Signer(hashlib.sha256(b"rival").digest())
EXIT = Address(b"\xe1" * 20)
QUICK = Patience(mined_seconds=10.0, resend_seconds=1.0, poll_seconds=0.02)

ALPHA, BETA, GAMMA, DELTA = 2, 3, 4, 5
IC = (6, 7, 8, 9)
"""Discrete logarithms of a verifying key: whoever knows them can prove anything, which is what a test wants."""


def g1(scalar: int) -> list[int]:
    x, y = normalize(multiply(G1, scalar % curve_order))
    return [int(x.n), int(y.n)]


def g2(scalar: int) -> list[int]:
    x, y = normalize(multiply(G2, scalar))
    return [int(part) for part in (x.coeffs[1], x.coeffs[0], y.coeffs[1], y.coeffs[0])]


KEY_WORDS = (*g1(ALPHA), *g2(BETA), *g2(GAMMA), *g2(DELTA), *(word for scalar in IC for word in g1(scalar)))


def forge_proof(public_inputs: tuple[int, int, int]) -> tuple[int, ...]:
    """A = G1, B = G2, C = (1 - alpha·beta - L·gamma) / delta: solves the verification equation."""
    line = IC[0] + sum(scalar * value for scalar, value in zip(IC[1:], public_inputs, strict=True))
    c = (1 - ALPHA * BETA - line * GAMMA) * pow(DELTA, -1, curve_order)
    return (*g1(1), *g2(1), *g1(c))


def prove(
    parameters: ArbiterParameters,
    number: int,
    batch: Batch,
    old_root: int,
    new_root: int,
    *,
    tip: int = 0,
    exits: tuple[Exit, ...] = (),
) -> Submission:
    words = statement_words(
        domain=domain(parameters.chain_id, parameters.address, parameters.circuit_version),
        old_root=FieldElement(old_root),
        new_root=FieldElement(new_root),
        context=context(BatchNumber(number), batch_hash(batch), PROVER.address, Wei(tip)),
        batch=batch,
        exits=exits,
    )
    c = commitment(words)
    x = challenge(c, words)
    return Submission(
        number=BatchNumber(number),
        batch=batch,
        old_root=FieldElement(old_root),
        new_root=FieldElement(new_root),
        payee=PROVER.address,
        tip=Wei(tip),
        commitment=c,
        proof_words=forge_proof((c, x, evaluate(words, x))),
        exits=exits,
    )


def empty_batch(fee_account: int = 0) -> Batch:
    return seal_batch(SHAPE, deposits=[], transfers=[], fee_account=AccountIndex(fee_account))


def deployment(provenance: str = "insecure-dev") -> Deployment:
    return Deployment(
        verifying_key_words=KEY_WORDS,
        key_provenance=provenance,
        membership_key_words=KEY_WORDS,
        membership_key_provenance=provenance,
        membership_version=78,
        genesis_root=GENESIS_ROOT,
        circuit_version=77,
        shape=SHAPE,
        market=MARKET,
    )


class World:
    """A chain, a deployed arbiter, and clients for three accounts."""

    def __init__(self, anvil: Anvil, parameters: ArbiterParameters) -> None:
        self.anvil = anvil
        self.parameters = parameters

    async def client(self, signer: Signer, **options: Any) -> Arbiter:
        options.setdefault("patience", QUICK)
        return await Arbiter.connect(
            self.anvil.rpc, self.parameters.address, signer, chain_id=self.parameters.chain_id, **options
        )

    def follower(self, rpc: Rpc | None = None) -> ChainFollower:
        decoder = EventDecoder(load_artifact("Arbiter"), shape=SHAPE)
        return ChainFollower(rpc or self.anvil.rpc, self.parameters, decoder, poll_seconds=0.05)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with Anvil(block_seconds=None) as anvil:
        for signer in (SEQUENCER, PROVER, RIVAL):
            await anvil.set_balance(signer.address, Wei(100 * ETHER))
        parameters = await deploy_arbiter(anvil.rpc, SEQUENCER, deployment(), patience=QUICK)
        world = World(anvil, parameters)
        await (await world.client(SEQUENCER)).join_sequencers(parameters.bond)
        yield world


async def follow(
    follower: ChainFollower, ledger: Ledger, done: Callable[[], bool], *, seconds: float = 15.0
) -> list[ChainUpdate]:
    """Feed the ledger until it says what is wanted."""
    seen: list[ChainUpdate] = []
    updates = cast(Any, follower.updates())
    with trio.fail_after(seconds):
        async with aclosing(updates):
            while not done():
                seen.append(await anext(updates))
                ledger.apply(seen[-1])
    return seen


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait for what another process brings about."""
    with trio.fail_after(10):
        while not holds():  # noqa: ASYNC110 -- nothing in this process is told of it
            await trio.sleep(0.02)


async def deposit(client: Arbiter, amount: int = 5, key: tuple[int, int] = (11, 12)) -> None:
    await client.deposit(public_key=key, exit_address=EXIT, amount=Gwei(amount))


async def sequence(client: Arbiter, ledger: Ledger, batch: Batch, *, drained: int | None = None) -> None:
    number, parent = ledger.head()
    end = ledger.queue_end + (batch.header.deposits if drained is None else drained)
    await client.sequence_batch(BatchNumber(number + 1), parent, batch, queue_end=end, value=REWARD)


async def test_parameters_read_back_what_was_deployed(world: World) -> None:
    parameters = world.parameters
    assert parameters.verifying_key_words == KEY_WORDS
    assert not any(parameters.policy)
    assert (parameters.bond, parameters.bounty, parameters.reward_floor) == (MARKET.bond, 0, REWARD)
    assert (parameters.shape, parameters.reward, parameters.circuit_version) == (SHAPE, REWARD, 77)
    assert parameters == await (await world.client(RIVAL)).parameters()


async def test_a_batch_is_deposited_sequenced_proven_paid_and_followed(world: World) -> None:
    sequencer, prover, rival = [await world.client(signer) for signer in (SEQUENCER, PROVER, RIVAL)]
    ledger, follower = Ledger(world.parameters), world.follower()
    await deposit(sequencer)
    await follow(follower, ledger, lambda: len(ledger.pending_deposits()) == 1)

    slot = deposit_slot(AccountIndex(0), Gwei(5), (11, 12), EXIT)
    batch = seal_batch(SHAPE, deposits=[slot], transfers=[], fee_account=AccountIndex(0))
    await sequence(sequencer, ledger, batch)
    await follow(follower, ledger, lambda: ledger.head()[0] == 1)
    held = ledger.batch(BatchNumber(1))
    assert held is not None
    assert (held.batch, held.batch_hash) == (batch, batch_hash(batch))
    assert ledger.pending_deposits() == []
    assert ledger.open_batches() == [1]

    submission = prove(world.parameters, 1, batch, GENESIS_ROOT, 4321, tip=7)
    await rival.submit_proof(submission)  # a relayer: the payee is bound, the tip is its own
    seen = await follow(follower, ledger, lambda: ledger.finalized_number == 1)
    kinds = [type(event) for update in seen for event in update.events]
    assert kinds == [ProofAccepted, BatchFinalized]
    assert ledger.finalized_root == 4321 == await prover.state_root()
    assert ledger.wins() == {PROVER.address: 1}
    assert ledger.credits() == {PROVER.address: REWARD - 7, RIVAL.address: 7}
    assert await prover.credit_of(PROVER.address) == REWARD - 7
    assert await prover.finalized_number() == 1

    with pytest.raises(AlreadyAccepted, match="AlreadyAccepted"):
        await prover.submit_proof(submission)

    before = await prover.balance()
    receipt = await prover.withdraw()
    assert await prover.balance() == before + REWARD - 7 - receipt.gas_used * receipt.effective_gas_price
    seen = await follow(follower, ledger, lambda: PROVER.address not in ledger.credits())
    assert [type(event) for event in seen[-1].events] == [Withdrawn]
    assert follower.stats().skipped_logs == 0


JUNK = bytes(range(128))


async def queue_all_kinds(world: World) -> tuple[Ledger, ChainFollower]:
    """A forced transaction, a deposit and a forced exit wait, in this order."""
    rival = await world.client(RIVAL)
    ledger, follower = Ledger(world.parameters), world.follower()
    await rival.force_transaction(JUNK)
    await deposit(rival)
    await rival.force_exit(AccountIndex(0), Gwei(3))
    await follow(follower, ledger, lambda: len(ledger.pending_entries()) == 3)
    return ledger, follower


def batch_of_all_kinds() -> Batch:
    return seal_batch(
        SHAPE,
        deposits=[deposit_slot(AccountIndex(0), Gwei(5), (11, 12), EXIT)],
        forced_exits=[forced_exit_slot(AccountIndex(0), Gwei(3), RIVAL.address)],
        transfers=[JUNK],
        fee_account=AccountIndex(0),
    )


async def test_entries_of_all_kinds_are_queued_told_and_drained(world: World) -> None:
    ledger, follower = await queue_all_kinds(world)
    forced, _, asked = ledger.pending_entries()
    assert isinstance(forced, ForcedTransactionQueued)
    assert isinstance(asked, ForcedExitQueued)
    assert (forced.slot, asked.account, asked.exit_address, asked.amount) == (JUNK, 0, RIVAL.address, 3)
    await sequence(await world.client(SEQUENCER), ledger, batch_of_all_kinds(), drained=3)
    await follow(follower, ledger, lambda: ledger.head()[0] == 1)
    assert (ledger.pending_entries(), ledger.queue_end) == ([], 3)
    assert follower.stats().skipped_logs == 0


@pytest.mark.parametrize(
    ("drained", "wrong"),
    [(2, "EntryMismatch"), (1, "WrongCounts"), (4, "WrongQueueEnd")],
)
async def test_a_batch_that_claims_another_queue_is_refused(world: World, drained: int, wrong: str) -> None:
    ledger, _ = await queue_all_kinds(world)
    with pytest.raises(Reverted) as refusal:
        await sequence(await world.client(SEQUENCER), ledger, batch_of_all_kinds(), drained=drained)
    assert refusal.value.name == wrong


async def test_a_queue_entry_pays_more_the_more_entries_wait(world: World) -> None:
    rival = await world.client(RIVAL)
    fees = []
    for index in range(3):
        fees.append(await rival.queue_fee())
        await rival.force_exit(AccountIndex(index), Gwei(1))
    least = 2 * -(-REWARD // SHAPE.slots)
    assert fees == [least * (64 + index) // 64 for index in range(3)]


async def test_the_fee_paid_covers_entries_that_get_in_first_and_no_more(world: World) -> None:
    rival = await world.client(RIVAL)
    fee, before = await rival.queue_fee(), await rival.balance()
    receipt = await rival.deposit(public_key=(11, 12), exit_address=EXIT, amount=Gwei(7))
    spent = before - await rival.balance() - receipt.gas_used * receipt.effective_gas_price
    assert spent == 7 * 10**9 + fee * (64 + FEE_HEADROOM_ENTRIES) // 64


async def test_no_endpoint_makes_us_pay_more_than_the_ceiling_for_a_queue_entry(world: World) -> None:
    rival = await world.client(RIVAL)
    most = await rival.queue_fee() * (64 + FEE_HEADROOM_ENTRIES) // 64
    thrifty = await world.client(RIVAL, fees=FeePolicy(max_queue_fee_wei=most))
    await thrifty.force_exit(AccountIndex(0), Gwei(1))
    before = await rival.balance()
    for attempt in (thrifty.force_exit(AccountIndex(0), Gwei(1)), thrifty.force_transaction(JUNK), deposit(thrifty)):
        with pytest.raises(L1Error, match="the most we pay"):
            await attempt
    assert await rival.balance() == before


async def test_exits_are_paid_to_the_wei_after_the_alarm_delay_and_once(world: World) -> None:
    sequencer, prover, rival = [await world.client(signer) for signer in (SEQUENCER, PROVER, RIVAL)]
    ledger, follower = Ledger(world.parameters), world.follower()
    exits = (
        Exit(slot=0, address=RIVAL.address, amount=Gwei(5)),
        Exit(slot=3, address=RIVAL.address, amount=Gwei(7)),
    )
    await rival.deposit(public_key=(11, 12), exit_address=EXIT, amount=Gwei(1000))
    await follow(follower, ledger, lambda: len(ledger.pending_entries()) == 1)
    slot = deposit_slot(AccountIndex(0), Gwei(1000), (11, 12), EXIT)
    batch = seal_batch(SHAPE, deposits=[slot], transfers=[], fee_account=AccountIndex(0))
    await sequence(sequencer, ledger, batch)
    await prover.submit_proof(prove(world.parameters, 1, batch, GENESIS_ROOT, 5, exits=exits))

    with pytest.raises(Reverted, match="ExitsNotDue"):
        await prover.credit_exits(BatchNumber(1), exits)
    await world.anvil.mine(world.parameters.alarm_delay_blocks)
    with pytest.raises(Reverted, match="WrongExits"):
        await prover.credit_exits(BatchNumber(1), exits[:1])
    await prover.credit_exits(BatchNumber(1), exits)
    with pytest.raises(Reverted, match="NoExitsDue"):
        await prover.credit_exits(BatchNumber(1), exits)

    before = await rival.balance()
    receipt = await rival.withdraw()
    assert await rival.balance() == before + 12 * 10**9 - receipt.gas_used * receipt.effective_gas_price
    seen = await follow(follower, ledger, lambda: ledger.are_exits_credited(BatchNumber(1)))
    credited = [event for update in seen for event in update.events if isinstance(event, ExitsCredited)]
    assert [event.exits for event in credited] == [exits]
    await follow(follower, ledger, lambda: follower.is_caught_up and RIVAL.address not in ledger.credits())
    # The sequencer is owed the queue's fee, of which no event tells; the follower takes its withdrawal all the same.
    await sequencer.withdraw()
    await follow(follower, ledger, lambda: follower.is_caught_up)
    assert ledger.credits() == {PROVER.address: REWARD}


async def test_other_exits_than_those_proven_are_refused(world: World) -> None:
    sequencer, prover = await world.client(SEQUENCER), await world.client(PROVER)
    await sequencer.sequence_batch(BatchNumber(1), GENESIS_HASH, empty_batch(), queue_end=0, value=REWARD)
    proven = prove(world.parameters, 1, empty_batch(), GENESIS_ROOT, 5)
    for exits in (
        (Exit(slot=0, address=PROVER.address, amount=Gwei(1)),),
        (Exit(slot=4, address=EXIT, amount=Gwei(1)),),
    ):
        changed = {name: getattr(proven, name) for name in proven.__slots__} | {"exits": exits}
        with pytest.raises(Reverted, match=r"InvalidProof|WrongExit"):
            await prover.submit_proof(Submission(**changed))


async def test_the_events_of_a_transaction_of_ours_are_read_back(world: World) -> None:
    rival = await world.client(RIVAL)
    decoder = EventDecoder(load_artifact("Arbiter"), shape=SHAPE)
    first = await rival.force_exit(AccountIndex(9), Gwei(2))
    second = await rival.force_transaction(JUNK)
    assert [type(event) for event in await rival.events_of(first, decoder)] == [ForcedExitQueued]
    (event,) = await rival.events_of(second, decoder)
    assert isinstance(event, ForcedTransactionQueued)
    assert (event.queue_index, event.slot, event.origin.tx_hash) == (1, JUNK, second.tx_hash)


async def test_proofs_out_of_order_are_accepted_and_finalize_together(world: World) -> None:
    sequencer, prover = await world.client(SEQUENCER), await world.client(PROVER)
    ledger, follower = Ledger(world.parameters), world.follower()
    batches = [empty_batch(index) for index in range(2)]
    for batch in batches:
        await sequence(sequencer, ledger, batch)
        await follow(follower, ledger, lambda wanted=ledger.head()[0] + 1: ledger.head()[0] == wanted)
    await prover.submit_proof(prove(world.parameters, 2, batches[1], 50, 60))
    assert await prover.is_accepted(BatchNumber(2), FieldElement(50))
    assert not await prover.is_accepted(BatchNumber(2), FieldElement(51))
    assert await prover.finalized_number() == 0
    await prover.submit_proof(prove(world.parameters, 1, batches[0], GENESIS_ROOT, 50))
    await follow(follower, ledger, lambda: ledger.finalized_number == 2)
    assert ledger.finalized_root == 60
    assert ledger.wins() == {PROVER.address: 2}


async def test_refusals_carry_the_contracts_own_error_and_values(world: World) -> None:
    sequencer, rival = await world.client(SEQUENCER), await world.client(RIVAL)
    first = (BatchNumber(1), GENESIS_HASH, empty_batch())
    with pytest.raises(Reverted, match="NotInTurn") as refusal:
        await rival.sequence_batch(*first, queue_end=0, value=REWARD)
    assert RIVAL.address.hex() in str(refusal.value)
    await sequencer.sequence_batch(*first, queue_end=0, value=REWARD)
    with pytest.raises(Reverted, match=r"WrongNumber\(number=1, expected=2\)") as refusal:
        await sequencer.sequence_batch(*first, queue_end=0, value=REWARD)
    assert refusal.value.name == "WrongNumber"
    with pytest.raises(Reverted, match="WrongParent"):
        await sequencer.sequence_batch(BatchNumber(2), Hash(b"\x01" * 32), empty_batch(), queue_end=0, value=REWARD)
    bad = prove(world.parameters, 1, empty_batch(), GENESIS_ROOT, 5)
    with pytest.raises(Reverted, match="InvalidProof"):
        await rival.submit_proof(
            Submission(**{name: getattr(bad, name) for name in bad.__slots__} | {"payee": RIVAL.address})
        )
    with pytest.raises(Reverted, match="NothingToWithdraw"):
        await rival.withdraw()


async def test_of_two_proofs_in_one_block_the_loser_learns_that_a_rival_won(world: World) -> None:
    """Both pass the simulation; the one mined second reverts on chain and is told why by a replay."""
    sequencer, prover, rival = [await world.client(signer) for signer in (SEQUENCER, PROVER, RIVAL)]
    batch = empty_batch()
    await sequencer.sequence_batch(BatchNumber(1), GENESIS_HASH, batch, queue_end=0, value=REWARD)
    submission = prove(world.parameters, 1, batch, GENESIS_ROOT, 5)
    await world.anvil.set_automine(False)
    outcomes: list[str] = []

    async def submit(client: Arbiter) -> None:
        try:
            await client.submit_proof(submission)
            outcomes.append("won")
        except AlreadyAccepted:
            outcomes.append("lost")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(submit, prover)
        nursery.start_soon(submit, rival)
        await _pending(world, 2)
        await world.anvil.mine()
    assert sorted(outcomes) == ["lost", "won"]


async def _pending(world: World, count: int) -> None:
    """Wait until the mempool holds as many transactions."""
    with trio.fail_after(10):
        while True:
            status = cast(dict[str, str], await world.anvil.rpc.call("txpool_status"))
            if int(status["pending"], 16) >= count:
                return
            await trio.sleep(0.01)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
async def test_a_reorg_undoes_exactly_its_blocks(world: World, depth: int) -> None:
    sequencer = await world.client(SEQUENCER)
    ledger, follower = Ledger(world.parameters), world.follower()
    for index in range(6):
        await deposit(sequencer, 5 + index)
    await follow(follower, ledger, lambda: len(ledger.pending_deposits()) == 6)
    await world.anvil.reorg(depth)
    await follow(follower, ledger, lambda: len(ledger.pending_deposits()) == 6 - depth)
    assert [entry.amount for entry in ledger.pending_deposits()] == [5 + index for index in range(6 - depth)]
    assert follower.stats().deepest_reorg_blocks == depth
    # The transactions are gone for good: the same account goes on, filling the nonces they had.
    await deposit(sequencer, 99)
    await follow(follower, ledger, lambda: len(ledger.pending_deposits()) == 7 - depth)
    assert ledger.pending_deposits()[-1].amount == 99


async def test_a_reverted_chain_rolls_the_ledger_back(world: World) -> None:
    sequencer = await world.client(SEQUENCER)
    ledger, follower = Ledger(world.parameters), world.follower()
    snapshot = await world.anvil.snapshot()
    for _ in range(3):
        await deposit(sequencer)
    await follow(follower, ledger, lambda: len(ledger.pending_deposits()) == 3)
    await world.anvil.revert(snapshot)
    await follow(follower, ledger, lambda: not ledger.pending_deposits())


async def test_a_new_follower_reads_the_same_history(world: World) -> None:
    sequencer = await world.client(SEQUENCER)
    ledger, follower = Ledger(world.parameters), world.follower()
    for index in range(3):
        await deposit(sequencer, 5 + index)
    await world.anvil.mine(200)
    await deposit(sequencer, 8)
    await follow(follower, ledger, lambda: follower.is_caught_up and len(ledger.pending_deposits()) == 4)
    again, second = Ledger(world.parameters), world.follower()
    await follow(second, again, lambda: second.is_caught_up and again.pending_deposits() != [])
    assert again.pending_deposits() == ledger.pending_deposits()


async def test_many_tasks_send_at_once_and_each_gets_its_own_nonce(world: World) -> None:
    client = await world.client(RIVAL)
    async with trio.open_nursery() as nursery:
        for index in range(20):
            nursery.start_soon(deposit, client, 100 + index)
    ledger = Ledger(world.parameters)
    await follow(world.follower(), ledger, lambda: len(ledger.pending_deposits()) == 20)
    assert sorted(entry.amount for entry in ledger.pending_deposits()) == [100 + index for index in range(20)]
    count = await world.anvil.rpc.call("eth_getTransactionCount", "0x" + RIVAL.address.hex(), "latest")
    assert count == hex(20)


async def test_a_cancelled_sender_neither_loses_nor_doubles_a_nonce(world: World) -> None:
    client = await world.client(RIVAL)
    for milliseconds in range(0, 30, 2):
        with trio.move_on_after(milliseconds / 1000):
            await deposit(client, 1000)
    for index in range(3):
        await deposit(client, 1 + index)
    ledger = Ledger(world.parameters)
    await follow(world.follower(), ledger, lambda: [e.amount for e in ledger.pending_deposits()][-3:] == [1, 2, 3])
    count = await world.anvil.rpc.call("eth_getTransactionCount", "0x" + RIVAL.address.hex(), "pending")
    assert count == hex(len(ledger.pending_deposits()))


async def test_a_stuck_transaction_is_resent_with_a_higher_fee(world: World) -> None:
    client = await world.client(RIVAL)
    await world.anvil.set_automine(False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(deposit, client)
        await eventually(lambda: client.transactor.resends > 0)
        await world.anvil.mine()
    assert client.transactor.resends >= 1


async def test_a_transaction_thrown_away_is_sent_again(world: World) -> None:
    client = await world.client(RIVAL)
    await world.anvil.set_automine(False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(deposit, client)
        await _pending(world, 1)
        await world.anvil.rpc.call("anvil_dropAllTransactions")
        await _pending(world, 1)
        await world.anvil.mine()


async def test_what_is_never_mined_is_told_in_time(world: World) -> None:
    client = await world.client(RIVAL, patience=Patience(mined_seconds=0.3, poll_seconds=0.05))
    await world.anvil.set_automine(False)
    with pytest.raises(NotMined, match="not mined in"):
        await deposit(client)


async def test_the_fee_ceiling_holds(world: World) -> None:
    client = await world.client(RIVAL, fees=FeePolicy(max_fee_wei=3 * 10**9, tip_wei=10**9))
    await world.anvil.set_automine(False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(deposit, client)
        await eventually(lambda: client.transactor.resends >= 2)
        content = cast(dict[str, Any], await world.anvil.rpc.call("txpool_content"))
        pending = next(iter(content["pending"].values()))
        assert all(int(tx["maxFeePerGas"], 16) <= 3 * 10**9 for tx in pending.values())
        await world.anvil.mine()


async def test_a_chain_that_goes_down_and_comes_back_is_followed_on(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    async with Anvil(block_seconds=None, state_file=state) as anvil:
        await anvil.set_balance(SEQUENCER.address, Wei(100 * ETHER))
        parameters = await deploy_arbiter(anvil.rpc, SEQUENCER, deployment(), patience=QUICK)
        first = World(anvil, parameters)
        await deposit(await first.client(SEQUENCER))
        port = anvil.port
    rpc = Rpc(f"http://127.0.0.1:{port}", deadline_seconds=2.0)
    ledger, follower = Ledger(parameters), first.follower(rpc)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow, follower, ledger, lambda: len(ledger.pending_deposits()) == 2)
        await eventually(lambda: follower.stats().rpc_errors >= 2)
        async with Anvil(block_seconds=None, state_file=state, port=port) as anvil:
            await deposit(await World(anvil, parameters).client(SEQUENCER))
            await eventually(lambda: len(ledger.pending_deposits()) == 2)
    rpc.close()


async def test_wrong_chain_wrong_address_and_no_endpoint_are_told_apart(world: World) -> None:
    address = world.parameters.address
    with pytest.raises(WrongChain, match="serves chain 31337, wanted chain 1"):
        await Arbiter.connect(world.anvil.rpc, address, RIVAL, chain_id=1)
    with pytest.raises(WrongChain, match="no contract lives there"):
        await Arbiter.connect(world.anvil.rpc, RIVAL.address, RIVAL, chain_id=31337)
    verifier = await (await world.client(RIVAL))._views.view("verifier")
    other = await Arbiter.connect(world.anvil.rpc, Address(bytes.fromhex(verifier[2:])), RIVAL, chain_id=31337)
    with pytest.raises(WrongChain, match="does not answer like one"):
        await other.parameters()
    nobody = Rpc("http://127.0.0.1:9")
    with pytest.raises(L1Unreachable):
        await Arbiter.connect(nobody, address, RIVAL, chain_id=31337)


async def test_an_account_without_ether_is_told_so(world: World) -> None:
    poor = await world.client(Signer(hashlib.sha256(b"poor").digest()))
    with pytest.raises(L1Error, match=r"(?i)insufficient funds"):
        await deposit(poor)


async def test_an_insecure_key_is_refused_off_development_chains() -> None:
    async with Anvil(block_seconds=None, chain_id=5000) as anvil:
        with pytest.raises(ConfigError, match="can forge proofs"):
            await deploy_arbiter(anvil.rpc, SEQUENCER, deployment())
        await anvil.set_balance(SEQUENCER.address, Wei(ETHER))
        made = await deploy_arbiter(anvil.rpc, SEQUENCER, deployment("ceremony"), patience=QUICK)
        assert made.chain_id == 5000


async def test_a_key_the_verifier_refuses_stops_the_deployment(world: World) -> None:
    bad = deployment()
    words = [*KEY_WORDS[:10], *KEY_WORDS[6:10], *KEY_WORDS[14:]]  # gamma = delta
    with pytest.raises(Reverted, match="GammaEqualsDelta"):
        await deploy_arbiter(
            world.anvil.rpc,
            SEQUENCER,
            Deployment(**{name: getattr(bad, name) for name in bad.__slots__} | {"verifying_key_words": words}),
            patience=QUICK,
        )


async def test_a_taken_port_and_a_wrong_program_are_tool_errors(world: World, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="port"):
        async with Anvil(port=world.anvil.port):
            pass
    fake = tmp_path / "anvil"
    fake.write_text("#!/bin/sh\necho something else\n")
    fake.chmod(0o755)
    with pytest.raises(ToolError, match=r"not anvil 1\.x"):
        async with Anvil(program=fake):
            pass
    with pytest.raises(ToolError, match="POE_ANVIL"):
        find_anvil({"POE_ANVIL": str(tmp_path / "none")})


async def test_blocks_carry_both_kinds_of_events(world: World) -> None:
    sequencer = await world.client(SEQUENCER)
    await deposit(sequencer)
    await sequencer.sequence_batch(BatchNumber(1), GENESIS_HASH, empty_batch(), queue_end=0, value=REWARD)
    ledger = Ledger(world.parameters)
    seen = await follow(world.follower(), ledger, lambda: ledger.head()[0] == 1)
    events = [event for update in seen for event in update.events]
    assert [type(event) for event in events] == [SequencerJoined, Deposited, BatchSequenced]
    assert events[0].origin.block.number + 1 == events[1].origin.block.number

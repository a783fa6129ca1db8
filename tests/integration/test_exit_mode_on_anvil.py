"""Exit mode between the real contract, the client, the follower and the ledger; a reorg takes it all back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from poe.cli.final_state import end_rollup
from poe.cli.wallet import Rollup
from poe.errors import ConfigError, InputError, Reverted
from poe.l1.anvil import Anvil
from poe.l1.deploy import deploy_arbiter
from poe.l1.follower import ChainFollower
from poe.l1.interface import Deadlines, Deposited
from poe.l1.ledger import Ledger
from poe.rollup.batch import deposit_slot, seal_batch
from poe.rollup.membership import public_inputs
from poe.rollup.types import AccountIndex, Batch, BatchNumber, FieldElement, Gwei, Wei
from tests.integration.test_l1_anvil import (
    ETHER,
    EXIT,
    GENESIS_ROOT,
    JUNK,
    PROVER,
    QUICK,
    REWARD,
    RIVAL,
    SEQUENCER,
    SHAPE,
    World,
    deployment,
    empty_batch,
    follow,
    forge_proof,
    prove,
    sequence,
)

pytestmark = pytest.mark.integration

DEADLINES = Deadlines(
    queue_deadline_blocks=4,
    alarm_delay_blocks=2,
    double_after_blocks=18,
    quadruple_after_blocks=19,
    halt_after_blocks=20,
    exit_deadline_blocks=20,
)
ROOT = FieldElement(4321)
KEY = (11, 12)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with Anvil(block_seconds=None) as anvil:
        for signer in (SEQUENCER, PROVER, RIVAL):
            await anvil.set_balance(signer.address, Wei(100 * ETHER))
        terms = replace(deployment(), deadlines=DEADLINES)
        world = World(anvil, await deploy_arbiter(anvil.rpc, SEQUENCER, terms, patience=QUICK))
        await (await world.client(SEQUENCER)).join_sequencers(world.parameters.bond)
        yield world


def batch_of(*deposits: int) -> Batch:
    slots = [deposit_slot(AccountIndex(0), Gwei(amount), KEY, EXIT) for amount in deposits]
    return seal_batch(SHAPE, deposits=slots, transfers=[], fee_account=AccountIndex(0))


async def stopped(world: World) -> tuple[Ledger, ChainFollower]:
    """Batch 1, with a deposit, is final; batch 2, with a second one, and 3 are not; a top-up and two entries wait."""
    sequencer, prover, rival = [await world.client(signer) for signer in (SEQUENCER, PROVER, RIVAL)]
    ledger, follower = Ledger(world.parameters), world.follower()
    await rival.deposit(public_key=KEY, exit_address=EXIT, amount=Gwei(5))
    await rival.top_up(AccountIndex(0), public_key=KEY, exit_address=EXIT, amount=Gwei(6))
    await follow(follower, ledger, lambda: len(ledger.pending_entries()) == 2)
    await sequence(sequencer, ledger, batch_of(5))
    await prover.submit_proof(prove(world.parameters, 1, batch_of(5), GENESIS_ROOT, ROOT))
    await follow(follower, ledger, lambda: ledger.finalized_number == 1)
    await sequence(sequencer, ledger, batch_of(6))
    await follow(follower, ledger, lambda: ledger.head()[0] == 2)
    await sequence(sequencer, ledger, empty_batch())
    await rival.top_up(AccountIndex(0), public_key=KEY, exit_address=EXIT, amount=Gwei(7))
    await rival.force_exit(AccountIndex(0), Gwei(3))
    await rival.force_transaction(JUNK)
    await follow(follower, ledger, lambda: len(ledger.pending_entries()) == 3)
    return ledger, follower


def membership(account: int, balance: int) -> tuple[AccountIndex, Gwei, tuple[int, ...]]:
    inputs = public_inputs(ROOT, AccountIndex(account), EXIT, Gwei(balance))
    return AccountIndex(account), Gwei(balance), forge_proof(inputs)


async def test_the_end_refunds_and_leaving_are_told_as_the_contract_books_them(world: World) -> None:
    ledger, follower = await stopped(world)
    rival, prover = await world.client(RIVAL), await world.client(PROVER)
    due_at = ledger.exit_mode_due_at()
    assert due_at is not None
    head = (await world.anvil.rpc.latest()).number
    assert head < due_at
    await world.anvil.mine(due_at - 2 - head)
    with pytest.raises(Reverted, match=rf"ExitModeNotDue\(.*dueAt={due_at}\)"):
        await rival.enter_exit_mode()
    assert not await rival.exit_mode()
    await world.anvil.mine(2)
    await rival.enter_exit_mode()
    assert await rival.exit_mode()

    await follow(follower, ledger, lambda: ledger.exit_mode is not None)
    assert ledger.exit_mode is not None
    assert (ledger.exit_mode.number, ledger.exit_mode.state_root, ledger.exit_mode.queue_end) == (1, ROOT, 1)
    entries = ledger.void_entries()
    assert [entry.queue_index for entry in entries] == [1, 2, 3, 4]
    top_up = entries[1]
    assert isinstance(top_up, Deposited)
    await rival.refund_entry(2, deposit_slot(top_up.account, top_up.amount, KEY, EXIT))
    await rival.refund_entry(4, JUNK)
    await rival.refund_batch(BatchNumber(3))
    account, balance, words = membership(0, 5)
    await rival.leave(account, EXIT, balance, words)

    await follow(follower, ledger, lambda: ledger.left_count == 1)
    assert [entry.queue_index for entry in ledger.void_entries()] == [1, 3]
    assert [batch.number for batch in ledger.void_batches()] == [2]
    for address in (EXIT, RIVAL.address, PROVER.address):
        assert ledger.credits().get(address, 0) == await prover.credit_of(address)
    assert ledger.credits()[EXIT] > (5 + 7) * 10**9
    # The sequencer is owed the fee of batch 1's entry besides, of which no event tells.
    assert ledger.credits()[SEQUENCER.address] == REWARD < await prover.credit_of(SEQUENCER.address)
    assert follower.stats().skipped_logs == 0


async def test_what_the_contract_refuses_in_exit_mode_is_told_by_its_name(world: World) -> None:
    ledger, _ = await stopped(world)
    rival = await world.client(RIVAL)
    leaving = membership(0, 5)
    for early in (
        rival.refund_batch(BatchNumber(2)),
        rival.refund_entry(4, JUNK),
        rival.leave(leaving[0], EXIT, *leaving[1:]),
    ):
        with pytest.raises(Reverted, match="ExitModeInactive"):
            await early
    await world.anvil.mine(DEADLINES.exit_deadline_blocks)
    await rival.enter_exit_mode()
    refusals = {
        "ExitModeActive": [
            rival.enter_exit_mode(),
            rival.finalize(1),
            rival.deposit(public_key=KEY, exit_address=EXIT, amount=Gwei(5)),
            rival.top_up(AccountIndex(0), public_key=KEY, exit_address=EXIT, amount=Gwei(5)),
            rival.force_exit(AccountIndex(0), Gwei(1)),
            rival.force_transaction(JUNK),
            (await world.client(PROVER)).submit_proof(prove(world.parameters, 2, batch_of(6), ROOT, 4322)),
            sequence(await world.client(SEQUENCER), ledger, empty_batch()),
        ],
        "BatchNotVoid": [rival.refund_batch(BatchNumber(1)), rival.refund_batch(BatchNumber(4))],
        "EntryNotVoid": [rival.refund_entry(0, JUNK), rival.refund_entry(5, JUNK)],
        "WrongEntry": [rival.refund_entry(4, JUNK[::-1]), rival.refund_entry(2, JUNK)],
        "InvalidProof": [rival.leave(leaving[0], EXIT, Gwei(6), leaving[2])],
        "AccountUnknown": [rival.leave(AccountIndex(SHAPE.capacity), EXIT, *leaving[1:])],
    }
    for name, sendings in refusals.items():
        for sending in sendings:
            with pytest.raises(Reverted) as refusal:
                await sending
            assert refusal.value.name == name


async def test_a_reorg_takes_the_end_back_and_the_rollup_goes_on(world: World) -> None:
    ledger, follower = await stopped(world)
    rival, prover = await world.client(RIVAL), await world.client(PROVER)
    before = dict(ledger.credits())
    await world.anvil.mine(DEADLINES.exit_deadline_blocks)
    await rival.enter_exit_mode()
    account, balance, words = membership(0, 5)
    await rival.leave(account, EXIT, balance, words)
    await follow(follower, ledger, lambda: ledger.left_count == 1)
    await world.anvil.reorg(2)
    await follow(follower, ledger, lambda: ledger.exit_mode is None)
    assert (ledger.left_count, ledger.void_entries(), dict(ledger.credits())) == (0, [], before)
    assert not await rival.exit_mode()
    await prover.submit_proof(prove(world.parameters, 2, batch_of(6), ROOT, 4322))
    await follow(follower, ledger, lambda: ledger.finalized_number == 2)


async def test_a_batch_that_is_ready_is_finalized_first(world: World) -> None:
    """More proofs waited behind one batch than the call that brought its own finalizes."""
    sequencer, prover, rival = [await world.client(signer) for signer in (SEQUENCER, PROVER, RIVAL)]
    ledger, follower = Ledger(world.parameters), world.follower()
    count = 10
    for _ in range(count):
        number = ledger.head()[0] + 1
        await sequence(sequencer, ledger, empty_batch(number))
        await follow(follower, ledger, lambda number=number: ledger.head()[0] == number)  # type: ignore[misc]
    for number in range(count, 0, -1):
        old = GENESIS_ROOT if number == 1 else 100 + number - 1
        await prover.submit_proof(prove(world.parameters, number, empty_batch(number), old, 100 + number))
    finalized = await rival.finalized_number()
    assert finalized < count
    await world.anvil.mine(DEADLINES.exit_deadline_blocks)
    with pytest.raises(Reverted, match="ReadyToFinalize"):
        await rival.enter_exit_mode()
    rollup = await Rollup.connect(world.anvil.url, world.parameters.chain_id, world.parameters.address)
    with pytest.raises(InputError, match="no batch and no queue entry waits"):
        await end_rollup(rollup, rival)
    assert await rival.finalized_number() == count


@pytest.mark.parametrize(("queue", "exit_"), [(4, 8), (0, 0), (2**31, 2**32 - 1), (4, 2**32), (-1, 9)])
def test_deadlines_that_leave_nobody_time_are_refused(queue: int, exit_: int) -> None:
    with pytest.raises(ConfigError, match="POE-CFG-013"):
        Deadlines(queue_deadline_blocks=queue, exit_deadline_blocks=exit_)

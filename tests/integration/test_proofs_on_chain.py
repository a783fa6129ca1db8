"""Real proofs against the real contract on anvil: who is paid, what is refused, what a wrong old root does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from poe.backend import native
from poe.errors import AlreadyAccepted, Reverted
from poe.l1.interface import Submission
from poe.rollup.types import Address, FieldElement, Gwei, Wei
from tests.integration.market import DEPOSIT, REWARD, SHAPE, Market, account, dev_key, open_market

pytestmark = pytest.mark.integration


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    async with open_market(dev_key()) as market:
        yield market


async def test_a_proof_finalizes_its_batch_and_the_payee_can_withdraw_the_reward(market: Market) -> None:
    number = await market.post_deposits()
    prover = account("prover").address
    await market.clients["prover"].submit_proof(await market.prove(number, prover))
    assert await market.clients["prover"].finalized_number() == number
    assert await market.clients["prover"].state_root() == market.state.root
    assert await market.clients["prover"].credit_of(prover) == REWARD
    before = await market.clients["prover"].balance()
    receipt = await market.clients["prover"].withdraw()
    after = await market.clients["prover"].balance()
    assert after == before + REWARD - receipt.gas_used * receipt.effective_gas_price


async def test_a_copied_proof_pays_the_named_payee_and_the_copier_nothing(market: Market) -> None:
    number = await market.post_deposits()
    prover, copier = account("prover").address, account("copier").address
    submission = await market.prove(number, prover)
    await market.clients["copier"].submit_proof(submission)
    assert await market.clients["prover"].credit_of(prover) == REWARD
    assert await market.clients["prover"].credit_of(copier) == 0
    with pytest.raises(AlreadyAccepted):
        await market.clients["prover"].submit_proof(submission)


async def test_a_tip_goes_to_whoever_lands_the_proof_and_comes_out_of_the_reward(market: Market) -> None:
    number = await market.post_deposits()
    prover, relayer = account("prover").address, account("copier").address
    tip = Wei(REWARD // 10)
    await market.clients["copier"].submit_proof(await market.prove(number, prover, tip=tip))
    assert await market.clients["prover"].credit_of(prover) == REWARD - tip
    assert await market.clients["prover"].credit_of(relayer) == tip


def _next(value: int) -> FieldElement:
    return FieldElement(value + 1)


def changed_by_one(submission: Submission) -> dict[str, Submission]:
    """The submission with one public value, or one word of the proof, changed by one."""
    payee = bytes([submission.payee[0] ^ 1]) + submission.payee[1:]
    words = submission.proof_words
    proofs = {
        f"proof word {i}": replace(submission, proof_words=(*words[:i], words[i] + 1, *words[i + 1 :]))
        for i in range(len(words))
    }
    return {
        "payee": replace(submission, payee=payee),
        "tip": replace(submission, tip=Wei(submission.tip + 1)),
        "old root": replace(submission, old_root=_next(submission.old_root)),
        "new root": replace(submission, new_root=_next(submission.new_root)),
        "commitment": replace(submission, commitment=_next(submission.commitment)),
        **proofs,
    }


async def test_a_proof_with_any_public_value_or_proof_word_changed_by_one_is_rejected(market: Market) -> None:
    number = await market.post_deposits()
    submission = await market.prove(number, account("prover").address)
    for what, changed in changed_by_one(submission).items():
        with pytest.raises(Reverted) as refusal:
            await market.clients["copier"].submit_proof(changed)
        assert refusal.value.name == "InvalidProof", what
    assert await market.clients["prover"].finalized_number() == 0
    await market.clients["prover"].submit_proof(submission)
    assert await market.clients["prover"].finalized_number() == number


def with_other_exits(submission: Submission) -> dict[str, Submission]:
    """The submission of a batch with one exit, its exit changed."""
    (leaving,) = submission.exits
    others = {
        "amount": replace(leaving, amount=Gwei(leaving.amount + 1)),
        "address": replace(leaving, address=Address(bytes([leaving.address[0] ^ 1]) + leaving.address[1:])),
        "slot": replace(leaving, slot=1 - leaving.slot),
    }
    changed = {name: replace(submission, exits=(other,)) for name, other in others.items()}
    twice = tuple(replace(leaving, slot=slot) for slot in (0, 1))
    return changed | {"none": replace(submission, exits=()), "twice": replace(submission, exits=twice)}


async def test_a_proof_with_other_exits_than_its_batchs_is_rejected(market: Market) -> None:
    await market.post_deposits()
    await market.prove_all()
    number = await market.post([market.exit(1, amount=1000)])
    submission = await market.prove(number, account("prover").address)
    assert [(leaving.slot, leaving.amount) for leaving in submission.exits] == [(0, 1000)]
    for what, changed in with_other_exits(submission).items():
        with pytest.raises(Reverted) as refusal:
            await market.clients["copier"].submit_proof(changed)
        assert refusal.value.name == "InvalidProof", what
    await market.clients["prover"].submit_proof(submission)
    assert await market.clients["prover"].finalized_number() == number


async def test_a_proof_of_one_batch_is_not_accepted_for_another(market: Market) -> None:
    first = await market.post_deposits()
    second = await market.post_transfers()
    submission = await market.prove(first, account("prover").address)
    with pytest.raises(Reverted, match="WrongBatch"):
        await market.clients["copier"].submit_proof(replace(submission, number=second))


async def test_a_valid_proof_on_a_wrong_old_root_neither_pays_nor_blocks(market: Market) -> None:
    first = await market.post_deposits()
    second = await market.post_transfers()
    batch, _ = market.batches[second]
    elsewhere = native.NativeState(SHAPE.depth).execute(batch, market.domain)
    assert elsewhere.old_root != market.batches[second][1].old_root
    prover, copier = account("prover").address, account("copier").address
    bogus = await market.prove(second, copier, execution=elsewhere)
    await market.clients["copier"].submit_proof(bogus)
    assert await market.clients["copier"].finalized_number() == 0
    await market.clients["prover"].submit_proof(await market.prove(second, prover))
    await market.clients["prover"].submit_proof(await market.prove(first, prover))
    assert await market.clients["prover"].finalized_number() == second
    assert await market.clients["prover"].state_root() == market.state.root
    assert await market.clients["prover"].credit_of(copier) == 0
    assert await market.clients["prover"].credit_of(prover) == 2 * REWARD


async def test_a_late_proof_is_told_so_before_it_costs_anything(market: Market) -> None:
    number = await market.post_deposits()
    rival, prover = account("rival").address, account("prover").address
    ours = await market.prove(number, prover)
    await market.clients["rival"].submit_proof(await market.prove(number, rival))
    before = await market.clients["prover"].balance()
    with pytest.raises(AlreadyAccepted):
        await market.clients["prover"].submit_proof(ours)
    assert await market.clients["prover"].balance() == before


async def test_a_batch_of_raw_bytes_is_provable_and_changes_nothing(market: Market) -> None:
    first = await market.post_deposits()
    noise = [bytes([255] * 128), bytes(range(128))]
    second = await market.post(noise)
    prover = account("prover").address
    for number in (first, second):
        await market.clients["prover"].submit_proof(await market.prove(number, prover))
    assert await market.clients["prover"].finalized_number() == second
    assert market.batches[second][1].old_root == market.batches[second][1].new_root
    assert market.state.total_balance() == 2 * DEPOSIT

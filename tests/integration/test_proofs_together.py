"""Several real proofs in one transaction on anvil: who is paid, what is left out, what it costs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise

import pytest

from poe.errors import AlreadyAccepted, FeesTooHigh, InputError, Reverted
from poe.l1.contract import Arbiter
from poe.l1.interface import Submission
from poe.rollup.types import Address, BatchNumber, Wei
from tests.integration.market import REWARD, Market, account, dev_key, open_market

pytestmark = pytest.mark.integration

PROVER, RIVAL, RELAYER = (account(name).address for name in ("prover", "rival", "copier"))
TIP = Wei(REWARD // 10)
BATCHES = 5


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    async with open_market(dev_key()) as market:
        await market.post_deposits()
        for _ in range(BATCHES - 1):
            await market.post_transfers()
        yield market


async def prove_each(market: Market, *, tip: Wei = TIP) -> list[Submission]:
    """A proof of each batch; every other one pays the rival."""
    numbers = map(BatchNumber, range(1, BATCHES + 1))
    return [await market.prove(number, RIVAL if number % 2 else PROVER, tip=tip) for number in numbers]


def spoilt(submission: Submission) -> Submission:
    """The same with the points of another proof: well-formed, and false."""
    words = submission.proof_words
    return replace(submission, proof_words=(*words[6:8], *words[2:6], *words[0:2]))


async def credits(market: Market) -> dict[Address, int]:
    client = market.clients["prover"]
    return {who: await client.credit_of(who) for who in (PROVER, RIVAL, RELAYER)}


async def test_all_land_in_one_call_each_payee_is_paid_and_the_sender_gets_the_tips(market: Market) -> None:
    relayer = market.clients["copier"]
    landing = await relayer.submit_proofs(await prove_each(market))
    print(f"\n{BATCHES} proofs in one call: {landing.receipt.gas_used / BATCHES:.0f} gas each")
    assert landing.accepted == (True,) * BATCHES
    assert await relayer.finalized_number() == BATCHES
    assert await relayer.state_root() == market.state.root
    assert await credits(market) == {PROVER: 2 * (REWARD - TIP), RIVAL: 3 * (REWARD - TIP), RELAYER: BATCHES * TIP}


async def test_a_bad_proof_sinks_no_other_wherever_it_stands(market: Market) -> None:
    relayer, proofs = market.clients["copier"], await prove_each(market)
    for place in (0, 2, BATCHES - 1):
        snapshot = await market.anvil.snapshot()
        bundle = [spoilt(one) if i == place else one for i, one in enumerate(proofs)]
        landing = await relayer.submit_proofs(bundle)
        assert landing.accepted == tuple(i != place for i in range(BATCHES))
        assert await relayer.finalized_number() == place  # those after it wait for its batch
        await relayer.submit_proof(proofs[place])
        assert await relayer.finalized_number() == BATCHES
        assert sum((await credits(market)).values()) == BATCHES * REWARD
        await market.anvil.revert(snapshot)


async def test_accepted_ones_are_passed_over_and_twins_are_paid_once(market: Market) -> None:
    relayer, proofs = market.clients["copier"], await prove_each(market)
    await market.clients["prover"].submit_proof(proofs[0])
    twin = await market.prove(BatchNumber(2), RIVAL, tip=TIP)
    landing = await relayer.submit_proofs([proofs[0], proofs[2], proofs[1], twin, proofs[1]])
    assert landing.accepted == (False, True, True, False, False)
    assert await relayer.finalized_number() == 3
    assert await credits(market) == {PROVER: REWARD, RIVAL: 2 * (REWARD - TIP), RELAYER: 2 * TIP}


async def test_together_they_cost_less_each_the_more_they_are(market: Market) -> None:
    relayer, proofs, costs = market.clients["copier"], await prove_each(market, tip=Wei(0)), []
    snapshot = await market.anvil.snapshot()
    costs.append((await relayer.submit_proof(proofs[0])).gas_used)
    for together in (2, BATCHES):
        await market.anvil.revert(snapshot)
        snapshot = await market.anvil.snapshot()
        landing = await relayer.submit_proofs(proofs[:together])
        costs.append(landing.receipt.gas_used // together)
    print(f"\ngas a proof: {costs[0]} alone, {costs[1]} of two, {costs[2]} of {BATCHES}")
    assert all(fewer > more for fewer, more in pairwise(costs))


async def refusals(client: Arbiter, proofs: list[Submission]) -> None:
    """Bundles of which nothing may be sent."""
    with pytest.raises(Reverted, match="InvalidProof"):
        await client.submit_proofs([spoilt(one) for one in proofs])
    with pytest.raises(Reverted, match="WrongBatch"):
        await client.submit_proofs([proofs[0], replace(proofs[1], number=BatchNumber(3))])
    with pytest.raises(Reverted, match="BatchUnknown"):
        await client.submit_proofs([proofs[0], replace(proofs[1], number=BatchNumber(BATCHES + 1))])
    with pytest.raises(FeesTooHigh):
        await client.submit_proofs(proofs, worth=Wei(1))
    with pytest.raises(InputError):
        await client.submit_proofs([])


async def test_what_cannot_land_or_is_not_worth_it_costs_nothing(market: Market) -> None:
    relayer, proofs = market.clients["copier"], await prove_each(market)
    before = await relayer.balance()
    await refusals(relayer, proofs)
    assert (await relayer.balance(), await relayer.finalized_number()) == (before, 0)
    await market.clients["prover"].submit_proofs(proofs)
    with pytest.raises(AlreadyAccepted):
        await relayer.submit_proofs(proofs)
    assert await relayer.balance() == before

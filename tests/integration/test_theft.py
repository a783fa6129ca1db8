"""Theft, tried on anvil with real proofs: copied proofs, hostile receivers, starved calls. The payee alone is paid."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import trio

from poe.errors import Reverted, RpcRefused
from poe.l1 import answers
from poe.l1.abi import load_artifact
from poe.l1.contract import Arbiter, submission_tuple
from poe.l1.events import EventDecoder
from poe.l1.interface import ArbiterEvent, BatchFinalized, ProofAccepted, Submission
from poe.l1.send_log import Message
from poe.l1.terms import WEI_A_GWEI
from poe.rollup.types import Address, BatchNumber
from tests.fakes_l1 import NOWHERE
from tests.integration.market import DEPOSIT, FUNDS, REWARD, Market, account, dev_key, open_market

pytestmark = pytest.mark.integration

PROVER, COPIER = account("prover").address, account("copier").address
GWEI = 10**9
FEE = GWEI
COPIERS_FEE = 100 * FEE
CALL_GAS = 1_000_000
GAS_STEP = 200
SUCCEEDED, NOT_MINED = "0x1", "not mined"
BATCHES = 10
"""Races a round; after a round the chain goes back to before it."""


@dataclass(kw_only=True)
class Field:
    """A market with some batches posted and a proof of each, none of them sent yet."""

    market: Market
    proofs: Sequence[Submission]

    @property
    def prover(self) -> Arbiter:
        return self.market.clients["prover"]

    async def land(self, name: str, data: bytes, *, gas: int = CALL_GAS, to: Address | None = None) -> str:
        """Send and make a block; the receipt's status, NOT_MINED when the chain takes no such transaction."""
        try:
            sent = await self.send(name, data, nonce=await self.nonce_of(name), gas=gas, to=to)
        except RpcRefused:
            return NOT_MINED
        await self.market.anvil.mine()
        return await self.status_of(sent)

    async def status_of(self, tx_hash: str) -> str:
        """A receipt's status, NOT_MINED without one."""
        found: Any = await self.market.anvil.rpc.call("eth_getTransactionReceipt", tx_hash)
        return NOT_MINED if found is None else str(found["status"])

    async def events(self) -> list[ArbiterEvent]:
        """All that the arbiter ever said."""
        query = {"address": "0x" + self.market.parameters.address.hex(), "fromBlock": "0x0"}
        decoder = EventDecoder(load_artifact("Arbiter"), shape=self.market.shape)
        found = answers.array(await self.market.anvil.rpc.call("eth_getLogs", query), "logs")
        return [event for log in found for event in decoder.decode(answers.raw_log(log), NOWHERE.block)]

    async def send(
        self, name: str, data: bytes, *, nonce: int, tip: int = FEE, gas: int = CALL_GAS, to: Address | None = None
    ) -> str:
        """Sign and send, unsimulated, as a thief would; the hash."""
        fields: dict[str, object] = {
            "type": 2,
            "chainId": self.market.parameters.chain_id,
            "nonce": nonce,
            "gas": gas,
            "maxFeePerGas": tip + 10 * GWEI,
            "maxPriorityFeePerGas": tip,
            "value": 0,
            "data": data,
            "to": to or self.market.parameters.address,
        }
        raw, _ = account(name).sign_transaction(fields)
        return str(await self.market.anvil.rpc.call("eth_sendRawTransaction", "0x" + raw.hex()))

    async def nonce_of(self, name: str) -> int:
        found = await self.market.anvil.rpc.call(
            "eth_getTransactionCount", "0x" + account(name).address.hex(), "latest"
        )
        return int(str(found), 16)

    async def balance_of(self, who: Address) -> int:
        return int(str(await self.market.anvil.rpc.call("eth_getBalance", "0x" + who.hex(), "latest")), 16)


async def prepare(market: Market, payees: Sequence[Address]) -> Field:
    """Post a batch for each payee and prove it."""
    await market.post_deposits()
    for _ in payees[1:]:
        await market.post_transfers()
    proofs = [await market.prove(BatchNumber(number), payee) for number, payee in enumerate(payees, 1)]
    return Field(market=market, proofs=proofs)


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    async with open_market(dev_key()) as market:
        yield market


def one_call(submission: Submission) -> bytes:
    return load_artifact("Arbiter").encode_call("submitProof", submission_tuple(submission))


def bundle_call(submissions: Sequence[Submission]) -> bytes:
    return load_artifact("Arbiter").encode_call("submitProofs", [submission_tuple(one) for one in submissions])


class Copier:
    """Reads the pool and sends what it finds there again, first in line, itself named as payee wherever it can be."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._named = PROVER.rjust(32, b"\0"), COPIER.rjust(32, b"\0")

    async def strike(self) -> list[str]:
        """Mirror every pending transaction, and its variants, at a hundred times the fee."""
        nonce, sent = await self._field.nonce_of("copier"), []
        for seen in await self._pending():
            for data in self._variants(seen):
                sent.append(await self._field.send("copier", data, nonce=nonce, tip=COPIERS_FEE))
                nonce += 1
        return sent

    def _variants(self, seen: bytes) -> Iterator[bytes]:
        """The payee replaced, the very calldata, and both again, for whoever comes a second time."""
        ours, thiefs = self._named
        assert ours in seen
        yield seen.replace(ours, thiefs, 1)
        yield seen
        yield seen.replace(ours, thiefs)
        yield seen

    async def _pending(self) -> list[bytes]:
        """What others have in the pool, as anybody can read it; ends when there is something."""
        with trio.fail_after(10):
            while True:
                pool: Any = await self._field.market.anvil.rpc.call("txpool_content")
                found = [bytes.fromhex(tx["input"][2:]) for txs in pool["pending"].values() for tx in txs.values()]
                if found:
                    return found
                await trio.sleep(0.002)


async def race_once(field: Field, call: bytes) -> None:
    """The prover sends, the copier outbids it before the block is made, and lands first."""
    lost = []

    async def send_as_the_node_does() -> None:
        message = Message(to=field.market.parameters.address, data=call, gas=CALL_GAS)
        try:
            await field.prover.transactor.send(message)
        except Reverted as refusal:
            lost.append(refusal.name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_as_the_node_does)
        copies = await Copier(field).strike()
        await field.market.anvil.mine()
    assert lost in (["AlreadyAccepted"], ["NothingToAccept"])
    assert SUCCEEDED in [await field.status_of(copy) for copy in copies]


async def run_round(field: Field) -> None:
    """A race for every batch, three alone and then two in one call, and the reckoning."""
    await field.market.anvil.set_automine(False)
    for place in range(0, BATCHES, 5):
        for proof in field.proofs[place : place + 3]:
            await race_once(field, one_call(proof))
        await race_once(field, bundle_call(field.proofs[place + 3 : place + 5]))
    await field.market.anvil.set_automine(True)
    await reckon(field)


async def reckon(field: Field) -> None:
    """Every batch was landed by the copier, paid once and to the prover; the copier has nothing to take."""
    said = await field.events()
    landed = [event for event in said if isinstance(event, ProofAccepted)]
    paid = [event for event in said if isinstance(event, BatchFinalized)]
    numbers = [proof.number for proof in field.proofs]
    assert sorted(event.number for event in landed) == [event.number for event in paid] == numbers
    assert {event.submitter for event in landed} == {COPIER}
    assert {event.payee for event in (*landed, *paid)} == {PROVER}
    assert await field.prover.credit_of(PROVER) == BATCHES * REWARD
    assert await field.prover.credit_of(COPIER) == 0
    with pytest.raises(Reverted, match="NothingToWithdraw"):
        await field.market.clients["copier"].withdraw()
    assert await field.balance_of(COPIER) < FUNDS


@pytest.mark.parametrize("races", [30, pytest.param(300, marks=pytest.mark.long)])
async def test_a_copier_who_outbids_every_proof_earns_nothing(market: Market, races: int) -> None:
    field = await prepare(market, [PROVER] * BATCHES)
    for _ in range(races // BATCHES):
        snapshot = await market.anvil.snapshot()
        await run_round(field)
        await market.anvil.revert(snapshot)


@dataclass(frozen=True)
class Starved:
    """What a call with little gas came to: its receipt's status, proofs accepted, batches made final."""

    status: str
    taken: int
    final: int


async def starve(field: Field, call: bytes, gas: int) -> Starved:
    """Send a call with this much gas, look who was paid for what, then let somebody land the rest; go back."""
    snapshot = await field.market.anvil.snapshot()
    status = await field.land("rival", call, gas=gas)
    taken = sum(isinstance(event, ProofAccepted) for event in await field.events())
    final = await field.prover.finalized_number()
    assert await field.prover.credit_of(PROVER) == final * REWARD, f"{gas} gas"
    assert (status == SUCCEEDED) == (taken > 0) == (final > 0), f"{gas} gas"
    await field.land("copier", bundle_call(field.proofs))
    assert await field.prover.finalized_number() == len(field.proofs), f"{gas} gas"
    assert await field.prover.credit_of(PROVER) == len(field.proofs) * REWARD, f"{gas} gas"
    await field.market.anvil.rpc.call("anvil_dropAllTransactions")
    await field.market.anvil.revert(snapshot)
    return Starved(status=status, taken=taken, final=final)


async def least_gas(field: Field, call: bytes) -> int:
    """The least gas at which the call does something, to within GAS_STEP."""
    low, high = 21_000, CALL_GAS
    while high - low > GAS_STEP:
        middle = (low + high) // 2
        low, high = (low, middle) if (await starve(field, call, middle)).final else (middle, high)
    return high


async def sweep(field: Field, call: bytes) -> list[Starved]:
    """Gas limits from a plain payment's up to ample, closer where the call begins to succeed."""
    least = await least_gas(field, call)
    close = range(least - 20 * GAS_STEP, least + 10 * GAS_STEP, GAS_STEP)
    wide = range(21_000, least + 250_000, 25_000)
    return [await starve(field, call, gas) for gas in sorted({*wide, *close})]


async def test_a_proof_at_any_gas_limit_is_paid_or_was_not_taken(market: Market) -> None:
    field = await prepare(market, [PROVER])
    found = await sweep(field, one_call(field.proofs[0]))
    assert [one.final for one in found] == sorted(one.final for one in found)
    assert {one.status for one in found} == {NOT_MINED, "0x0", SUCCEEDED}


async def test_a_bundle_with_a_bad_proof_at_any_gas_limit_pays_what_it_took(market: Market) -> None:
    field = await prepare(market, [PROVER] * 3)
    good, spoilt, last = field.proofs
    words = spoilt.proof_words
    bad = replace(spoilt, proof_words=(*words[6:8], *words[2:6], *words[0:2]))
    found = await sweep(field, bundle_call([good, bad, last]))
    assert {one.status for one in found} == {NOT_MINED, "0x0", SUCCEEDED}
    assert {(one.taken, one.final) for one in found} >= {(0, 0), (2, 1)}  # with less than enough for the last: (1, 1)


WITHDRAW = load_artifact("Arbiter").functions["withdraw"].selector
REVERT = bytes.fromhex("60006000fd")
BURN = bytes.fromhex("fe")


def call_withdraw(arbiter: Address) -> bytes:
    """EVM code: call `withdraw()` with all gas, leave whether it succeeded on the stack."""
    return b"".join(
        (
            bytes.fromhex("63") + WITHDRAW + bytes.fromhex("60e01b600052"),  # the selector to the front of word 0
            bytes.fromhex("6000600060046000600073") + arbiter + bytes.fromhex("5af1"),
        )
    )


def receiver(arbiter: Address, on_payment: bytes) -> bytes:
    """A contract that withdraws when called with data and does `on_payment` when called without."""
    entry = 4 + len(on_payment) + 1
    start = bytes.fromhex("36") + bytes((0x60, entry)) + bytes.fromhex("57")  # calldatasize, entry, jumpi
    return start + on_payment + bytes.fromhex("005b") + call_withdraw(arbiter) + bytes.fromhex("00")


async def test_a_receiver_that_reverts_burns_all_gas_or_calls_back_harms_only_itself(market: Market) -> None:
    arbiter = market.parameters.address
    hostile = {REVERT: 0, BURN: 0, call_withdraw(arbiter): REWARD}
    payees = [Address(bytes([0xB0 + i]) * 20) for i in range(len(hostile))]
    for payee, on_payment in zip(payees, hostile, strict=True):
        code = receiver(arbiter, on_payment)
        await market.anvil.rpc.call("anvil_setCode", "0x" + payee.hex(), "0x" + code.hex())
    field = await prepare(market, [*payees, PROVER])
    await field.prover.submit_proofs(field.proofs)
    assert await field.prover.finalized_number() == len(field.proofs)
    for payee, got in zip(payees, hostile.values(), strict=True):
        for _ in range(2):
            assert await field.land("rival", b"\x01", to=payee) == SUCCEEDED
            assert await field.balance_of(payee) == got
            assert await field.prover.credit_of(payee) == REWARD - got
    before = await field.balance_of(PROVER)
    receipt = await field.prover.withdraw()
    assert await field.balance_of(PROVER) == before + REWARD - receipt.gas_used * receipt.effective_gas_price
    owed = [await field.prover.credit_of(who) for who in (*payees, PROVER, account("sequencer").address)]
    bond = await field.prover.bond_of(account("sequencer").address)
    assert await field.balance_of(arbiter) == 2 * DEPOSIT * WEI_A_GWEI + bond + sum(owed)

"""The EVM as a judge: batches posted to the real arbiter on anvil, x and y as it computes them, and what it accepts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from poe.backend.interface import Execution
from poe.crypto.field import split_words
from poe.errors import RpcRefused
from poe.l1.abi import load_artifact
from poe.l1.contract import submission_tuple
from poe.l1.interface import Submission
from poe.l1.views import ArbiterViews
from poe.rollup.batch import batch_hash, deposit_slot, forced_exit_slot, seal_batch
from poe.rollup.state import State
from poe.rollup.types import AccountIndex, Address, Batch, BatchNumber, FieldElement, Gwei, Hash
from tests.differential.grammar import NEW, Case, Writer, address_of, fee_account, genesis, key_of
from tests.differential.judges import Evidence, Facts
from tests.integration.market import REWARD, Market, account

ECHO = "0x365f5f37365ffd"
"""A contract that reverts with its calldata: in the verifier's place it shows what the arbiter asks of it."""

ASKING = AccountIndex(1)
"""The account whose exit address is `rival`'s."""

FIRST_PUBLIC_WORD = 8
"""The verifier takes eight proof words, then C, x, y."""

MAX_CREATED = NEW + 6
"""Accounts that the judge makes on chain at most; the full one lies behind them."""


def genesis_on_chain() -> State:
    """The grammar's state, with an exit address that can call the contract."""
    state = genesis()
    rival = int.from_bytes(account("rival").address)
    return state.with_account(ASKING, replace(state.accounts[ASKING], exit_address=rival))


class Chain:
    """Posts drawn batches, one after the other, and asks the arbiter about proofs of them."""

    def __init__(self, market: Market, verifier: Address) -> None:
        self.market = market
        self.verifier = verifier
        self.payee = account("prover").address
        self._created = 0
        self._head = BatchNumber(0), Hash(bytes(32))
        self._queue_end = 0

    @classmethod
    async def open(cls, market: Market) -> Chain:
        """On a market that has just been opened."""
        views = ArbiterViews(market.anvil.rpc, market.parameters.address)
        verifier = await views.view("verifier")
        return cls(market, Address(bytes.fromhex(verifier.removeprefix("0x"))))

    async def post(self, draw: random.Random, state: State) -> Evidence:
        """Queue what the draw says, post a batch with it and with users' slots of any bytes."""
        market, slots = self.market, self.market.shape.slots
        deposits = [await self._deposit(draw) for _ in range(draw.choice([0, 0, 1]))]
        forced = [await self._force_exit(draw) for _ in range(draw.choice([0, 0, 1]))]
        writer = Writer(draw, state, market.domain)
        users = [writer.user_slot() for _ in range(slots - len(deposits) - len(forced))]
        entries = len(deposits) + len(forced)
        if users and draw.random() < 0.3:
            await market.clients["rival"].force_transaction(users[0])
            entries += 1
        batch = seal_batch(
            market.shape, deposits=deposits, forced_exits=forced, transfers=users, fee_account=fee_account(draw)
        )
        number = await self._sequence(batch, entries)
        return Evidence(Case(state, batch, market.domain), number=number, payee=self.payee)

    async def _sequence(self, batch: Batch, entries: int) -> BatchNumber:
        (number, parent), queue_end = self._head, self._queue_end + entries
        following = BatchNumber(number + 1)
        await self.market.clients["sequencer"].sequence_batch(
            following, parent, batch, queue_end=queue_end, value=REWARD
        )
        self._head, self._queue_end = (following, batch_hash(batch)), queue_end
        return following

    async def posting_of(self, batch: Batch) -> bool | str:
        """Would the arbiter take this as the next batch, with nothing drained? True, or the name of its refusal."""
        number, parent = self._head
        header = (batch.header.deposits, batch.header.forced, batch.header.fee_account)
        arguments = (number + 1, parent, header, batch.data, self._queue_end)
        data = load_artifact("Arbiter").encode_call("sequenceBatch", *arguments)
        reason = await self._reason(self.market.parameters.address, data, {}, sender=account("sequencer").address)
        return True if reason is None else load_artifact("Arbiter").decode_revert(reason).name

    async def _deposit(self, draw: random.Random) -> bytes:
        index, amount = AccountIndex(self._created), Gwei(draw.choice([10**6, 10**9]))
        assert index < MAX_CREATED
        self._created += 1
        await self.market.clients["rival"].deposit(
            public_key=key_of(index), exit_address=address_of(index), amount=amount
        )
        return deposit_slot(index, amount, key_of(index), address_of(index))

    async def _force_exit(self, draw: random.Random) -> bytes:
        """Of the account that has this exit address, or of another's."""
        index, amount = AccountIndex(draw.choice([ASKING, ASKING, 0, NEW, 2**48 - 1])), Gwei(draw.choice([0, 7, 10**7]))
        client = self.market.clients["rival"]
        await client.force_exit(index, amount)
        return forced_exit_slot(index, amount, client.account)

    async def facts(self, submission: Submission) -> Facts:
        """x and y as the contract computes them, and whether it takes the proof: True, or the revert's name."""
        asked = await self._call(submission, {"0x" + self.verifier.hex(): {"code": ECHO}})
        assert isinstance(asked, bytes)
        words = split_words(asked[4:])
        commitment, x, y = words[FIRST_PUBLIC_WORD:]
        assert tuple(words[:FIRST_PUBLIC_WORD]) == submission.proof_words
        return {"C": commitment, "x": x, "y": y, "provable": await self.accepts(submission)}

    async def accepts(self, submission: Submission) -> bool | str:
        """Would the arbiter take this now? True, or the name of its refusal."""
        reason = await self._call(submission, {})
        return True if reason is None else load_artifact("Arbiter").decode_revert(reason).name

    async def verifies(self, words: Sequence[int], inputs: Sequence[int]) -> bool:
        """What the verifier itself says of eight words and C, x, y."""
        artifact = load_artifact("Groth16Verifier")
        data = artifact.encode_call("verify", list(words), *inputs)
        answer = await self.market.anvil.rpc.call("eth_call", self._fields(self.verifier, data, self.payee), "latest")
        assert isinstance(answer, str)
        (holds,) = artifact.decode_result("verify", bytes.fromhex(answer.removeprefix("0x")))
        return bool(holds)

    async def _call(self, submission: Submission, overrides: dict[str, Any]) -> bytes | None:
        data = load_artifact("Arbiter").encode_call("submitProof", submission_tuple(submission))
        return await self._reason(self.market.parameters.address, data, overrides, sender=self.payee)

    async def _reason(self, to: Address, data: bytes, overrides: dict[str, Any], *, sender: Address) -> bytes | None:
        """The bytes with which a call reverts; None if it goes through."""
        try:
            await self.market.anvil.rpc.call("eth_call", self._fields(to, data, sender), "latest", overrides)
        except RpcRefused as refusal:
            if refusal.data is None:
                raise
            return refusal.data
        return None

    def _fields(self, to: Address, data: bytes, sender: Address) -> dict[str, str]:
        fields = {"from": "0x" + sender.hex(), "to": "0x" + to.hex(), "data": "0x" + data.hex()}
        # Only a posting is sent money: its reward.
        return fields | ({"value": hex(REWARD)} if sender == account("sequencer").address else {})


def submission_of(evidence: Evidence, proof: Facts) -> Submission:
    """What `submitProof` takes, by the executor's facts."""
    executed: Execution = evidence.executed
    return Submission(
        number=evidence.number,
        batch=evidence.case.batch,
        old_root=executed.old_root,
        new_root=executed.new_root,
        payee=evidence.payee,
        tip=evidence.tip,
        commitment=FieldElement(proof["C"]),
        proof_words=proof["proof"],
        exits=executed.exits,
    )

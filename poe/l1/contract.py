"""The arbiter's calls for one account, on a chain and at an address that are checked first."""

from __future__ import annotations

from collections.abc import Sequence

from poe.errors import BadAnswer, InputError, L1Error
from poe.journal import Journal
from poe.l1 import answers
from poe.l1.abi import UNNAMED_REVERT, Revert, load_artifact
from poe.l1.bundle import sized, which_accepted
from poe.l1.events import EventDecoder
from poe.l1.interface import Announced, ArbiterEvent, ArbiterParameters, Landing, Receipt, Submission
from poe.l1.keys import Signer
from poe.l1.rpc import JsonRpc
from poe.l1.send_log import Message
from poe.l1.terms import MOST_FACTOR, WEI_A_GWEI, offer_for
from poe.l1.transactor import FeePolicy, Patience, Transactor
from poe.l1.views import ArbiterViews, address, element
from poe.rollup.types import (
    SLOT_BYTES,
    WORD_BYTES,
    AccountIndex,
    Address,
    Batch,
    BatchNumber,
    Exit,
    FieldElement,
    Gwei,
    Hash,
    Header,
    Wei,
)

KEY_WORDS = 22
"""Words of a verifying key (docs/protocol.md, section 6)."""

FEE_HEADROOM_ENTRIES = 32
"""The queue's fee grows by a 64th with every entry that waits; we pay for so many that may get in before ours."""

_FEE_STEPS = 64

FOLLOWERS_GAS = 1_000_000
"""A proof also makes final up to seven batches whose proofs wait behind it, and they may have come after its estimate:
a rival could have it run out of gas by landing those just before (`submitProofFinalizingEight` in
contracts/snapshots/gas.json)."""


class Arbiter:
    """`ArbiterClient` over JSON-RPC (poe/l1/interface.py)."""

    def __init__(self, views: ArbiterViews, rpc: JsonRpc, transactor: Transactor, *, max_queue_fee_wei: int) -> None:
        self._views = views
        self._rpc = rpc
        self._transactor = transactor
        self._max_queue_fee_wei = max_queue_fee_wei

    @classmethod
    async def connect(
        cls,
        rpc: JsonRpc,
        address: Address,
        signer: Signer,
        *,
        chain_id: int,
        fees: FeePolicy | None = None,
        patience: Patience | None = None,
        journal: Journal | None = None,
    ) -> Arbiter:
        """A client for `signer`; WrongChain if the endpoint serves another chain or no contract is at `address`."""
        await rpc.require_chain(chain_id)
        views = ArbiterViews(rpc, address)
        await views.require_contract()
        fees = fees or FeePolicy()
        transactor = Transactor(
            rpc, signer, chain_id=chain_id, decode_revert=decode_revert, fees=fees, patience=patience, journal=journal
        )
        return cls(views, rpc, transactor, max_queue_fee_wei=fees.max_queue_fee_wei)

    @property
    def account(self) -> Address:
        """Our account."""
        return self._transactor.account

    @property
    def transactor(self) -> Transactor:
        """The owner of our account's nonces."""
        return self._transactor

    async def parameters(self) -> ArbiterParameters:
        """The immutables."""
        return await self._views.parameters()

    async def balance(self) -> Wei:
        """ETH of our account."""
        found = await self._rpc.call("eth_getBalance", "0x" + self.account.hex(), "latest")
        return Wei(answers.quantity(found, "eth_getBalance", bits=256))

    async def gas_price(self) -> Wei:
        """Base fee of the latest block and our usual tip, a gas."""
        return await self._transactor.gas_price()

    async def credit_of(self, payee: Address) -> Wei:
        """What `payee` could withdraw now."""
        return Wei(await self._views.view("creditOf", payee))

    async def state_root(self) -> FieldElement:
        """The finalized state root."""
        return element(await self._views.view("stateRoot"))

    async def finalized_number(self) -> BatchNumber:
        """The last final batch."""
        return BatchNumber(await self._views.view("finalizedNumber"))

    async def is_accepted(self, number: BatchNumber, old_root: FieldElement) -> bool:
        """Is a proof of the batch on this root accepted?"""
        _, payee, _ = await self._views.view("accepted", number, old_root)
        return int(payee, 16) != 0

    async def sequenced_number(self) -> BatchNumber:
        """The last batch ordered."""
        number, _ = await self._views.view("head")
        return BatchNumber(number)

    async def current_reward(self) -> Wei:
        """The least reward that a posting must offer now."""
        return Wei(await self._views.view("currentReward"))

    async def backlog_cap(self) -> int:
        """How many batches may wait for their proofs."""
        return int(await self._views.view("backlogCap"))

    async def posting_value(self) -> Wei:
        """What a posting of ours takes now: reward and bounty, and three rewards more if we have no seat.

        With headroom for steps of the controller before ours is mined, up to the most that a posting may offer.
        """
        reward = offer_for(await self.current_reward(), Wei(await self._views.view("reward")))
        factor = 1 if self.account in await self.sequencers() else MOST_FACTOR
        return Wei(factor * reward + await self._views.view("bounty"))

    async def sequence_batch(
        self, number: BatchNumber, parent_hash: Hash, batch: Batch, *, queue_end: int, value: Wei
    ) -> Receipt:
        """Order the next batch; `value` is its reward, or four of them if we have no seat, and the bounty."""
        header = _header(batch.header)
        return await self._send("sequenceBatch", number, parent_hash, header, batch.data, queue_end, value=value)

    async def submit_proof(self, submission: Submission, *, worth: Wei | None = None) -> Receipt:
        """Submit a proof, for at most `worth` of gas; AlreadyAccepted if a rival was first."""
        return await self._send("submitProof", submission_tuple(submission), worth=worth, spare_gas=FOLLOWERS_GAS)

    async def submit_proofs(self, submissions: Sequence[Submission], *, worth: Wei | None = None) -> Landing:
        """Submit several proofs in one transaction, for at most `worth` of gas; AlreadyAccepted if all are late.

        InputError when there is none. One that is late, bad or a twin is left out and sinks no other; one that is
        not of its batch at all is refused with the whole call, before anything is sent.
        """
        message = await self._bundle(submissions, worth)
        receipt = await self._transactor.send(message)
        decoder = EventDecoder(self._views.artifact, shape=submissions[0].batch.header.shape)
        return Landing(receipt=receipt, accepted=which_accepted(submissions, await self.events_of(receipt, decoder)))

    async def gas_of_proofs(self, submissions: Sequence[Submission]) -> int:
        """The gas limit that `submit_proofs` would send with; its errors, and nothing is sent."""
        message = await self._bundle(submissions, None)
        return message.gas or 0

    async def _bundle(self, submissions: Sequence[Submission], worth: Wei | None) -> Message:
        if not submissions:
            raise InputError("no proofs to submit")
        data = self._views.artifact.encode_call("submitProofs", [submission_tuple(one) for one in submissions])
        return await sized(Message(to=self._views.address, data=data, worth=worth), self._transactor)

    async def settle_award(self, number: BatchNumber, old_root: FieldElement, *, worth: Wei | None = None) -> Receipt:
        """Under a policy: have whoever it chose for a final batch paid, once the wait is over; for `worth` of gas."""
        return await self._send("settleAward", number, old_root, worth=worth)

    async def join_sequencers(self, bond: Wei) -> Receipt:
        """Take the next seat, for exactly the arbiter's bond."""
        return await self._send("joinSequencers", value=bond)

    async def leave_sequencers(self) -> Receipt:
        """Give our seat up."""
        return await self._send("leaveSequencers")

    async def top_up_bond(self, amount: Wei) -> Receipt:
        """Add to our bond."""
        return await self._send("topUpBond", value=amount)

    async def release_bond(self, sequencer: Address) -> Receipt:
        """Credit the bond of a sequencer that left, once it answers for nothing any more."""
        return await self._send("releaseBond", sequencer)

    async def slash_sequencer(
        self, number: BatchNumber, parent_hash: Hash, first: Announced, second: Announced
    ) -> Receipt:
        """Have a sequencer lose its bond, half of it to us, by two announcements of one number and parent."""
        told = [(one.batch_hash, _header(one.header), one.signature) for one in (first, second)]
        return await self._send("slashSequencer", number, parent_hash, *told)

    async def sequencers(self) -> tuple[Address, ...]:
        """Who has a seat, in the order of turns."""
        return tuple(map(address, await self._views.view("sequencers")))

    async def in_turn(self) -> Address | None:
        """Whose turn it is to post; None without sequencers."""
        found = address(await self._views.view("inTurn"))
        return found if any(found) else None

    async def may_post(self, sequencer: Address) -> bool:
        """May this account post a batch of its own choice in the next block?"""
        return bool(await self._views.view("mayPost", sequencer))

    async def bond_of(self, sequencer: Address) -> Wei:
        """What is left of a sequencer's bond, its seat taken or given up."""
        return Wei(await self._views.view("bondOf", sequencer))

    async def raise_alarm(self, second: Submission, *, new_root: FieldElement) -> Receipt:
        """Show a second valid proof of a batch that became final with `new_root`, and end the rollup before it.

        Reverted with WrongRecord for another old root than the batch's own, NoContradiction when both proofs say the
        same, AlarmNotDue when the batch is not final or no alarm can cancel it any more.
        """
        return await self._send("raiseAlarm", submission_tuple(second), new_root)

    async def queue_fee(self) -> Wei:
        """The least fee of a queue entry now."""
        return Wei(await self._views.view("queueFee"))

    async def deposit(self, *, public_key: tuple[int, int], exit_address: Address, amount: Gwei) -> Receipt:
        """Queue a deposit that creates an L2 account; pays the amount and the queue's fee."""
        return await self._enqueue("deposit", *public_key, exit_address, amount, value=amount * WEI_A_GWEI)

    async def top_up(
        self, account: AccountIndex, *, public_key: tuple[int, int], exit_address: Address, amount: Gwei
    ) -> Receipt:
        """Queue a deposit into an existing L2 account; its key and exit address must be the account's own."""
        value = amount * WEI_A_GWEI
        return await self._enqueue("topUp", account, *public_key, exit_address, amount, value=value)

    async def force_exit(self, account: AccountIndex, amount: Gwei) -> Receipt:
        """Queue an exit from an L2 account whose exit address is ours; pays the queue's fee."""
        return await self._enqueue("forceExit", account, amount)

    async def force_transaction(self, slot: bytes) -> Receipt:
        """Queue 128 bytes as a user's slot; pays the queue's fee."""
        return await self._enqueue("forceTransaction", split_slot(slot))

    async def credit_exits(self, number: BatchNumber, exits: Sequence[Exit]) -> Receipt:
        """Credit all exits of a batch that is final for long enough; once a batch."""
        return await self._send("creditExits", number, [leaving.word for leaving in exits])

    async def finalize(self, limit: int) -> Receipt:
        """Finalize up to `limit` batches whose proofs are accepted and next in line."""
        return await self._send("finalize", limit)

    async def enter_exit_mode(self) -> Receipt:
        """End the rollup; Reverted when it is not due yet or a batch is ready to finalize."""
        return await self._send("enterExitMode")

    async def refund_batch(self, number: BatchNumber) -> Receipt:
        """In exit mode: credit a void batch's reward to its poster."""
        return await self._send("refundBatch", number)

    async def refund_entry(self, queue_index: int, slot: bytes) -> Receipt:
        """In exit mode: credit what a void queue entry paid; `slot` are the 128 bytes its slot had to hold."""
        return await self._send("refundEntry", queue_index, split_slot(slot))

    async def leave(
        self, account: AccountIndex, exit_address: Address, balance: Gwei, proof_words: Sequence[int]
    ) -> Receipt:
        """In exit mode: credit an account's whole balance to its exit address, by a membership proof."""
        return await self._send("leave", account, exit_address, balance, list(proof_words))

    async def exit_mode(self) -> bool:
        """Whether the rollup has ended."""
        return bool(await self._views.view("exitMode"))

    async def events_of(self, receipt: Receipt, decoder: EventDecoder) -> list[ArbiterEvent]:
        """What the arbiter emitted in a transaction; BadAnswer when the endpoint contradicts itself."""
        block = await self._rpc.block(receipt.block_number)
        if block is None:
            raise BadAnswer(f"{self._rpc.endpoint} has no block {receipt.block_number} any more")
        query = {"address": "0x" + self._views.address.hex(), "blockHash": "0x" + block.hash.hex()}
        found = answers.array(await self._rpc.call("eth_getLogs", query), "eth_getLogs")
        logs = [entry for entry in map(answers.raw_log, found) if entry.tx_hash == receipt.tx_hash]
        try:
            return [event for entry in logs for event in decoder.decode(entry, block)]
        except ValueError as error:
            raise BadAnswer(f"{self._rpc.endpoint} answered a log that does not decode: {error}") from None

    async def withdraw(self) -> Receipt:
        """Pull our credit."""
        return await self._send("withdraw")

    async def _enqueue(self, name: str, *arguments: object, value: int = 0) -> Receipt:
        """Pay `value` and the queue's fee, with headroom for entries that get in before ours."""
        fee = await self.queue_fee() * (_FEE_STEPS + FEE_HEADROOM_ENTRIES) // _FEE_STEPS
        if fee > self._max_queue_fee_wei:
            raise L1Error(
                f"{self._rpc.endpoint} asks {fee} Wei for a queue entry, the most we pay is {self._max_queue_fee_wei}",
                fix="wait until the queue is shorter, or ask another endpoint",
            )
        return await self._send(name, *arguments, value=value + fee)

    async def _send(
        self, name: str, *arguments: object, value: int = 0, worth: Wei | None = None, spare_gas: int = 0
    ) -> Receipt:
        data = self._views.artifact.encode_call(name, *arguments)
        message = Message(to=self._views.address, data=data, value=Wei(value), worth=worth, spare_gas=spare_gas)
        return await self._transactor.send(message)


def submission_tuple(submission: Submission) -> tuple[object, ...]:
    """`IArbiter.Submission` in its field order."""
    return (
        submission.number,
        submission.old_root,
        submission.new_root,
        submission.payee,
        submission.tip,
        submission.commitment,
        submission.proof_words,
        _header(submission.batch.header),
        submission.batch.data,
        [leaving.word for leaving in submission.exits],
    )


def split_slot(slot: bytes) -> list[bytes]:
    """A slot as the four words of `forceTransaction`; InputError when it is not one."""
    if len(slot) != SLOT_BYTES:
        raise InputError(f"slot is {len(slot)} bytes, wanted {SLOT_BYTES}")
    return [slot[i : i + WORD_BYTES] for i in range(0, SLOT_BYTES, WORD_BYTES)]


def decode_revert(reason: bytes | None) -> Revert:
    """A revert reason, out of the errors of the arbiter, the verifier and the policies."""
    for name in ("Arbiter", "Groth16Verifier", "Lease", "PhotoFinish"):
        found = load_artifact(name).decode_revert(reason)
        if found.name != UNNAMED_REVERT.name:
            return found
    return found


def _header(header: Header) -> tuple[int, int, int]:
    return (header.deposits, header.forced, header.fee_account)

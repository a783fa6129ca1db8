"""Sends one account's transactions: explicit nonces, simulated first, fees bumped until mined, safe to cancel and kill.

Nonces are never counted ahead. A transaction is entered in `_in_flight` before its bytes leave, and the next one takes
the first nonce that the endpoint's pending count leaves free and that is not in flight. So a cancelled caller, an
answer that never came, or a reorg that threw a transaction away, neither loses a nonce nor gives one out twice.

With a journal the entry is on disk first, and a process that starts again goes on from there: asked to do what is
already in flight, it waits for that. One that is not mined in its time, or that would fail by now, is replaced by an
empty payment to ourselves, so its nonce holds up nothing; asked for the same again, we first wait for which of the two
is mined.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass

import trio

from poe.errors import (
    AlreadyAccepted,
    BadAnswer,
    L1Error,
    L1Unreachable,
    NotMined,
    Reverted,
    RpcRefused,
)
from poe.journal import Journal
from poe.l1 import answers
from poe.l1.abi import Revert
from poe.l1.answers import RawReceipt
from poe.l1.fees import TRANSFER_GAS, FeePolicy
from poe.l1.interface import Receipt
from poe.l1.keys import Signer
from poe.l1.rpc import JsonRpc
from poe.l1.send_log import InFlight, Message, SendLog
from poe.rollup.types import Address, Wei

__all__ = ["FeePolicy", "Patience", "Transactor"]

log = logging.getLogger("poe.l1.transactor")

RevertDecoder = Callable[[bytes | None], Revert]

_NONCE_ATTEMPTS = 8
_LATE_RECEIPT_RESENDS = 3
"""So many times to resend is what a receipt may come later than its block: endpoints hear of it one after the other."""
_MAX_FILLED = 64
_KNOWN_MARKS = ("already known", "already imported", "already in mempool", "known transaction")
_TAKEN_MARKS = ("nonce too low", "nonce is too low", "replacement")
"""How geth, anvil, nethermind and erigon say that they hold the transaction, or another one at its nonce."""

_REVERT_MARKS = ("revert", "invalid opcode", "out of gas")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait: for a receipt in all, before a resend, between looks."""

    mined_seconds: float = 96.0
    resend_seconds: float = 12.0
    poll_seconds: float = 0.2


class Transactor:
    """The one owner of an account's nonces. Any number of tasks may send; each gets its own receipt."""

    def __init__(
        self,
        rpc: JsonRpc,
        signer: Signer,
        *,
        chain_id: int,
        decode_revert: RevertDecoder,
        fees: FeePolicy | None = None,
        patience: Patience | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._rpc = rpc
        self._signer = signer
        self._chain_id = chain_id
        self._decode_revert = decode_revert
        self._fees = fees or FeePolicy()
        self._patience = patience or Patience()
        self._lock = trio.Lock()
        self._log = SendLog(journal, signer.address)
        self._in_flight = self._log.read()
        self.resends = 0

    @property
    def account(self) -> Address:
        """Whose transactions these are."""
        return self._signer.address

    async def gas_price(self) -> Wei:
        """What a gas costs now: the latest block's base fee and our tip."""
        return Wei(await self._base_fee() + self._fees.tip_wei)

    async def call(self, message: Message, *, block: str = "latest") -> bytes:
        """Simulate: the call's result bytes, or Reverted with the decoded error."""
        try:
            answer = await self._rpc.call("eth_call", self._call_fields(message), block)
        except RpcRefused as error:
            raise self._as_revert(error) from None
        return answers.data(answer, "eth_call")

    async def send(self, message: Message) -> Receipt:
        """Simulate, send and wait until mined.

        Reverted (or AlreadyAccepted) when the simulation or the mined transaction reverts, NotMined when its time is
        up, L1Unreachable, RpcRefused or BadAnswer when nothing was sent. Cancelled, a transaction that is out stays
        out: its nonce is taken.
        """
        return (await self._send(message)).receipt

    async def create(self, creation_code: bytes) -> tuple[Address, Receipt]:
        """Deploy a contract; its address and the receipt."""
        mined = await self._send(Message(to=None, data=creation_code))
        if mined.contract is None:
            raise BadAnswer(f"{self._rpc.endpoint} answered a deployment's receipt without a contract address")
        return mined.contract, mined.receipt

    async def _send(self, message: Message) -> RawReceipt:
        sent = await self._adopt(message) or await self._launch(message, await self.gas_for(message))
        try:
            mined = await self._wait_until_mined(sent)
        except NotMined:
            if sent.passed_at is None:
                await self._cancel(sent)
            else:
                await self._forget(sent.nonce)
            raise
        finally:
            sent.is_awaited = False
        await self._forget(sent.nonce)
        if sent.was_given_up(mined.tx_hash):
            return await self._send(message)
        if not mined.succeeded:
            reason = await self._reason_of(message, None if sent.given_up else sent.gas, mined)
            reason.gas_used, reason.block_number = mined.gas_used, mined.block_number
            raise reason
        return mined

    async def gas_for(self, message: Message) -> int:
        """The gas limit. An estimate is a simulation too: it fails with the same revert."""
        if message.gas is not None:
            await self.call(message)
            return message.gas
        try:
            answer = await self._rpc.call("eth_estimateGas", self._call_fields(message))
        except RpcRefused as error:
            raise self._as_revert(error) from None
        estimate = answers.quantity(answer, "eth_estimateGas", bits=40)
        if estimate < TRANSFER_GAS:
            raise BadAnswer(f"{self._rpc.endpoint} estimates {estimate} gas, no transaction takes less than 21000")
        return estimate * (100 + self._fees.gas_margin_percent) // 100 + message.spare_gas

    async def _adopt(self, message: Message) -> InFlight | None:
        """What may do the same, is out and not awaited: by a process before this one, or for a caller that gave up."""
        async with self._lock:
            mined, pending = [await self._count_of(which) for which in ("latest", "pending")]
            for sent in self._in_flight.values():
                # A nonce far ahead, from an endpoint that lied once, will not be reached: nothing is to wait for it.
                is_reachable = mined <= sent.nonce <= pending + _MAX_FILLED
                if is_reachable and not sent.is_awaited and sent.may_do(message):
                    log.info("tx_adopted nonce=%d", sent.nonce)
                    sent.is_awaited = True
                    return sent
        return None

    async def _forget(self, nonce: int) -> None:
        self._in_flight.pop(nonce, None)
        await self._log.forget(nonce)

    async def _launch(self, message: Message, gas: int) -> InFlight:
        """Take a nonce and send; the lock makes taking and entering one step."""
        taken_by_others = -1
        async with self._lock:
            for _ in range(_NONCE_ATTEMPTS):
                tip, max_fee = self._fees.first(message, gas, await self._base_fee())
                nonce = await self._free_nonce(taken_by_others + 1)
                sent = InFlight(nonce=nonce, message=message, gas=gas, tip=tip, max_fee=max_fee)
                if await self._enter(sent):
                    return sent
                taken_by_others = nonce
        raise NotMined(f"nonces up to {taken_by_others} of 0x{self.account.hex()} are used by another sender")

    async def _enter(self, sent: InFlight) -> bool:
        """Send a new transaction and keep it in flight; False, and forgotten, when its nonce is another's."""
        self._in_flight[sent.nonce] = sent
        is_ours = False
        try:
            is_ours = await self._transmit(sent)
        finally:
            if not is_ours:
                with trio.CancelScope(shield=True):
                    await self._forget(sent.nonce)
        return is_ours

    async def _count_of(self, which: str) -> int:
        """How many transactions of ours the endpoint knows, `latest` (mined) or `pending`: the next nonce."""
        account = "0x" + self.account.hex()
        return answers.quantity(await self._rpc.call("eth_getTransactionCount", account, which), "nonce", bits=63)

    async def _free_nonce(self, at_least: int) -> int:
        mined = await self._count_of("latest")
        pending = await self._count_of("pending")
        for nonce, sent in list(self._in_flight.items()):
            if nonce < mined and not sent.is_awaited:
                await self._forget(nonce)
        nonce = max(mined, pending, at_least)
        # An entry below `pending` that the endpoint no longer knows is resent by whoever waits next.
        while nonce in self._in_flight:
            nonce += 1
        return nonce

    async def _transmit(self, sent: InFlight) -> bool:
        """Send the current version; False when another transaction has its nonce.

        Shielded, with the connection's own deadline: between bytes leaving and knowing it, nobody may cancel.
        """
        self._sign(sent)
        with trio.CancelScope(shield=True):
            await self._log.write(sent)
            try:
                await self._rpc.call("eth_sendRawTransaction", "0x" + sent.raw.hex())
            except RpcRefused as error:
                text = error.rpc_message.lower()
                if any(mark in text for mark in _KNOWN_MARKS):
                    return True
                if any(mark in text for mark in _TAKEN_MARKS):
                    return False
                raise
            except (L1Unreachable, BadAnswer) as error:
                log.warning("tx_send_unanswered nonce=%d error=%s", sent.nonce, error)
        return True

    def _sign(self, sent: InFlight) -> None:
        fields: dict[str, object] = {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": sent.nonce,
            "gas": sent.gas,
            "maxFeePerGas": sent.max_fee,
            "maxPriorityFeePerGas": sent.tip,
            "value": sent.message.value,
            "data": sent.message.data,
            "to": sent.message.to if sent.message.to is not None else b"",
        }
        sent.raw, tx_hash = self._signer.sign_transaction(fields)
        if tx_hash not in sent.hashes:
            sent.hashes.append(tx_hash)
        sent.sent_at = trio.current_time()

    async def _wait_until_mined(self, sent: InFlight) -> RawReceipt:
        ends = trio.current_time() + self._patience.mined_seconds
        while trio.current_time() < ends:
            try:
                mined = await self._receipt_of(sent)
                if mined is not None:
                    return mined
                if trio.current_time() - sent.sent_at >= self._patience.resend_seconds:
                    await self._push(sent)
            except NotMined:
                raise
            except L1Error as error:
                log.warning("tx_wait_failed nonce=%d error=%s", sent.nonce, error)
            await trio.sleep(self._patience.poll_seconds)
        raise NotMined(
            f"transaction 0x{sent.hashes[-1].hex()} (nonce {sent.nonce}) not mined in"
            f" {self._patience.mined_seconds:g} s",
            fix="an empty payment takes its nonce; is the L1 node making blocks, is the account funded?",
        )

    async def _cancel(self, sent: InFlight) -> None:
        """Replace a transaction that is not mined by an empty payment to ourselves; one of the two will be mined."""
        try:
            async with self._lock:
                sent.give_up(self._fees.instead_of(sent, self.account), TRANSFER_GAS)
                await self._resend(sent)
        except L1Error as error:
            log.warning("tx_not_cancelled nonce=%d error=%s", sent.nonce, error)

    async def _receipt_of(self, sent: InFlight) -> RawReceipt | None:
        for tx_hash in reversed(sent.hashes):
            found = await self._rpc.call("eth_getTransactionReceipt", "0x" + tx_hash.hex())
            if found is None:
                continue
            receipt = answers.raw_receipt(found)
            if receipt.tx_hash != tx_hash:
                raise BadAnswer(f"{self._rpc.endpoint} answered another transaction's receipt")
            return receipt
        return None

    async def _push(self, sent: InFlight) -> None:
        """Raise the fee of our transaction and of all before it: one that is stuck holds up those after it.

        NotMined when the chain has passed its nonce for a while and no version of it is mined.
        """
        async with self._lock:
            mined = await self._count_of("latest")
            if mined > sent.nonce:
                self._require_not_replaced(sent)
                return
            sent.passed_at = None
            await self._fill_gaps_below(sent)
            now = trio.current_time()
            for nonce in sorted(n for n in self._in_flight if mined <= n <= sent.nonce):
                stuck = self._in_flight[nonce]
                if now - stuck.sent_at >= self._patience.resend_seconds:
                    if nonce == mined:  # what comes later may need what this one does
                        await self._give_up_if_futile(stuck)
                    await self._resend(stuck, behind=sent)

    def _require_not_replaced(self, sent: InFlight) -> None:
        """NotMined once the receipt had time to come: another transaction of the account took the nonce."""
        now = trio.current_time()
        if sent.passed_at is None:
            sent.passed_at = now
        elif now - sent.passed_at >= _LATE_RECEIPT_RESENDS * self._patience.resend_seconds:
            raise NotMined(
                f"another transaction of 0x{self.account.hex()} was mined at nonce {sent.nonce}",
                fix="was it sent by hand? use the account for one node alone",
                code="POE-L1-082",
            )

    async def _give_up_if_futile(self, stuck: InFlight) -> None:
        """What would fail now is not pushed, whoever left it there: an empty payment costs less than a revert."""
        if stuck.is_empty:
            return
        try:
            await self.call(stuck.message)
        except Reverted as reason:
            log.warning("tx_given_up nonce=%d reason=%r", stuck.nonce, reason.message)
            stuck.give_up(self._fees.instead_of(stuck, self.account), TRANSFER_GAS)

    async def _fill_gaps_below(self, behind: InFlight) -> None:
        """Use up nonces that a reorg has freed: nothing after them is mined until somebody does.

        Whoever sent what they held has had its receipt and learns of the reorg by itself; sending it again here could
        do a thing twice. So an empty payment to ourselves takes the place.
        """
        pending = await self._count_of("pending")
        free = (n for n in range(pending, behind.nonce) if n not in self._in_flight)
        for gap in itertools.islice(free, _MAX_FILLED):
            log.warning("tx_gap_filled nonce=%d", gap)
            empty = self._fees.filler(behind, self.account)
            tip, max_fee = self._fees.first(empty, TRANSFER_GAS, await self._base_fee())
            filler = InFlight(nonce=gap, message=empty, gas=TRANSFER_GAS, tip=tip, max_fee=max_fee, is_awaited=False)
            await self._enter(filler)

    async def _resend(self, stuck: InFlight, *, behind: InFlight | None = None) -> None:
        """A version with a higher fee; at its worth already, the same again."""
        stuck.tip, stuck.max_fee = self._fees.bumped(stuck, await self._base_fee(), behind=behind)
        self.resends += 1
        log.warning("tx_resent nonce=%d max_fee_wei=%d", stuck.nonce, stuck.max_fee)
        # A refusal means that a version of it is mined, or pending at no less: the receipt will tell.
        await self._transmit(stuck)

    async def _base_fee(self) -> int:
        block = answers.record(await self._rpc.call("eth_getBlockByNumber", "latest", False), "block")
        return answers.quantity(block.get("baseFeePerGas"), "block.baseFeePerGas", bits=128)

    async def _reason_of(self, message: Message, gas: int | None, mined: RawReceipt) -> Reverted:
        """Why a mined transaction reverted: the same call on the state of its block. `gas`: its limit, if known."""
        if gas is not None and mined.gas_used >= gas:
            return Reverted(f"transaction 0x{mined.tx_hash.hex()} ran out of its {gas} gas", name="OutOfGas")
        try:
            await self.call(message, block=hex(mined.block_number))
        except Reverted as reason:
            return reason
        except L1Error as error:
            log.warning("tx_revert_replay_failed error=%s", error)
        return Reverted(f"transaction 0x{mined.tx_hash.hex()} reverted, its replay does not", name="Unknown")

    def _call_fields(self, message: Message) -> dict[str, str]:
        fields = {"from": "0x" + self.account.hex(), "data": "0x" + message.data.hex(), "value": hex(message.value)}
        if message.to is not None:
            fields["to"] = "0x" + message.to.hex()
        if message.gas is not None:
            fields["gas"] = hex(message.gas)
        return fields

    def _as_revert(self, error: RpcRefused) -> L1Error:
        """A refused simulation is a revert if the endpoint says so; else it stays what it is."""
        text = error.rpc_message.lower()
        if error.data is None and error.rpc_code != 3 and not any(mark in text for mark in _REVERT_MARKS):
            return error
        reason = self._decode_revert(error.data)
        kind = AlreadyAccepted if reason.name == "AlreadyAccepted" else Reverted
        return kind(f"the arbiter refused: {reason.text}", name=reason.name)

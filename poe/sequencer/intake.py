"""Takes transactions in: cheap refusals first, then signatures in bulk, then the mempool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from poe.backend.interface import SequencerEngine, SignatureBackend, SignedMessage
from poe.errors import PoeError, SequencerError
from poe.l1.ledger import Ledger
from poe.metrics import Metrics
from poe.rollup.transaction import SignedTransaction, Transfer
from poe.rollup.types import SLOT_BYTES, Account, AccountIndex
from poe.sequencer.bell import Bell
from poe.sequencer.chain import Chain
from poe.sequencer.hindrance import Obstacle
from poe.sequencer.mempool import Mempool
from poe.sequencer.offload import Offload
from poe.sequencer.stream import ACCEPTED, ENDED, NOT_READY
from poe.sequencer.work import Work

UNKNOWN_SENDER = "POE-SEQ-010"
UNKNOWN_RECIPIENT = "POE-SEQ-011"
BAD_SIGNATURE = "POE-SEQ-012"

HashMessage = Callable[[int], int]
"""The signed message of a transaction's word 0: Poseidon2(domain, word 0), natively."""

Verdicts = list[PoeError | None]
"""For each transaction, why it was refused, or None."""


class Admission(Protocol):
    """The way in, for transactions decoded already."""

    async def admit(self, transactions: Sequence[SignedTransaction]) -> Verdicts:
        """Take what can be taken, in order; a verdict for each."""


class EngineIntake:
    """The way into the native engine: for transactions decoded already, and for frames of slots."""

    def __init__(
        self,
        *,
        engine: SequencerEngine,
        work: Work,
        ledger: Ledger,
        offload: Offload,
        obstacle: Obstacle,
        metrics: Metrics,
        bell: Bell,
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._obstacle = obstacle
        self._work = work
        self._offload = offload
        self._metrics = metrics
        self._bell = bell
        self._is_open = False

    def open(self) -> None:
        """From now on frames are taken: we have caught up with L1."""
        self._is_open = True

    async def admit(self, transactions: Sequence[SignedTransaction]) -> Verdicts:
        """Take what can be taken, in order; a verdict for each."""
        codes = await self._judge(b"".join(signed.slot for signed in transactions)) if transactions else b""
        return [_refusal(code, signed) for code, signed in zip(codes, transactions, strict=True)]

    async def admit_frame(self, frame: bytes) -> bytes:
        """The same for whole slots, one code each; only moves them to the core."""
        if not self._is_open:
            return bytes([NOT_READY]) * (len(frame) // SLOT_BYTES)
        if self._ledger.exit_mode is not None:
            return bytes([ENDED]) * (len(frame) // SLOT_BYTES)
        if self._obstacle.now is not None:
            return bytes([self._obstacle.now]) * (len(frame) // SLOT_BYTES)
        return await self._judge(frame)

    async def _judge(self, slots: bytes) -> bytes:
        codes = await self._offload(lambda: self._engine.admit(slots))
        accepted = codes.count(ACCEPTED)
        self._metrics.transactions.labels(outcome="refused").inc(len(codes) - accepted)
        self._metrics.transactions.labels(outcome="accepted").inc(accepted)
        self._metrics.mempool_size.set(len(self._work))
        if accepted:
            self._bell.ring()
        return codes


REFUSALS: Mapping[int, tuple[str, str, str]] = {
    1: ("POE-SEQ-001", "the mempool is full", "try again later"),
    2: ("POE-SEQ-002", "the account has as many transactions waiting as one may have", "wait for a batch"),
    3: ("POE-SEQ-003", "the nonce is used up", "ask for the account's next nonce"),
    4: ("POE-SEQ-004", "another transaction with this nonce waits with no lower fee", "offer a higher fee"),
    5: ("POE-SEQ-005", "the account cannot pay for all that it has waiting", "send less"),
    6: ("POE-SEQ-006", "the nonce is too far ahead", "send those before it first"),
    7: ("POE-SEQ-007", "still catching up with L1", "try again when /readyz says ok"),
    8: ("POE-SEQ-008", "the mempool is full, sealed batches wait for their posting", "try again later"),
    9: ("POE-SEQ-009", "the rollup has ended by exit mode", "leave on L1 with `poe tx leave`"),
    10: ("POE-SEQ-010", "from: there is no such account", "it appears once the batch with its deposit is sealed"),
    11: ("POE-SEQ-011", "to: there is no such account", "it appears once the batch with its deposit is sealed"),
    12: ("POE-SEQ-012", "signature: it is not the sender's signature of this transaction", ""),
    13: ("POE-SEQ-013", "the slot is no transaction in its only encoding", ""),
}
"""What the codes of the binary intake say."""


def _refusal(code: int, signed: SignedTransaction) -> SequencerError | None:
    if code == ACCEPTED:
        return None
    name, what, fix = REFUSALS[code]
    transaction = signed.transaction
    return SequencerError(f"{what} (account {transaction.sender}, nonce {transaction.nonce})", fix=fix, code=name)


class Intake:
    """The way from decoded transactions into the mempool, by any backend."""

    def __init__(
        self,
        *,
        chain: Chain,
        mempool: Mempool,
        signatures: SignatureBackend,
        hash_message: HashMessage,
        offload: Offload,
        metrics: Metrics,
        bell: Bell,
    ) -> None:
        self._chain = chain
        self._mempool = mempool
        self._signatures = signatures
        self._hash_message = hash_message
        self._offload = offload
        self._metrics = metrics
        self._bell = bell

    async def admit(self, transactions: Sequence[SignedTransaction]) -> Verdicts:
        """Take what can be taken, in order; a verdict for each. Keys never change, so one look at each suffices."""
        keys: list[tuple[int, int] | None] = []
        verdicts: Verdicts = []
        async with self._chain.lock:
            for signed in transactions:
                key, verdict = self._judge_cheaply(signed)
                keys.append(key)
                verdicts.append(verdict)
        checked = [(i, key) for i, key in enumerate(keys) if key is not None]
        messages = [(key, transactions[i]) for i, key in checked]
        holds = await self._offload(lambda: self._verify(messages))
        async with self._chain.lock:
            for (i, _), is_signed in zip(checked, holds, strict=True):
                verdicts[i] = self._add(transactions[i]) if is_signed else _bad_signature(transactions[i])
        self._show(verdicts)
        return verdicts

    def _judge_cheaply(self, signed: SignedTransaction) -> tuple[tuple[int, int] | None, PoeError | None]:
        """The sender's key, or why nobody needs to look at the signature.

        What depends on other transactions of the same call is judged again when it is added, so a sequence of
        nonces in one call passes here.
        """
        try:
            sender = self._sender(signed)
            self._mempool.check(signed, sender)
        except SequencerError as refusal:
            return None, refusal
        return (sender.public_key_x, sender.public_key_y), None

    def _sender(self, signed: SignedTransaction) -> Account:
        transaction = signed.transaction
        sender = self._chain.account(transaction.sender)
        if sender is None:
            raise _unknown(transaction.sender, "from", UNKNOWN_SENDER)
        if isinstance(transaction, Transfer) and self._chain.account(transaction.recipient) is None:
            raise _unknown(transaction.recipient, "to", UNKNOWN_RECIPIENT)
        return sender

    def _verify(self, messages: Sequence[tuple[tuple[int, int], SignedTransaction]]) -> list[bool]:
        """In a thread: hash and check."""
        return self._signatures.verify(
            [
                SignedMessage(
                    public_key=key, r8=signed.r8, s=signed.s, message=self._hash_message(signed.transaction.word)
                )
                for key, signed in messages
            ]
        )

    def _add(self, signed: SignedTransaction) -> PoeError | None:
        try:
            self._mempool.add(signed, self._sender(signed))
        except SequencerError as refusal:
            return refusal
        return None

    def _show(self, verdicts: Verdicts) -> None:
        refused = sum(verdict is not None for verdict in verdicts)
        self._metrics.transactions.labels(outcome="refused").inc(refused)
        self._metrics.transactions.labels(outcome="accepted").inc(len(verdicts) - refused)
        self._metrics.mempool_size.set(len(self._mempool))
        if refused < len(verdicts):
            self._bell.ring()


def _unknown(index: AccountIndex, field: str, code: str) -> SequencerError:
    return SequencerError(
        f"{field}: there is no account {index}", fix="it appears once the batch with its deposit is sealed", code=code
    )


def _bad_signature(signed: SignedTransaction) -> SequencerError:
    return SequencerError(
        f"signature: it is not account {signed.transaction.sender}'s signature of this transaction", code=BAD_SIGNATURE
    )

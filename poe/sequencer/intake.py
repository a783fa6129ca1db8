"""Takes transactions in: cheap refusals first, then signatures in bulk, then the mempool."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from poe.backend.interface import SignatureBackend, SignedMessage
from poe.errors import PoeError, SequencerError
from poe.metrics import Metrics
from poe.rollup.transaction import SignedTransaction, Transfer
from poe.rollup.types import Account, AccountIndex
from poe.sequencer.bell import Bell
from poe.sequencer.chain import Chain
from poe.sequencer.mempool import Mempool
from poe.sequencer.offload import Offload

UNKNOWN_SENDER = "POE-SEQ-010"
UNKNOWN_RECIPIENT = "POE-SEQ-011"
BAD_SIGNATURE = "POE-SEQ-012"

HashMessage = Callable[[int], int]
"""The signed message of a transaction's word 0: Poseidon2(domain, word 0), natively."""

Verdicts = list[PoeError | None]
"""For each transaction, why it was refused, or None."""


class Intake:
    """The way from decoded transactions into the mempool."""

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

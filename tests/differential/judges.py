"""The judges: each looks at a case by its own means and says which facts follow. One that knows nothing of a fact is
silent about it; where two speak of the same fact they must say the same. README.md has the table.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from poe import _core
from poe.backend import native
from poe.backend.interface import Execution, KeyInfo, ProofJob, SignedMessage
from poe.backend.native import NativeSignatures, NativeState
from poe.crypto import eddsa
from poe.crypto.field import split_words
from poe.errors import BackendError
from poe.rollup import statement
from poe.rollup.batch import batch_hash
from poe.rollup.state import State
from poe.rollup.transaction import Word0, message_of, slot_words
from poe.rollup.transition import BatchResult, apply_batch
from poe.rollup.types import AccountIndex, Address, BatchNumber, FieldElement, Wei
from tests.differential.circomlibjs import Circomlibjs
from tests.differential.grammar import CAPACITY, Case
from tests.differential.r1cs import R1cs, read_witness

Facts = dict[str, Any]


class Evidence:
    """A case, what it is proved for, and the work that judges share; nothing is computed before it is asked for."""

    def __init__(
        self,
        case: Case,
        *,
        number: BatchNumber = BatchNumber(1),
        payee: Address = Address(b"\x77" * 20),
        tip: Wei = Wei(3),
    ) -> None:
        self.case = case
        self.number = number
        self.payee = payee
        self.tip = tip

    @cached_property
    def _applied(self) -> tuple[State, BatchResult]:
        return apply_batch(self.case.state, self.case.batch, self.case.domain)

    @property
    def after(self) -> State:
        """The state after the batch by the specification."""
        return self._applied[0]

    @property
    def specified(self) -> BatchResult:
        """What the specification makes of the batch; InputError where the contract would not let it be posted."""
        return self._applied[1]

    @cached_property
    def _native(self) -> tuple[NativeState, Execution]:
        state = NativeState(self.case.state.depth, accounts=self.case.state.accounts)
        return state, state.execute(self.case.batch, self.case.domain)

    @property
    def native(self) -> NativeState:
        """The state after the batch by the Rust executor."""
        return self._native[0]

    @property
    def executed(self) -> Execution:
        """What the Rust executor makes of the batch."""
        return self._native[1]

    def statement(self, old_root: FieldElement, new_root: FieldElement, result: BatchResult | Execution) -> bytes:
        """V by somebody's roots and exits."""
        return statement.statement_words(
            domain=self.case.domain,
            old_root=old_root,
            new_root=new_root,
            context=statement.context(self.number, batch_hash(self.case.batch), self.payee, self.tip),
            batch=self.case.batch,
            exits=result.exits,
        )

    @cached_property
    def specified_words(self) -> bytes:
        """V by the specification."""
        return self.statement(self.case.state.root, self.after.root, self.specified)

    @cached_property
    def job(self) -> ProofJob:
        """What there is to prove, by the executor."""
        words = self.statement(self.executed.old_root, self.executed.new_root, self.executed)
        return ProofJob(trace=self.executed.trace, statement=words)

    @cached_property
    def signatures(self) -> dict[int, tuple[int, SignedMessage]]:
        """By position: word 0 of a user's slot, and what it claims by the key of the sender that it names.

        Deposits come first and nothing else makes accounts or changes keys, so the state after has every key.
        """
        found, header = {}, self.case.batch.header
        for position, slot in enumerate(self.case.batch.slots):
            w0, x, y, s = slot_words(slot)
            sender = self.after.account(Word0.unpack(w0).sender)
            if position >= header.deposits + header.forced and sender is not None:
                key = (sender.public_key_x, sender.public_key_y)
                message = message_of(w0, self.case.domain)
                found[position] = (w0, SignedMessage(public_key=key, r8=(x, y), s=s, message=message))
        return found


Judge = Callable[[Evidence], Facts]


def _transition_facts(result: BatchResult | Execution) -> Facts:
    return {
        "outcomes": [outcome.name for outcome in result.outcomes],
        "exits": [(leaving.slot, leaving.address.hex(), leaving.amount) for leaving in result.exits],
        "fees": result.fees,
        "burnt": result.burnt,
    }


def specification(evidence: Evidence) -> Facts:
    """The rules in Python."""
    claims = [message for _, message in evidence.signatures.values()]
    words = evidence.specified_words
    commitment = statement.commitment(words)
    x = statement.challenge(commitment, words)
    return _transition_facts(evidence.specified) | {
        "old root": evidence.case.state.root,
        "new root": evidence.after.root,
        "total": evidence.after.total_balance(),
        "signatures": [eddsa.verify(m.public_key, m.r8, m.s, m.message) for m in claims],
        "C": commitment,
        "x": x,
        "y": statement.evaluate(words, x),
    }


def executor(evidence: Evidence) -> Facts:
    """The Rust core."""
    executed = evidence.executed
    return _transition_facts(executed) | {
        "old root": executed.old_root,
        "new root": executed.new_root,
        "total": evidence.native.total_balance(),
        "signatures": NativeSignatures().verify([message for _, message in evidence.signatures.values()]),
    }


def circomlibjs(library: Circomlibjs) -> Judge:
    """Signatures, the commitment, and the roots of the trees of the executor's accounts."""

    def judge(evidence: Evidence) -> Facts:
        words, claims = split_words(evidence.job.statement), evidence.signatures.values()
        x = statement.challenge(statement.commitment(evidence.job.statement), evidence.job.statement)
        answers = library.ask(
            [
                _tree(evidence.case.state.depth, dict(evidence.case.state.accounts)),
                _tree(evidence.case.state.depth, _accounts_after(evidence)),
                {"ask": "statement", "words": words, "x": x},
                *(claim(evidence.case.domain, word, message) for word, message in claims),
            ]
        )
        old_root, new_root, stated, *verdicts = answers
        return {
            "old root": int(old_root),
            "new root": int(new_root),
            "signatures": [verdict["valid"] for verdict in verdicts],
            "C": int(stated["commitment"]),
            "y": int(stated["y"]),
        }

    return judge


def _accounts_after(evidence: Evidence) -> dict[AccountIndex, Any]:
    found = {index: evidence.native.account(index) for index in map(AccountIndex, range(CAPACITY))}
    return {index: account for index, account in found.items() if account is not None}


def _tree(depth: int, accounts: dict[AccountIndex, Any]) -> dict[str, Any]:
    leaves = {
        index: [a.public_key_x, a.public_key_y, a.balance, a.nonce, a.exit_address] for index, a in accounts.items()
    }
    return {"ask": "root", "depth": depth, "accounts": leaves}


def claim(domain: FieldElement, word: int, message: SignedMessage) -> dict[str, Any]:
    """What to ask circomlibjs about a signature; the message itself is for the library to compute."""
    return {
        "ask": "signature",
        "domain": domain,
        "word": word,
        "key": message.public_key,
        "r8": message.r8,
        "s": message.s,
    }


def circuit(r1cs: R1cs, folder: Path) -> Judge:
    """The constraints, satisfied by the witness of the batch; its public wires are what the circuit states."""

    def judge(evidence: Evidence) -> Facts:
        path = folder / "witness.wtns"
        try:
            native.export_witness(evidence.job, path)
        except BackendError as error:
            return {"provable": str(error)}
        witness = read_witness(path)
        return {"provable": not r1cs.broken(witness), "C": witness[1], "x": witness[2], "y": witness[3]}

    return judge


def prover(key: KeyInfo) -> Judge:
    """A real proof, verified natively."""
    loaded = _core.ProvingKey.load(str(key.path))

    def judge(evidence: Evidence) -> Facts:
        try:
            result = loaded.prove(evidence.job.trace, evidence.job.statement, 2)
        except _core.CoreError as error:
            return {"provable": str(error)}
        inputs = [int.from_bytes(word) for word in (result.commitment, result.x, result.y)]
        words = split_words(result.proof)
        native.verify_proof(key.verifying_key_words, inputs, words)
        return {"provable": True, "proof": tuple(words)} | dict(zip("Cxy", inputs, strict=True))

    return judge

"""The proof that L1 accepted for a batch, taken out of the transaction that brought it and checked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poe.backend import native
from poe.cli.batch_facts import KnownBatch
from poe.cli.rollup import Facts
from poe.cli.wallet import Rollup
from poe.errors import BackendError, BadAnswer, InputError
from poe.l1.abi import load_artifact
from poe.l1.interface import ProofAccepted
from poe.l1.landed import read_calldata, submissions_in
from poe.rollup import statement
from poe.rollup.batch import batch_hash
from poe.rollup.types import FieldElement

UNPROVEN, NOT_DIRECT, DOES_NOT_HOLD = "POE-INP-093", "POE-INP-094", "POE-BCK-091"


async def verify_accepted(of: Rollup, batch: KnownBatch) -> Facts:
    """What was checked. InputError when there is no proof to check, BackendError when it does not hold."""
    accepted, execution = batch.accepted, batch.execution
    number = batch.ordered.number
    if accepted is None:
        raise InputError(f"L1 has accepted no proof of batch {number} on its old root", code=UNPROVEN)
    _require(batch_hash(batch.ordered.batch) == batch.ordered.batch_hash, number, "the data has another hash")
    _require(accepted.new_root == execution.new_root, number, "executed here it ends in another root")
    submission = await submission_in(of, accepted)
    _require(submission["newRoot"] == execution.new_root, number, "the proof is for another new root")
    _require(list(submission["exits"]) == [one.word for one in execution.exits], number, "its exits are others")
    words = statement.statement_words(
        domain=of.domain,
        old_root=execution.old_root,
        new_root=execution.new_root,
        context=statement.context(number, batch.ordered.batch_hash, accepted.payee, accepted.tip),
        batch=batch.ordered.batch,
        exits=execution.exits,
    )
    commitment = FieldElement(submission["commitment"])
    x = statement.challenge(commitment, words)
    inputs = (commitment, x, statement.evaluate(words, x))
    try:
        native.verify_proof(of.parameters.verifying_key_words, inputs, tuple(submission["proof"]))
    except BackendError as error:
        raise BackendError(f"the proof of batch {number} does not hold: {error.message}", code=DOES_NOT_HOLD) from None
    return {
        "number": number,
        "holds": True,
        "checked": ["batch_hash", "new_root", "exits", "statement", "proof"],
        "old_root": f"{execution.old_root:#066x}",
        "new_root": f"{execution.new_root:#066x}",
        "public_inputs": [f"{value:#066x}" for value in inputs],
        "payee": "0x" + accepted.payee.hex(),
        "tx": "0x" + accepted.origin.tx_hash.hex(),
        "is_final": batch.is_final,
    }


def _require(holds: bool, number: int, what: str) -> None:
    if not holds:
        raise BackendError(f"batch {number}: {what}", code=DOES_NOT_HOLD)


async def submission_in(of: Rollup, accepted: ProofAccepted) -> Mapping[str, Any]:
    """The fields of the submission that this event tells of, by their names in the contract.

    BadAnswer when the endpoint has no such transaction, InputError when a contract brought the proof.
    """
    tx = "0x" + accepted.origin.tx_hash.hex()
    calldata = await read_calldata(of.rpc, accepted.origin.tx_hash)
    if calldata is None:
        raise BadAnswer(f"{of.rpc.endpoint} does not know transaction {tx}")
    for fields in _submissions(calldata):
        terms = (fields["number"], fields["oldRoot"], fields["payee"].lower(), fields["tip"])
        if terms == (accepted.number, accepted.old_root, "0x" + accepted.payee.hex(), accepted.tip):
            return fields
    raise InputError(
        f"the proof of batch {accepted.number} was not brought by transaction {tx} itself",
        fix="a contract called the arbiter: its call is not on record",
        code=NOT_DIRECT,
    )


def _submissions(calldata: bytes) -> list[Mapping[str, Any]]:
    """The submissions in a call of the arbiter, none in any other bytes: a contract's call may begin like one."""
    try:
        return submissions_in(load_artifact("Arbiter"), calldata)
    except BadAnswer:
        return []

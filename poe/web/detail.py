"""The pages of one batch and of one prover, put together when somebody opens them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from poe.l1.interface import BatchSequenced, ProofAccepted
from poe.rollup.transaction import Word0, slot_words
from poe.rollup.types import Address, BatchNumber, Hash, SlotKind
from poe.web import rows
from poe.web.accounts import Account
from poe.web.model import RaceModel

PROVER_BATCHES = 100

ReadProof = Callable[[Hash, BatchNumber], Awaitable[dict[str, Any] | None]]
"""The proof of a batch out of the transaction that landed it; None when it cannot be read."""


class Details:
    """Answers what the race's page leaves out."""

    def __init__(self, model: RaceModel, read_proof: ReadProof) -> None:
        self._model = model
        self._read_proof = read_proof

    async def batch(self, number: BatchNumber) -> dict[str, Any] | None:
        """One batch with its slots, statement, proof and gas; None when L1 never ordered it or it is long gone."""
        row, posting = self._model.row(number), self._model.ledger.batch(number)
        if row is None:
            return None
        proofs = [_accepted(proof) for proof in self._model.ledger.accepted(number).values()]
        landed = None if row["proof"] is None else Hash(bytes.fromhex(row["proof"]["tx"][2:]))
        return {
            "row": row,
            "posting": None if posting is None else _posting(posting),
            "accepted": proofs,
            "proof": None if landed is None else await self._read_proof(landed, number),
            "head": self._model.ledger.head()[0],
        }

    def prover(self, address: Address) -> dict[str, Any] | None:
        """One account's totals and its last batches; None when nothing is known of it."""
        hexed, model = rows.hexed(address), self._model
        account = model.accounts.of(address)
        batches = [row for row in model.snapshot()["batches"] if _takes_part(row, hexed)][-PROVER_BATCHES:]
        if account is None and not batches:
            return None
        return {"account": rows.account_as_json(address, account or Account()), "batches": batches}


def _takes_part(row: dict[str, Any], address: str) -> bool:
    proof = row["proof"] or {}
    told = {entry["prover"] for entry in (*row["racers"], *row["runs"])}
    return address in told or address in (proof.get("payee"), proof.get("submitter"))


def _accepted(proof: ProofAccepted) -> dict[str, Any]:
    roots = {"old_root": hex(proof.old_root), "new_root": hex(proof.new_root)}
    return {**rows.proof_as_json(proof, None), **roots}


def _posting(posting: BatchSequenced) -> dict[str, Any]:
    header = posting.batch.header
    return {
        "hash": rows.hexed(posting.batch_hash),
        "parent": rows.hexed(posting.parent_hash),
        "queue_end": posting.queue_end,
        "deposits": header.deposits,
        "forced": header.forced,
        "fee_account": header.fee_account,
        "slots": [_slot(slot, i, header.deposits) for i, slot in enumerate(posting.batch.slots)],
    }


def _slot(slot: bytes, position: int, deposits: int) -> dict[str, Any]:
    """A slot as its fields spell it; whether it took effect only its execution tells."""
    fields = Word0.unpack(slot_words(slot)[0])
    kind = SlotKind(fields.kind).name.lower() if fields.kind in set(SlotKind) else "unknown"
    if kind == "deposit" and position >= deposits:
        kind = "unknown"
    return {
        "kind": "empty" if slot == bytes(len(slot)) else kind,
        "from": fields.sender,
        "to": fields.recipient,
        "amount": str(fields.amount),
        "fee": fields.fee,
        "nonce": fields.nonce,
    }

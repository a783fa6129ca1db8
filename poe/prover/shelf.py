"""Finished proofs, on disk before they are submitted: one that could not be landed is sent again, not made again."""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import trio

from poe.backend.interface import Execution, Proof
from poe.crypto.field import to_word
from poe.journal import Journal
from poe.prover.candidates import Candidate
from poe.rollup.types import Address, BatchNumber, Exit, FieldElement, Gwei, Hash, Wei

KEPT_PROOFS = 64
KIND = "proof"

_PROOF = struct.Struct("!32s32s32s256sdddd")
_NAME = struct.Struct("!8s32s32s20s32s")
_CLAIMS = struct.Struct("!32s32s")
_EXIT = struct.Struct("!B20sQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is bound inside every proof of ours besides the batch: who is paid, and the tip for whoever lands it."""

    domain: FieldElement
    payee: Address
    tip: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedProof:
    """A proof of ours and when it was finished, in Unix seconds."""

    proof: Proof
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelvedProof:
    """A kept proof with what it is bound to: whoever has the batch's data, which L1 holds, can land it."""

    domain: FieldElement
    number: BatchNumber
    batch_hash: Hash
    old_root: FieldElement
    new_root: FieldElement
    payee: Address
    tip: Wei
    exits: tuple[Exit, ...]
    finished: FinishedProof


class ProofShelf:
    """The last finished proofs made on these terms; without a journal they last as long as the process.

    Proofs made on earlier terms stay in the journal, where they can be exported, until they are as many batches old.

    The number is part of a proof's name: two batches in which nothing happens can have one hash and one old root. So
    are the terms: a proof that pays somebody else is of no use after the payee was changed.
    """

    def __init__(self, terms: Terms, journal: Journal | None = None) -> None:
        self._terms = terms
        self._journal = journal
        self._proofs: OrderedDict[bytes, FinishedProof] = OrderedDict()
        self._of_other_terms: list[bytes] = []
        for name, body in [] if journal is None else journal.items(KIND):
            if name.endswith(self._suffix) and _fits(body):
                self._proofs[name] = _decode(body)
            else:
                self._of_other_terms.append(name)

    def get(self, candidate: Candidate) -> FinishedProof | None:
        """A proof of this very batch on this very old root."""
        return self._proofs.get(self._name(candidate))

    def unfinished(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those that there is something to do for: a proof to make, or one of a batch that L1 has ordered to send."""
        return [one for one in candidates if one.is_sequenced or self.get(one) is None]

    async def put(self, candidate: Candidate, finished: FinishedProof) -> None:
        """Keep a proof, on disk when this returns; the oldest makes room."""
        name = self._name(candidate)
        self._proofs[name] = finished
        oldest = [self._proofs.popitem(last=False)[0] for _ in range(len(self._proofs) - KEPT_PROOFS)]
        if self._journal is not None:
            oldest += self._outlived(candidate.number)
            body = _encode(finished) + _encode_claims(self._terms.domain, candidate.execution)
            await trio.to_thread.run_sync(self._write, self._journal, name, body, oldest)

    def _outlived(self, number: BatchNumber) -> list[bytes]:
        """Proofs of other terms that are of no use any more; they are not told twice."""
        oldest = [name for name in self._of_other_terms if int.from_bytes(name[:8]) + KEPT_PROOFS <= number]
        self._of_other_terms = [name for name in self._of_other_terms if name not in oldest]
        return oldest

    def _write(self, journal: Journal, name: bytes, body: bytes, oldest: Sequence[bytes]) -> None:
        with journal.together():
            journal.put(KIND, name, body)
            for forgotten in oldest:
                journal.delete(KIND, forgotten)

    def _name(self, candidate: Candidate) -> bytes:
        """Begins with the number, so that the journal lists proofs from the oldest on."""
        return (
            candidate.number.to_bytes(8) + candidate.batch_hash + to_word(candidate.execution.old_root) + self._suffix
        )

    @property
    def _suffix(self) -> bytes:
        return self._terms.payee + to_word(self._terms.tip)


def shelved(records: Iterable[tuple[bytes, bytes]], number: int) -> list[ShelvedProof]:
    """The proofs of a batch among a journal's records of our KIND, the newest last.

    Records of an older poe, which hold the proof alone, are left out.
    """
    found = [
        _decode_shelved(name, body)
        for name, body in records
        if len(name) == _NAME.size and int.from_bytes(name[:8]) == number and _fits(body) and len(body) > _PROOF.size
    ]
    return sorted(found, key=lambda one: one.finished.at)


def _decode_shelved(name: bytes, body: bytes) -> ShelvedProof:
    number, batch_hash, old_root, payee, tip = _NAME.unpack(name)
    domain, new_root = _CLAIMS.unpack_from(body, _PROOF.size)
    exits = _EXIT.iter_unpack(body[_PROOF.size + _CLAIMS.size :])
    return ShelvedProof(
        domain=FieldElement(int.from_bytes(domain)),
        number=BatchNumber(int.from_bytes(number)),
        batch_hash=Hash(batch_hash),
        old_root=FieldElement(int.from_bytes(old_root)),
        new_root=FieldElement(int.from_bytes(new_root)),
        payee=Address(payee),
        tip=Wei(int.from_bytes(tip)),
        exits=tuple(Exit(slot=slot, address=Address(to), amount=Gwei(amount)) for slot, to, amount in exits),
        finished=_decode(body),
    )


def _fits(body: bytes) -> bool:
    """Is it a proof, with the claims that newer records have behind it?"""
    exits_size = len(body) - _PROOF.size - _CLAIMS.size
    return len(body) == _PROOF.size or (exits_size >= 0 and exits_size % _EXIT.size == 0)


def _encode_claims(domain: FieldElement, execution: Execution) -> bytes:
    exits = (_EXIT.pack(leaving.slot, leaving.address, leaving.amount) for leaving in execution.exits)
    return _CLAIMS.pack(to_word(domain), to_word(execution.new_root)) + b"".join(exits)


def _encode(finished: FinishedProof) -> bytes:
    proof = finished.proof
    return _PROOF.pack(
        to_word(proof.commitment),
        to_word(proof.x),
        to_word(proof.y),
        b"".join(map(to_word, proof.words)),
        proof.witness_seconds,
        proof.prove_seconds,
        proof.verify_seconds,
        finished.at,
    )


def _decode(body: bytes) -> FinishedProof:
    commitment, x, y, words, witness_seconds, prove_seconds, verify_seconds, at = _PROOF.unpack_from(body)
    proof = Proof(
        commitment=FieldElement(int.from_bytes(commitment)),
        x=FieldElement(int.from_bytes(x)),
        y=FieldElement(int.from_bytes(y)),
        words=tuple(int.from_bytes(words[start : start + 32]) for start in range(0, len(words), 32)),
        witness_seconds=witness_seconds,
        prove_seconds=prove_seconds,
        verify_seconds=verify_seconds,
    )
    return FinishedProof(proof=proof, at=at)

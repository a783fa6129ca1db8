"""One race: prove the batch, submit the proof, and stop at once when a rival's proof is accepted."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TypeVar

import trio

from poe.backend.interface import Proof, ProofBackend, ProofJob
from poe.errors import BackendError, L1Error, PoeError, Reverted
from poe.l1.interface import ArbiterClient, Receipt, Submission
from poe.prover.candidates import Candidate, Candidates
from poe.rollup import statement
from poe.rollup.types import Address, BatchNumber, FieldElement, Hash, Wei

Result = TypeVar("Result")

KEPT_PROOFS = 64
SETTLE_SECONDS = 10.0
"""How long a submission waits for the event that tells who won."""
POSTING_SECONDS = 10.0
"""How long a proof made ahead waits for its batch's posting while another batch that L1 has ordered lies open."""

NOT_WANTED = frozenset({"AlreadyAccepted", "ExitModeActive"})
"""How the arbiter refuses a proof that came too late."""


class Outcome(StrEnum):
    """How a race ended for us."""

    WON = "won"
    LATE = "late"
    CANCELLED = "cancelled"
    FAILED = "failed"


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
class RaceResult:
    """The end of a race; `finished` is None if we never finished a proof. `ended_at`: Unix time, seconds.

    `is_resent`: the proof was made in an earlier race that could not land it.
    """

    candidate: Candidate
    outcome: Outcome
    reason: str
    finished: FinishedProof | None
    is_resent: bool
    core_seconds: float
    ended_at: float
    receipt: Receipt | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaborators:
    """Whom a race needs."""

    candidates: Candidates
    proofs: ProofBackend
    arbiter: ArbiterClient
    terms: Terms


class ProofShelf:
    """Finished proofs, so that one that could not be landed is sent again without proving again.

    The number is part of the name: two batches in which nothing happens can have one hash and one old root.
    """

    def __init__(self) -> None:
        self._proofs: OrderedDict[tuple[BatchNumber, Hash, FieldElement], FinishedProof] = OrderedDict()

    def get(self, candidate: Candidate) -> FinishedProof | None:
        """A proof of this very batch on this very old root."""
        return self._proofs.get(_name_of(candidate))

    def unfinished(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those that there is something to do for: a proof to make, or one of a batch that L1 has ordered to send."""
        return [one for one in candidates if one.is_sequenced or self.get(one) is None]

    def put(self, candidate: Candidate, finished: FinishedProof) -> None:
        """Keep a proof; the oldest makes room."""
        self._proofs[_name_of(candidate)] = finished
        while len(self._proofs) > KEPT_PROOFS:
            self._proofs.popitem(last=False)


def _name_of(candidate: Candidate) -> tuple[BatchNumber, Hash, FieldElement]:
    return candidate.number, candidate.batch_hash, candidate.execution.old_root


async def race(candidate: Candidate, shelf: ProofShelf, with_: Collaborators) -> RaceResult:
    """Run one race to its end; expected failures end it as FAILED with their code, bugs propagate."""
    core_before = with_.proofs.core_seconds
    kept = finished = shelf.get(candidate)
    receipt: Receipt | None = None
    try:
        if finished is None:
            finished = await _unless_gone(candidate, with_, partial(_prove, candidate, with_))
        if finished is None:
            outcome, reason = Outcome.CANCELLED, "a rival was accepted or the batch is gone"
        else:
            shelf.put(candidate, finished)
            if await _unless_gone(candidate, with_, partial(_is_posted_in_time, candidate, with_)) is False:
                outcome, reason = Outcome.CANCELLED, "the proof is kept: L1 has not ordered the batch, others lie open"
            else:
                receipt = await _submit(candidate, finished.proof, with_)
                outcome, reason = await _judge(candidate, receipt, with_)
    except (BackendError, L1Error) as error:
        outcome, reason = Outcome.FAILED, _one_line(error)
    return RaceResult(
        candidate=candidate,
        outcome=outcome,
        reason=reason,
        finished=finished,
        is_resent=kept is not None,
        core_seconds=with_.proofs.core_seconds - core_before,
        ended_at=time.time(),
        receipt=receipt,
    )


async def _unless_gone(
    candidate: Candidate, with_: Collaborators, action: Callable[[], Awaitable[Result]]
) -> Result | None:
    """What `action` returns, or None (and `action` cancelled, its worker dead) once nobody wants the proof."""
    result: Result | None = None
    failure: PoeError | None = None

    async def cancel_when_gone(scope: trio.CancelScope) -> None:
        await with_.candidates.wait_until_gone(candidate)
        scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(cancel_when_gone, nursery.cancel_scope)
        try:
            result = await action()
        except PoeError as error:  # raised again below: a nursery would wrap it in a group
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return result


async def _prove(candidate: Candidate, with_: Collaborators) -> FinishedProof:
    proof = await with_.proofs.prove(_job(candidate, with_.terms))
    return FinishedProof(proof=proof, at=time.time())


async def _is_posted_in_time(candidate: Candidate, with_: Collaborators) -> bool:
    """True once L1 has ordered the batch; False if it takes its time and there is other work.

    A sequencer that gossips a batch and never posts it must not keep us from those it has posted.
    """
    with trio.move_on_after(POSTING_SECONDS):
        await with_.candidates.wait_until_sequenced(candidate)
    while not with_.candidates.is_sequenced(candidate):
        if any(other.is_sequenced for other in with_.candidates.open()):
            return False
        await with_.candidates.wait_for_change()
    return True


def _job(candidate: Candidate, terms: Terms) -> ProofJob:
    execution = candidate.execution
    words = statement.statement_words(
        domain=terms.domain,
        old_root=execution.old_root,
        new_root=execution.new_root,
        context=statement.context(candidate.number, candidate.batch_hash, terms.payee, terms.tip),
        batch=candidate.batch,
        exits=execution.exits,
    )
    return ProofJob(trace=execution.trace, statement=words)


async def _submit(candidate: Candidate, proof: Proof, with_: Collaborators) -> Receipt | None:
    """Land the proof of a batch that L1 has ordered; None when a rival was accepted, or the batch went, before.

    So it is when the rollup ended before.
    """
    submission = Submission(
        number=candidate.number,
        batch=candidate.batch,
        old_root=candidate.execution.old_root,
        new_root=candidate.execution.new_root,
        payee=with_.terms.payee,
        tip=with_.terms.tip,
        commitment=proof.commitment,
        proof_words=proof.words,
        exits=candidate.execution.exits,
    )
    if with_.candidates.is_gone(candidate):
        return None
    try:
        return await with_.arbiter.submit_proof(submission)
    except Reverted as refusal:
        if refusal.name not in NOT_WANTED:
            raise
        return None


async def _judge(candidate: Candidate, receipt: Receipt | None, with_: Collaborators) -> tuple[Outcome, str]:
    """Did we win? A proof of ours that somebody else landed is ours all the same: the payee is bound inside it.

    Returns once our own view of L1 knows the end, so that the batch is not raced for a second time.
    """
    with trio.move_on_after(SETTLE_SECONDS):
        await with_.candidates.wait_until_gone(candidate)
    if receipt is not None:
        return Outcome.WON, "accepted"
    accepted = with_.candidates.accepted(candidate)
    if accepted is not None and accepted.payee == with_.terms.payee:
        return Outcome.WON, "accepted, landed by another account"
    if accepted is None and with_.candidates.has_ended:
        return Outcome.CANCELLED, "the rollup has ended by exit mode"
    if accepted is None and not with_.candidates.holds(candidate):
        return Outcome.CANCELLED, "the batch is gone"
    return Outcome.LATE, "a rival was accepted first"


def _one_line(error: PoeError) -> str:
    return " ".join(str(error).split())

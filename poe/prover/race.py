"""One race: prove the batch, submit the proof, and stop at once when a rival's proof is accepted."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TypeVar

import trio

from poe.backend.interface import Proof, ProofBackend, ProofJob
from poe.errors import BackendError, L1Error, PoeError, Reverted
from poe.l1.interface import ArbiterClient, ProofAccepted, Receipt, Submission
from poe.prover.awards import Awards
from poe.prover.candidates import Candidate, Candidates
from poe.prover.shelf import FinishedProof, ProofShelf, Terms
from poe.rollup import statement
from poe.rollup.types import Address, Wei

Result = TypeVar("Result")

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
    CONTENDED = "contended"
    """Taken in time; whom the award policy pays is not known yet."""
    OUTDRAWN = "outdrawn"
    """Taken in time, and the award policy paid another."""
    SHADOW = "shadow"
    """Finished first, and not sent: this node only watches what it would have won."""


@dataclass(frozen=True, slots=True)
class End:
    """How a race ended, why, and the code that `poe explain` knows."""

    outcome: Outcome
    code: str
    reason: str


ACCEPTED = End(Outcome.WON, "POE-RAC-001", "accepted")
LANDED_BY_ANOTHER = End(Outcome.WON, "POE-RAC-002", "accepted, landed by another account")
CONTENDS = End(Outcome.CONTENDED, "POE-RAC-052", "accepted; the award policy decides who is paid")
AWARDED = End(Outcome.WON, "POE-RAC-053", "the award policy paid us")
OUTDRAWN = End(Outcome.OUTDRAWN, "POE-RAC-054", "the award policy paid another")
RIVAL_FIRST = End(Outcome.LATE, "POE-RAC-010", "a rival was accepted first")
GONE_WHILE_PROVING = End(Outcome.CANCELLED, "POE-RAC-020", "a rival was accepted or the batch is gone")
BATCH_GONE = End(Outcome.CANCELLED, "POE-RAC-021", "the batch is gone")
ROLLUP_ENDED = End(Outcome.CANCELLED, "POE-RAC-023", "the rollup has ended by exit mode")
NOT_ORDERED = End(Outcome.CANCELLED, "POE-RAC-022", "the proof is kept: L1 has not ordered the batch, others lie open")
BY_AWARD = (CONTENDS, AWARDED, OUTDRAWN)
ENDS = (ACCEPTED, LANDED_BY_ANOTHER, RIVAL_FIRST, GONE_WHILE_PROVING, BATCH_GONE, ROLLUP_ENDED, NOT_ORDERED, *BY_AWARD)
"""All ends but those that tell more: a failure its error's code, a shadow its margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceResult:
    """The end of a race; `finished` is None if we never finished a proof. Times are Unix times, in seconds.

    `is_resent`: the proof was made in an earlier race that could not land it. `winner`: who the proof that L1 accepted
    pays, as far as we know at the end. `burnt_gas`: of a transaction of ours that was mined and refused, in a block
    `blocks_behind` the winner's.
    """

    candidate: Candidate
    end: End
    winner: Address | None
    started_at: float
    finished: FinishedProof | None
    is_resent: bool
    core_seconds: float
    ended_at: float
    receipt: Receipt | None
    burnt_gas: int = 0
    blocks_behind: int | None = None

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        return self.end.outcome

    @property
    def reason(self) -> str:
        """Why it ended so."""
        return self.end.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaborators:
    """Whom a race needs."""

    candidates: Candidates
    proofs: ProofBackend
    arbiter: ArbiterClient
    terms: Terms
    worth: Wei | None = None
    """The most that landing a proof may cost in gas."""
    is_shadow: bool = False
    """Prove, submit nothing, and tell what would have been won."""
    awards: Awards | None = None
    """Under an award policy, who is paid."""


async def race(candidate: Candidate, shelf: ProofShelf, with_: Collaborators) -> RaceResult:
    """Run one race to its end; expected failures end it as FAILED with their code, bugs propagate."""
    core_before, started_at = with_.proofs.core_seconds, time.time()
    kept = finished = shelf.get(candidate)
    receipt: Receipt | None = None
    refusal: Reverted | None = None
    try:
        if finished is None:
            finished = await _unless_gone(candidate, with_, partial(_prove, candidate, with_))
        if finished is None:
            end = GONE_WHILE_PROVING
        else:
            await shelf.put(candidate, finished)
            if with_.is_shadow:
                end = await _watch_from_the_shadow(candidate, finished, with_)
            elif await _unless_gone(candidate, with_, partial(_is_posted_in_time, candidate, with_)) is False:
                end = NOT_ORDERED
            else:
                receipt, refusal = await _submit(candidate, finished.proof, with_)
                end = await judge(candidate, receipt, with_)
    except (BackendError, L1Error) as error:
        end = End(Outcome.FAILED, error.code, _one_line(error))
        refusal = error if isinstance(error, Reverted) else None
    accepted = with_.candidates.accepted(candidate)
    return RaceResult(
        candidate=candidate,
        end=end,
        winner=None if accepted is None else accepted.payee,
        started_at=started_at,
        finished=finished,
        is_resent=kept is not None,
        core_seconds=with_.proofs.core_seconds - core_before,
        ended_at=time.time(),
        receipt=receipt,
        burnt_gas=0 if refusal is None else refusal.gas_used,
        blocks_behind=_blocks_between(accepted, refusal),
    )


def _blocks_between(accepted: ProofAccepted | None, refusal: Reverted | None) -> int | None:
    """L1 blocks from the winner's proof to ours; None unless both were mined."""
    if accepted is None or refusal is None or not refusal.block_number:
        return None
    return max(0, refusal.block_number - accepted.origin.block.number)


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


def submission_of(candidate: Candidate, proof: Proof, terms: Terms) -> Submission:
    """What the arbiter takes: a proof of ours of this batch."""
    return Submission(
        number=candidate.number,
        batch=candidate.batch,
        old_root=candidate.execution.old_root,
        new_root=candidate.execution.new_root,
        payee=terms.payee,
        tip=terms.tip,
        commitment=proof.commitment,
        proof_words=proof.words,
        exits=candidate.execution.exits,
    )


async def _submit(candidate: Candidate, proof: Proof, with_: Collaborators) -> tuple[Receipt | None, Reverted | None]:
    """Land the proof of a batch that L1 has ordered; None when a rival was accepted, or the batch went, before.

    So it is when the rollup ended before. Besides, how the arbiter refused, if it was asked.
    """
    if with_.candidates.is_gone(candidate):
        return None, None
    try:
        submission = submission_of(candidate, proof, with_.terms)
        return await with_.arbiter.submit_proof(submission, worth=with_.worth), None
    except Reverted as refusal:
        if refusal.name not in NOT_WANTED:
            raise
        return None, refusal


async def _watch_from_the_shadow(candidate: Candidate, finished: FinishedProof, with_: Collaborators) -> End:
    """Wait for the batch's end without sending anything; by how much would we have been first?"""
    await with_.candidates.wait_until_gone(candidate)
    if with_.candidates.accepted(candidate) is None:
        return BATCH_GONE
    margin = time.time() - finished.at
    return End(Outcome.SHADOW, "POE-RAC-040", f"would have been ready {margin:.1f} s before the winner was accepted")


async def judge(candidate: Candidate, receipt: Receipt | None, with_: Collaborators) -> End:
    """Did we win? A proof of ours that somebody else landed is ours all the same: the payee is bound inside it.

    Returns once our own view of L1 knows the end, so that the batch is not raced for a second time.
    """
    with trio.move_on_after(SETTLE_SECONDS):
        await with_.candidates.wait_until_gone(candidate)
    if with_.awards is not None and receipt is not None:
        return ACCEPTED if with_.awards.paid(candidate.number) == with_.terms.payee else CONTENDS
    if receipt is not None:
        return ACCEPTED
    accepted = with_.candidates.accepted(candidate)
    if accepted is not None and accepted.payee == with_.terms.payee:
        return LANDED_BY_ANOTHER
    if accepted is None and with_.candidates.has_ended:
        return ROLLUP_ENDED
    if accepted is None and not with_.candidates.holds(candidate):
        return BATCH_GONE
    return RIVAL_FIRST


def _one_line(error: PoeError) -> str:
    return " ".join(str(error).split())

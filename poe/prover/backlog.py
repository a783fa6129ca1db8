"""Finished proofs of ours that wait to be sent, landed in one transaction: after a restart, or behind a slow L1."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace

from poe.errors import AlreadyAccepted, L1Error, Reverted
from poe.l1.bundle import MAX_TOGETHER
from poe.l1.interface import Landing, Receipt
from poe.prover.candidates import Candidate
from poe.prover.race import Collaborators, RaceResult, judge, submission_of
from poe.prover.shelf import FinishedProof, ProofShelf
from poe.rollup.types import BatchNumber, Wei

log = logging.getLogger("poe.prover")


@dataclass(slots=True, kw_only=True)
class Backlog:
    """Sends what lies finished on the shelf, as long as there is more than one; `race` sends what is alone."""

    shelf: ProofShelf
    with_: Collaborators
    _alone: set[BatchNumber] = field(default_factory=set)
    """Batches whose proofs were not taken in company: the single path tells why."""

    async def land(
        self, in_hand: set[BatchNumber] | None = None, *, mine: BatchNumber | None = None
    ) -> list[RaceResult]:
        """The races that one transaction ended; none when fewer than two proofs wait, or it could not be sent.

        `in_hand` are batches that races are on, which are left alone but for `mine`; those that are sent belong to
        them meanwhile.
        """
        others = set() if in_hand is None else in_hand
        waiting = self._waiting(others - {mine})
        if self.with_.is_shadow or len(waiting) < 2:
            return []
        ours = {one.number for one, _ in waiting} - others
        others |= ours
        try:
            return await self._land(waiting)
        finally:
            others -= ours

    async def _land(self, waiting: Sequence[tuple[Candidate, FinishedProof]]) -> list[RaceResult]:
        started_at = time.time()
        try:
            landing = await self._send(waiting)
        except AlreadyAccepted:
            landing = None
        except L1Error as error:
            log.warning("backlog_not_landed proofs=%d reason=%r", len(waiting), str(error))
            if isinstance(error, Reverted):
                self._alone.update(one.number for one, _ in waiting)
            return []
        return await self._ends(waiting, landing, started_at)

    def _waiting(self, raced: Set[BatchNumber]) -> list[tuple[Candidate, FinishedProof]]:
        """The oldest proofs of batches that L1 has ordered, nobody has proven and no other race of ours is on."""
        still_open = self.with_.candidates.open()
        self._alone &= {one.number for one in still_open}
        held = [(one, self.shelf.get(one)) for one in still_open if one.is_sequenced]
        ready = [(one, kept) for one, kept in held if kept is not None and one.number not in self._alone | raced]
        return ready[:MAX_TOGETHER]

    async def _send(self, waiting: Sequence[tuple[Candidate, FinishedProof]]) -> Landing:
        terms, worth = self.with_.terms, self.with_.worth
        submissions = [submission_of(one, kept.proof, terms) for one, kept in waiting]
        return await self.with_.arbiter.submit_proofs(
            submissions, worth=None if worth is None else Wei(worth * len(waiting))
        )

    async def _ends(
        self, waiting: Sequence[tuple[Candidate, FinishedProof]], landing: Landing | None, started_at: float
    ) -> list[RaceResult]:
        """How each race ended that is over; one left out whose batch is still open is not."""
        accepted = (False,) * len(waiting) if landing is None else landing.accepted
        share = None if landing is None else _share(landing)
        results = []
        for (candidate, kept), is_accepted in zip(waiting, accepted, strict=True):
            if landing is not None and not is_accepted and not self.with_.candidates.is_gone(candidate):
                self._alone.add(candidate.number)
                continue
            end = await judge(candidate, share if is_accepted else None, self.with_)
            winner = self.with_.candidates.accepted(candidate)
            results.append(
                RaceResult(
                    candidate=candidate,
                    end=end,
                    winner=None if winner is None else winner.payee,
                    started_at=started_at,
                    finished=kept,
                    is_resent=True,
                    core_seconds=0.0,
                    ended_at=time.time(),
                    receipt=share if is_accepted else None,
                )
            )
        return results


def _share(landing: Landing) -> Receipt:
    """The receipt with the gas that each accepted proof cost."""
    taken = max(1, sum(landing.accepted))
    return replace(landing.receipt, gas_used=landing.receipt.gas_used // taken)

"""The arbiter's award policy as a prover sees it: which batches are leased to others, who was paid, what is due to us.

Without a policy none of this runs: the first valid proof is paid.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from poe.errors import L1Error
from poe.l1.interface import BlockRef, ChainUpdate, ProofContends, Receipt
from poe.l1.policy import LEASE, NOBODY, LeaseOf
from poe.l1.tally import Tally
from poe.prover.candidates import Candidate, Candidates
from poe.rollup.types import Address, BatchNumber, FieldElement, Hash, Wei

log = logging.getLogger("poe.prover.awards")

KEPT_AWARDS = 4096


class Policy(Protocol):
    """What is asked of the policy's contract; every call raises L1Error."""

    @property
    def kind(self) -> str: ...

    @property
    def lease_blocks(self) -> int: ...

    async def lease_of(self, number: BatchNumber, posted: BlockRef) -> LeaseOf: ...

    async def drawn(self, number: BatchNumber, old_root: FieldElement) -> Address: ...


class Settler(Protocol):
    """What is asked of the arbiter."""

    async def settle_award(
        self, number: BatchNumber, old_root: FieldElement, *, worth: Wei | None = None
    ) -> Receipt: ...


class Awards:
    """Keeps up with L1: `note` takes in every step, `look` then asks the policy what the step has brought."""

    def __init__(self, policy: Policy, arbiter: Settler, candidates: Candidates, *, us: Address, tally: Tally) -> None:
        """`tally` is the node's, which takes in every step before we do."""
        self._tally = tally
        self._policy = policy
        self._arbiter = arbiter
        self._candidates = candidates
        self._us = us
        self._head = 0
        self._leases: dict[BatchNumber, tuple[Hash, LeaseOf]] = {}
        self._taken: dict[BatchNumber, int] = {}
        self.is_passive = False
        """A shadow settles nothing."""

    @property
    def head(self) -> int:
        """The last L1 block noted."""
        return self._head

    def note(self, update: ChainUpdate) -> None:
        """Take in a step of L1."""
        self._head = update.head.number
        if update.rolled_back_to is not None:
            back_to = update.rolled_back_to
            self._taken = {number: block for number, block in self._taken.items() if block <= back_to}
        for event in update.events:
            if isinstance(event, ProofContends) and event.payee == self._us:
                self._taken[event.number] = event.origin.block.number
        while len(self._taken) > KEPT_AWARDS:
            del self._taken[next(iter(self._taken))]

    def paid(self, number: BatchNumber) -> Address | None:
        """Who was paid for a batch; None while nobody is, or if that is long ago."""
        paid = self._tally.payment(number)
        return None if paid is None else paid.payee

    def why_not(self, candidate: Candidate) -> str:
        """Why a proof of ours would not be paid, with the code that `poe explain` knows; empty if it may be."""
        if self._policy.kind != LEASE:
            return ""
        posted = self._posted(candidate.number)
        if posted is None or not candidate.is_sequenced:
            return f"POE-RAC-051: batch {candidate.number} is not posted, so nobody knows whose lease it is"
        if self._head >= posted.number + self._policy.lease_blocks:
            return ""
        lease = self._lease(candidate.number, posted)
        if lease is None:
            return f"POE-RAC-051: nobody knows yet whose lease batch {candidate.number} is"
        if lease.holder in (NOBODY, self._us):
            return ""
        return (
            f"POE-RAC-050: batch {candidate.number} is leased to 0x{lease.holder.hex()} up to block"
            f" {lease.ends_at_block}"
        )

    def payable(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], str]:
        """Those whose proof may pay us; and, if none does, why the first does not."""
        reasons = [self.why_not(one) for one in candidates]
        fit = [one for one, reason in zip(candidates, reasons, strict=True) if not reason]
        return fit, "" if fit or not reasons else reasons[0]

    async def look(self) -> None:
        """Ask for the leases of newly posted batches, and settle what the policy owes us; failures are logged."""
        try:
            await self._learn_leases()
        except L1Error as error:
            log.warning("leases_unknown reason=%r", str(error))
        self._candidates.contest(self._contested())
        if not self.is_passive:
            await self._settle()

    async def _learn_leases(self) -> None:
        if self._policy.kind != LEASE:
            return
        numbers = self._numbers()
        for number in numbers:
            posted = self._posted(number)
            if posted is None or not posted.number < self._head < posted.number + self._policy.lease_blocks:
                continue
            if self._lease(number, posted) is None:
                self._leases[number] = (posted.hash, await self._policy.lease_of(number, posted))
        self._leases = {number: self._leases[number] for number in numbers if number in self._leases}

    def _contested(self) -> frozenset[BatchNumber]:
        """Batches that a rival has proved and that are ours all the same, if our proof is in time."""
        found = set()
        for number in self._numbers():
            posted, candidate = self._posted(number), self._candidates.get(number)
            lease = None if posted is None else self._lease(number, posted)
            if candidate is None or lease is None or lease.holder != self._us or number in self._taken:
                continue
            accepted = self._candidates.accepted(candidate)
            if accepted is not None and accepted.payee != self._us and self._head < lease.ends_at_block:
                found.add(number)
        return frozenset(found)

    async def _settle(self) -> None:
        for award in self._candidates.ledger.pending_awards():
            may_be_ours = award.payee == self._us or award.number in self._taken
            if award.until > self._head or not may_be_ours:
                continue
            try:
                drawn = NOBODY if self._policy.kind == LEASE else await self._policy.drawn(award.number, award.old_root)
                if (award.payee if drawn == NOBODY else drawn) == self._us:
                    worth = self._worth(award.number)
                    await self._arbiter.settle_award(award.number, award.old_root, worth=worth)
            except L1Error as error:
                log.warning("award_not_settled batch=%d reason=%r", award.number, str(error))

    def _worth(self, number: BatchNumber) -> Wei | None:
        """The most that settling may cost: what it brings at least; None for a batch long forgotten."""
        batch = self._candidates.ledger.batch(number)
        return None if batch is None else batch.reward

    def _posted(self, number: BatchNumber) -> BlockRef | None:
        batch = self._candidates.ledger.batch(number)
        return None if batch is None else batch.origin.block

    def _lease(self, number: BatchNumber, posted: BlockRef) -> LeaseOf | None:
        """The lease, if it was asked for since the batch was posted in this very block."""
        known = self._leases.get(number)
        return known[1] if known is not None and known[0] == posted.hash else None

    def _numbers(self) -> list[BatchNumber]:
        """The batches that are not final, or whose money waits."""
        ledger = self._candidates.ledger
        waiting = [award.number for award in ledger.pending_awards()]
        return [*waiting, *map(BatchNumber, range(ledger.finalized_number + 1, ledger.head()[0] + 1))]

"""Which batches could be proven: L1's order joined with what gossip tells earlier, executed on our replica.

L1 is the truth. A gossiped batch that extends our head is executed at once, so that proving can start before its
posting is mined; if L1 then orders another batch at that number, ours is rolled back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import trio

from poe.backend.interface import Execution
from poe.backend.replica import KEPT_EXECUTIONS, Replica
from poe.errors import BadAnswer, InputError
from poe.l1.contradiction import tell_alarms, tell_contradiction
from poe.l1.interface import ChainUpdate, ProofAccepted
from poe.l1.ledger import Ledger
from poe.rollup.batch import batch_hash
from poe.rollup.types import Batch, BatchNumber, Hash

log = logging.getLogger("poe.prover.candidates")

MAX_AHEAD = 64
"""Gossiped batches executed beyond L1's head at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A batch we hold the execution of and that has, as far as we know, no accepted proof on its old root."""

    number: BatchNumber
    batch: Batch
    batch_hash: Hash
    execution: Execution
    is_sequenced: bool
    seen_at: float
    """When we executed it, on the node's clock."""


class Candidates:
    """The open batches, kept in step with L1 and gossip; `changed` wakes everyone who waits for a turn of events."""

    def __init__(self, ledger: Ledger, replica: Replica, clock: Callable[[], float] = time.time) -> None:
        self.ledger = ledger
        self.replica = replica
        self._clock = clock
        self._executed: dict[BatchNumber, tuple[Hash, Batch, float]] = {}
        self._changed = trio.Event()
        self._contested: frozenset[BatchNumber] = frozenset()
        self.disagreements = 0

    def follow(self, update: ChainUpdate) -> None:
        """Take in a step of L1: undo what it voids, execute what it orders."""
        had_ended = self.has_ended
        self.ledger.apply(update)
        tell_alarms(update)
        if self.has_ended != had_ended:
            log.warning("exit_mode_%s l1_block=%d", "undone" if had_ended else "entered", update.head.number)
        head, _ = self.ledger.head()
        self._drop_executions_that_l1_contradicts(head)
        for number in range(self.replica.height + 1, head + 1):
            batch = self.ledger.batch(BatchNumber(number))
            if batch is None:
                raise LookupError(f"the ledger holds no body of batch {number}")
            self._execute(BatchNumber(number), batch.batch_hash, batch.batch)
        self._tell_contradictions(update)
        self._forget_old()
        self._notify()

    def hear(self, number: BatchNumber, parent_hash: Hash, batch: Batch) -> bool:
        """Take in a gossiped batch; False when it does not extend what we have, or L1 could never order it."""
        if self.has_ended:
            return False
        head, head_hash = self.ledger.head()
        tip = self.replica.height
        tip_hash = self._executed[tip][0] if tip in self._executed else head_hash
        if number != tip + 1 or number > head + MAX_AHEAD or parent_hash != tip_hash:
            return False
        if number > self.ledger.finalized_number + KEPT_EXECUTIONS:
            return False  # its execution would push out that of the batch that finality waits for
        try:
            self._execute(number, batch_hash(batch), batch)
        except InputError as error:  # a deposit or header that the arbiter would refuse
            log.warning("batch_not_executable number=%d reason=%r", number, str(error))
            return False
        self._notify()
        return True

    @property
    def has_ended(self) -> bool:
        """Is the rollup in exit mode? Then no proof is wanted any more, unless a reorg undoes it."""
        return self.ledger.exit_mode is not None

    def contest(self, numbers: frozenset[BatchNumber]) -> None:
        """From now on these batches are wanted though a rival's proof is accepted (poe/prover/awards.py)."""
        if numbers != self._contested:
            self._contested = numbers
        self._notify()

    def open(self) -> list[Candidate]:
        """Batches to prove, lowest number first."""
        found: list[Candidate] = []
        if self.has_ended:
            return found
        for number in sorted(self._contested.union(range(self.ledger.finalized_number + 1, self.replica.height + 1))):
            candidate = self.get(BatchNumber(number))
            if candidate is not None and (number in self._contested or self.accepted(candidate) is None):
                found.append(candidate)
        return found

    def get(self, number: BatchNumber) -> Candidate | None:
        """The batch as we executed it, settled or not; None when we no longer hold it."""
        execution = self.replica.execution(number)
        if execution is None or number not in self._executed:
            return None
        known_hash, batch, seen_at = self._executed[number]
        return Candidate(
            number=number,
            batch=batch,
            batch_hash=known_hash,
            execution=execution,
            is_sequenced=self.ledger.is_sequenced(number, known_hash),
            seen_at=seen_at,
        )

    def accepted(self, candidate: Candidate) -> ProofAccepted | None:
        """The accepted proof on the candidate's own old root, if there is one."""
        return self.ledger.accepted(candidate.number).get(candidate.execution.old_root)

    def is_gone(self, candidate: Candidate) -> bool:
        """Is the batch proven, final, void, or no longer the batch at its number? Not if it is contested."""
        if candidate.number in self._contested and not self.has_ended and self.holds(candidate):
            return False
        is_final = candidate.number <= self.ledger.finalized_number
        return self.has_ended or is_final or not self.holds(candidate) or self.accepted(candidate) is not None

    def holds(self, candidate: Candidate) -> bool:
        """Is this still the batch at its number, on the same old root?"""
        now = self.get(candidate.number)
        return (
            now is not None
            and now.batch_hash == candidate.batch_hash
            and now.execution.old_root == candidate.execution.old_root
        )

    def is_sequenced(self, candidate: Candidate) -> bool:
        """Has L1 ordered this very batch at its number by now?"""
        return self.ledger.is_sequenced(candidate.number, candidate.batch_hash)

    async def wait_until_gone(self, candidate: Candidate) -> None:
        """Return once no proof of the candidate is wanted any more."""
        while not self.is_gone(candidate):
            await self._changed.wait()

    async def wait_until_sequenced(self, candidate: Candidate) -> None:
        """Return once L1 has ordered this very batch at its number."""
        while not self.is_sequenced(candidate):
            await self._changed.wait()

    async def wait_for_change(self) -> None:
        """Return at the next step of L1 or gossip."""
        await self._changed.wait()

    def _execute(self, number: BatchNumber, known_hash: Hash, batch: Batch) -> None:
        self.replica.apply(number, batch)
        self._executed[number] = (known_hash, batch, self._clock())

    def _tell_contradictions(self, update: ChainUpdate) -> None:
        """An accepted proof of a batch on our own old root that ends in another root than ours."""
        for event in (event for event in update.events if isinstance(event, ProofAccepted)):
            ours = self.replica.execution(event.number)
            if ours is not None and ours.old_root == event.old_root and ours.new_root != event.new_root:
                tell_contradiction(
                    event.number, on_l1=event.new_root, ours=ours.new_root, parameters=self.ledger.parameters
                )

    def _drop_executions_that_l1_contradicts(self, head: BatchNumber) -> None:
        """Roll back to before the first executed batch that is not L1's; what lies beyond L1's head may stay."""
        if self._executed and head < min(self._executed) - 1:
            raise BadAnswer(f"L1 went back to batch {head}, further than we can undo", fix="start the node again")
        for number in sorted(kept for kept in self._executed if kept <= head):
            if not self.ledger.is_sequenced(number, self._executed[number][0]):
                self.disagreements += 1
                log.warning("batch_rolled_back number=%d l1_head=%d", number, head)
                self._roll_back_to(BatchNumber(number - 1))
                return

    def _roll_back_to(self, number: BatchNumber) -> None:
        self.replica.rollback_to(number)
        for undone in [kept for kept in self._executed if kept > number]:
            del self._executed[undone]

    def _forget_old(self) -> None:
        """Drop what the replica has dropped too: it could neither be proven nor undone any more."""
        for number in [kept for kept in self._executed if kept <= self.replica.height - KEPT_EXECUTIONS]:
            del self._executed[number]

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

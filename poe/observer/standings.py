"""Who won which batch, from L1 events alone; undone with L1. Gossip, forged or replayed, cannot change it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from poe.l1.interface import (
    AlarmRaised,
    ArbiterEvent,
    BatchFinalized,
    BatchSequenced,
    ChainUpdate,
    LogOrigin,
    ProofAccepted,
    ProofContends,
)
from poe.l1.tally import KEPT_BLOCKS, Tally
from poe.rollup.types import SLOT_BYTES, Address, Batch, BatchNumber, FieldElement, Wei

KEPT_ROWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One batch: where it was posted, where its winning proof was accepted, where it became final."""

    number: BatchNumber
    transactions: int
    posted: LogOrigin
    accepted: LogOrigin | None = None
    finalized: LogOrigin | None = None
    payee: Address | None = None
    reward: Wei = Wei(0)

    @property
    def proof_delay_blocks(self) -> int | None:
        """L1 blocks from posting to the accepted proof."""
        return None if self.accepted is None else self.accepted.block.number - self.posted.block.number

    @property
    def finality_delay_blocks(self) -> int | None:
        """L1 blocks from posting to finality."""
        return None if self.finalized is None else self.finalized.block.number - self.posted.block.number

    @property
    def proof_delay_seconds(self) -> int | None:
        """L1 seconds from posting to the accepted proof."""
        return None if self.accepted is None else self.accepted.block.timestamp - self.posted.block.timestamp

    @property
    def finality_delay_seconds(self) -> int | None:
        """L1 seconds from posting to finality."""
        return None if self.finalized is None else self.finalized.block.timestamp - self.posted.block.timestamp


class Standings:
    """The race's table, a row a batch, kept for the last `kept_rows` batches; wins, rewards and proofs are of all."""

    def __init__(self, genesis_root: FieldElement, *, has_policy: bool = False, kept_rows: int = KEPT_ROWS) -> None:
        """`has_policy`: awards say who is paid, not finality."""
        self._genesis_root = genesis_root
        self._kept_rows = kept_rows
        self._posted: dict[BatchNumber, tuple[LogOrigin, int]] = {}
        self._proofs: dict[BatchNumber, list[ProofAccepted]] = {}
        self._final: dict[BatchNumber, BatchFinalized] = {}
        self._has_policy = has_policy
        self._tally = Tally(kept_rows, has_policy=has_policy)
        self._alarm: AlarmRaised | None = None
        self._proofs_by_block: deque[list[int]] = deque()
        """L1 block and the valid proofs taken in it, of the last blocks that had any."""
        self._forgotten_block = 0
        self.accepted_proofs = 0
        """Valid proofs that L1 has taken, on whatever old root, first or not."""

    @property
    def wins(self) -> Mapping[Address, int]:
        """Batches by the payee that each paid."""
        return self._tally.wins

    @property
    def rewards(self) -> Wei:
        """The rewards of all of them."""
        return Wei(sum(self._tally.rewards.values()))

    @property
    def rewards_by_payee(self) -> Mapping[Address, Wei]:
        """The rewards of the batches that each won, tips included."""
        return self._tally.rewards

    def recent_wins(self, batches: int) -> Mapping[Address, int]:
        """Wins among the last so many batches paid."""
        return self._tally.recent_wins(batches)

    def apply(self, update: ChainUpdate) -> None:
        """Take in a step of L1."""
        if update.rolled_back_to is not None:
            self._roll_back(update.rolled_back_to)
        self._tally.apply(update)
        for event in update.events:
            self._add(event)
        while self._proofs_by_block and self._proofs_by_block[0][0] <= update.head.number - KEPT_BLOCKS:
            self._forgotten_block = self._proofs_by_block.popleft()[0]

    def rows(self, last: int | None = None) -> list[Row]:
        """The batches kept, or the last so many of them, lowest number first."""
        numbers = sorted(self._posted)
        return [self._row(number) for number in (numbers if last is None else numbers[-last:])]

    def row(self, number: BatchNumber) -> Row | None:
        """One batch's row."""
        return self._row(number) if number in self._posted else None

    def _row(self, number: BatchNumber) -> Row:
        posted, transactions = self._posted[number]
        row = Row(number=number, transactions=transactions, posted=posted)
        final, paid = self._final.get(number), self._tally.payment(number)
        proof = self._winning_proof(number, final)
        if proof is not None:
            row = replace(row, accepted=proof.origin, payee=None if self._has_policy else proof.payee)
        if final is not None:
            row = replace(row, finalized=None if self._is_cancelled(number) else final.origin)
        if paid is not None:
            row = replace(row, payee=paid.payee, reward=paid.reward)
        return row

    def _is_cancelled(self, number: BatchNumber) -> bool:
        """Is the batch not final any more, by an alarm? Its reward stays paid."""
        return self._alarm is not None and number >= self._alarm.number

    def _winning_proof(self, number: BatchNumber, final: BatchFinalized | None) -> ProofAccepted | None:
        """The final proof; before finality the first accepted one, whose root may yet prove wrong."""
        proofs = self._proofs.get(number, [])
        if final is None:
            return proofs[0] if proofs else None
        old_root = self._root_before(number)
        matching = [p for p in proofs if old_root in (None, p.old_root) and p.new_root == final.new_root]
        return matching[0] if matching else None

    def _root_before(self, number: BatchNumber) -> FieldElement | None:
        """The final root that a batch starts from; None for the oldest row kept, whose predecessor is forgotten."""
        before = self._final.get(BatchNumber(number - 1))
        if before is None:
            return self._genesis_root if number == 1 else None
        return before.new_root

    def _add(self, event: ArbiterEvent) -> None:
        match event:
            case BatchSequenced():
                self._posted[event.number] = (event.origin, count_transactions(event.batch))
                self._forget(BatchNumber(event.number - self._kept_rows))
            case ProofAccepted():
                self._proofs.setdefault(event.number, []).append(event)
                self._count_proof(event.origin.block.number)
            case AlarmRaised():
                self._alarm = event
            case ProofContends():
                self._count_proof(event.origin.block.number)
            case BatchFinalized() if event.number not in self._final:
                self._final[event.number] = event
            case _:
                pass

    def _count_proof(self, block: int) -> None:
        self.accepted_proofs += 1
        if not self._proofs_by_block or self._proofs_by_block[-1][0] != block:
            self._proofs_by_block.append([block, 0])
        self._proofs_by_block[-1][1] += 1

    def _uncount_proofs(self, block: int) -> None:
        while self._proofs_by_block and self._proofs_by_block[-1][0] > block:
            self.accepted_proofs -= self._proofs_by_block.pop()[1]
        if block < self._forgotten_block:  # deeper than any reorg: L1 is read from its start again
            self.accepted_proofs = self._forgotten_block = 0

    def _roll_back(self, block: int) -> None:
        self._uncount_proofs(block)
        if self._alarm is not None and self._alarm.origin.block.number > block:
            self._alarm = None
        for number, proofs in list(self._proofs.items()):
            self._proofs[number] = [proof for proof in proofs if proof.origin.block.number <= block]
        for number, final in list(self._final.items()):
            if final.origin.block.number > block:
                del self._final[number]
        for number, (posted, _) in list(self._posted.items()):
            if posted.block.number > block:
                del self._posted[number]

    def _forget(self, number: BatchNumber) -> None:
        self._posted.pop(number, None)
        self._proofs.pop(number, None)
        self._final.pop(number, None)


def count_transactions(batch: Batch) -> int:
    """Slots that hold anything at all."""
    empty = bytes(SLOT_BYTES)
    return sum(slot != empty for slot in batch.slots)

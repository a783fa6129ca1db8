"""What queue entries, postings, proofs and finality do to the books (docs/protocol.md, sections 6 to 8); each with what
undoes it."""

from __future__ import annotations

from dataclasses import replace

from poe.l1.books import (
    HASH_BYTES,
    NOTHING_TO_UNDO,
    Books,
    Final,
    Posting,
    Undo,
    contradiction,
    require,
    take_back_all,
)
from poe.l1.interface import (
    ArbiterEvent,
    BatchFinalized,
    BatchSequenced,
    ProofAccepted,
    ProofContends,
    QueueEntry,
    Withdrawn,
)
from poe.l1.terms import MOST_FACTOR
from poe.rollup.types import FieldElement, Wei


def enqueue(books: Books, event: QueueEntry) -> Undo:
    """An entry joins the queue's end."""
    _require_open(books, event)
    require(event.queue_index == books.queue_tail, event, f"queue entry {books.queue_tail} comes next")
    books.entries.append(event)
    return (_dequeue,)


def sequence(books: Books, event: BatchSequenced) -> Undo:
    """A batch is ordered after the head."""
    number, parent = books.sequenced, books.hash_of(books.sequenced)
    _require_open(books, event)
    require(event.number == number + 1, event, f"batch {number + 1} comes next, got {event.number}")
    require(event.parent_hash == parent, event, "parent hash is not the head's")
    require(books.queue_head <= event.queue_end <= books.queue_tail, event, "queue end is outside the queue")
    queue_head, books.queue_head = books.queue_head, event.queue_end
    books.hashes += event.batch_hash
    books.postings[event.number] = Posting(
        origin=event.origin, reward=event.reward, queue_end=event.queue_end, body=event.batch
    )
    return _unsequence, queue_head


def accept(books: Books, event: ProofAccepted) -> Undo:
    """The first valid proof of a batch on its old root."""
    _require_open(books, event)
    require(event.number <= books.sequenced, event, f"batch {event.number} is not sequenced")
    require(event.number > books.finalized, event, f"batch {event.number} is final")
    proofs = books.proofs.setdefault(event.number, {})
    require(event.old_root not in proofs, event, "a proof on this root is accepted already")
    proofs[event.old_root] = event
    return _unaccept, event.number, event.old_root


def finalize(books: Books, event: BatchFinalized, *, pays: bool) -> Undo:
    """The next batch is final, its queue entries are gone; unless it `pays`, an award will."""
    _require_open(books, event)
    old_root = books.finalized_root
    proof = books.proofs.get(event.number, {}).get(old_root)
    require(event.number == books.finalized + 1, event, f"batch {books.finalized + 1} finalizes next")
    if proof is None or proof.new_root != event.new_root or proof.payee != event.payee:
        raise contradiction(event, "no such proof on the finalized root is accepted")
    require(proof.tip <= event.reward, event, "the tip is above the reward")
    posting = books.postings[event.number]
    fair = posting.reward <= event.reward <= MOST_FACTOR * posting.reward
    require(fair, event, f"{event.reward} Wei were paid, its reward is {posting.reward}")
    undo_pay = _pay(books, event, proof) if pays else NOTHING_TO_UNDO
    drained = tuple(books.entries.popleft() for _ in range(posting.queue_end - books.final_queue_end))
    books.finalized, books.finalized_root, books.final_queue_end = event.number, event.new_root, posting.queue_end
    books.finals[event.number] = Final(old_root=old_root, drained=drained)
    return _unfinalize, undo_pay


def withdraw(books: Books, event: Withdrawn) -> Undo:
    """A withdrawal takes all there is: what we know of, and queue fees that no event told."""
    known = books.credits.get(event.payee, Wei(0))
    require(event.amount >= known, event, f"{event.amount} Wei withdrawn, {known} were credited")
    return books.add_credits({event.payee: -known})


def forget_oldest(books: Books, *, keeps_body: bool) -> Undo:
    """Drop the oldest batch, which is final; what brings it back has its body only if that is kept."""
    number = books.oldest
    posting = books.postings.pop(number)
    if not keeps_body:
        posting = replace(posting, body=None)
    final, proofs = books.finals.pop(number), tuple(books.proofs.pop(number).values())
    contenders = books.contenders.pop(number, None)
    books.oldest = number + 1
    return _recall, posting, final, proofs, contenders


def _require_open(books: Books, event: ArbiterEvent) -> None:
    ended = books.exit_mode is not None or books.cancelled > 0
    require(not ended, event, "the rollup has ended by exit mode")


def _pay(books: Books, event: BatchFinalized, proof: ProofAccepted) -> Undo:
    """Credit payee and submitter."""
    changes = {event.payee: event.reward - proof.tip}
    if proof.tip:
        changes[proof.submitter] = changes.get(proof.submitter, 0) + proof.tip
    return take_back_all, books.add_credits(changes), books.add_win(event.payee)


def _dequeue(books: Books) -> None:
    books.entries.pop()


def _unsequence(books: Books, queue_head: int) -> None:
    del books.postings[books.sequenced]
    del books.hashes[-HASH_BYTES:]
    books.queue_head = queue_head


def _unaccept(books: Books, number: int, old_root: FieldElement) -> None:
    del books.proofs[number][old_root]
    if not books.proofs[number]:
        del books.proofs[number]


def _unfinalize(books: Books, undo_pay: Undo) -> None:
    final = books.finals.pop(books.finalized)
    books.finalized, books.finalized_root = books.finalized - 1, final.old_root
    books.final_queue_end -= len(final.drained)
    books.entries.extendleft(reversed(final.drained))
    books.take_back(undo_pay)


def _recall(
    books: Books,
    posting: Posting,
    final: Final,
    proofs: tuple[ProofAccepted, ...],
    contenders: list[ProofContends] | None,
) -> None:
    """The batch forgotten last is known again."""
    books.oldest -= 1
    number = books.oldest
    books.postings[number], books.finals[number] = posting, final
    books.proofs[number] = {proof.old_root: proof for proof in proofs}
    if contenders is not None:
        books.contenders[number] = contenders

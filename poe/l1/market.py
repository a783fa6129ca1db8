"""What sequencers, awards and the alarm do to the books (docs/protocol.md, section 10); each with what undoes it."""

from __future__ import annotations

from poe.l1.books import NOTHING_TO_UNDO, Books, PendingAward, Undo, require, take_back_all
from poe.l1.interface import (
    AlarmRaised,
    Awarded,
    AwardWaits,
    BondChanged,
    BondReleased,
    ProofAccepted,
    ProofContends,
    SequencerJoined,
    SequencerLeft,
    SequencerSlashed,
)
from poe.rollup.types import Address, FieldElement, Wei


def join(books: Books, event: SequencerJoined) -> Undo:
    """The next seat is taken."""
    require(event.sequencer not in books.seats, event, "it has a seat already")
    books.seats.append(event.sequencer)
    return take_back_all, (_remove_last_seat,), _set_bond(books, event.sequencer, event.bond)


def leave(books: Books, event: SequencerLeft) -> Undo:
    """The last seat's owner moves into the seat that is given up."""
    require(event.sequencer in books.seats, event, "it has no seat")
    return _vacate(books, event.sequencer)


def change_bond(books: Books, event: BondChanged) -> Undo:
    """A bond was charged for a late proof, or topped up."""
    require(event.sequencer in books.bonds, event, "it put down no bond")
    return _set_bond(books, event.sequencer, event.bond)


def release_bond(books: Books, event: BondReleased) -> Undo:
    """What is left of a bond goes back to a sequencer without a seat."""
    require(event.sequencer not in books.seats, event, "it has a seat")
    require(event.amount == books.bonds.get(event.sequencer), event, "that is not its bond")
    undo_bond = _set_bond(books, event.sequencer, None)
    return take_back_all, undo_bond, books.add_credits({event.sequencer: event.amount})


def slash(books: Books, event: SequencerSlashed) -> Undo:
    """A bond is lost, and with it the seat, unless it was given up before."""
    bond = books.bonds.get(event.sequencer)
    require(bond is not None and event.amount <= bond, event, "so much bond was never put down")
    undo_seat = _vacate(books, event.sequencer) if event.sequencer in books.seats else NOTHING_TO_UNDO
    undo_bond = _set_bond(books, event.sequencer, None)
    return take_back_all, undo_seat, undo_bond, books.add_credits({event.reporter: event.amount})


def contend(books: Books, event: ProofContends) -> Undo:
    """A further valid proof is taken."""
    require(event.old_root in books.proofs.get(event.number, {}), event, "there is no first proof")
    books.contenders.setdefault(event.number, []).append(event)
    return _remove_contender, event.number


def wait_for_award(books: Books, event: AwardWaits) -> Undo:
    """A batch becomes final and its money waits."""
    number = event.number
    require(number not in books.awards, event, "its award waits already")
    if number == books.finalized + 1:
        old_root = books.finalized_root
    else:
        require(number in books.finals, event, f"batch {number} is not final")
        old_root = books.finals[number].old_root
    books.awards[number] = PendingAward(number=number, old_root=old_root, payee=event.payee, until=event.until)
    return _do_not_wait, number


def award(books: Books, event: Awarded) -> Undo:
    """Somebody is paid under a policy, and its relayer out of that."""
    waited = books.awards.pop(event.number, None)
    proof = _proof_of(books, event)
    changes: dict[Address, int] = {}
    if proof is not None:
        tip = min(proof.tip, event.reward)
        changes[proof.payee] = event.reward - tip
        changes[proof.submitter] = changes.get(proof.submitter, 0) + tip
    undo_wait: Undo = NOTHING_TO_UNDO if waited is None else (_wait_again, waited)
    return take_back_all, undo_wait, books.add_credits(changes), books.add_win(event.payee)


def _proof_of(books: Books, event: Awarded) -> ProofAccepted | ProofContends | None:
    """The awarded payee's proof; None if it is forgotten or has two: credits then leave the award out."""
    known: list[ProofAccepted | ProofContends] = [*books.proofs.get(event.number, {}).values()]
    known += books.contenders.get(event.number, [])
    own = [proof for proof in known if proof.payee == event.payee]
    return own[0] if len(own) == 1 else None


def raise_alarm(books: Books, event: AlarmRaised) -> Undo:
    """The batch and all final ones after it are cancelled: state and queue stand where they stood before it.

    What was paid for them stays paid, and so stay the wins. Once more in exit mode, of an earlier batch.
    """
    number, before = event.number, (books.finalized, books.finalized_root, books.final_queue_end, books.cancelled)
    require(0 < number <= books.finalized, event, f"batch {number} is not final")
    known = all(n in books.finals for n in range(number, books.finalized + 1))
    require(known, event, f"batch {number} has been final for too long")
    proof = books.proofs.get(number, {}).get(event.old_root)
    told = proof is not None and proof.new_root == event.new_root
    require(told, event, "the batch did not become final with these roots")
    given_back = [entry for n in range(number, books.finalized + 1) for entry in books.finals[n].drained]
    books.entries.extendleft(reversed(given_back))
    books.cancelled = max(books.cancelled, books.finalized)
    books.finalized, books.finalized_root = number - 1, event.old_root
    books.final_queue_end -= len(given_back)
    return take_back_all, (_call_off, before, len(given_back)), books.add_credits({event.payee: event.bounty})


def _vacate(books: Books, sequencer: Address) -> Undo:
    before = list(books.seats)
    last = books.seats.pop()
    if last != sequencer:
        books.seats[books.seats.index(sequencer)] = last
    return _reseat, before


def _set_bond(books: Books, sequencer: Address, bond: Wei | None) -> Undo:
    before = books.bonds.get(sequencer)
    _write(books, sequencer, bond)
    return _write, sequencer, before


def _write(books: Books, sequencer: Address, bond: Wei | None) -> None:
    if bond is None:
        books.bonds.pop(sequencer, None)
    else:
        books.bonds[sequencer] = bond


def _remove_last_seat(books: Books) -> None:
    books.seats.pop()


def _reseat(books: Books, seats: list[Address]) -> None:
    books.seats[:] = seats


def _remove_contender(books: Books, number: int) -> None:
    books.contenders[number].pop()
    if not books.contenders[number]:
        del books.contenders[number]


def _do_not_wait(books: Books, number: int) -> None:
    del books.awards[number]


def _wait_again(books: Books, award: PendingAward) -> None:
    books.awards[award.number] = award


def _call_off(books: Books, before: tuple[int, FieldElement, int, int], given_back: int) -> None:
    """The alarm was none."""
    books.finalized, books.finalized_root, books.final_queue_end, books.cancelled = before
    for _ in range(given_back):
        books.entries.popleft()

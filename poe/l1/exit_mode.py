"""What exits, and the end, do to the books (docs/protocol.md, sections 8 and 9); each with what undoes it."""

from __future__ import annotations

from poe.l1.books import Books, Undo, require, take_back_all
from poe.l1.interface import (
    BatchRefunded,
    Deposited,
    EntryRefunded,
    ExitModeEntered,
    ExitsCredited,
    ForcedExitQueued,
    ForcedTransactionQueued,
    Left,
    QueueEntry,
)
from poe.l1.terms import MOST_FACTOR, WEI_A_GWEI
from poe.rollup.types import AccountIndex, Address


def credit_exits(books: Books, event: ExitsCredited) -> Undo:
    """The exits of a final batch are credited, before the end or after it."""
    require(event.number <= books.finalized, event, f"batch {event.number} is not final")
    require(event.number not in books.exits_credited, event, "its exits are credited already")
    changes: dict[Address, int] = {}
    for leaving in event.exits:
        changes[leaving.address] = changes.get(leaving.address, 0) + leaving.amount * WEI_A_GWEI
    books.exits_credited.add(event.number)
    return take_back_all, (_forget_exits, event.number), books.add_credits(changes)


def enter(books: Books, event: ExitModeEntered) -> Undo:
    """The state after the last final batch stays for ever, unless an alarm takes the end further back."""
    before = books.exit_mode
    require(before is None or event.number < before.number, event, "exit mode is entered already")
    final = (books.finalized, books.finalized_root, books.final_queue_end)
    told = (event.number, event.state_root, event.queue_end)
    require(told == final, event, f"final are batch, root and queue end {final}, got {told}")
    books.exit_mode = event
    return _end_as, before


def refund_batch(books: Books, event: BatchRefunded) -> Undo:
    """A void batch's escrow goes back; no event tells who posted a batch, so any poster is believed.

    It is the reward, or four of them if the poster had no seat.
    """
    require(books.exit_mode is not None, event, "exit mode is not entered")
    require(books.first_void <= event.number <= books.sequenced, event, f"batch {event.number} is not void")
    require(event.number not in books.batches_refunded, event, "it is refunded already")
    reward = books.postings[event.number].reward
    require(event.reward in (reward, MOST_FACTOR * reward), event, "that is not its escrow")
    books.batches_refunded.add(event.number)
    return take_back_all, (_unrefund_batch, event.number), books.add_credits({event.poster: event.reward})


def refund_entry(books: Books, event: EntryRefunded) -> Undo:
    """What an entry had paid goes back: a deposit's amount and every entry's fee, which no event told before."""
    require(books.exit_mode is not None, event, "exit mode is not entered")
    require(books.final_queue_end <= event.queue_index < books.queue_tail, event, "a final batch drained the entry")
    require(event.queue_index not in books.entries_refunded, event, "it is refunded already")
    entry = books.entries[event.queue_index - books.final_queue_end]
    require(beneficiary_of(entry) in (None, event.beneficiary), event, "that is not who the entry's refund is for")
    least = entry.amount * WEI_A_GWEI if isinstance(entry, Deposited) else 0
    require(event.amount >= least, event, f"{event.amount} Wei, the deposit alone was {least}")
    books.entries_refunded.add(event.queue_index)
    return take_back_all, (_unrefund_entry, event.queue_index), books.add_credits({event.beneficiary: event.amount})


def leave(books: Books, event: Left) -> Undo:
    """An account's balance in the final state is credited on L1, once."""
    require(books.exit_mode is not None, event, "exit mode is not entered")
    require(event.account not in books.left, event, f"account {event.account} has left already")
    books.left.add(event.account)
    undo_credits = books.add_credits({event.exit_address: event.balance * WEI_A_GWEI})
    return take_back_all, (_return, event.account), undo_credits


def beneficiary_of(entry: QueueEntry) -> Address | None:
    """Whom an entry's refund is for; None for a forced transaction, whose event does not name who queued it."""
    match entry:
        case Deposited():
            return Address(entry.exit_address.to_bytes(20))
        case ForcedExitQueued():
            return entry.exit_address
        case ForcedTransactionQueued():
            return None


def _forget_exits(books: Books, number: int) -> None:
    books.exits_credited.remove(number)


def _end_as(books: Books, before: ExitModeEntered | None) -> None:
    books.exit_mode = before


def _unrefund_batch(books: Books, number: int) -> None:
    books.batches_refunded.remove(number)


def _unrefund_entry(books: Books, queue_index: int) -> None:
    books.entries_refunded.remove(queue_index)


def _return(books: Books, account: AccountIndex) -> None:
    books.left.remove(account)

"""Exit mode in the ledger: what is void, who is credited what, what can never be, and reorgs that undo it all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from poe.errors import BadAnswer
from poe.l1.exit_mode import beneficiary_of
from poe.l1.interface import ArbiterEvent
from poe.l1.ledger import GENESIS_HASH, Ledger
from poe.rollup.types import AccountIndex, Address, BatchNumber
from tests.fakes_l1 import (
    ALICE,
    BOB,
    GENESIS_ROOT,
    PARAMETERS,
    REWARD,
    accepted,
    batch_refunded,
    credited,
    deposited,
    entry_refunded,
    exit_mode_entered,
    finalized,
    forced_exit,
    forced_transaction,
    left,
    sequenced,
    withdrawn,
)
from tests.unit.l1.test_ledger import observed, origin, update

GWEI = 10**9
DEPOSITOR = Address((13).to_bytes(20))
"""Exit address of every deposit of the fakes; entry `index` deposits 5 + index gwei."""


@pytest.fixture
def running() -> Ledger:
    """Batch 1 final with entry 0; batch 2 drains entries 1 and 2, unproven; entries 3 to 5 wait: one of each kind."""
    ledger = Ledger(PARAMETERS)
    ledger.apply(update(4, *(deposited(i, origin=origin(4, i)) for i in range(3))))
    first = sequenced(1, GENESIS_HASH, deposits=1, queue_end=1, origin=origin(5))
    proven = (accepted(1, GENESIS_ROOT, 1001, origin=origin(5, 1)), finalized(1, 1001, origin=origin(5, 2)))
    second = sequenced(2, first.batch_hash, salt=1, deposits=2, queue_end=3, origin=origin(6))
    ledger.apply(update(6, first, *proven, second))
    waiting = (deposited(3, origin=origin(7)), forced_exit(4, origin=origin(7, 1)))
    ledger.apply(update(8, *waiting, forced_transaction(5, origin=origin(8))))
    return ledger


@pytest.fixture
def ended(running: Ledger) -> Ledger:
    running.apply(update(9, exit_mode_entered(1, 1001, queue_end=1, origin=origin(9))))
    return running


def test_while_the_rollup_goes_on_nothing_is_void(running: Ledger) -> None:
    assert running.exit_mode is None
    assert (running.void_batches(), running.void_entries(), running.left_count) == ([], [], 0)


def test_exit_mode_voids_every_batch_and_entry_that_is_not_final(ended: Ledger) -> None:
    assert ended.exit_mode is not None
    assert (ended.exit_mode.number, ended.exit_mode.state_root) == (1, 1001)
    assert [batch.number for batch in ended.void_batches()] == [2]
    assert [entry.queue_index for entry in ended.void_entries()] == [1, 2, 3, 4, 5]
    assert ended.finalized_root == 1001


def test_a_rollup_that_never_finalized_anything_ends_at_genesis() -> None:
    ledger = Ledger(PARAMETERS)
    ledger.apply(update(4, deposited(0, origin=origin(4))))
    ledger.apply(update(9, exit_mode_entered(0, GENESIS_ROOT, origin=origin(9))))
    assert [entry.queue_index for entry in ledger.void_entries()] == [0]
    assert ledger.void_batches() == []


def test_refunds_and_leaving_credit_each_once_and_are_undone_with_l1(ended: Ledger) -> None:
    before, credits = observed(ended), dict(ended.credits())
    ended.apply(
        update(
            10,
            batch_refunded(2, poster=ALICE, origin=origin(10)),
            entry_refunded(1, DEPOSITOR, 6 * GWEI + 77, origin=origin(10, 1)),
            entry_refunded(4, BOB, 55, origin=origin(10, 2)),
            entry_refunded(5, ALICE, 44, origin=origin(10, 3)),
            left(0, ALICE, 2**70, origin=origin(10, 4)),
        )
    )
    gained = {
        ALICE: credits.get(ALICE, 0) + REWARD + 44 + 2**70 * GWEI,
        BOB: credits[BOB] + 55,
        DEPOSITOR: 6 * GWEI + 77,
    }
    assert ended.credits() == gained
    assert ended.void_batches() == []
    assert [entry.queue_index for entry in ended.void_entries()] == [2, 3]
    assert [ended.has_left(AccountIndex(account)) for account in (0, 1)] == [True, False]
    assert ended.left_count == 1
    ended.apply(update(10, rolled_back_to=9))
    assert observed(ended) == before


def test_a_reorg_that_undoes_exit_mode_brings_the_rollup_back(running: Ledger) -> None:
    before = observed(running)
    running.apply(
        update(9, exit_mode_entered(1, 1001, queue_end=1, origin=origin(9)), left(0, ALICE, 5, origin=origin(9, 1)))
    )
    running.apply(update(9, rolled_back_to=8))
    assert observed(running) == before
    proven = (accepted(2, 1001, 1002, origin=origin(9)), finalized(2, 1002, origin=origin(9, 1)))
    running.apply(update(9, *proven))
    assert running.finalized_number == 2
    running.apply(update(10, exit_mode_entered(2, 1002, queue_end=3, origin=origin(10))))
    assert [entry.queue_index for entry in running.void_entries()] == [3, 4, 5]


def test_finality_that_a_reorg_undoes_leaves_its_entries_in_order(running: Ledger) -> None:
    proven = (accepted(2, 1001, 1002, origin=origin(9)), finalized(2, 1002, origin=origin(9, 1)))
    running.apply(update(9, *proven))
    running.apply(update(9, exit_mode_entered(1, 1001, queue_end=1, origin=origin(9)), rolled_back_to=8))
    assert [entry.queue_index for entry in running.void_entries()] == [1, 2, 3, 4, 5]
    running.apply(update(10, entry_refunded(2, DEPOSITOR, 7 * GWEI, origin=origin(10))))
    assert running.credits()[DEPOSITOR] == 7 * GWEI


def test_exits_and_withdrawals_go_on_in_exit_mode(ended: Ledger) -> None:
    ended.apply(update(10, credited(1, (0, ALICE, 5), origin=origin(10)), withdrawn(BOB, REWARD, origin=origin(10, 1))))
    assert ended.credits() == {ALICE: 5 * GWEI}


AFTER_THE_END: dict[str, Callable[[Ledger], list[ArbiterEvent]]] = {
    "a deposit": lambda _: [deposited(6, origin=origin(10))],
    "a forced exit": lambda _: [forced_exit(6, origin=origin(10))],
    "a batch": lambda ledger: [sequenced(3, ledger.head()[1], queue_end=3, origin=origin(10))],
    "a proof": lambda _: [accepted(2, 1001, 1002, origin=origin(10))],
    "a second end": lambda _: [exit_mode_entered(1, 1001, queue_end=1, origin=origin(10))],
    "a refund of a final batch": lambda _: [batch_refunded(1, origin=origin(10))],
    "a refund of no batch": lambda _: [batch_refunded(3, origin=origin(10))],
    "a second refund of a batch": lambda _: [batch_refunded(2, origin=origin(10)), batch_refunded(2)],
    "another reward": lambda _: [batch_refunded(2, reward=REWARD - 1, origin=origin(10))],  # type: ignore[arg-type]
    "a refund of a drained entry": lambda _: [entry_refunded(0, DEPOSITOR, 6 * GWEI, origin=origin(10))],
    "a refund of no entry": lambda _: [entry_refunded(6, DEPOSITOR, 6 * GWEI, origin=origin(10))],
    "a second refund of an entry": lambda _: [entry_refunded(5, BOB, 1, origin=origin(10)), entry_refunded(5, BOB, 1)],
    "a deposit refunded to another": lambda _: [entry_refunded(1, BOB, 6 * GWEI, origin=origin(10))],
    "a forced exit's fee to another": lambda _: [entry_refunded(4, ALICE, 1, origin=origin(10))],
    "less than the deposit": lambda _: [entry_refunded(1, DEPOSITOR, 6 * GWEI - 1, origin=origin(10))],
    "a second leave": lambda _: [left(0, ALICE, 5, origin=origin(10)), left(0, BOB, 5, origin=origin(10, 1))],
    "a withdrawal of less than there is": lambda _: [left(0, ALICE, 5), withdrawn(ALICE, 5 * GWEI - 1)],
}


@pytest.mark.parametrize("case", AFTER_THE_END)
def test_what_cannot_happen_after_the_end_is_refused_and_changes_nothing(ended: Ledger, case: str) -> None:
    before = observed(ended)
    with pytest.raises(BadAnswer, match="POE-L1-007"):
        ended.apply(update(10, *AFTER_THE_END[case](ended)))
    assert observed(ended) == before


BEFORE_THE_END: dict[str, ArbiterEvent] = {
    "a refunded batch": batch_refunded(2, origin=origin(9)),
    "a refunded entry": entry_refunded(5, BOB, 1, origin=origin(9)),
    "an account that left": left(0, ALICE, 1, origin=origin(9)),
    "an end at another batch": exit_mode_entered(2, 1001, queue_end=1, origin=origin(9)),
    "an end at another root": exit_mode_entered(1, 1002, queue_end=1, origin=origin(9)),
    "an end at another entry": exit_mode_entered(1, 1001, queue_end=3, origin=origin(9)),
}


@pytest.mark.parametrize("case", BEFORE_THE_END)
def test_what_cannot_happen_before_the_end_is_refused(running: Ledger, case: str) -> None:
    before = observed(running)
    with pytest.raises(BadAnswer, match="POE-L1-007"):
        running.apply(update(9, BEFORE_THE_END[case]))
    assert observed(running) == before


def test_finality_after_the_end_is_refused_even_with_its_proof(running: Ledger) -> None:
    proof = accepted(2, 1001, 1002, origin=origin(9))
    running.apply(update(9, proof, exit_mode_entered(1, 1001, queue_end=1, origin=origin(9, 1))))
    with pytest.raises(BadAnswer, match="ended"):
        running.apply(update(10, finalized(2, 1002, origin=origin(10))))


def test_exit_mode_is_due_a_deadline_after_what_has_waited_longest(running: Ledger) -> None:
    deadline = PARAMETERS.exit_deadline_blocks
    assert Ledger(PARAMETERS).exit_mode_due_at() is None
    assert running.exit_mode_due_at() == 6 + deadline + 1, "batch 2, posted in block 6"
    running.apply(update(9, accepted(2, 1001, 1002, origin=origin(9)), finalized(2, 1002, origin=origin(9, 1))))
    assert running.exit_mode_due_at() == 7 + deadline + 1, "entry 3, entered in block 7"
    third = sequenced(3, running.head()[1], salt=2, queue_end=6, origin=origin(10))
    running.apply(update(10, third))
    assert running.exit_mode_due_at() == 10 + deadline + 1, "batch 3 drained the queue"


def test_an_entrys_refund_is_for_the_exit_address_or_who_asked() -> None:
    assert beneficiary_of(deposited(0)) == DEPOSITOR
    assert beneficiary_of(forced_exit(0)) == BOB
    assert beneficiary_of(forced_transaction(0)) is None


def test_entries_of_final_batches_are_forgotten(running: Ledger) -> None:
    """Only what could be refunded is kept, however long the rollup lives."""
    running.apply(update(9, accepted(2, 1001, 1002, origin=origin(9)), finalized(2, 1002, origin=origin(9, 1))))
    running.apply(update(10, exit_mode_entered(2, 1002, queue_end=3, origin=origin(10))))
    assert [entry.queue_index for entry in running.void_entries()] == [3, 4, 5]
    assert running.batch(BatchNumber(1)) is not None

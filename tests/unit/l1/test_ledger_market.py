"""The ledger under the market's rules: seats and bonds, awards that wait, finalizations that an alarm takes back."""

import dataclasses

import pytest

from poe.errors import BadAnswer
from poe.l1.interface import ArbiterEvent
from poe.l1.ledger import GENESIS_HASH, Ledger
from poe.rollup.types import AccountIndex, Address, BatchNumber, FieldElement, Wei
from tests.fakes_l1 import (
    ALICE,
    BOB,
    GENESIS_ROOT,
    PARAMETERS,
    REWARD,
    accepted,
    alarm_raised,
    award_waits,
    awarded,
    batch_refunded,
    bond_changed,
    bond_released,
    contends,
    credited,
    deposited,
    entry_refunded,
    exit_mode_entered,
    finalized,
    gave_up,
    joined,
    left,
    sequenced,
    slashed,
    withdrawn,
)
from tests.unit.l1.test_ledger import observed, origin, update

CAROL = Address(b"\x0c" * 20)
BOND = 30 * REWARD
NO_POLICY, A_POLICY = PARAMETERS, dataclasses.replace(PARAMETERS, policy=Address(b"\x90" * 20))


@pytest.fixture
def seated() -> Ledger:
    """Three seats: Alice, Bob, Carol."""
    ledger = Ledger(PARAMETERS)
    ledger.apply(update(5, *(joined(one, origin=origin(5, i)) for i, one in enumerate((ALICE, BOB, CAROL)))))
    return ledger


def proven(number: int, *, at: int, queue_end: int = 0, parent: bytes) -> tuple[ArbiterEvent, ...]:
    root = GENESIS_ROOT + number
    return (
        sequenced(number, parent, salt=number, queue_end=queue_end, origin=origin(at)),  # type: ignore[arg-type]
        accepted(number, root - 1, root, origin=origin(at, 1)),
        finalized(number, root, origin=origin(at, 2)),
    )


@pytest.fixture
def three_final() -> Ledger:
    """Three final batches, of which the second and third drained a deposit each, a fourth posted, a deposit waiting."""
    ledger = Ledger(PARAMETERS)
    ledger.apply(update(4, *(deposited(i, origin=origin(4, i)) for i in range(4))))
    for number, queue_end in ((1, 1), (2, 2), (3, 3)):
        ledger.apply(update(4 + number, *proven(number, at=4 + number, queue_end=queue_end, parent=ledger.head()[1])))
    fourth = sequenced(4, ledger.head()[1], salt=4, queue_end=3, origin=origin(8))
    ledger.apply(update(8, fourth))
    return ledger


ALARM = alarm_raised(2, GENESIS_ROOT + 1, GENESIS_ROOT + 2, 77, payee=CAROL, bounty=9, origin=origin(9))
ENDED = exit_mode_entered(1, GENESIS_ROOT + 1, queue_end=1, origin=origin(9, 1))


def test_seats_are_kept_in_the_order_of_turns(seated: Ledger) -> None:
    assert seated.sequencers == (ALICE, BOB, CAROL)
    assert dict(seated.bonds) == {ALICE: BOND, BOB: BOND, CAROL: BOND}


def test_the_last_seats_owner_moves_into_a_seat_that_is_given_up(seated: Ledger) -> None:
    seated.apply(update(6, gave_up(ALICE, origin=origin(6))))
    assert seated.sequencers == (CAROL, BOB)
    assert ALICE in seated.bonds, "it still answers for its batches"
    seated.apply(update(7, gave_up(BOB, origin=origin(7))))
    assert seated.sequencers == (CAROL,)


def test_a_bond_is_charged_topped_up_and_released(seated: Ledger) -> None:
    seated.apply(update(6, bond_changed(BOB, BOND - REWARD, 3, origin=origin(6))))
    assert seated.bonds[BOB] == BOND - REWARD
    seated.apply(update(7, bond_changed(BOB, BOND + 1, origin=origin(7)), gave_up(BOB, origin=origin(7, 1))))
    seated.apply(update(8, bond_released(BOB, BOND + 1, origin=origin(8))))
    assert BOB not in seated.bonds
    assert seated.credits() == {BOB: BOND + 1}


def test_a_slashed_sequencer_loses_seat_and_bond_to_the_reporter(seated: Ledger) -> None:
    seated.apply(update(6, slashed(ALICE, CAROL, BOND // 2, origin=origin(6))))
    assert seated.sequencers == (CAROL, BOB)
    assert ALICE not in seated.bonds
    assert seated.credits() == {CAROL: BOND // 2}


def test_a_sequencer_that_has_left_can_still_be_slashed(seated: Ledger) -> None:
    seated.apply(update(6, gave_up(ALICE, origin=origin(6)), slashed(ALICE, CAROL, 5, origin=origin(6, 1))))
    assert seated.sequencers == (CAROL, BOB)
    assert seated.credits() == {CAROL: 5}


@pytest.mark.parametrize(
    "event",
    [
        joined(ALICE, origin=origin(6)),
        gave_up(Address(b"\x0d" * 20), origin=origin(6)),
        bond_changed(Address(b"\x0d" * 20), 5, origin=origin(6)),
        bond_released(ALICE, BOND, origin=origin(6)),
        slashed(Address(b"\x0d" * 20), BOB, 5, origin=origin(6)),
        slashed(ALICE, BOB, BOND + 1, origin=origin(6)),
    ],
    ids=["a second seat", "no seat to leave", "no bond to change", "release with a seat", "no bond", "too much"],
)
def test_impossible_seats_are_refused(seated: Ledger, event: ArbiterEvent) -> None:
    before = observed(seated)
    with pytest.raises(BadAnswer):
        seated.apply(update(6, event))
    assert observed(seated) == before


def test_a_released_bond_must_be_what_was_left(seated: Ledger) -> None:
    seated.apply(update(6, gave_up(ALICE, origin=origin(6))))
    with pytest.raises(BadAnswer, match="not its bond"):
        seated.apply(update(7, bond_released(ALICE, BOND - 1, origin=origin(7))))


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_a_late_proof_earns_what_the_ladder_says(factor: int) -> None:
    ledger = Ledger(PARAMETERS)
    posted, proof, final = proven(1, at=5, parent=GENESIS_HASH)
    ledger.apply(update(5, posted, proof, dataclasses.replace(final, reward=Wei(factor * REWARD))))
    assert ledger.credits() == {BOB: factor * REWARD}


@pytest.mark.parametrize("reward", [0, REWARD - 1, 4 * REWARD + 1])
def test_a_payment_outside_the_ladder_is_refused(reward: int) -> None:
    posted, proof, final = proven(1, at=5, parent=GENESIS_HASH)
    with pytest.raises(BadAnswer, match="were paid"):
        Ledger(PARAMETERS).apply(update(5, posted, proof, dataclasses.replace(final, reward=Wei(reward))))


def test_under_a_policy_money_and_win_wait_for_the_award() -> None:
    ledger = Ledger(A_POLICY)
    ledger.apply(update(5, *proven(1, at=5, parent=GENESIS_HASH), award_waits(1, 9, origin=origin(5, 3))))
    assert ledger.finalized_number == 1
    assert (ledger.credits(), ledger.wins()) == ({}, {})
    assert [(w.number, w.old_root, w.payee, w.until) for w in ledger.pending_awards()] == [(1, GENESIS_ROOT, BOB, 9)]
    ledger.apply(update(9, awarded(1, BOB, origin=origin(9))))
    assert ledger.pending_awards() == []
    assert (ledger.credits(), ledger.wins()) == ({BOB: REWARD}, {BOB: 1})


@pytest.fixture
def contended() -> Ledger:
    """Batch 1 final by Bob's proof; Carol's contends with a tip for Alice, and the money waits."""
    ledger = Ledger(A_POLICY)
    contender = contends(1, GENESIS_ROOT, CAROL, tip=7, origin=origin(5, 4))
    ledger.apply(update(5, *proven(1, at=5, parent=GENESIS_HASH), award_waits(1, 9, origin=origin(5, 3)), contender))
    return ledger


def test_a_contender_wins_and_pays_its_own_relayer(contended: Ledger) -> None:
    contended.apply(update(9, awarded(1, CAROL, origin=origin(9))))
    assert contended.wins() == {CAROL: 1}
    assert contended.credits() == {CAROL: REWARD - 7, ALICE: 7}


def test_a_tip_above_the_award_is_all_of_it(contended: Ledger) -> None:
    contended.apply(update(9, awarded(1, CAROL, reward=Wei(5), origin=origin(9))))
    assert contended.credits() == {ALICE: 5}


def test_an_award_that_we_cannot_follow_is_left_out_of_the_credits(contended: Ledger) -> None:
    contended.apply(update(6, contends(1, GENESIS_ROOT, CAROL, tip=8, origin=origin(6))))
    contended.apply(update(9, awarded(1, CAROL, origin=origin(9))))
    assert contended.credits() == {}, "two proofs, two tips: no event tells which"
    contended.apply(update(10, withdrawn(CAROL, REWARD - 8, origin=origin(10))))


def test_an_award_undone_by_a_reorg_waits_again(contended: Ledger) -> None:
    before = observed(contended)
    contended.apply(update(9, awarded(1, CAROL, origin=origin(9))))
    contended.apply(update(8, rolled_back_to=8))
    assert observed(contended) == before


def test_a_contender_without_a_first_proof_is_a_lie() -> None:
    with pytest.raises(BadAnswer, match="no first proof"):
        Ledger(A_POLICY).apply(update(5, contends(1, GENESIS_ROOT, CAROL, origin=origin(5))))


def test_an_alarm_takes_back_the_batch_and_all_after_it(three_final: Ledger) -> None:
    three_final.apply(update(9, ALARM, ENDED))
    assert (three_final.finalized_number, three_final.finalized_root) == (1, GENESIS_ROOT + 1)
    assert three_final.exit_mode == ENDED
    assert three_final.head()[0] == 4


def test_an_alarm_leaves_what_was_earned_and_pays_its_bounty(three_final: Ledger) -> None:
    earned = three_final.credits()[BOB]
    three_final.apply(update(9, ALARM, ENDED))
    assert three_final.credits() == {BOB: earned, CAROL: 9}
    assert three_final.wins() == {BOB: 3}


def test_after_an_alarm_paid_batches_are_not_void_but_their_entries_are(three_final: Ledger) -> None:
    three_final.apply(update(9, ALARM, ENDED))
    assert [batch.number for batch in three_final.void_batches()] == [4]
    assert [entry.queue_index for entry in three_final.void_entries()] == [1, 2, 3]
    amount = three_final.void_entries()[0].amount * 10**9  # type: ignore[union-attr]
    three_final.apply(update(10, entry_refunded(1, Address((13).to_bytes(20)), amount, origin=origin(10))))
    three_final.apply(update(10, batch_refunded(4, origin=origin(10, 1))))
    with pytest.raises(BadAnswer, match="not void"):
        three_final.apply(update(10, batch_refunded(3, origin=origin(10, 2))))


def test_exits_of_cancelled_batches_are_never_credited(three_final: Ledger) -> None:
    three_final.apply(update(9, ALARM, ENDED))
    three_final.apply(update(10, credited(1, (0, ALICE, 5), origin=origin(10))))
    with pytest.raises(BadAnswer, match="not final"):
        three_final.apply(update(10, credited(2, (0, ALICE, 5), origin=origin(10, 1))))


def test_accounts_leave_from_the_state_before_the_alarm(three_final: Ledger) -> None:
    three_final.apply(update(9, ALARM, ENDED))
    three_final.apply(update(10, left(1, ALICE, 5, origin=origin(10))))
    assert three_final.has_left(AccountIndex(1))


def test_an_alarm_that_a_reorg_drops_leaves_no_trace(three_final: Ledger) -> None:
    before = observed(three_final)
    three_final.apply(update(9, ALARM, ENDED))
    three_final.apply(update(8, rolled_back_to=8))
    assert observed(three_final) == before
    assert three_final.void_entries() == []
    three_final.apply(update(9, *proven(5, at=9, queue_end=4, parent=three_final.head()[1])[:1]))
    assert three_final.head()[0] == 5


FALSE_ALARMS: dict[str, ArbiterEvent] = {
    "of a batch that is not final": dataclasses.replace(ALARM, number=BatchNumber(4)),
    "of a batch never posted": dataclasses.replace(ALARM, number=BatchNumber(9)),
    "with an old root that is not the batch's": dataclasses.replace(ALARM, old_root=FieldElement(5)),
    "with a new root that is not the batch's": dataclasses.replace(ALARM, new_root=FieldElement(5)),
}


@pytest.mark.parametrize("name", FALSE_ALARMS)
def test_alarms_that_the_arbiter_would_refuse_are_lies(three_final: Ledger, name: str) -> None:
    before = observed(three_final)
    with pytest.raises(BadAnswer):
        three_final.apply(update(9, FALSE_ALARMS[name]))
    assert observed(three_final) == before


def test_an_alarm_in_exit_mode_takes_the_end_further_back(three_final: Ledger) -> None:
    three_final.apply(update(9, ALARM, ENDED))
    credits, void = dict(three_final.credits()), three_final.void_batches()
    before = observed(three_final)
    again = alarm_raised(1, GENESIS_ROOT, GENESIS_ROOT + 1, 77, payee=CAROL, bounty=0, origin=origin(10))
    further = exit_mode_entered(0, GENESIS_ROOT, queue_end=0, origin=origin(10, 1))
    three_final.apply(update(10, again, further))
    assert (three_final.finalized_number, three_final.finalized_root) == (0, GENESIS_ROOT)
    assert three_final.exit_mode == further
    assert dict(three_final.credits()) == credits
    assert three_final.void_batches() == void
    assert three_final.void_entries()[0].queue_index == 0
    three_final.apply(update(9, rolled_back_to=9))
    assert observed(three_final) == before
    assert three_final.exit_mode == ENDED


def test_an_end_that_no_alarm_takes_back_is_told_once(three_final: Ledger) -> None:
    three_final.apply(update(9, ALARM, ENDED))
    with pytest.raises(BadAnswer, match="already"):
        three_final.apply(update(10, exit_mode_entered(1, GENESIS_ROOT + 1, queue_end=1, origin=origin(10))))

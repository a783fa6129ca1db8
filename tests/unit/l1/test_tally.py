"""The tally: wins and rewards of the events that pay, whatever else is told, through any rollback."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from poe.l1.interface import ArbiterEvent, ChainUpdate
from poe.l1.ledger import GENESIS_HASH
from poe.l1.tally import Tally
from poe.rollup.types import Address, BatchNumber, Wei
from tests.fakes_l1 import ALICE, BOB, REWARD, accepted, awarded, finalized, sequenced
from tests.fakes_prover import History


def tally_of(*updates: ChainUpdate, **options: bool) -> Tally:
    tally = Tally(**options)
    for update in updates:
        tally.apply(update)
    return tally


def test_finality_pays_and_nothing_before_it() -> None:
    history = History()
    tally = tally_of(history.step(sequenced(1, GENESIS_HASH), accepted(1, 1000, 2000, payee=BOB)))
    assert (tally.wins, tally.rewards) == ({}, {})
    tally.apply(history.step(finalized(1, 2000, payee=BOB)))
    assert (tally.wins, tally.rewards) == ({BOB: 1}, {BOB: REWARD})
    paid = tally.payment(BatchNumber(1))
    assert paid is not None
    assert paid.payee == BOB


def test_under_a_policy_awards_pay_and_finality_does_not() -> None:
    history = History()
    updates = [history.step(finalized(1, 2000, payee=BOB)), history.step(awarded(1, ALICE, reward=Wei(7)))]
    assert tally_of(*updates, has_policy=True).wins == {ALICE: 1}
    assert tally_of(*updates, has_policy=True).rewards == {ALICE: 7}
    assert tally_of(*updates).wins == {BOB: 1}


def test_a_batch_is_paid_once() -> None:
    history, win = History(), finalized(1, 2000, payee=BOB)
    tally = tally_of(history.step(win, win), history.step(win), history.step(finalized(1, 2000, payee=ALICE)))
    assert (tally.wins, tally.rewards) == ({BOB: 1}, {BOB: REWARD})


def test_recent_wins_are_those_of_the_last_batches() -> None:
    history = History()
    payees = [ALICE, ALICE, ALICE, BOB, BOB]
    tally = tally_of(*(history.step(finalized(n, 2000 + n, payee=payee)) for n, payee in enumerate(payees, 1)))
    assert tally.recent_wins(3) == {ALICE: 1, BOB: 2}
    assert tally.recent_wins(100) == tally.wins == {ALICE: 3, BOB: 2}
    assert tally.recent_wins(0) == {}


def test_old_payments_are_forgotten_and_still_counted() -> None:
    history, tally = History(), Tally(kept_batches=2, kept_blocks=1)
    for number in range(1, 6):
        tally.apply(history.step(finalized(number, 2000 + number, payee=BOB)))
    assert tally.wins == {BOB: 5}
    assert [tally.payment(BatchNumber(number)) is None for number in range(1, 6)] == [True, True, True, False, False]


def test_reading_l1_from_its_start_again_counts_nothing_twice() -> None:
    """Of forgotten batches no event is left to undo: a rollback below all that is kept is one to the beginning."""
    history, tally = History(), Tally(kept_batches=2, kept_blocks=1)
    base = history.block
    for number in range(1, 6):
        tally.apply(history.step(finalized(number, 2000 + number, payee=BOB)))
    tally.apply(history.step(finalized(1, 2001, payee=ALICE), back_to=base))
    assert (tally.wins, tally.rewards) == ({ALICE: 1}, {ALICE: REWARD})


def test_payments_a_reorg_can_reach_are_kept_however_many_they_are() -> None:
    history, tally = History(), Tally(kept_batches=2, kept_blocks=10)
    tally.apply(history.step(finalized(1, 2001, payee=ALICE)))
    for _ in range(20):
        tally.apply(history.step())
    before = history.block
    tally.apply(history.step(*(finalized(number, 2000, payee=BOB) for number in range(2, 9))))
    assert tally.payment(BatchNumber(1)) is None
    assert tally.payment(BatchNumber(2)) is not None
    tally.apply(history.step(back_to=before))
    assert (tally.wins, tally.rewards) == ({ALICE: 1}, {ALICE: REWARD})


STORIES = st.lists(st.tuples(st.sampled_from([ALICE, BOB, Address(b"\x0c" * 20)]), st.integers(0, 3)), max_size=30)


@given(STORIES)
def test_whatever_is_rolled_back_wins_are_those_of_the_chain_that_is_left(story: list[tuple[Address, int]]) -> None:
    history, tally = History(), Tally()
    base, chain = history.block, list[Address]()
    for payee, depth in story:
        kept = len(chain) - depth
        back_to = base + max(0, kept) if depth else None
        del chain[max(0, kept) :]
        win: list[ArbiterEvent] = [finalized(len(chain) + 1, 2000, payee=payee)]
        tally.apply(history.step(*win, back_to=back_to))
        chain.append(payee)
    assert tally.wins == Counter(chain)
    assert tally.rewards == {payee: won * REWARD for payee, won in Counter(chain).items()}

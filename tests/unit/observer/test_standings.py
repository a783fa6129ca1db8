"""Standings: whatever updates and rollbacks come, they are those of the canonical events alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe.l1.interface import ArbiterEvent, ChainUpdate
from poe.l1.ledger import GENESIS_HASH
from poe.l1.tally import KEPT_BLOCKS
from poe.observer.standings import Row, Standings, count_transactions
from poe.rollup.types import SLOT_BYTES, Address, Batch, BatchNumber
from tests.fakes_l1 import (
    ALICE,
    BOB,
    GENESIS_ROOT,
    REWARD,
    SHAPE,
    a_batch,
    accepted,
    alarm_raised,
    finalized,
    sequenced,
)
from tests.fakes_prover import History

CAROL = Address(b"\x0c" * 20)


def apply(*updates: ChainUpdate) -> Standings:
    standings = Standings(GENESIS_ROOT)
    for update in updates:
        standings.apply(update)
    return standings


def seen(standings: Standings) -> tuple[list[object], dict[Address, int], int]:
    """All that standings tell, but for block hashes: those name their branch."""
    return [what_it_tells(row) for row in standings.rows()], standings.wins, standings.rewards


def what_it_tells(row: Row) -> tuple[object, ...]:
    blocks = [None if origin is None else origin.block.number for origin in (row.posted, row.accepted, row.finalized)]
    return row.number, row.transactions, blocks, row.payee, row.reward


def only_row(standings: Standings) -> Row:
    (row,) = standings.rows()
    return row


def test_a_posted_batch_has_no_winner() -> None:
    row = only_row(apply(History().step(sequenced(1, GENESIS_HASH, salt=7))))
    assert (row.number, row.payee, row.accepted, row.finalized, row.reward) == (1, None, None, None, 0)
    assert row.transactions == SHAPE.slots
    assert (row.proof_delay_seconds, row.finality_delay_seconds) == (None, None)


def test_a_won_batch_tells_winner_reward_and_delays() -> None:
    history = History()
    standings = apply(
        history.step(sequenced(1, GENESIS_HASH)),
        history.step(),
        history.step(accepted(1, GENESIS_ROOT, 2000, payee=BOB, submitter=ALICE)),
        history.step(finalized(1, 2000, payee=BOB)),
    )
    row = only_row(standings)
    assert (row.payee, row.reward) == (BOB, REWARD)
    assert (row.proof_delay_seconds, row.finality_delay_seconds) == (2, 3)
    assert standings.wins == {BOB: 1}, "the payee wins, not whoever sent the transaction"
    assert standings.rewards == REWARD


def test_an_accepted_proof_is_no_win_yet() -> None:
    history = History()
    standings = apply(
        history.step(sequenced(1, GENESIS_HASH)), history.step(accepted(1, GENESIS_ROOT, 2000, payee=BOB))
    )
    assert only_row(standings).payee == BOB
    assert standings.wins == {}


def test_the_proof_on_the_canonical_old_root_is_the_winning_one() -> None:
    history = History()
    standings = apply(
        history.step(sequenced(1, GENESIS_HASH), accepted(1, 123, 456, payee=CAROL)),
        history.step(accepted(1, GENESIS_ROOT, 2000, payee=BOB)),
        history.step(finalized(1, 2000, payee=BOB)),
    )
    row = only_row(standings)
    assert row.payee == BOB
    assert row.accepted is not None
    assert row.accepted.block.number == history.block - 1


def test_copied_events_count_once() -> None:
    history = History()
    win = finalized(1, 2000, payee=BOB)
    standings = apply(
        history.step(sequenced(1, GENESIS_HASH), accepted(1, GENESIS_ROOT, 2000, payee=BOB), win, win),
        history.step(win),
        history.step(finalized(1, 2000, payee=CAROL)),
    )
    assert standings.wins == {BOB: 1}
    assert standings.rewards == REWARD


def test_a_win_that_a_reorg_takes_back_is_nobodys() -> None:
    history = History()
    start = history.block
    standings = apply(
        history.step(sequenced(1, GENESIS_HASH)),
        history.step(accepted(1, GENESIS_ROOT, 2000, payee=BOB), finalized(1, 2000, payee=BOB)),
        history.step(back_to=start + 1),
    )
    assert standings.wins == {}
    assert standings.rewards == 0
    assert only_row(standings).payee is None


def test_after_a_reorg_another_payee_can_win() -> None:
    history = History()
    standings = apply(
        history.step(sequenced(1, GENESIS_HASH)),
        history.step(accepted(1, GENESIS_ROOT, 2000, payee=BOB), finalized(1, 2000, payee=BOB)),
        history.step(
            accepted(1, GENESIS_ROOT, 2000, payee=CAROL), finalized(1, 2000, payee=CAROL), back_to=history.block - 1
        ),
    )
    assert standings.wins == {CAROL: 1}


def test_old_rows_are_forgotten_but_their_wins_stay_counted() -> None:
    chain = Chain()
    for payee in (BOB, BOB, CAROL, CAROL):
        chain.post(1)
        chain.prove(payee)
    standings = Standings(GENESIS_ROOT, kept_rows=2)
    standings.apply(chain.history.step(*chain.events()))
    assert [row.number for row in standings.rows()] == [3, 4]
    assert standings.wins == {BOB: 2, CAROL: 2}
    assert standings.row(BatchNumber(2)) is None
    oldest = standings.rows()[0]
    assert oldest.accepted is not None, "though the final root before it is forgotten"


def test_a_reorg_of_batches_whose_rows_are_forgotten_leaves_what_went_before() -> None:
    chain, standings = Chain(), Standings(GENESIS_ROOT, kept_rows=2)
    for _ in range(9):
        chain.post(1)
        chain.prove(BOB)
    first, second = chain.events()[:6], chain.events()[6:]
    standings.apply(chain.history.step(*first))
    before = chain.history.block
    standings.apply(chain.history.step(*second))
    assert (standings.accepted_proofs, standings.wins) == (9, {BOB: 9})
    standings.apply(chain.history.step(back_to=before))
    assert (standings.accepted_proofs, standings.wins, standings.rewards) == (2, {BOB: 2}, 2 * REWARD)


def test_reading_l1_from_its_start_again_counts_no_proof_twice() -> None:
    chain, standings = Chain(), Standings(GENESIS_ROOT)
    start = chain.history.block
    chain.post(1)
    chain.prove(BOB)
    standings.apply(chain.history.step(*chain.events()))
    chain.history.block += 2 * KEPT_BLOCKS
    standings.apply(chain.history.step())
    assert standings.accepted_proofs == 1
    standings.apply(chain.history.step(*chain.events(), back_to=start))
    assert (standings.accepted_proofs, standings.wins) == (1, {BOB: 1})


@pytest.mark.parametrize("filled", range(SHAPE.slots + 1))
def test_transactions_are_the_slots_that_hold_anything(filled: int) -> None:
    data = bytes(SLOT_BYTES - 1) + b"\1"
    batch = Batch(header=a_batch().header, data=(data * filled).ljust(SHAPE.slots * SLOT_BYTES, b"\0"))
    assert count_transactions(batch) == filled


def test_what_an_alarm_cancels_is_not_final_but_stays_paid() -> None:
    standings, history = Standings(GENESIS_ROOT), History()
    for number in (1, 2):
        root = GENESIS_ROOT + number
        standings.apply(history.step(sequenced(number, GENESIS_HASH, salt=number)))
        standings.apply(history.step(accepted(number, root - 1, root, payee=BOB), finalized(number, root, payee=BOB)))
    before = history.block
    standings.apply(history.step(alarm_raised(2, GENESIS_ROOT + 1, GENESIS_ROOT + 2, 7)))
    assert [row.finalized is not None for row in standings.rows()] == [True, False]
    assert [row.payee for row in standings.rows()] == [BOB, BOB]
    assert standings.wins == {BOB: 2}
    standings.apply(history.step(back_to=before))
    assert all(row.finalized is not None for row in standings.rows())


@dataclass
class Chain:
    """A canonical chain of event lists, one a block, that a story grows and cuts."""

    history: History = field(default_factory=History)
    blocks: list[list[ArbiterEvent]] = field(default_factory=list)

    def events(self) -> list[ArbiterEvent]:
        return [event for block in self.blocks for event in block]

    def _count(self, kind: str) -> int:
        return sum(type(event).__name__ == kind for event in self.events())

    def post(self, salt: int) -> None:
        self.blocks.append([sequenced(self._count("BatchSequenced") + 1, GENESIS_HASH, salt=salt)])

    def prove(self, payee: Address) -> None:
        """The next batch is proven and final, if one is posted."""
        number = self._count("BatchFinalized") + 1
        if number > self._count("BatchSequenced"):
            return
        old, new = GENESIS_ROOT + number - 1, GENESIS_ROOT + number
        self.blocks.append([accepted(number, old, new, payee=payee), finalized(number, new, payee=payee)])


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["post", "prove", "wrong", "cut"]), st.integers(0, 4), st.sampled_from([ALICE, BOB, CAROL])
    ),
    max_size=40,
)


@given(STEPS)
def test_any_updates_and_rollbacks_equal_the_canonical_events_alone(story: list[tuple[str, int, Address]]) -> None:
    chain, standings = Chain(), Standings(GENESIS_ROOT)
    base = chain.history.block
    for kind, number, payee in story:
        back_to, length = None, len(chain.blocks)
        if kind == "post":
            chain.post(number)
        elif kind == "prove":
            chain.prove(payee)
        elif kind == "wrong":
            chain.blocks.append([accepted(max(1, number), 7, 8, payee=payee)])
        else:
            del chain.blocks[max(0, length - number) :]
            back_to = base + len(chain.blocks)
            chain.blocks.append([])
        for block in chain.blocks[length if back_to is None else -1 :]:
            standings.apply(chain.history.step(*block, back_to=back_to))
    assert seen(standings) == seen(of_canonical_events(chain))


def of_canonical_events(chain: Chain) -> Standings:
    fresh, history = Standings(GENESIS_ROOT), History()
    for block in chain.blocks:
        fresh.apply(history.step(*block))
    return fresh

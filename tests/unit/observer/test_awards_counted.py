"""Who has won how much under an award policy: by award, undone with L1."""

from __future__ import annotations

from poe.l1.ledger import GENESIS_HASH
from poe.l1.tally import Tally
from poe.observer.standings import Standings
from poe.rollup.types import Address, BatchNumber
from tests.fakes_l1 import GENESIS_ROOT, REWARD, accepted, award_waits, awarded, finalized, sequenced
from tests.fakes_prover import History

ANN, BEN = Address(b"\x0a" * 20), Address(b"\x0b" * 20)


def test_a_batch_is_won_by_whom_the_policy_pays_and_by_nobody_before() -> None:
    tally, history = Tally(has_policy=True), History()
    tally.apply(history.step(finalized(1, GENESIS_ROOT + 1, payee=ANN)))
    assert dict(tally.wins) == {}
    tally.apply(history.step(awarded(1, BEN)))
    assert (dict(tally.wins), dict(tally.rewards)) == ({BEN: 1}, {BEN: REWARD})
    assert dict(tally.recent_wins(5)) == {BEN: 1}


def test_a_reorg_undoes_an_award() -> None:
    tally, history = Tally(has_policy=True), History()
    tally.apply(history.step(finalized(1, GENESIS_ROOT + 1, payee=ANN), awarded(1, BEN)))
    tally.apply(history.step(finalized(2, GENESIS_ROOT + 2, payee=ANN)))
    final_at = history.block
    tally.apply(history.step(awarded(2, ANN)))
    assert dict(tally.wins) == {ANN: 1, BEN: 1}
    tally.apply(history.step(back_to=final_at))
    assert dict(tally.wins) == {BEN: 1}
    assert tally.payment(BatchNumber(2)) is None


def test_without_a_policy_an_award_counts_nothing() -> None:
    tally, history = Tally(), History()
    tally.apply(history.step(finalized(1, GENESIS_ROOT + 1, payee=ANN), awarded(1, BEN)))
    assert dict(tally.wins) == {ANN: 1}


def test_the_standings_show_a_winner_once_it_is_paid() -> None:
    standings, history = Standings(GENESIS_ROOT, has_policy=True), History()
    standings.apply(history.step(sequenced(1, GENESIS_HASH, salt=1)))
    standings.apply(history.step(accepted(1, GENESIS_ROOT, GENESIS_ROOT + 1, payee=ANN)))
    final = finalized(1, GENESIS_ROOT + 1, payee=ANN)
    standings.apply(history.step(final, award_waits(1, history.block + 3, payee=ANN)))
    (row,) = standings.rows()
    assert (row.payee, row.finalized is not None) == (None, True)
    standings.apply(history.step(awarded(1, BEN)))
    (row,) = standings.rows()
    assert row.payee == BEN

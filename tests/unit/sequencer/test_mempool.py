"""The pool: order, replacement, gaps, bounds, and what each refusal says."""

from __future__ import annotations

import random

import pytest

from poe.errors import SequencerError
from poe.rollup.transaction import SignedTransfer, Transfer
from poe.rollup.types import Account, AccountIndex, Gwei
from poe.sequencer import mempool as pool_module
from poe.sequencer.mempool import Mempool


def account(*, nonce: int = 0, balance: int = 10**6) -> Account:
    return Account(public_key_x=1, public_key_y=2, balance=Gwei(balance), nonce=nonce, exit_address=3)


def tx(sender: int, nonce: int, *, fee: int = 1, amount: int = 10) -> SignedTransfer:
    """A transfer with a signature of zeros: the pool looks at none."""
    transfer = Transfer(
        sender=AccountIndex(sender), recipient=AccountIndex(99), amount=Gwei(amount), fee=Gwei(fee), nonce=nonce
    )
    return SignedTransfer(transfer=transfer, r8=(0, 1), s=0)


def pool_of(*transactions: SignedTransfer, capacity: int = 100, per_account: int = 10) -> Mempool:
    pool = Mempool(capacity=capacity, capacity_per_account=per_account)
    for transaction in transactions:
        pool.add(transaction, account())
    return pool


def refusal_of(pool: Mempool, transaction: SignedTransfer, sender: Account | None = None) -> str:
    size = len(pool)
    with pytest.raises(SequencerError) as refused:
        pool.add(transaction, sender or account())
    assert len(pool) == size
    assert transaction not in pool
    return refused.value.code


def test_an_accounts_transactions_come_out_by_nonce_however_they_came_in() -> None:
    pool = pool_of(tx(1, 2), tx(1, 0), tx(1, 1))
    assert [signed.transfer.nonce for signed in pool.select(10)] == [0, 1, 2]


def test_select_leaves_the_pool_as_it_was() -> None:
    pool = pool_of(tx(1, 0), tx(2, 0))
    assert pool.select(10) == pool.select(10)
    assert len(pool) == 2


def test_the_higher_fee_goes_first_and_the_earlier_among_equals() -> None:
    pool = pool_of(tx(1, 0, fee=5), tx(2, 0, fee=9), tx(3, 0, fee=5))
    assert [signed.transfer.sender for signed in pool.select(3)] == [2, 1, 3]


def test_no_account_takes_a_second_slot_while_another_waits_for_its_first() -> None:
    pool = pool_of(tx(1, 0, fee=50), tx(1, 1, fee=50), tx(1, 2, fee=50), tx(2, 0, fee=0), tx(3, 0, fee=1))
    order = [(signed.transfer.sender, signed.transfer.nonce) for signed in pool.select(5)]
    assert order == [(1, 0), (3, 0), (2, 0), (1, 1), (1, 2)]


def test_select_gives_no_more_than_asked() -> None:
    pool = pool_of(*(tx(sender, nonce) for sender in range(4) for nonce in range(3)))
    assert [len(pool.select(count)) for count in (0, 1, 4, 5, 12, 13)] == [0, 1, 4, 5, 12, 12]


def test_a_gap_waits_until_it_is_filled() -> None:
    pool = pool_of(tx(1, 1), tx(1, 2))
    assert pool.select(10) == []
    pool.add(tx(1, 0), account())
    assert len(pool.select(10)) == 3


def test_a_higher_fee_replaces_and_the_pool_does_not_grow() -> None:
    pool = pool_of(tx(1, 0, fee=5))
    pool.add(tx(1, 0, fee=6), account())
    assert pool.select(10) == [tx(1, 0, fee=6)]
    assert len(pool) == 1


@pytest.mark.parametrize("fee", [4, 5])
def test_a_replacement_without_a_higher_fee_is_refused(fee: int) -> None:
    assert refusal_of(pool_of(tx(1, 0, fee=5)), tx(1, 0, fee=fee, amount=11)) == pool_module.UNDERPRICED


def test_the_same_transaction_again_is_taken_silently() -> None:
    pool = pool_of(tx(1, 0))
    pool.add(tx(1, 0), account())
    assert len(pool) == 1


def test_a_used_nonce_is_refused() -> None:
    assert refusal_of(pool_of(), tx(1, 6), account(nonce=7)) == pool_module.STALE_NONCE


def test_the_last_nonce_of_all_is_never_executable_and_refused() -> None:
    assert refusal_of(pool_of(), tx(1, 2**32 - 1), account(nonce=2**32 - 1)) == pool_module.STALE_NONCE


def test_a_nonce_beyond_the_accounts_window_is_refused() -> None:
    pool = pool_of(per_account=10)
    pool.add(tx(1, 9), account())
    assert refusal_of(pool, tx(1, 10)) == pool_module.NONCE_TOO_FAR


def test_a_full_account_is_refused_but_may_replace() -> None:
    pool = pool_of(*(tx(1, nonce) for nonce in range(3)), per_account=3)
    pool.settle(AccountIndex(1), 0)
    assert refusal_of(pool, tx(1, 3)) == pool_module.NONCE_TOO_FAR
    assert refusal_of(pool, tx(1, 3), account(nonce=1)) == pool_module.ACCOUNT_FULL
    pool.add(tx(1, 2, fee=9), account())
    assert len(pool) == 3


def test_a_full_pool_refuses_others_but_replacements_still_work() -> None:
    pool = pool_of(tx(1, 0), tx(2, 0), capacity=2)
    assert refusal_of(pool, tx(3, 0, fee=10**6 - 10)) == pool_module.FULL
    pool.add(tx(2, 0, fee=2), account())
    pool.drop(tx(1, 0))
    pool.add(tx(3, 0), account())
    assert len(pool) == 2


def test_all_that_waits_must_be_payable_together() -> None:
    pool = pool_of()
    pool.add(tx(1, 0, amount=60, fee=0), account(balance=100))
    assert refusal_of(pool, tx(1, 1, amount=41, fee=0), account(balance=100)) == pool_module.OVERDRAWN
    pool.add(tx(1, 1, amount=39, fee=1), account(balance=100))


def test_a_replacement_is_judged_without_what_it_replaces() -> None:
    pool = pool_of()
    pool.add(tx(1, 0, amount=90, fee=1), account(balance=100))
    pool.add(tx(1, 0, amount=90, fee=10), account(balance=100))
    assert refusal_of(pool, tx(1, 0, amount=90, fee=11), account(balance=100)) == pool_module.OVERDRAWN


def test_check_refuses_what_add_would_and_changes_nothing() -> None:
    pool = pool_of(tx(1, 0))
    pool.check(tx(1, 1), account())
    assert len(pool) == 1
    with pytest.raises(SequencerError):
        pool.check(tx(1, 0, amount=11), account())


def test_settling_moves_on_to_the_next_nonce_and_forgets_the_used_ones() -> None:
    pool = pool_of(tx(1, 0), tx(1, 1), tx(1, 2))
    assert len(pool.settle(AccountIndex(1), 2)) == 2
    assert pool.select(10) == [tx(1, 2)]
    assert pool.settle(AccountIndex(7), 3) == []


def test_settling_by_the_slots_of_a_batch_takes_out_just_these() -> None:
    pool = pool_of(tx(1, 0), tx(1, 1), tx(2, 0))
    pool.settle_all([tx(1, 0).slot, tx(2, 0).slot])
    assert pool.select(10) == [tx(1, 1)]
    assert len(pool) == 1


def test_a_nonce_rolled_back_makes_a_gap_that_can_be_filled_again() -> None:
    pool = pool_of(tx(1, 0), tx(1, 1))
    pool.settle(AccountIndex(1), 1)
    pool.settle(AccountIndex(1), 0)
    assert pool.select(10) == []
    pool.add(tx(1, 0), account())
    assert [signed.transfer.nonce for signed in pool.select(10)] == [0, 1]


def test_dropping_leaves_later_nonces_waiting() -> None:
    pool = pool_of(tx(1, 0), tx(1, 1))
    pool.drop(tx(1, 0))
    assert pool.select(10) == []
    assert len(pool) == 1


def test_next_nonce_is_the_first_free_one() -> None:
    pool = pool_of(tx(1, 0), tx(1, 1), tx(1, 3))
    assert pool.next_nonce(AccountIndex(1), 0) == 2
    assert pool.next_nonce(AccountIndex(2), 5) == 5


def test_refresh_drops_what_can_no_longer_be_sent_or_paid() -> None:
    pool = pool_of(tx(1, 0), tx(1, 1), tx(2, 0), tx(3, 0, amount=50), tx(3, 1, amount=50), tx(4, 0))
    now = {1: account(nonce=1), 2: None, 3: account(balance=60), 4: account()}
    assert pool.refresh(lambda index: now[index]) == 3
    assert sorted((s.transfer.sender, s.transfer.nonce) for s in pool.select(10)) == [(1, 1), (3, 0), (4, 0)]


@pytest.mark.parametrize("seed", range(20))
def test_any_history_keeps_the_bounds_and_selects_as_a_plain_sort_would(seed: int) -> None:
    """Against a model: the pool's lazy heap gives what sorting all heads from scratch gives."""
    rng = random.Random(seed)
    pool, nonces = Mempool(capacity=25, capacity_per_account=6), dict.fromkeys(range(6), 0)
    model: dict[tuple[int, int], tuple[int, int, SignedTransfer]] = {}
    for arrival in range(300):
        sender = rng.randrange(6)
        action = rng.random()
        if action < 0.75:
            new = tx(sender, nonces[sender] + rng.randrange(7), fee=rng.randrange(8), amount=arrival)
            try:
                pool.add(new, account(nonce=nonces[sender]))
            except SequencerError:
                continue
            model[sender, new.transfer.nonce] = (-new.transfer.fee, arrival, new)
        elif action < 0.9:
            for chosen in pool.select(rng.randrange(4)):
                nonces[chosen.transfer.sender] = chosen.transfer.nonce + 1
                pool.settle(chosen.transfer.sender, chosen.transfer.nonce + 1)
                del model[chosen.transfer.sender, chosen.transfer.nonce]
        else:
            nonces[sender] = max(0, nonces[sender] - 1)
            pool.settle(AccountIndex(sender), nonces[sender])
        assert len(pool) == len(model) <= 25
        assert pool.select(10) == _plain_select(model, nonces, 10)


def _plain_select(
    model: dict[tuple[int, int], tuple[int, int, SignedTransfer]], nonces: dict[int, int], count: int
) -> list[SignedTransfer]:
    chosen: list[SignedTransfer] = []
    turn = 0
    while True:
        reachable = [
            model[sender, nonce + turn]
            for sender, nonce in nonces.items()
            if all((sender, nonce + i) in model for i in range(turn + 1))
        ]
        if not reachable or len(chosen) >= count:
            return chosen[:count]
        chosen += [signed for _, _, signed in sorted(reachable, key=lambda entry: entry[:2])]
        turn += 1

"""Accounts: rewards, tips and gas go to whom L1 says, and a rollback takes exactly them back."""

from __future__ import annotations

import pytest

from poe.l1.interface import BatchFinalized, ProofAccepted
from poe.rollup.types import Address, Hash
from poe.web import accounts as accounts_module
from poe.web.accounts import Accounts
from tests.fakes_l1 import REWARD
from tests.fakes_web import PAYEES, Chain, a_receipt

A, B = PAYEES[:2]


def win(accounts: Accounts, chain: Chain, number: int, payee: Address, **how: object) -> Hash:
    """A batch is won; the transaction that landed its proof."""
    proof, final = chain.step(*chain.won(number, payee, **how)).events  # type: ignore[arg-type]
    assert isinstance(proof, ProofAccepted)
    assert isinstance(final, BatchFinalized)
    accounts.land(proof)
    accounts.pay(final, proof)
    return proof.origin.tx_hash


def test_the_payee_earns_and_whoever_lands_the_proof_pays_gas_and_gets_the_tip() -> None:
    accounts, chain = Accounts(), Chain()
    accounts.price(a_receipt(win(accounts, chain, 1, A, submitter=B, tip=7), gas=100, price=3))
    winner, lander = accounts.of(A), accounts.of(B)
    assert winner is not None
    assert lander is not None
    assert (winner.wins, winner.rewards, winner.net) == (1, REWARD, REWARD - 7)
    assert (lander.wins, lander.gas, lander.net) == (0, 300, 7 - 300)


def test_gas_is_counted_once_whatever_order_receipts_come_in() -> None:
    accounts, chain = Accounts(), Chain()
    receipt = a_receipt(win(accounts, chain, 1, A))
    accounts.price(receipt)
    accounts.price(receipt)
    account = accounts.of(A)
    assert account is not None
    assert (account.landed, account.priced, account.gas) == (1, 1, 300_000 * 10**9)


def test_a_batch_told_final_twice_is_won_once() -> None:
    accounts, chain = Accounts(), Chain()
    _, final = chain.step(*chain.won(1, A)).events
    assert isinstance(final, BatchFinalized)
    for _ in range(2):
        accounts.pay(final, None)
    account = accounts.of(A)
    assert account is not None
    assert account.wins == 1


def test_a_rollback_takes_back_what_later_blocks_told_and_nothing_else() -> None:
    accounts, chain = Accounts(), Chain()
    win(accounts, chain, 1, A)
    block = chain.block
    accounts.price(a_receipt(win(accounts, chain, 2, B, submitter=A, tip=5)))
    accounts.roll_back(block)
    assert accounts.of(B) is None
    account = accounts.of(A)
    assert account is not None
    assert (account.wins, account.landed, account.priced, account.net) == (1, 1, 0, REWARD)
    accounts.roll_back(0)
    assert len(accounts) == 0


def test_proofs_in_one_transaction_share_its_gas() -> None:
    accounts, chain = Accounts(), Chain()
    first, _, second, _ = chain.step(*chain.won(1, A), *chain.won(2, A)).events
    assert isinstance(first, ProofAccepted)
    assert isinstance(second, ProofAccepted)
    together = (
        first,
        second.__class__(**{name: getattr(second, name) for name in second.__slots__} | {"origin": first.origin}),
    )
    for proof in together:
        accounts.land(proof)
    accounts.price(a_receipt(first.origin.tx_hash))
    priced = accounts.gas_of(first.origin.tx_hash)
    assert priced is not None
    assert priced[1] == 2


def test_too_many_accounts_end_in_one_without_losing_a_wei(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_module, "MAX_ACCOUNTS", 4)
    accounts, chain = Accounts(), Chain()
    for number, payee in enumerate((A, A, *PAYEES), 1):
        win(accounts, chain, number, payee)
    assert len(accounts) <= 4
    rest = accounts.of(accounts_module.REST)
    assert rest is not None
    told = sum(account.rewards for _, account in accounts.top(100)) + rest.rewards
    assert told == REWARD * (2 + len(PAYEES))
    assert accounts.top(1)[0][0] == A


def test_those_with_most_wins_come_first_and_ties_have_an_order() -> None:
    accounts, chain = Accounts(), Chain()
    for number, payee in enumerate((B, A, B, PAYEES[2]), 1):
        win(accounts, chain, number, payee)
    assert [address for address, _ in accounts.top(9)] == [B, A, PAYEES[2]]

"""Leaving without a chain: which accounts may, what is void, what is said when nothing is due."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from poe.backend import native
from poe.backend.interface import MembershipProof
from poe.backend.keys import ensure_dev_membership_key
from poe.cli import final_state
from poe.cli.final_state import FinalState, all_leaving, leaving, prove_membership, read_final_state, when_due
from poe.cli.wallet import Rollup
from poe.errors import BackendError, BadAnswer, ConfigError, InputError, Reverted
from poe.l1.interface import Receipt
from poe.l1.ledger import GENESIS_HASH, Ledger
from poe.rollup.types import Account, AccountIndex, Address, Gwei, Shape
from tests.fakes_l1 import (
    ALICE,
    BOB,
    GENESIS_ROOT,
    PARAMETERS,
    batch_refunded,
    entry_refunded,
    exit_mode_entered,
    forced_exit,
    forced_transaction,
    left,
    sequenced,
)
from tests.fakes_prover import RECEIPT
from tests.unit.l1.test_ledger import origin, update

DEPTH = 2
KEYS = [native.derive_public_key(bytes([n]) * 32) for n in (1, 2)]
HELD = [(0, ALICE, 10), (1, BOB, 20), (0, BOB, 30), (1, ALICE, 40), (1, BOB, 0)]
"""Key, exit address and balance of accounts 0 to 4."""


def account_of(key: int, exit_address: Address, balance: int) -> Account:
    x, y = KEYS[key]
    address = int.from_bytes(exit_address)
    return Account(public_key_x=x, public_key_y=y, balance=Gwei(balance), nonce=3, exit_address=address)


@pytest.fixture
def ledger() -> Ledger:
    """Batch 1 unproven; a forced transaction drained by it and a forced exit behind it; ended, account 0 has left."""
    made = Ledger(PARAMETERS)
    made.apply(update(4, forced_transaction(0, origin=origin(4)), forced_exit(1, origin=origin(4, 1))))
    made.apply(update(5, sequenced(1, GENESIS_HASH, queue_end=1, origin=origin(5))))
    made.apply(update(6, exit_mode_entered(0, GENESIS_ROOT, origin=origin(6)), left(0, ALICE, 10, origin=origin(6, 1))))
    return made


@pytest.fixture
def final(ledger: Ledger) -> FinalState:
    accounts = {AccountIndex(i): account_of(*held) for i, held in enumerate(HELD)}
    return FinalState(ledger=ledger, state=native.NativeState(DEPTH, accounts=accounts))


def test_an_account_leaves_with_what_the_final_state_holds(final: FinalState) -> None:
    held = leaving(final, AccountIndex(3))
    assert (held.index, held.public_key, held.exit_address, held.balance_gwei) == (3, KEYS[1], ALICE, 40)


@pytest.mark.parametrize(("index", "code"), [(0, "POE-INP-021"), (5, "POE-INP-022"), (4**DEPTH, "POE-INP-022")])
def test_an_account_that_left_or_never_was_is_refused_by_its_code(final: FinalState, index: int, code: str) -> None:
    with pytest.raises(InputError) as refusal:
        leaving(final, AccountIndex(index))
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("key", "exit_address", "wanted"),
    [(KEYS[0], BOB, [2]), (KEYS[1], ALICE, [1, 3]), (None, ALICE, [3]), (None, BOB, [1, 2])],
)
def test_all_accounts_of_a_key_or_else_of_an_exit_address_leave_but_those_that_have(
    final: FinalState, key: tuple[int, int] | None, exit_address: Address, wanted: list[int]
) -> None:
    assert [held.index for held in all_leaving(final, public_key=key, exit_address=exit_address)] == wanted


@pytest.mark.parametrize("key", [None, (1, 2)])
def test_whose_accounts_there_are_none_is_told_so(final: FinalState, key: tuple[int, int] | None) -> None:
    with pytest.raises(InputError, match="POE-INP-022"):
        all_leaving(final, public_key=key, exit_address=Address(bytes(20)))


class Leaving:
    """An arbiter from which somebody else has just taken some accounts out."""

    def __init__(self, taken: list[int], name: str) -> None:
        self.taken, self.name, self.left = taken, name, list[int]()

    async def leave(self, account: AccountIndex, *_: object) -> Receipt:
        if account in self.taken:
            raise Reverted("the arbiter refused", name=self.name)
        self.left.append(account)
        return RECEIPT


def a_membership(account: AccountIndex) -> MembershipProof:
    return MembershipProof(root=GENESIS_ROOT, account=account, exit_address=BOB, balance=Gwei(1), words=(0,) * 8)


@pytest.mark.parametrize("taken", [[], [1], [1, 2]])
async def test_whoever_runs_ahead_of_one_account_does_not_stop_those_after_it(
    final: FinalState, monkeypatch: pytest.MonkeyPatch, taken: list[int]
) -> None:
    async def prove(_: object, __: object, account: AccountIndex, ___: object) -> MembershipProof:
        return a_membership(account)

    monkeypatch.setattr(final_state, "prove_membership", prove)
    accounts = all_leaving(final, public_key=None, exit_address=BOB)
    arbiter = Leaving(taken, "AlreadyLeft")
    told = await final_state.leave_all(cast(Any, None), cast(Any, arbiter), final, accounts, None)
    assert [(one["account"], one["tx"] is None) for one in told] == [(1, 1 in taken), (2, 2 in taken)]
    assert arbiter.left == [n for n in (1, 2) if n not in taken]
    other = cast(Any, Leaving([2], "InvalidProof"))
    with pytest.raises(Reverted):
        await final_state.leave_all(cast(Any, None), other, final, accounts, None)


def test_void_entries_and_batches_are_found_until_they_are_refunded(ledger: Ledger) -> None:
    assert final_state.void_entry(ledger, 1).queue_index == 1
    assert final_state.void_batch(ledger, 1).number == 1
    ledger.apply(update(7, entry_refunded(1, BOB, 5, origin=origin(7)), batch_refunded(1, origin=origin(7, 1))))
    assert final_state.void_entry(ledger, 0).queue_index == 0
    for missing in (1, 2, -1):
        with pytest.raises(InputError, match=r"POE-INP-023.*queue entry"):
            final_state.void_entry(ledger, missing)
    for missing in (0, 1, 2):
        with pytest.raises(InputError, match=r"POE-INP-023.*batch"):
            final_state.void_batch(ledger, missing)


def test_when_exit_mode_is_due_is_said_in_one_line(ledger: Ledger) -> None:
    assert when_due(ledger, 9) == "the rollup ended in block 6"
    ledger.apply(update(6, rolled_back_to=5))
    due_at = 4 + PARAMETERS.exit_deadline_blocks + 1
    assert f"from block {due_at} on" in when_due(ledger, due_at - 1)
    assert when_due(ledger, due_at) == f"exit mode is due since block {due_at}"
    assert "no queue entry waits" in when_due(Ledger(PARAMETERS), 9)


class Told:
    """A rollup whose endpoint tells a ledger and holds a root."""

    def __init__(self, ledger: Ledger, root: int) -> None:
        shape = Shape(slots=PARAMETERS.shape.slots, depth=DEPTH)
        self.parameters = replace(PARAMETERS, shape=shape)
        self.rpc = type("Named", (), {"endpoint": "http://lying:1"})
        self.ledger, self.root = ledger, root

    async def view(self, name: str) -> int:
        assert name == "stateRoot"
        return self.root


def executing(monkeypatch: pytest.MonkeyPatch, told: Told, root: int) -> Rollup:
    """The rollup, with a native execution that ends at `root`."""

    async def read(_: object) -> Ledger:
        return told.ledger

    state = type("Root", (), {"root": root})
    monkeypatch.setattr(final_state, "read_ledger", read)
    monkeypatch.setattr(final_state, "execute", lambda *_: (state, {}))
    return cast(Rollup, told)


async def test_a_root_that_the_final_batches_do_not_give_is_no_basis_for_leaving(
    monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    good = executing(monkeypatch, Told(ledger, GENESIS_ROOT), GENESIS_ROOT)
    assert (await read_final_state(good)).ledger is ledger
    for held, executed in ((GENESIS_ROOT, 5), (5, GENESIS_ROOT), (5, 5)):
        with pytest.raises(BadAnswer, match="lying"):
            await read_final_state(executing(monkeypatch, Told(ledger, held), executed))


async def test_while_the_rollup_goes_on_nobody_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    rollup = executing(monkeypatch, Told(Ledger(PARAMETERS), GENESIS_ROOT), GENESIS_ROOT)
    with pytest.raises(InputError, match="POE-INP-020"):
        await read_final_state(rollup)


async def test_only_the_arbiters_own_membership_key_proves_and_no_development_key_off_development_chains(
    tmp_path: Path, ledger: Ledger, final: FinalState
) -> None:
    key = ensure_dev_membership_key(DEPTH, tmp_path)
    told: Any = Told(ledger, GENESIS_ROOT)
    with pytest.raises(BackendError, match=r"POE-BCK-004.*does not belong to the arbiter's"):
        await prove_membership(told, final, AccountIndex(1), tmp_path)
    told.parameters = replace(told.parameters, membership_key_words=key.verifying_key_words)
    proof = await prove_membership(told, final, AccountIndex(1), tmp_path)
    assert (proof.root, proof.account, proof.exit_address, proof.balance) == (final.state.root, 1, BOB, 20)
    inputs = (proof.root, proof.account << 160 | int.from_bytes(proof.exit_address), proof.balance)
    native.verify_proof(key.verifying_key_words, inputs, proof.words)
    told.parameters = replace(told.parameters, chain_id=1)
    with pytest.raises(ConfigError, match="insecure-dev"):
        await prove_membership(told, final, AccountIndex(1), tmp_path)

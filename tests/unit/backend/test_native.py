"""The native backend: what it answers, what it refuses, and how the core's failures look from Python."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from poe import _core
from poe.backend import native
from poe.backend.interface import SignedMessage, StateBackend
from poe.backend.native import NativeSignatures, NativeState
from poe.errors import InputError
from poe.rollup.batch import deposit_slot, forced_exit_slot, seal_batch
from poe.rollup.transaction import Word0
from poe.rollup.types import (
    FIELD_ORDER,
    Account,
    AccountIndex,
    Address,
    Batch,
    Exit,
    FieldElement,
    Gwei,
    Shape,
    SlotKind,
    SlotOutcome,
)

SHAPE = Shape(slots=2, depth=3)
DOMAIN = FieldElement(99)
ALICE, BOB = AccountIndex(1), AccountIndex(62)
SECRETS = {ALICE: b"\1" * 32, BOB: b"\2" * 32}
EXIT = Address(b"\7" * 20)


def _deposit(index: AccountIndex, amount: int) -> bytes:
    return deposit_slot(index, Gwei(amount), native.derive_public_key(SECRETS[index]), EXIT)


def _transfer(sender: AccountIndex, recipient: AccountIndex, amount: int, *, fee: int = 0, nonce: int = 0) -> bytes:
    fields = Word0(kind=SlotKind.TRANSFER, sender=sender, recipient=recipient, amount=amount, fee=fee, nonce=nonce)
    word = fields.pack()
    signature = native.sign(SECRETS[sender], native.poseidon([DOMAIN, word]))
    return b"".join(value.to_bytes(32, "big") for value in (word, *signature))


def _batch(*transfers: bytes, deposits: tuple[bytes, ...] = (), fee_account: AccountIndex = BOB) -> Batch:
    return seal_batch(SHAPE, deposits=deposits, transfers=transfers, fee_account=fee_account)


def _funded() -> NativeState:
    state = NativeState(SHAPE.depth)
    state.execute(_batch(deposits=(_deposit(ALICE, 1000), _deposit(BOB, 10))), DOMAIN)
    return state


def _signed(message: int = 5) -> SignedMessage:
    x, y, s = native.sign(SECRETS[ALICE], message)
    return SignedMessage(public_key=native.derive_public_key(SECRETS[ALICE]), r8=(x, y), s=s, message=message)


def test_state_is_a_state_backend() -> None:
    state: StateBackend = NativeState(SHAPE.depth)
    assert state.height == 0
    assert state.total_balance() == 0


def test_deposits_make_accounts_that_can_be_read_back() -> None:
    state = _funded()
    x, y = native.derive_public_key(SECRETS[ALICE])
    exit_address = int.from_bytes(EXIT, "big")
    assert state.account(ALICE) == Account(
        public_key_x=x, public_key_y=y, balance=Gwei(1000), nonce=0, exit_address=exit_address
    )
    assert (state.height, state.total_balance()) == (1, 1010)


@pytest.mark.parametrize("index", [0, 63, 64, -1, 2**48, 2**64, 2**300])
def test_an_account_that_is_not_there_is_none(index: int) -> None:
    assert _funded().account(AccountIndex(index)) is None


def test_execution_tells_roots_outcomes_and_fees() -> None:
    state = _funded()
    old_root = state.root
    execution = state.execute(_batch(_transfer(ALICE, BOB, 300, fee=5), _transfer(ALICE, BOB, 1)), DOMAIN)
    assert execution.outcomes == (SlotOutcome.APPLIED, SlotOutcome.WRONG_NONCE)
    assert (execution.old_root, execution.new_root) == (old_root, state.root)
    assert (execution.fees, execution.burnt) == (5, 0)
    assert [state.account(index).balance for index in (ALICE, BOB)] == [695, 315]  # type: ignore[union-attr]
    assert execution.trace.startswith(b"poetrace")


def test_execution_tells_the_exits_in_slot_order() -> None:
    state = _funded()
    word = Word0(kind=SlotKind.EXIT, sender=BOB, recipient=0, amount=3, fee=1, nonce=0).pack()
    signature = native.sign(SECRETS[BOB], native.poseidon([DOMAIN, word]))
    leave = b"".join(value.to_bytes(32, "big") for value in (word, *signature))
    batch = seal_batch(
        SHAPE, deposits=[], forced_exits=[forced_exit_slot(ALICE, Gwei(400), EXIT)], transfers=[leave], fee_account=BOB
    )
    execution = state.execute(batch, DOMAIN)
    assert execution.outcomes == (SlotOutcome.APPLIED, SlotOutcome.APPLIED)
    assert execution.exits == (
        Exit(slot=0, address=EXIT, amount=Gwei(400)),
        Exit(slot=1, address=EXIT, amount=Gwei(3)),
    )
    assert state.total_balance() == 607
    state.rollback(1)
    assert state.total_balance() == 1010


def test_a_forced_exit_from_another_address_emits_nothing() -> None:
    state = _funded()
    root = state.root
    forced = forced_exit_slot(ALICE, Gwei(400), Address(b"\6" * 20))
    batch = seal_batch(SHAPE, deposits=[], forced_exits=[forced], transfers=[], fee_account=BOB)
    execution = state.execute(batch, DOMAIN)
    assert execution.outcomes == (SlotOutcome.NOT_EXIT_ADDRESS, SlotOutcome.EMPTY)
    assert (execution.exits, state.root) == ((), root)


def test_an_account_whose_exit_address_is_too_wide_is_an_input_error() -> None:
    x, y = native.derive_public_key(SECRETS[ALICE])
    account = Account(public_key_x=x, public_key_y=y, balance=Gwei(1), nonce=0, exit_address=2**160)
    with pytest.raises(InputError, match="account 1 "):
        NativeState(SHAPE.depth, accounts={ALICE: account})


def test_fees_without_an_account_are_burnt_and_leave_the_total() -> None:
    state = _funded()
    execution = state.execute(_batch(_transfer(ALICE, BOB, 300, fee=5), fee_account=AccountIndex(9)), DOMAIN)
    assert (execution.fees, execution.burnt) == (5, 5)
    assert state.total_balance() == 1005


def test_rollback_restores_every_earlier_root() -> None:
    state = _funded()
    roots = [state.root]
    for nonce in range(4):
        state.execute(_batch(_transfer(ALICE, BOB, 1, nonce=nonce)), DOMAIN)
        roots.append(state.root)
    state.rollback(1)
    assert (state.root, state.height) == (roots[3], 4)
    state.rollback(3)
    assert (state.root, state.height) == (roots[0], 1)
    state.rollback(0)
    assert state.account(ALICE).nonce == 0  # type: ignore[union-attr]


@pytest.mark.parametrize(("batches", "why"), [(4, "3 are kept"), (2**64, "int"), (-1, "int")])
def test_rollback_beyond_the_history_is_refused_and_changes_nothing(batches: int, why: str) -> None:
    state = NativeState(SHAPE.depth, history=3)
    for _ in range(5):
        state.execute(_batch(), DOMAIN)
    with pytest.raises(ValueError, match=why):
        state.rollback(batches)
    assert state.height == 5
    state.rollback(3)
    assert state.height == 2


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"deposits": 3}, "deposits"),
        ({"deposits": -1}, "int"),
        ({"forced": 3}, "3 forced exits do not fit the 2 slots"),
        ({"deposits": 1, "forced": 2}, "2 forced exits do not fit the 1 slots"),
        ({"forced": -1}, "int"),
        ({"fee_account": AccountIndex(2**48)}, "fee account"),
        ({"fee_account": AccountIndex(2**64)}, "int"),
    ],
)
def test_headers_that_the_contract_refuses_are_input_errors(change: dict[str, int], named: str) -> None:
    state = _funded()
    root = state.root
    batch = _batch()
    with pytest.raises(InputError, match=named):
        state.execute(replace(batch, header=replace(batch.header, **change)), DOMAIN)  # type: ignore[arg-type]
    assert (state.root, state.height) == (root, 1)


def test_a_deposit_outside_the_tree_is_an_input_error_and_undoes_its_batch() -> None:
    state = _funded()
    root = state.root
    outside = deposit_slot(AccountIndex(64), Gwei(1), (1, 2), EXIT)
    with pytest.raises(InputError, match="account 64, outside a tree of depth 3"):
        state.execute(_batch(deposits=(_deposit(ALICE, 1), outside)), DOMAIN)
    assert (state.root, state.height, state.total_balance()) == (root, 1, 1010)


def test_a_batch_of_another_depth_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="depth 4"):
        NativeState(4).execute(_batch(), DOMAIN)


@pytest.mark.parametrize("domain", [FIELD_ORDER, 2**256, -1])
def test_a_domain_that_is_no_field_element_is_an_input_error(domain: int) -> None:
    with pytest.raises(InputError, match="domain"):
        _funded().execute(_batch(), FieldElement(domain))


@pytest.mark.parametrize("depth", [0, 25, -1, 2**70])
def test_depths_outside_the_protocol_are_input_errors(depth: int) -> None:
    with pytest.raises(InputError):
        NativeState(depth)


def test_a_state_starts_from_the_accounts_it_is_given() -> None:
    funded = _funded()
    accounts = {index: funded.account(index) for index in (ALICE, BOB)}
    state = NativeState(SHAPE.depth, accounts={index: found for index, found in accounts.items() if found})
    assert (state.root, state.total_balance(), state.height) == (funded.root, 1010, 0)


@pytest.mark.parametrize(
    ("index", "change"),
    [(64, {}), (1, {"balance": 2**96}), (1, {"nonce": 2**32}), (1, {"public_key_x": FIELD_ORDER}), (-1, {})],
)
def test_accounts_that_cannot_be_are_input_errors(index: int, change: dict[str, int]) -> None:
    account = replace(Account(public_key_x=1, public_key_y=2, balance=Gwei(3), nonce=4, exit_address=5), **change)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        NativeState(SHAPE.depth, accounts={AccountIndex(index): account})


def test_one_state_serves_many_threads_in_turn() -> None:
    state = _funded()
    batches = [_batch(_transfer(ALICE, BOB, 1, nonce=nonce)) for nonce in range(8)]
    threads = [threading.Thread(target=state.execute, args=(batch, DOMAIN)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (state.height, state.total_balance()) == (9, 1010)


def test_signatures_are_judged_one_by_one_in_order() -> None:
    good = _signed()
    bad = replace(good, message=6)
    assert NativeSignatures().verify([good, bad, good, bad]) == [True, False, True, False]
    assert NativeSignatures().verify([]) == []


@pytest.mark.parametrize("change", [{"s": 2**256}, {"s": -1}, {"message": 2**256}, {"r8": (0, 2**256)}])
def test_numbers_that_are_no_words_are_input_errors(change: dict[str, int]) -> None:
    with pytest.raises(InputError, match="not in"):
        NativeSignatures().verify([replace(_signed(), **change)])  # type: ignore[arg-type]


@pytest.mark.parametrize("secret", [b"", b"\1" * 31, b"\1" * 33])
def test_secrets_of_another_length_are_input_errors(secret: bytes) -> None:
    with pytest.raises(InputError, match="32 bytes"):
        native.derive_public_key(secret)
    with pytest.raises(InputError, match="32 bytes"):
        native.sign(secret, 5)


@pytest.mark.parametrize("message", [FIELD_ORDER, 2**256, -1])
def test_only_field_elements_are_signed(message: int) -> None:
    with pytest.raises(InputError, match="message"):
        native.sign(SECRETS[ALICE], message)


@pytest.mark.parametrize("inputs", [[], [1] * 17, [FIELD_ORDER], [-1]])
def test_poseidon_takes_one_to_sixteen_field_elements(inputs: list[int]) -> None:
    with pytest.raises(InputError):
        native.poseidon(inputs)


def test_a_panic_in_the_core_is_an_exception_of_its_own() -> None:
    with pytest.raises(_core.CorePanic, match="the core panicked: spilled milk"):
        _core._panic("spilled milk")
    assert not issubclass(_core.CorePanic, _core.CoreError)


def test_the_stub_describes_the_compiled_module() -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "poe._core"]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert checked.returncode == 0, checked.stdout

"""Membership proofs by the Rust core: of the specification's statement, accepted by another verifier."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe import _core
from poe.backend import native
from poe.backend.interface import KeyInfo
from poe.backend.native import NativeState
from poe.backend.reference import verify_groth16
from poe.crypto.field import FIELD_ORDER, from_word, split_words
from poe.errors import BackendError, InputError
from poe.rollup.batch import deposit_slot, seal_batch
from poe.rollup.membership import path_of, public_inputs, require_member
from poe.rollup.state import State
from poe.rollup.types import Account, AccountIndex, Address, FieldElement, Gwei, Shape

DEPTH = 2
CAPACITY = 4**DEPTH
DOMAIN = FieldElement(31337)

field_elements = st.integers(0, FIELD_ORDER - 1)
accounts = st.builds(
    Account,
    public_key_x=field_elements,
    public_key_y=field_elements,
    balance=st.integers(0, 2**96 - 1).map(Gwei),
    nonce=st.integers(0, 2**32 - 1),
    exit_address=st.integers(0, 2**160 - 1),
)
states = st.dictionaries(st.integers(0, CAPACITY - 1).map(AccountIndex), accounts, min_size=1, max_size=6)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> KeyInfo:
    path = tmp_path_factory.mktemp("keys") / "dev.key"
    native.setup_dev_membership_key(DEPTH, path)
    return native.membership_key_info(path, native.membership_circuit_info(DEPTH))


@pytest.fixture(scope="module")
def loaded(key: KeyInfo) -> _core.MembershipKey:
    return _core.MembershipKey.load(str(key.path))


def specified(accounts: dict[AccountIndex, Account], depth: int = DEPTH) -> State:
    state = State(depth)
    for index, account in accounts.items():
        state = state.with_account(index, account)
    return state


def somebody(**changes: int) -> Account:
    fields = {"public_key_x": 11, "public_key_y": 12, "balance": 5, "nonce": 0, "exit_address": 2**160 - 1}
    return Account(**{**fields, **changes})  # type: ignore[arg-type]


def path_bytes(witness: bytes, depth: int) -> list[int]:
    return split_words(witness[-depth * 128 :])


@settings(max_examples=12, deadline=None)
@given(held=states, data=st.data())
def test_witness_and_public_inputs_are_the_specifications(
    loaded: _core.MembershipKey, key: KeyInfo, held: dict[AccountIndex, Account], data: st.DataObject
) -> None:
    index = data.draw(st.sampled_from(sorted(held)))
    account, state = held[index], specified(held)
    exact = NativeState(DEPTH, accounts=held)
    witness = exact.membership(index)
    path = path_of(state, index)
    assert path_bytes(witness, DEPTH) == [child for children in path for child in children]
    public, proof = loaded.prove(witness, 1)
    exit_address = Address(account.exit_address.to_bytes(20))
    inputs = public_inputs(state.root, index, exit_address, account.balance)
    assert [from_word(word) for word in public] == list(inputs)
    require_member(inputs, (account.public_key_x, account.public_key_y), account.nonce, path)
    native.verify_proof(key.verifying_key_words, inputs, split_words(proof))


@settings(max_examples=12, deadline=None)
@given(held=states, index=st.integers(0, 2**64 - 1) | st.integers(0, CAPACITY - 1))
def test_the_same_accounts_are_missing(held: dict[AccountIndex, Account], index: int) -> None:
    exact = NativeState(DEPTH, accounts=held)
    if index in held:
        assert exact.membership(AccountIndex(index))
    else:
        with pytest.raises(InputError, match=f"account {index} does not exist"):
            exact.membership(AccountIndex(index))


@pytest.mark.parametrize(
    ("index", "account"),
    [
        (0, somebody(exit_address=0, balance=0)),
        (CAPACITY - 1, somebody(balance=2**96 - 1, nonce=2**32 - 1)),
        (6, somebody(public_key_x=FIELD_ORDER - 1, public_key_y=0)),
    ],
    ids=["first, all zero", "last, all maximal", "strange key"],
)
def test_the_slow_verifier_accepts_the_proof_and_no_other_statement(key: KeyInfo, index: int, account: Account) -> None:
    held = {AccountIndex(3): somebody(), AccountIndex(index): account}
    proof = native.prove_membership(key.path, NativeState(DEPTH, accounts=held), AccountIndex(index))
    assert (proof.root, proof.account, proof.balance) == (specified(held).root, index, account.balance)
    assert int.from_bytes(proof.exit_address) == account.exit_address
    inputs = public_inputs(proof.root, proof.account, proof.exit_address, proof.balance)
    verify_groth16(key.verifying_key_words, inputs, proof.words)
    for position, change in ((0, 1), (1, 1), (1, 2**160), (2, 1), (2, 2**96)):
        lie = list(inputs)
        lie[position] = (lie[position] + change) % FIELD_ORDER
        with pytest.raises(BackendError):
            native.verify_proof(key.verifying_key_words, lie, proof.words)
    with pytest.raises(BackendError, match="does not hold"):
        verify_groth16(key.verifying_key_words, (inputs[0], inputs[1] ^ 1, inputs[2]), proof.words)


def test_aliases_of_the_public_inputs_are_refused(key: KeyInfo) -> None:
    proof = native.prove_membership(
        key.path, NativeState(DEPTH, accounts={AccountIndex(1): somebody()}), AccountIndex(1)
    )
    inputs = public_inputs(proof.root, proof.account, proof.exit_address, proof.balance)
    for position in range(3):
        alias = list(inputs)
        alias[position] += FIELD_ORDER
        with pytest.raises(BackendError, match="public input"):
            native.verify_proof(key.verifying_key_words, alias, proof.words)
        with pytest.raises(BackendError, match=f"public input {position} "):
            verify_groth16(key.verifying_key_words, alias, proof.words)


def test_a_state_that_batches_led_to_is_proven_like_any_other(key: KeyInfo) -> None:
    """The account's leaf as it is now: an older balance has no proof."""
    shape, owner, exit_address = Shape(slots=1, depth=DEPTH), AccountIndex(2), Address(b"\x09" * 20)
    slot = deposit_slot(owner, Gwei(1000), native.derive_public_key(b"\5" * 32), exit_address)
    batch = seal_batch(shape, deposits=[slot], transfers=[], fee_account=owner)
    state = NativeState(DEPTH)
    balances = []
    for _ in range(2):
        state.execute(batch, DOMAIN)
        proof = native.prove_membership(key.path, state, owner)
        assert (proof.root, proof.exit_address) == (state.root, exit_address)
        balances.append(proof.balance)
    assert balances == [1000, 2000]
    state.rollback(2)
    with pytest.raises(InputError, match="account 2 does not exist"):
        native.prove_membership(key.path, state, owner)


def test_bytes_that_are_no_membership_are_refused(loaded: _core.MembershipKey) -> None:
    witness = NativeState(DEPTH, accounts={AccountIndex(1): somebody()}).membership(AccountIndex(1))
    on_the_path = len(witness) - DEPTH * 128 + 63  # the account's own leaf
    flipped = witness[:on_the_path] + bytes([witness[on_the_path] ^ 1]) + witness[on_the_path + 1 :]
    for spoilt in (b"", witness[:-1], witness + b"\0", b"x" + witness[1:], flipped):
        with pytest.raises(_core.CoreError, match="membership"):
            loaded.prove(spoilt, 1)


def test_another_sibling_is_another_root(loaded: _core.MembershipKey) -> None:
    state = NativeState(DEPTH, accounts={AccountIndex(1): somebody()})
    witness = state.membership(AccountIndex(1))
    public, _ = loaded.prove(witness[:-1] + bytes([witness[-1] ^ 1]), 1)
    assert from_word(public[0]) != state.root


def test_a_key_of_another_depth_is_refused(key: KeyInfo) -> None:
    deeper = NativeState(DEPTH + 1, accounts={AccountIndex(1): somebody()})
    with pytest.raises(BackendError, match="a tree of depth 3, the key is of depth 2"):
        native.prove_membership(key.path, deeper, AccountIndex(1))


def test_a_batchs_key_is_refused_and_refuses(key: KeyInfo, tmp_path: Path) -> None:
    batch = tmp_path / "batch.key"
    native.setup_dev_key(Shape(slots=1, depth=DEPTH), batch)
    state = NativeState(DEPTH, accounts={AccountIndex(1): somebody()})
    with pytest.raises(BackendError, match=r"batch\.key: the key is not one of a membership circuit"):
        native.prove_membership(batch, state, AccountIndex(1))
    with pytest.raises(BackendError, match="the key is not one of a batch circuit"):
        native.open_key_file(key.path)

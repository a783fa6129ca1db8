"""The account tree: roots by the definition, empty subtrees, immutability."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe.crypto.poseidon import poseidon
from poe.rollup.state import State, empty_node, leaf_of
from poe.rollup.types import Account, Gwei

VECTORS = Path(__file__).resolve().parents[2] / "vectors"


def _account(tag: int) -> Account:
    return Account(public_key_x=tag, public_key_y=tag + 1, balance=Gwei(tag + 2), nonce=tag + 3, exit_address=tag + 4)


def _dense_root(state: State) -> int:
    """The definition with nothing left out: every leaf, level by level."""
    accounts = (state.account(index) for index in range(4**state.depth))
    level = [0 if account is None else leaf_of(account) for account in accounts]
    while len(level) > 1:
        level = [poseidon(level[i : i + 4]) for i in range(0, len(level), 4)]
    return level[0]


def test_leaf_hashes_five_fields_in_order() -> None:
    assert leaf_of(_account(10)) == poseidon([10, 11, 12, 13, 14])


@pytest.mark.parametrize("depth", [1, 2, 5, 10, 24])
def test_empty_root_is_the_vectors(depth: int) -> None:
    nodes = json.loads((VECTORS / "merkle.json").read_text())["empty_nodes"]
    assert State(depth).root == int(nodes[depth], 16) == empty_node(depth)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.integers(1, 3).flatmap(lambda d: st.tuples(st.just(d), st.sets(st.integers(0, 4**d - 1), max_size=8))))
def test_root_is_the_dense_trees(tree: tuple[int, set[int]]) -> None:
    depth, indices = tree
    state = State(depth)
    for index in indices:
        state = state.with_account(index, _account(index))
    assert state.root == _dense_root(state)


def test_least_significant_digit_picks_the_child_at_the_leaves() -> None:
    leaf, empty = leaf_of(_account(1)), empty_node(1)
    assert State(2).with_account(2, _account(1)).root == poseidon([poseidon([0, 0, leaf, 0]), empty, empty, empty])
    assert State(2).with_account(8, _account(1)).root == poseidon([empty, empty, poseidon([leaf, 0, 0, 0]), empty])


def test_root_does_not_depend_on_the_order_of_arrival() -> None:
    forward = State(4).with_account(3, _account(3)).with_account(200, _account(200))
    backward = State(4).with_account(200, _account(200)).with_account(3, _account(3))
    assert forward.root == backward.root


def test_an_account_of_zeros_is_not_an_empty_leaf() -> None:
    zeros = Account(public_key_x=0, public_key_y=0, balance=Gwei(0), nonce=0, exit_address=0)
    assert State(3).with_account(0, zeros).root != State(3).root


def test_with_account_leaves_the_old_state_alone() -> None:
    before = State(3).with_account(1, _account(1))
    root = before.root
    after = before.with_account(1, _account(50)).with_account(2, _account(2))
    assert before.root == root != after.root
    assert before.account(1) == _account(1)
    assert before.account(2) is None
    with pytest.raises(TypeError):
        before.accounts[1] = _account(9)  # type: ignore[index]


@pytest.mark.parametrize("index", [-1, 4**3, 2**48 - 1])
def test_no_account_lies_outside_the_tree(index: int) -> None:
    assert State(3).account(index) is None
    with pytest.raises(ValueError, match=f"account index {index} is outside a tree of depth 3"):
        State(3).with_account(index, _account(1))


def test_total_balance_adds_all_accounts() -> None:
    assert State(3).total_balance() == 0
    assert State(3).with_account(1, _account(1)).with_account(9, _account(5)).total_balance() == 3 + 7

"""What a membership proof says, by the specification: packing, paths, and what does not lead to a root."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from poe.rollup.membership import path_of, public_inputs, require_member, root_of, split_holder
from poe.rollup.state import State, leaf_of, node_of
from poe.rollup.types import FIELD_ORDER, Account, AccountIndex, Address, FieldElement, Gwei

VECTORS = Path(__file__).resolve().parents[2] / "vectors"

ROOT = FieldElement(7)
EXIT = Address(b"\x03" * 20)
LAST = Address(b"\xff" * 20)


def account(seed: int) -> Account:
    return Account(
        public_key_x=seed,
        public_key_y=FIELD_ORDER - seed,
        balance=Gwei(seed),
        nonce=seed % 5,
        exit_address=int.from_bytes(EXIT),
    )


def state(*indices: int, depth: int = 3) -> State:
    made = State(depth)
    for index in indices:
        made = made.with_account(index, account(index + 1))
    return made


@pytest.mark.parametrize(
    ("index", "address", "packed"),
    [
        (0, Address(bytes(20)), 0),
        (0, LAST, 2**160 - 1),
        (1, Address(bytes(20)), 2**160),
        (4**24 - 1, LAST, 2**208 - 1),
        (5, EXIT, 5 * 2**160 + int.from_bytes(EXIT)),
    ],
)
def test_account_and_address_share_one_input_and_come_apart_again(index: int, address: Address, packed: int) -> None:
    assert public_inputs(ROOT, AccountIndex(index), address, Gwei(9)) == (7, packed, 9)
    assert split_holder(packed) == (index, address)
    assert packed < FIELD_ORDER


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("root", FIELD_ORDER),
        ("root", -1),
        ("account", 4**24),
        ("account", -1),
        ("balance", 2**96),
        ("balance", -1),
        ("exit_address", bytes(19)),
        ("exit_address", bytes(21)),
    ],
)
def test_values_outside_their_widths_are_refused_by_name(field: str, value: int | bytes) -> None:
    good = {"root": ROOT, "account": AccountIndex(0), "exit_address": EXIT, "balance": Gwei(2**96 - 1)}
    public_inputs(**good)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=field.replace("_", " ")):
        public_inputs(**{**good, field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("packed", [2**208, FIELD_ORDER - 1, -1])
def test_an_input_of_no_account_is_not_split(packed: int) -> None:
    with pytest.raises(ValueError, match="account is"):
        split_holder(packed)


def vectors() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((VECTORS / "membership.json").read_text())["cases"]
    return cases


@pytest.mark.parametrize("case", vectors(), ids=lambda case: f"depth {int(case['depth'], 16)}")
def test_paths_roots_and_public_inputs_are_the_vectors(case: dict[str, Any]) -> None:
    tree, told = State(int(case["depth"], 16)), []
    for words in case["accounts"]:
        numbers = {name: int(text, 16) for name, text in words.items()}
        told.append((AccountIndex(numbers.pop("index")), Account(**numbers)))  # type: ignore[arg-type]
        tree = tree.with_account(*told[-1])
    assert tree.root == int(case["root"], 16)
    for (index, there), member in zip(told, case["members"], strict=True):
        path = path_of(tree, index)
        assert [list(level) for level in path] == [[int(text, 16) for text in level] for level in member["path"]]
        inputs = public_inputs(tree.root, index, Address(there.exit_address.to_bytes(20)), there.balance)
        assert list(inputs) == [int(text, 16) for text in member["public_inputs"]]
        require_member(inputs, (there.public_key_x, there.public_key_y), there.nonce, path)


def test_every_path_leads_to_the_states_root() -> None:
    tree = state(0, 1, 17, 63)
    for index in (0, 1, 17, 63):
        path = path_of(tree, AccountIndex(index))
        assert len(path) == 3
        assert path[0][index % 4] == leaf_of(account(index + 1))
        assert root_of(AccountIndex(index), account(index + 1), path) == tree.root
        assert node_of(*path[-1]) == tree.root


def test_the_path_of_a_missing_account_ends_in_leaf_zero() -> None:
    tree = state(0, 17)
    path = path_of(tree, AccountIndex(42))
    assert path[0] == (0, 0, 0, 0)
    assert node_of(*path[-1]) == tree.root
    with pytest.raises(ValueError, match="child 2 at height 0"):
        root_of(AccountIndex(42), account(1), path)


@pytest.mark.parametrize("index", [-1, 64, 2**48])
def test_an_index_outside_the_tree_has_no_path(index: int) -> None:
    with pytest.raises(ValueError, match="outside a tree of depth 3"):
        path_of(state(0), AccountIndex(index))


def test_a_path_does_not_lead_from_another_account_or_another_index() -> None:
    tree = state(5, 6)
    path, there = path_of(tree, AccountIndex(5)), account(6)
    for field in ("public_key_x", "public_key_y", "balance", "nonce", "exit_address"):
        changed: dict[str, Any] = {field: 99}
        other = replace(there, **changed)
        with pytest.raises(ValueError, match="child 1 at height 0"):
            root_of(AccountIndex(5), other, path)
    for index in (4, 6, 7, 21, 5 + 48):
        with pytest.raises(ValueError, match="is not the node on the path"):
            root_of(AccountIndex(index), there, path)
    for index in (5 + 64, -59):
        with pytest.raises(ValueError, match="on a path of 3 levels"):
            root_of(AccountIndex(index), there, path)
    with pytest.raises(ValueError, match="on a path of 0 levels"):
        root_of(AccountIndex(0), there, [])


def test_the_statement_holds_of_the_account_that_is_there_and_of_no_other() -> None:
    tree = state(5, 6)
    there = account(6)
    path, key = path_of(tree, AccountIndex(5)), (there.public_key_x, there.public_key_y)
    inputs = public_inputs(tree.root, AccountIndex(5), EXIT, there.balance)
    require_member(inputs, key, there.nonce, path)
    lies = [
        (inputs[0] + 1, inputs[1], inputs[2]),
        (inputs[0], inputs[1] + 1, inputs[2]),
        (inputs[0], inputs[1] + 2**160, inputs[2]),
        (inputs[0], inputs[1] + 64 * 2**160, inputs[2]),
        (inputs[0], inputs[1], inputs[2] + 1),
        (inputs[0], inputs[1], inputs[2] + 2**96),
    ]
    for lie in lies:
        with pytest.raises(ValueError, match=r"path|root"):
            require_member(lie, key, there.nonce, path)
    with pytest.raises(ValueError, match="path"):
        require_member(inputs, key, there.nonce + 1, path)

"""What a membership proof says: an account of the final state, its exit address, its balance (docs/protocol.md, 9)."""

from __future__ import annotations

from collections.abc import Sequence

from poe.rollup.state import ARITY, BALANCE_BITS, State, empty_node, leaf_of, node_of
from poe.rollup.types import FIELD_ORDER, Account, AccountIndex, Address, FieldElement, Gwei

ADDRESS_BITS = 160
MAX_DEPTH = 24

Path = Sequence[tuple[int, int, int, int]]
"""From a leaf's parent up to the root: each node's four children."""


def public_inputs(
    root: FieldElement, account: AccountIndex, exit_address: Address, balance: Gwei
) -> tuple[int, int, int]:
    """`root, account · 2^160 + exit address, balance`; ValueError for a value outside its width.

    The second is below 2^208 < r, so no two pairs share it.
    """
    widths = (
        ("root", root, FIELD_ORDER),
        ("account", account, ARITY**MAX_DEPTH),
        ("balance", balance, 1 << BALANCE_BITS),
    )
    for name, value, limit in widths:
        if not 0 <= value < limit:
            raise ValueError(f"{name} is {value}, not in [0, {limit})")
    if len(exit_address) * 8 != ADDRESS_BITS:
        raise ValueError(f"exit address of {len(exit_address)} bytes")
    return root, account << ADDRESS_BITS | int.from_bytes(exit_address, "big"), balance


def split_holder(holder: int) -> tuple[AccountIndex, Address]:
    """Account and exit address of the second public input; ValueError for one that `public_inputs` does not give."""
    account, address = divmod(holder, 1 << ADDRESS_BITS)
    if not 0 <= account < ARITY**MAX_DEPTH:
        raise ValueError(f"account is {account}, not in [0, {ARITY**MAX_DEPTH})")
    return AccountIndex(account), Address(address.to_bytes(ADDRESS_BITS // 8, "big"))


def path_of(state: State, index: AccountIndex) -> list[tuple[int, int, int, int]]:
    """The path of an index; ValueError when the tree has no such leaf."""
    if not 0 <= index < ARITY**state.depth:
        raise ValueError(f"account index {index} is outside a tree of depth {state.depth}")
    nodes = {int(at): leaf_of(account) for at, account in state.accounts.items()}
    path = []
    for height in range(state.depth):
        families = {
            parent: _children(nodes, parent, height) for parent in {at // ARITY for at in nodes} | {index // ARITY}
        }
        path.append(families[index // ARITY])
        nodes = {parent: node_of(*children) for parent, children in families.items()}
        index = AccountIndex(index // ARITY)
    return path


def root_of(index: AccountIndex, account: Account, path: Path) -> FieldElement:
    """The root of the tree in which the path leads to the account at `index`; ValueError when it does not lead there.

    An account of this content at this index is in every tree with this root, for Poseidon has no known collisions.
    """
    if not 1 <= len(path) <= MAX_DEPTH or not 0 <= index < ARITY ** len(path):
        raise ValueError(f"account index {index} on a path of {len(path)} levels")
    node, position = leaf_of(account), int(index)
    for height, children in enumerate(path):
        position, digit = divmod(position, ARITY)
        if children[digit] != node:
            raise ValueError(f"child {digit} at height {height} is not the node on the path")
        node = node_of(*children)
    return FieldElement(node)


def require_member(inputs: Sequence[int], public_key: tuple[int, int], nonce: int, path: Path) -> None:
    """The circuit's statement about its three public inputs, with what it takes as hints; ValueError if it is false."""
    root, holder, balance = inputs
    index, exit_address = split_holder(holder)
    key_x, key_y = public_key
    account = Account(
        public_key_x=key_x,
        public_key_y=key_y,
        balance=Gwei(balance),
        nonce=nonce,
        exit_address=int.from_bytes(exit_address, "big"),
    )
    found = root_of(index, account, path)
    if found != root:
        raise ValueError(f"the path leads to root {found}, not to {root}")


def _children(nodes: dict[int, int], parent: int, height: int) -> tuple[int, int, int, int]:
    first, second, third, fourth = (nodes.get(ARITY * parent + child, empty_node(height)) for child in range(ARITY))
    return first, second, third, fourth

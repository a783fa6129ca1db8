"""The accounts and the sparse 4-ary Poseidon tree over them (docs/protocol.md, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from types import MappingProxyType

from poe.crypto.poseidon import poseidon
from poe.rollup.types import Account, AccountIndex, FieldElement, Gwei

ARITY = 4
BALANCE_BITS = 96
EMPTY_LEAF = 0

_REMEMBERED_HASHES = 1 << 17


@dataclass(frozen=True, slots=True)
class State:
    """All accounts of a tree of `depth` levels. A value: `with_account` gives another state."""

    depth: int
    accounts: Mapping[AccountIndex, Account] = field(default_factory=lambda: MappingProxyType({}))

    def account(self, index: int) -> Account | None:
        """The account at an index; None where none was made or the index is outside the tree."""
        return self.accounts.get(AccountIndex(index))

    def with_account(self, index: int, account: Account) -> State:
        """The state in which `index` holds `account`; ValueError when the tree has no such leaf."""
        if not 0 <= index < ARITY**self.depth:
            raise ValueError(f"account index {index} is outside a tree of depth {self.depth}")
        return State(self.depth, MappingProxyType({**self.accounts, AccountIndex(index): account}))

    def total_balance(self) -> Gwei:
        """Sum of all balances."""
        return Gwei(sum(account.balance for account in self.accounts.values()))

    @property
    def root(self) -> FieldElement:
        """The state root. Hashes of nodes are remembered, so only paths that changed cost anything."""
        nodes = {int(index): leaf_of(account) for index, account in self.accounts.items()}
        for height in range(self.depth):
            empty = empty_node(height)
            parents = {index // ARITY for index in nodes}
            nodes = {
                parent: node_of(*(nodes.get(ARITY * parent + child, empty) for child in range(ARITY)))
                for parent in parents
            }
        return FieldElement(nodes.get(0, empty_node(self.depth)))


@lru_cache(maxsize=_REMEMBERED_HASHES)
def leaf_of(account: Account) -> int:
    """Hash of one account, a field element for each of its five fields."""
    return poseidon([account.public_key_x, account.public_key_y, account.balance, account.nonce, account.exit_address])


@lru_cache(maxsize=_REMEMBERED_HASHES)
def node_of(child_0: int, child_1: int, child_2: int, child_3: int) -> int:
    """Hash of a node's four children."""
    return poseidon([child_0, child_1, child_2, child_3])


@cache
def empty_node(height: int) -> int:
    """Root of a subtree without accounts; height 0 is a leaf."""
    if height == 0:
        return EMPTY_LEAF
    below = empty_node(height - 1)
    return node_of(below, below, below, below)

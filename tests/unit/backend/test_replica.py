"""The replica: batches in order, undo, and what it remembers."""

from __future__ import annotations

import pytest

from poe.backend import replica as replica_module
from poe.backend.replica import Replica
from poe.rollup.types import BatchNumber
from tests.fakes_l1 import GENESIS_ROOT, a_batch
from tests.fakes_prover import DOMAIN, ChainedState, next_root


@pytest.fixture
def replica() -> Replica:
    return Replica(ChainedState(), DOMAIN)


def apply(replica: Replica, *salts: int) -> None:
    for salt in salts:
        replica.apply(BatchNumber(replica.height + 1), a_batch(salt))


def test_batches_chain_their_roots(replica: Replica) -> None:
    apply(replica, 1, 2)
    first, second = replica.execution(BatchNumber(1)), replica.execution(BatchNumber(2))
    assert first is not None
    assert second is not None
    assert (first.old_root, first.new_root) == (GENESIS_ROOT, next_root(GENESIS_ROOT, a_batch(1)))
    assert (second.old_root, second.new_root) == (first.new_root, replica.root)
    assert replica.height == 2


@pytest.mark.parametrize("number", [0, 1, 3, -1])
def test_only_the_next_batch_is_executed(replica: Replica, number: int) -> None:
    apply(replica, 1)
    with pytest.raises(ValueError, match=f"batch {number} is not next after 1"):
        replica.apply(BatchNumber(number), a_batch(2))
    assert replica.height == 1


def test_rolling_back_forgets_what_is_undone(replica: Replica) -> None:
    apply(replica, 1, 2, 3)
    replica.rollback_to(BatchNumber(1))
    assert (replica.height, replica.root) == (1, next_root(GENESIS_ROOT, a_batch(1)))
    assert replica.execution(BatchNumber(1)) is not None
    assert replica.execution(BatchNumber(2)) is None
    apply(replica, 9)
    assert replica.root == next_root(next_root(GENESIS_ROOT, a_batch(1)), a_batch(9))


def test_rolling_back_to_where_we_are_changes_nothing(replica: Replica) -> None:
    apply(replica, 1)
    root = replica.root
    replica.rollback_to(BatchNumber(1))
    assert replica.root == root


def test_rolling_back_forward_is_refused(replica: Replica) -> None:
    with pytest.raises(ValueError, match="cannot roll back from 0 forward to 1"):
        replica.rollback_to(BatchNumber(1))


def test_rolling_back_further_than_the_state_can_keeps_the_executions(replica: Replica) -> None:
    apply(replica, 1, 2)
    with pytest.raises(ValueError, match="cannot roll back"):
        replica.rollback_to(BatchNumber(-1))
    assert replica.execution(BatchNumber(2)) is not None
    assert replica.height == 2


def test_only_the_last_executions_are_kept(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_module, "KEPT_EXECUTIONS", 2)
    apply(replica, 1, 2, 3)
    assert [n for n in (1, 2, 3) if replica.execution(BatchNumber(n))] == [2, 3]


def test_accounts_and_balances_are_the_states(replica: Replica) -> None:
    assert replica.total_balance() == 1000

"""A copy of the L2 state that follows the order of batches on L1, with undo for reorgs."""

from __future__ import annotations

from collections import OrderedDict

from poe.backend.interface import Execution, StateBackend
from poe.rollup.types import Account, AccountIndex, Batch, BatchNumber, FieldElement, Gwei

KEPT_EXECUTIONS = 1024
"""Executions kept whole (root, outcomes, trace) behind the head; older batches are long finalized."""


class Replica:
    """Executes batches 1, 2, 3 … and remembers how each went."""

    def __init__(self, state: StateBackend, domain: FieldElement) -> None:
        self._state = state
        self._domain = domain
        self._executions: OrderedDict[BatchNumber, Execution] = OrderedDict()

    @property
    def height(self) -> BatchNumber:
        """Number of the last batch executed; 0 is the genesis."""
        return BatchNumber(self._state.height)

    @property
    def root(self) -> FieldElement:
        """State root after the last batch."""
        return self._state.root

    def account(self, index: AccountIndex) -> Account | None:
        """The account after the last batch."""
        return self._state.account(index)

    def total_balance(self) -> Gwei:
        """Sum of all balances after the last batch."""
        return self._state.total_balance()

    def execution(self, number: BatchNumber) -> Execution | None:
        """How batch `number` went; None when it is not executed or no longer kept."""
        return self._executions.get(number)

    def apply(self, number: BatchNumber, batch: Batch) -> Execution:
        """Execute the next batch; ValueError if `number` is not the next."""
        if number != self.height + 1:
            raise ValueError(f"batch {number} is not next after {self.height}")
        execution = self._state.execute(batch, self._domain)
        self._executions[number] = execution
        while len(self._executions) > KEPT_EXECUTIONS:
            self._executions.popitem(last=False)
        return execution

    def rollback_to(self, number: BatchNumber) -> None:
        """Undo every batch after `number`; ValueError if that is further than undo data reaches."""
        if number > self.height:
            raise ValueError(f"cannot roll back from {self.height} forward to {number}")
        self._state.rollback(self.height - number)
        for undone in [kept for kept in self._executions if kept > number]:
            del self._executions[undone]

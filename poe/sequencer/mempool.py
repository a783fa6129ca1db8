"""Transactions that wait for a batch: by account and nonce, bounded, pure and synchronous."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from poe.errors import SequencerError
from poe.rollup.transaction import SignedTransaction, Word0
from poe.rollup.types import WORD_BYTES, Account, AccountIndex

NONCE_LIMIT = 2**32 - 1
"""An account whose nonce has reached this can never send again (docs/protocol.md, section 4)."""

FULL = "POE-SEQ-001"
ACCOUNT_FULL = "POE-SEQ-002"
STALE_NONCE = "POE-SEQ-003"
UNDERPRICED = "POE-SEQ-004"
OVERDRAWN = "POE-SEQ-005"
NONCE_TOO_FAR = "POE-SEQ-006"

AccountOf = Callable[[AccountIndex], Account | None]


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    """A waiting transaction; entries sort by fee, the highest first, then by arrival, which no two share."""

    minus_fee: int
    arrival: int
    signed: SignedTransaction = field(compare=False)

    @property
    def account(self) -> AccountIndex:
        return self.signed.transaction.sender

    @property
    def nonce(self) -> int:
        return self.signed.transaction.nonce

    @property
    def cost(self) -> int:
        return self.signed.transaction.amount + self.signed.transaction.fee


@dataclass(slots=True)
class _Queue:
    """What one account waits for: transactions by nonce, none below `nonce`, and the sum of their costs."""

    nonce: int
    by_nonce: dict[int, _Entry] = field(default_factory=dict)
    cost: int = 0

    @property
    def head(self) -> _Entry | None:
        return self.by_nonce.get(self.nonce)

    def put(self, entry: _Entry) -> None:
        self.take(entry.nonce)
        self.by_nonce[entry.nonce] = entry
        self.cost += entry.cost

    def take(self, nonce: int) -> _Entry | None:
        entry = self.by_nonce.pop(nonce, None)
        if entry is not None:
            self.cost -= entry.cost
        return entry


class Mempool:
    """Waiting transactions of all accounts.

    Every transaction costs at most what its account can pay together with all others that wait, so a
    transaction taken in nonce order practically always applies; the batcher deals with the rest.
    """

    def __init__(self, *, capacity: int, capacity_per_account: int) -> None:
        self._capacity = capacity
        self._capacity_per_account = capacity_per_account
        self._queues: dict[AccountIndex, _Queue] = {}
        self._heads: list[_Entry] = []  # a heap of every account's next transaction, and of some that were
        self._size = 0
        self._arrivals = 0

    def __len__(self) -> int:
        return self._size

    def __contains__(self, signed: SignedTransaction) -> bool:
        queue = self._queues.get(signed.transaction.sender)
        entry = queue.by_nonce.get(signed.transaction.nonce) if queue is not None else None
        return entry is not None and entry.signed == signed

    def next_nonce(self, account: AccountIndex, nonce: int) -> int:
        """The first nonce at or after the account's own `nonce` for which nothing waits yet."""
        queue = self._queues.get(account)
        while queue is not None and nonce in queue.by_nonce:
            nonce += 1
        return nonce

    def add(self, signed: SignedTransaction, sender: Account) -> None:
        """Take one transaction of an account as it is now; SequencerError with the reason when refused.

        One that waits already is taken again silently; another with the same nonce needs a higher fee.
        """
        if signed in self:
            return
        self.check(signed, sender)
        queue = self._queues.get(signed.transaction.sender) or _Queue(nonce=sender.nonce)
        self._size += signed.transaction.nonce not in queue.by_nonce
        self._arrivals += 1
        queue.put(_Entry(-signed.transaction.fee, self._arrivals, signed))
        self._queues[signed.transaction.sender] = queue
        if queue.nonce == signed.transaction.nonce:
            self._note_head(signed.transaction.sender)

    def check(self, signed: SignedTransaction, sender: Account) -> None:
        """SequencerError with the reason if `add` would refuse; the signature is not looked at here or there."""
        if signed in self:
            return
        queue = self._queues.get(signed.transaction.sender) or _Queue(nonce=sender.nonce)
        replaced = queue.by_nonce.get(signed.transaction.nonce)
        self._refuse_nonce(signed, sender)
        self._refuse_cost(signed, sender, queue, replaced)
        if replaced is None:
            self._refuse_when_full(signed, queue)

    def _refuse_nonce(self, signed: SignedTransaction, sender: Account) -> None:
        nonce, limit = signed.transaction.nonce, sender.nonce + self._capacity_per_account
        if nonce < sender.nonce or nonce >= NONCE_LIMIT:
            raise SequencerError(
                f"nonce {nonce} of account {signed.transaction.sender} is used up, its next is {sender.nonce}",
                code=STALE_NONCE,
            )
        if nonce >= limit:
            raise SequencerError(
                f"nonce {nonce} of account {signed.transaction.sender} is too far ahead, wanted below {limit}",
                code=NONCE_TOO_FAR,
            )

    def _refuse_cost(self, signed: SignedTransaction, sender: Account, queue: _Queue, replaced: _Entry | None) -> None:
        transaction = signed.transaction
        if replaced is not None and transaction.fee <= replaced.signed.transaction.fee:
            raise SequencerError(
                f"nonce {transaction.nonce} of account {transaction.sender} waits already with fee "
                f"{replaced.signed.transaction.fee}, fee {transaction.fee} does not replace it",
                fix="offer a higher fee",
                code=UNDERPRICED,
            )
        owed = queue.cost - (replaced.cost if replaced is not None else 0) + transaction.amount + transaction.fee
        if owed > sender.balance:
            raise SequencerError(
                f"account {transaction.sender} has {sender.balance} gwei, its waiting transactions need {owed}",
                code=OVERDRAWN,
            )

    def _refuse_when_full(self, signed: SignedTransaction, queue: _Queue) -> None:
        if len(queue.by_nonce) >= self._capacity_per_account:
            raise SequencerError(
                f"account {signed.transaction.sender} has {len(queue.by_nonce)} transactions waiting, the most allowed",
                fix="wait for a batch",
                code=ACCOUNT_FULL,
            )
        if self._size >= self._capacity:
            raise SequencerError(
                f"the mempool holds {self._capacity} transactions, the most allowed", fix="try again later", code=FULL
            )

    def select(self, count: int) -> list[SignedTransaction]:
        """Up to `count` executable transactions, which stay in the pool until `settle` or `drop`.

        In rounds: one of each account, the highest fee first and the earlier among equals, then the accounts'
        seconds, and so on; no account takes a second slot while another waits for its first.
        """
        chosen = turn = self._best_heads(count)
        while turn and len(chosen) < count:
            following = ((entry, self._queues[entry.account].by_nonce.get(entry.nonce + 1)) for entry in turn)
            turn = sorted(entry for _, entry in following if entry is not None)
            chosen = chosen + turn
        return [entry.signed for entry in chosen[:count]]

    def _best_heads(self, count: int) -> list[_Entry]:
        """The best `count` of the accounts' next transactions, best first; clears stale heads on the way."""
        best: list[_Entry] = []
        while self._heads and len(best) < count:
            entry = heapq.heappop(self._heads)
            if self._is_head(entry) and (not best or best[-1] is not entry):
                best.append(entry)
        for entry in best:
            heapq.heappush(self._heads, entry)
        return best

    def _is_head(self, entry: _Entry) -> bool:
        queue = self._queues.get(entry.account)
        return queue is not None and queue.head is entry

    def _note_head(self, account: AccountIndex) -> None:
        queue = self._queues.get(account)
        if queue is not None and queue.head is not None:
            heapq.heappush(self._heads, queue.head)

    def drop(self, signed: SignedTransaction) -> None:
        """Forget one transaction; the account's later ones wait for another with its nonce."""
        self._take(signed.transaction.sender, signed.transaction.nonce)

    def settle(self, account: AccountIndex, nonce: int) -> list[SignedTransaction]:
        """The account's nonce is `nonce` now, whether grown or rolled back; returns those that this made stale."""
        queue = self._queues.get(account)
        if queue is None or queue.nonce == nonce:
            return []
        queue.nonce = nonce
        stale = [entry.signed for waiting, entry in queue.by_nonce.items() if waiting < nonce]
        for signed in stale:
            self.drop(signed)
        self._note_head(account)
        return stale

    def settle_all(self, slots: Iterable[bytes]) -> list[SignedTransaction]:
        """The transactions in these slots have taken effect, in this order; all that became stale leave the pool.

        Returns those that were overtaken: another transaction, or one forced on L1, has used their nonce.
        """
        overtaken = []
        for slot in slots:
            fields = Word0.unpack(int.from_bytes(slot[:WORD_BYTES], "big"))
            stale = self.settle(AccountIndex(fields.sender), fields.nonce + 1)
            overtaken += [signed for signed in stale if signed.slot != slot]
        return overtaken

    def refresh(self, account_of: AccountOf) -> int:
        """After a rollback: re-read every account, drop what it cannot send or pay any more; returns how many."""
        before = self._size
        for index in list(self._queues):
            account = account_of(index)
            self.settle(index, account.nonce if account is not None else NONCE_LIMIT)
            self._drop_overdrawn(index, account.balance if account is not None else 0)
        return before - self._size

    def _drop_overdrawn(self, index: AccountIndex, balance: int) -> None:
        """Drop the highest nonces until the rest can be paid."""
        queue = self._queues.get(index)
        while queue is not None and queue.cost > balance:
            self._take(index, max(queue.by_nonce))

    def _take(self, account: AccountIndex, nonce: int) -> None:
        queue = self._queues.get(account)
        if queue is None or queue.take(nonce) is None:
            return
        self._size -= 1
        if not queue.by_nonce:
            del self._queues[account]

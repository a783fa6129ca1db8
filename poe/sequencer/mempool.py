"""Transactions that wait for a batch: by account and nonce, bounded, pure and synchronous."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from poe.errors import SequencerError
from poe.rollup.transaction import SignedTransfer, Word0
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
    signed: SignedTransfer = field(compare=False)

    @property
    def account(self) -> AccountIndex:
        return self.signed.transfer.sender

    @property
    def nonce(self) -> int:
        return self.signed.transfer.nonce

    @property
    def cost(self) -> int:
        return self.signed.transfer.amount + self.signed.transfer.fee


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

    def __contains__(self, signed: SignedTransfer) -> bool:
        queue = self._queues.get(signed.transfer.sender)
        entry = queue.by_nonce.get(signed.transfer.nonce) if queue is not None else None
        return entry is not None and entry.signed == signed

    def next_nonce(self, account: AccountIndex, nonce: int) -> int:
        """The first nonce at or after the account's own `nonce` for which nothing waits yet."""
        queue = self._queues.get(account)
        while queue is not None and nonce in queue.by_nonce:
            nonce += 1
        return nonce

    def add(self, signed: SignedTransfer, sender: Account) -> None:
        """Take one transaction of an account as it is now; SequencerError with the reason when refused.

        One that waits already is taken again silently; another with the same nonce needs a higher fee.
        """
        if signed in self:
            return
        self.check(signed, sender)
        queue = self._queues.get(signed.transfer.sender) or _Queue(nonce=sender.nonce)
        self._size += signed.transfer.nonce not in queue.by_nonce
        self._arrivals += 1
        queue.put(_Entry(-signed.transfer.fee, self._arrivals, signed))
        self._queues[signed.transfer.sender] = queue
        if queue.nonce == signed.transfer.nonce:
            self._note_head(signed.transfer.sender)

    def check(self, signed: SignedTransfer, sender: Account) -> None:
        """SequencerError with the reason if `add` would refuse; the signature is not looked at here or there."""
        if signed in self:
            return
        queue = self._queues.get(signed.transfer.sender) or _Queue(nonce=sender.nonce)
        replaced = queue.by_nonce.get(signed.transfer.nonce)
        self._refuse_nonce(signed, sender)
        self._refuse_cost(signed, sender, queue, replaced)
        if replaced is None:
            self._refuse_when_full(signed, queue)

    def _refuse_nonce(self, signed: SignedTransfer, sender: Account) -> None:
        nonce, limit = signed.transfer.nonce, sender.nonce + self._capacity_per_account
        if nonce < sender.nonce or nonce >= NONCE_LIMIT:
            raise SequencerError(
                f"nonce {nonce} of account {signed.transfer.sender} is used up, its next is {sender.nonce}",
                code=STALE_NONCE,
            )
        if nonce >= limit:
            raise SequencerError(
                f"nonce {nonce} of account {signed.transfer.sender} is too far ahead, wanted below {limit}",
                code=NONCE_TOO_FAR,
            )

    def _refuse_cost(self, signed: SignedTransfer, sender: Account, queue: _Queue, replaced: _Entry | None) -> None:
        transfer = signed.transfer
        if replaced is not None and transfer.fee <= replaced.signed.transfer.fee:
            raise SequencerError(
                f"nonce {transfer.nonce} of account {transfer.sender} waits already with fee "
                f"{replaced.signed.transfer.fee}, fee {transfer.fee} does not replace it",
                fix="offer a higher fee",
                code=UNDERPRICED,
            )
        owed = queue.cost - (replaced.cost if replaced is not None else 0) + transfer.amount + transfer.fee
        if owed > sender.balance:
            raise SequencerError(
                f"account {transfer.sender} has {sender.balance} gwei, its waiting transactions need {owed}",
                code=OVERDRAWN,
            )

    def _refuse_when_full(self, signed: SignedTransfer, queue: _Queue) -> None:
        if len(queue.by_nonce) >= self._capacity_per_account:
            raise SequencerError(
                f"account {signed.transfer.sender} has {len(queue.by_nonce)} transactions waiting, the most allowed",
                fix="wait for a batch",
                code=ACCOUNT_FULL,
            )
        if self._size >= self._capacity:
            raise SequencerError(
                f"the mempool holds {self._capacity} transactions, the most allowed", fix="try again later", code=FULL
            )

    def select(self, count: int) -> list[SignedTransfer]:
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

    def drop(self, signed: SignedTransfer) -> None:
        """Forget one transaction; the account's later ones wait for another with its nonce."""
        self._take(signed.transfer.sender, signed.transfer.nonce)

    def settle(self, account: AccountIndex, nonce: int) -> int:
        """The account's nonce is `nonce` now, whether grown or rolled back; returns how many that made stale."""
        queue = self._queues.get(account)
        if queue is None or queue.nonce == nonce:
            return 0
        queue.nonce = nonce
        stale = [waiting for waiting in queue.by_nonce if waiting < nonce]
        for waiting in stale:
            self._take(account, waiting)
        self._note_head(account)
        return len(stale)

    def settle_all(self, slots: Iterable[bytes]) -> None:
        """The transfers in these slots have taken effect, in this order."""
        for slot in slots:
            fields = Word0.unpack(int.from_bytes(slot[:WORD_BYTES], "big"))
            self.settle(AccountIndex(fields.sender), fields.nonce + 1)

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

"""What each account earned and spent in the race as far as L1 shows: rewards, tips, gas of accepted proofs.

Proofs that came too late revert and leave no event: what they cost their senders is not in here.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from poe.l1.interface import Awarded, BatchFinalized, ProofAccepted, ProofContends, Receipt
from poe.rollup.types import Address, BatchNumber, Hash, Wei

KEPT_EVENTS = 8192
"""Landings and wins a rollback can still undo and a late receipt still price; L1 reorgs reach a fraction of that."""
MAX_ACCOUNTS = 4096
"""Accounts beyond, those that won least, are told of together."""

REST = Address(b"")
"""Stands for all accounts that are not kept one by one."""


@dataclass(slots=True, kw_only=True)
class Account:
    """One account's totals; `landed` counts its transactions with accepted proofs, `priced` those whose gas we know."""

    wins: int = 0
    rewards: Wei = Wei(0)
    tips_paid: Wei = Wei(0)
    tips_earned: Wei = Wei(0)
    gas: Wei = Wei(0)
    landed: int = 0
    priced: int = 0

    @property
    def net(self) -> Wei:
        """Earned minus spent; too high while `priced` is below `landed`."""
        return Wei(self.rewards - self.tips_paid + self.tips_earned - self.gas)

    @property
    def is_empty(self) -> bool:
        """Does nothing count any more?"""
        return not (self.wins or self.landed or self.tips_earned)

    def add(self, other: Account) -> None:
        """Take over another's totals."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Win:
    block: int
    payee: Address
    submitter: Address
    reward: Wei
    tip: Wei


@dataclass(slots=True, kw_only=True)
class _Landing:
    block: int
    submitter: Address
    proofs: int = 1
    receipt: Receipt | None = None

    @property
    def cost(self) -> Wei:
        """What its sender paid for gas; 0 while unknown."""
        return Wei(0) if self.receipt is None else Wei(self.receipt.gas_used * self.receipt.effective_gas_price)


class Accounts:
    """The book of all accounts, kept in step with L1 event by event; undone with L1."""

    def __init__(self) -> None:
        self._accounts: dict[Address, Account] = {}
        self._wins: OrderedDict[BatchNumber, _Win] = OrderedDict()
        self._landings: OrderedDict[Hash, _Landing] = OrderedDict()

    def top(self, count: int) -> list[tuple[Address, Account]]:
        """Those with most wins, then the highest net; `REST` is not among them."""
        ranked = sorted(self._accounts.items(), key=lambda item: (-item[1].wins, -item[1].net, item[0]))
        return [item for item in ranked if item[0] != REST][:count]

    def of(self, address: Address) -> Account | None:
        """One account's totals; None when L1 told nothing of it, or too long ago."""
        return self._accounts.get(address)

    def __len__(self) -> int:
        return len(self._accounts) - (REST in self._accounts)

    def gas_of(self, tx_hash: Hash) -> tuple[Receipt, int] | None:
        """A landing's receipt and how many accepted proofs share it; None while unknown."""
        landing = self._landings.get(tx_hash)
        return None if landing is None or landing.receipt is None else (landing.receipt, landing.proofs)

    def land(self, event: ProofAccepted | ProofContends) -> None:
        """A proof landed; several may share a transaction."""
        tx_hash = event.origin.tx_hash
        if tx_hash in self._landings:
            self._landings[tx_hash].proofs += 1
            return
        landing = _Landing(block=event.origin.block.number, submitter=event.submitter)
        self._landings[tx_hash] = landing
        self._count_landing(landing, 1)
        if len(self._landings) > KEPT_EVENTS:
            self._landings.popitem(last=False)

    def price(self, receipt: Receipt) -> None:
        """The gas of a landing became known."""
        landing = self._landings.get(receipt.tx_hash)
        if landing is None or landing.receipt is not None:
            return
        self._count_landing(landing, -1)
        landing.receipt = receipt
        self._count_landing(landing, 1)

    def pay(self, paid: BatchFinalized | Awarded, proof: ProofAccepted | None) -> None:
        """A batch was won; `proof` is the accepted proof it was won with, None when that is not known."""
        if paid.number in self._wins:
            return
        win = _Win(
            block=paid.origin.block.number,
            payee=paid.payee,
            submitter=paid.payee if proof is None else proof.submitter,
            reward=paid.reward,
            tip=Wei(0) if proof is None else proof.tip,
        )
        self._wins[paid.number] = win
        self._count_win(win, 1)
        if len(self._wins) > KEPT_EVENTS:
            self._wins.popitem(last=False)

    def roll_back(self, block: int) -> None:
        """Undo what later blocks had told."""
        for number in [number for number, win in self._wins.items() if win.block > block]:
            self._count_win(self._wins.pop(number), -1)
        for tx_hash in [tx_hash for tx_hash, landing in self._landings.items() if landing.block > block]:
            self._count_landing(self._landings.pop(tx_hash), -1)

    def _count_win(self, win: _Win, change: int) -> None:
        winner = self._account(win.payee)
        winner.wins += change
        winner.rewards = Wei(winner.rewards + change * win.reward)
        winner.tips_paid = Wei(winner.tips_paid + change * win.tip)
        lander = self._account(win.submitter)
        lander.tips_earned = Wei(lander.tips_earned + change * win.tip)
        self._drop_empty(win.payee, win.submitter)

    def _count_landing(self, landing: _Landing, change: int) -> None:
        account = self._account(landing.submitter)
        account.landed += change
        account.priced += change * (landing.receipt is not None)
        account.gas = Wei(account.gas + change * landing.cost)
        self._drop_empty(landing.submitter)

    def _account(self, address: Address) -> Account:
        """The account's totals; once there are too many accounts, the smallest joins the rest."""
        if address not in self._accounts and len(self._accounts) >= MAX_ACCOUNTS:
            smallest = min((known for known in self._accounts if known != REST), key=self._size)
            self._accounts.setdefault(REST, Account()).add(self._accounts.pop(smallest))
        return self._accounts.setdefault(address, Account())

    def _size(self, address: Address) -> tuple[int, int]:
        account = self._accounts[address]
        return account.wins, account.landed

    def _drop_empty(self, *addresses: Address) -> None:
        for address in addresses:
            if address in self._accounts and self._accounts[address].is_empty:
                del self._accounts[address]

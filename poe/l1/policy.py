"""The award policy of an arbiter: deployed, its seats read and taken, whose lease a batch is, who is drawn.

An arbiter without a policy pays the first valid proof (contracts/src/policies, docs/market.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import trio

from poe.crypto.keccak import keccak256
from poe.errors import BadAnswer, ConfigError, L1Error, Reverted, RpcRefused
from poe.l1 import answers
from poe.l1.abi import load_artifact
from poe.l1.interface import BlockRef, Receipt
from poe.l1.rpc import JsonRpc
from poe.l1.send_log import Message
from poe.l1.terms import WEI_A_GWEI
from poe.l1.transactor import Transactor
from poe.l1.views import address as read_address
from poe.l1.views import read_view
from poe.rollup.types import Address, BatchNumber, FieldElement, Wei

PHOTO_FINISH, LEASE = "photo-finish", "lease"
KINDS = {PHOTO_FINISH: "PhotoFinish", LEASE: "Lease"}
"""Policies by the name that people use, with their contracts."""
NOBODY = Address(bytes(20))
OUTBID_SHARE = 8
"""A full list's seat goes to a stake larger by more than this part of its own."""
STAKE_ATTEMPTS = 16
RETRY_SECONDS = 2.0
TAKEN = frozenset({"SeatTaken", "SeatChanging", "StakeTooSmall"})
"""How the contract refuses a seat that somebody else took a moment before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTerms:
    """What a policy is deployed with; `lease_blocks` is looked at by a lease alone."""

    kind: str
    min_stake: Wei = Wei(10**17)
    unstake_delay_blocks: int = 50
    lease_blocks: int = 6

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"no award policy is called {self.kind}", fix=f"wanted: one of {', '.join(KINDS)}")

    def arguments(self, arbiter: Address) -> tuple[object, ...]:
        """The constructor's."""
        common = (arbiter, self.min_stake, self.unstake_delay_blocks)
        return (*common, self.lease_blocks) if self.kind == LEASE else common


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A place in the list of stakes; payee and owner are NOBODY, the amount zero, where it is empty."""

    index: int
    payee: Address
    owner: Address
    amount: Wei
    since: int
    lapses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseOf:
    """Whose lease a batch is (NOBODY: nobody's), and the last block in which it runs."""

    holder: Address
    ends_at_block: int


async def create_policy(rpc: JsonRpc, transactor: Transactor, terms: PolicyTerms) -> Address:
    """Deploy a policy for the arbiter that the same account deploys next; L1Error as any send."""
    account = "0x" + transactor.account.hex()
    nonce = answers.quantity(await rpc.call("eth_getTransactionCount", account, "pending"), "nonce", bits=63)
    arbiter = created_address(transactor.account, nonce + 1)
    address, _ = await transactor.create(load_artifact(KINDS[terms.kind]).creation_code(*terms.arguments(arbiter)))
    return address


def created_address(account: Address, nonce: int) -> Address:
    """Where the contract will live that `account` deploys with this nonce: the end of Keccak of RLP([account, nonce]).

    Yellow paper, section 7 and appendix B; two items of less than 56 bytes together.
    """
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8)
    item = number if len(number) == 1 and number[0] < 0x80 else bytes([0x80 + len(number)]) + number
    body = bytes([0x80 + len(account)]) + account + item
    return Address(keccak256(bytes([0xC0 + len(body)]) + body)[-20:])


class PolicyViews:
    """Read-only calls of a policy."""

    def __init__(self, rpc: JsonRpc, address: Address, *, kind: str, lease_blocks: int) -> None:
        self._rpc = rpc
        self.address = address
        self.kind = kind
        self.lease_blocks = lease_blocks
        """Zero but for a lease."""
        self.artifact = load_artifact(KINDS[kind])

    @classmethod
    async def find(cls, rpc: JsonRpc, address: Address, *, arbiter: Address) -> PolicyViews:
        """The policy at an address: which one it is shows by what it answers.

        ConfigError for one that we do not know, or that serves another arbiter.
        """
        for kind, asked in ((LEASE, "leaseBlocks"), (PHOTO_FINISH, "MAX_CONTENDERS")):
            views = cls(rpc, address, kind=kind, lease_blocks=0)
            try:
                found, serves = await views._view(asked), read_address(await views._view("arbiter"))
            except (BadAnswer, RpcRefused):
                continue
            if serves != arbiter:
                break
            views.lease_blocks = found if kind == LEASE else 0
            return views
        raise ConfigError(
            f"the arbiter's award policy at 0x{address.hex()} is none that this version knows",
            fix="use a version of poe that does",
            code="POE-CFG-050",
        )

    async def seats(self) -> list[Seat]:
        """Every seat that was ever taken."""
        return [await self._seat(index) for index in range(await self._view("seatCount"))]

    async def stake_of(self, payee: Address) -> Wei:
        """What is staked for `payee` now."""
        return Wei(await self._view("stakeOf", payee))

    async def most_seats(self) -> int:
        """How many seats there can be."""
        most: int = await self._view("SEATS")
        return most

    async def min_stake(self) -> Wei:
        """The least stake of a seat."""
        return Wei(await self._view("minStake"))

    async def lease_of(self, number: BatchNumber, posted: BlockRef) -> LeaseOf:
        """Whose lease a batch is that was posted in this block; to be asked while the lease runs."""
        holder, _, ends_at = await self._view("holderOf", number, posted.number, posted.hash)
        return LeaseOf(holder=read_address(holder), ends_at_block=ends_at)

    async def drawn(self, number: BatchNumber, old_root: FieldElement) -> Address:
        """Whom a photo finish pays if it is settled now; NOBODY for whoever was first."""
        return read_address(await self._view("drawn", number, old_root))

    async def _seat(self, index: int) -> Seat:
        payee, owner, amount, since, lapses = await self._view("seatOf", index)
        return Seat(
            index=index,
            payee=read_address(payee),
            owner=read_address(owner),
            amount=Wei(amount),
            since=since,
            lapses=lapses,
        )

    async def _view(self, name: str, *arguments: object) -> Any:
        return await read_view(self._rpc, self.artifact, self.address, name, *arguments)


class PolicyClient:
    """A policy's calls for one account."""

    def __init__(self, views: PolicyViews, transactor: Transactor) -> None:
        self.views = views
        self._transactor = transactor

    async def stake(self, payee: Address, amount: Wei) -> Receipt:
        """Stake `amount` for a payee: on an empty seat, or by outbidding the cheapest.

        L1Error when all seats are taken and the cheapest is worth more; Reverted when others keep being faster.
        """
        for attempt in range(1, STAKE_ATTEMPTS + 1):
            seats, most = await self.views.seats(), await self.views.most_seats()
            seat = cheapest_seat(seats, count=len(seats), most=most, amount=amount)
            try:
                return await self._send("stake", seat, payee, value=amount)
            except Reverted as error:
                if error.name not in TAKEN or attempt == STAKE_ATTEMPTS:
                    raise
            await trio.sleep(RETRY_SECONDS)  # the other's transaction may be pending: seats are read from mined blocks
        raise AssertionError("the last attempt returns or raises")

    async def ensure_stake(self, payee: Address, amount: Wei) -> bool:
        """Stake what is missing up to `amount`, but no less than a seat takes; was anything missing?"""
        missing = amount - await self.views.stake_of(payee)
        if missing <= 0:
            return False
        least = await self.views.min_stake()
        await self.stake(payee, Wei(max(-(-missing // WEI_A_GWEI) * WEI_A_GWEI, least)))
        return True

    async def unstake(self, seat: int) -> Receipt:
        """Give up a seat of ours."""
        return await self._send("unstake", seat)

    async def release(self) -> Receipt:
        """Pull what our seats gave back; Reverted before it is due."""
        return await self._send("release")

    async def _send(self, name: str, *arguments: object, value: int = 0) -> Receipt:
        data = self.views.artifact.encode_call(name, *arguments)
        return await self._transactor.send(Message(to=self.views.address, data=data, value=Wei(value)))


def cheapest_seat(seats: list[Seat], *, count: int, most: int, amount: Wei) -> int:
    """The seat that `amount` takes: an empty one, the next never taken, or the cheapest of a full list."""
    for seat in seats:
        if seat.payee == NOBODY:
            return seat.index
    if count < most:
        return count
    cheapest = min(seats, key=lambda seat: seat.amount)
    least = cheapest.amount + cheapest.amount // OUTBID_SHARE + WEI_A_GWEI
    if amount < least:
        raise L1Error(f"all {most} seats are taken; the cheapest takes {least} Wei, we have {amount}")
    return cheapest.index

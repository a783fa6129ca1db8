"""Drives load: users with deposits send each other signed transfers at a steady rate, nonces kept right."""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import trio

from poe.errors import SequencerError
from poe.l1.interface import ArbiterClient
from poe.rollup.transaction import SignedTransfer, Transfer
from poe.rollup.types import AccountIndex, Gwei
from poe.sequencer.client import BAD_ANSWER, RpcClient
from poe.sequencer.mempool import FULL
from poe.sequencer.rpc import EXIT_MODE

log = logging.getLogger("poe.testnet.load")

MAX_TRANSACTIONS_PER_CALL = 5000
ACCOUNTS_POLL_SECONDS = 0.5
PAUSE_SECONDS = {FULL: 1.0, EXIT_MODE: 60.0}
"""A sequencer that refuses by these codes is left alone for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """BabyJubJub keys and signatures, by whatever computes them; `hash_message` knows the rollup's domain."""

    derive_public_key: Callable[[bytes], tuple[int, int]]
    sign: Callable[[bytes, int], tuple[int, int, int]]
    """(R8.x, R8.y, S) by a 32-byte secret over a message."""
    hash_message: Callable[[int], int]
    """The message of a transfer's word 0."""

    def sign_transfer(self, secret: bytes, transfer: Transfer) -> SignedTransfer:
        """The transfer as its sender sends it."""
        r8_x, r8_y, s = self.sign(secret, self.hash_message(transfer.word))
        return SignedTransfer(transfer=transfer, r8=(r8_x, r8_y), s=s)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """How much load; amounts are drawn from 1 and fees from 0 to their maximum, in gwei."""

    users: int = 8
    transactions_per_second: float = 20.0
    seed: int = 1
    tick_seconds: float = 0.25
    deposit: Gwei = Gwei(10**8)
    max_amount: Gwei = Gwei(1000)
    max_fee: Gwei = Gwei(20)
    accounts_deadline_seconds: float = 120.0


@dataclass(slots=True)
class User:
    """An L2 account of ours; `nonce` is that of its next transfer."""

    secret: bytes
    public_key: tuple[int, int]
    account: AccountIndex
    nonce: int = 0


def secret_of(seed: int, position: int) -> bytes:
    """The 32-byte secret of user `position`, anyone's who knows the seed. For test money only."""
    return hashlib.sha256(f"poe load user {position} of seed {seed}".encode()).digest()


class Load:
    """Makes the users, then sends until cancelled; `summary` can be asked at any time."""

    def __init__(self, *, client: RpcClient, arbiter: ArbiterClient, signer: Signer, plan: LoadPlan) -> None:
        self._client = client
        self._arbiter = arbiter
        self._signer = signer
        self._plan = plan
        self._random = random.Random(plan.seed)
        self._users: list[User] = []
        self._accepted = 0
        self._rejections: dict[str, int] = {}
        self._started_at: float | None = None
        self._last_at = 0.0

    @property
    def users(self) -> Sequence[User]:
        """The users whose accounts exist."""
        return tuple(self._users)

    def summary(self) -> dict[str, Any]:
        """What has been sent so far, ready for JSON; `seconds` runs from the first call to the last answer."""
        return {
            "users": len(self._users),
            "accepted": self._accepted,
            "rejected": sum(self._rejections.values()),
            "rejections": dict(self._rejections),
            "seconds": 0.0 if self._started_at is None else round(self._last_at - self._started_at, 3),
        }

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Make the users, report that they stand, then send for ever."""
        await self.make_users()
        task_status.started()
        await self.send_forever()

    async def make_users(self) -> None:
        """Deposit for every user that has no account yet, then wait until all accounts exist on L2.

        SequencerError when they do not within the deadline.
        """
        secrets = [secret_of(self._plan.seed, position) for position in range(self._plan.users)]
        keys = {self._signer.derive_public_key(secret): secret for secret in secrets}
        found = await self._find_accounts(keys)
        for key in keys:
            if key not in found:
                await self._arbiter.deposit(
                    public_key=key, exit_address=self._arbiter.account, amount=self._plan.deposit
                )
        with trio.move_on_after(self._plan.accounts_deadline_seconds):
            while len(found := await self._find_accounts(keys)) < len(keys):  # noqa: ASYNC110 (in another process)
                await trio.sleep(ACCOUNTS_POLL_SECONDS)
        if len(found) < len(keys):
            raise SequencerError(
                f"{len(found)} of {len(keys)} deposited accounts exist after {self._plan.accounts_deadline_seconds} s",
                fix="look at the sequencer's log",
                code="POE-SEQ-033",
            )
        self._users = [
            User(secret=keys[key], public_key=key, account=account, nonce=nonce)
            for key, (account, nonce) in found.items()
        ]

    async def _find_accounts(
        self, keys: Mapping[tuple[int, int], bytes]
    ) -> dict[tuple[int, int], tuple[AccountIndex, int]]:
        """Index and next nonce of those of our keys that have an account; the tree is filled without gaps."""
        found: dict[tuple[int, int], tuple[AccountIndex, int]] = {}
        index = AccountIndex(0)
        while len(found) < len(keys) and (account := await self._account(index)) is not None:
            key, next_nonce = account
            if key in keys:
                found.setdefault(key, (index, next_nonce))
            index = AccountIndex(index + 1)
        return found

    async def _account(self, index: AccountIndex) -> tuple[tuple[int, int], int] | None:
        """Public key and next free nonce of an account, None if there is none."""
        answer = await self._client.call("poe_getAccount", index)
        if answer is None:
            return None
        try:
            x, y = answer["publicKey"]
            return (int(x), int(y)), int(answer["nextNonce"])
        except (TypeError, KeyError, ValueError):
            raise SequencerError(f"wanted an account, got {str(answer)[:80]}", code=BAD_ANSWER) from None

    async def send_forever(self) -> None:
        """Every tick the transfers that are due by then; a sequencer that is full gets a rest."""
        self._started_at = self._last_at = trio.current_time()
        owed = 0.0
        while True:
            owed = min(owed + self._plan.transactions_per_second * self._plan.tick_seconds, MAX_TRANSACTIONS_PER_CALL)
            next_tick = trio.current_time() + self._plan.tick_seconds
            if owed >= 1:
                await self.send(int(owed))
                owed -= int(owed)
            await trio.sleep_until(next_tick)

    async def send(self, count: int) -> None:
        """One call with `count` random transfers; counts what became of them and corrects the nonces."""
        signed = [self._next_transfer() for _ in range(count)]
        slots = b"".join(transfer.slot for _, transfer in signed)
        try:
            codes = _codes_of(await self._client.call("poe_sendRawTransactions", slots.hex()), count)
        except SequencerError as error:
            log.warning("load_not_sent count=%d reason=%r", count, str(error))
            codes = [error.code] * count
        self._count(codes)
        refused = {user.account: user for (user, _), code in zip(signed, codes, strict=True) if code is not None}
        if refused:
            await trio.sleep(max(PAUSE_SECONDS.get(code or "", 0.0) for code in codes))
            await self._correct_nonces(list(refused.values()))

    def _next_transfer(self) -> tuple[User, SignedTransfer]:
        sender, recipient = self._random.choice(self._users), self._random.choice(self._users)
        transfer = Transfer(
            sender=sender.account,
            recipient=recipient.account,
            amount=Gwei(self._random.randint(1, self._plan.max_amount)),
            fee=Gwei(self._random.randint(0, self._plan.max_fee)),
            nonce=sender.nonce,
        )
        sender.nonce += 1
        return sender, self._signer.sign_transfer(sender.secret, transfer)

    def _count(self, codes: Sequence[str | None]) -> None:
        for code in codes:
            if code is None:
                self._accepted += 1
            else:
                self._rejections[code] = self._rejections.get(code, 0) + 1
        self._last_at = trio.current_time()

    async def _correct_nonces(self, users: Sequence[User]) -> None:
        """Ask for the next free nonce of users that had a transfer refused, so that no gap stays behind."""
        for user in users:
            try:
                account = await self._account(user.account)
            except SequencerError as error:
                log.warning("nonce_unknown account=%d reason=%r", user.account, str(error))
                return
            if account is not None:
                _, user.nonce = account


def _codes_of(verdicts: Any, count: int) -> list[str | None]:
    """For each transaction why it was refused, or None; SequencerError when that is not what the answer says."""
    try:
        codes = [None if verdict["accepted"] else str(verdict["error"]["data"]["code"]) for verdict in verdicts]
    except (TypeError, KeyError):
        codes = []
    if len(codes) != count:
        raise SequencerError(f"wanted {count} verdicts, got {str(verdicts)[:80]}", code=BAD_ANSWER)
    return codes

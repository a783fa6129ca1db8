"""Transactions that are out, on disk before their bytes leave: a crash neither forgets one nor sends one twice."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import msgpack
import trio

from poe.journal import Journal
from poe.rollup.types import Address, Hash, Wei

log = logging.getLogger("poe.l1.transactor")

LONG_AGO = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a transaction does; `to` None creates a contract."""

    to: Address | None
    data: bytes = b""
    value: Wei = Wei(0)
    gas: int | None = None
    """A fixed gas limit; None: estimated, with a margin."""
    worth: Wei | None = None
    """The most that its gas may cost, but for the spare; None: what the fee policy allows."""
    spare_gas: int = 0
    """Added to an estimate: for what others' transactions may make it do besides before it is mined."""

    def does_the_same_as(self, other: Message) -> bool:
        """Would both sent be one thing done twice?"""
        return (self.to, self.data, self.value) == (other.to, other.data, other.value)


@dataclass(slots=True)
class InFlight:
    """One nonce's transaction and every version of it that was sent; fees in wei a gas.

    `is_awaited`: a task of ours waits for its receipt. `sent_at` is trio's time, long ago for an earlier process's.
    `given_up`: what it was to do before `message`, an empty payment, was sent in its place; the first `given_up_hashes`
    versions still do that, and one of them may be the one that is mined.
    """

    nonce: int
    message: Message
    gas: int
    tip: int
    max_fee: int
    raw: bytes = b""
    hashes: list[Hash] = field(default_factory=list)
    sent_at: float = LONG_AGO
    is_awaited: bool = True
    given_up: Message | None = None
    given_up_hashes: int = 0
    passed_at: float | None = None
    """Since when (trio's time) the chain is past its nonce, though no version of it is known to be mined."""

    @property
    def is_empty(self) -> bool:
        """Does it do nothing but use up its nonce?"""
        return not self.message.data and not self.message.value and self.message.to is not None

    def may_do(self, message: Message) -> bool:
        """Does a version of it that is out do this?"""
        return (self.given_up or self.message).does_the_same_as(message)

    def give_up(self, instead: Message, gas: int) -> None:
        """Let the versions from now on do something else; once."""
        if self.given_up is None:
            self.given_up, self.given_up_hashes = self.message, len(self.hashes)
            self.message, self.gas = instead, gas

    def was_given_up(self, mined: Hash) -> bool:
        """Is the mined version one that was sent instead?"""
        return self.given_up is not None and mined in self.hashes[self.given_up_hashes :]


class SendLog:
    """Keeps what an account has in flight; without a journal it keeps nothing."""

    def __init__(self, journal: Journal | None, account: Address) -> None:
        self._journal = journal
        self._kind = f"send 0x{account.hex()}"

    async def write(self, sent: InFlight) -> None:
        """On disk when this returns."""
        if self._journal is not None:
            await trio.to_thread.run_sync(self._journal.put, self._kind, _key(sent.nonce), _encode(sent))

    async def forget(self, nonce: int) -> None:
        """Its end is known."""
        if self._journal is not None:
            await trio.to_thread.run_sync(self._journal.delete, self._kind, _key(nonce))

    def read(self) -> dict[int, InFlight]:
        """What an earlier process left in flight, by nonce; nobody awaits it yet."""
        found = {}
        for key, body in [] if self._journal is None else self._journal.items(self._kind):
            try:
                found[int.from_bytes(key)] = _decode(int.from_bytes(key), body)
            except (ValueError, TypeError, msgpack.UnpackException) as error:
                log.error("send_record_unreadable nonce=%d error=%r", int.from_bytes(key), error)
        return found


def _key(nonce: int) -> bytes:
    return nonce.to_bytes(8)


def _encode(sent: InFlight) -> bytes:
    fees = [fee.to_bytes(32) for fee in (sent.tip, sent.max_fee)]
    given_up = None if sent.given_up is None else _fields(sent.given_up)
    record = [_fields(sent.message), sent.gas, *fees, sent.raw, sent.hashes, given_up, sent.given_up_hashes]
    packed: bytes = msgpack.packb(record, use_bin_type=True)
    return packed


def _fields(message: Message) -> list[Any]:
    worth = None if message.worth is None else message.worth.to_bytes(32)
    return [message.to, message.data, message.value.to_bytes(32), message.gas, worth, message.spare_gas]


def _decode(nonce: int, body: bytes) -> InFlight:
    fields: list[Any] = msgpack.unpackb(body, raw=False)
    message, gas, tip, max_fee, raw, hashes, given_up, given_up_hashes = fields
    return InFlight(
        nonce=nonce,
        message=_message(message),
        gas=gas,
        tip=int.from_bytes(tip),
        max_fee=int.from_bytes(max_fee),
        raw=raw,
        hashes=[Hash(tx_hash) for tx_hash in hashes],
        is_awaited=False,
        given_up=None if given_up is None else _message(given_up),
        given_up_hashes=given_up_hashes,
    )


def _message(fields: list[Any]) -> Message:
    to, data, value, gas, worth, spare_gas = fields
    return Message(
        to=None if to is None else Address(to),
        data=data,
        value=Wei(int.from_bytes(value)),
        gas=gas,
        worth=None if worth is None else Wei(int.from_bytes(worth)),
        spare_gas=spare_gas,
    )

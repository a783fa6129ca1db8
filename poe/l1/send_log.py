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
    """The most that its gas may cost; None: what the fee policy allows."""

    def does_the_same_as(self, other: Message) -> bool:
        """Would both sent be one thing done twice?"""
        return (self.to, self.data, self.value) == (other.to, other.data, other.value)


@dataclass(slots=True)
class InFlight:
    """One nonce's transaction and every version of it that was sent; fees in wei a gas.

    `is_awaited`: a task of ours waits for its receipt. `sent_at` is trio's time, long ago for an earlier process's.
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
    message = sent.message
    value = message.value.to_bytes(32)
    worth = None if message.worth is None else message.worth.to_bytes(32)
    fees = [fee.to_bytes(32) for fee in (sent.tip, sent.max_fee)]
    record = [message.to, message.data, value, message.gas, worth, sent.gas, *fees, sent.raw, sent.hashes]
    packed: bytes = msgpack.packb(record, use_bin_type=True)
    return packed


def _decode(nonce: int, body: bytes) -> InFlight:
    fields: list[Any] = msgpack.unpackb(body, raw=False)
    to, data, value, fixed_gas, worth, gas, tip, max_fee, raw, hashes = fields
    return InFlight(
        nonce=nonce,
        message=Message(
            to=None if to is None else Address(to),
            data=data,
            value=Wei(int.from_bytes(value)),
            gas=fixed_gas,
            worth=None if worth is None else Wei(int.from_bytes(worth)),
        ),
        gas=gas,
        tip=int.from_bytes(tip),
        max_fee=int.from_bytes(max_fee),
        raw=raw,
        hashes=[Hash(tx_hash) for tx_hash in hashes],
        is_awaited=False,
    )

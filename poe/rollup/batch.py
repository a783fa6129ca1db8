"""Building and hashing batch data (docs/protocol.md, section 3)."""

from __future__ import annotations

from collections.abc import Sequence

from poe.crypto.babyjubjub import Point
from poe.crypto.field import to_word
from poe.crypto.keccak import keccak256
from poe.errors import InputError
from poe.rollup.transaction import AMOUNT_BITS, INDEX_BITS, Word0, require_bits, require_reduced, slot_words
from poe.rollup.types import SLOT_BYTES, AccountIndex, Address, Batch, Gwei, Hash, Header, Shape, SlotKind

EMPTY_SLOT = bytes(SLOT_BYTES)
"""A slot that does nothing."""

ADDRESS_BYTES = 20


def deposit_slot(account: AccountIndex, amount: Gwei, public_key: Point, exit_address: Address) -> bytes:
    """The slot the contract demands for a queued deposit: 128 bytes. InputError names a bad field."""
    require_bits("account", account, INDEX_BITS)
    require_bits("amount", amount, AMOUNT_BITS)
    require_reduced("public_key.x", public_key[0])
    require_reduced("public_key.y", public_key[1])
    require_address("exit_address", exit_address)
    word = Word0(kind=SlotKind.DEPOSIT, sender=0, recipient=account, amount=amount, fee=0, nonce=0).pack()
    return b"".join(map(to_word, (word, *public_key, int.from_bytes(exit_address, "big"))))


def forced_exit_slot(account: AccountIndex, amount: Gwei, exit_address: Address) -> bytes:
    """The slot the contract demands for a queued exit of `amount` gwei that `exit_address` asked for: 128 bytes."""
    require_bits("account", account, INDEX_BITS)
    require_bits("amount", amount, AMOUNT_BITS)
    require_address("exit_address", exit_address)
    word = Word0(kind=SlotKind.EXIT, sender=account, recipient=0, amount=amount, fee=0, nonce=0).pack()
    return b"".join(map(to_word, (word, int.from_bytes(exit_address, "big"), 0, 0)))


def seal_batch(
    shape: Shape,
    *,
    deposits: Sequence[bytes],
    forced_exits: Sequence[bytes] = (),
    transfers: Sequence[bytes],
    fee_account: AccountIndex,
) -> Batch:
    """A batch of deposits, forced exits, then users' slots, filled up with empty ones; InputError when they don't fit.

    `transfers` are all the slots behind the forced exits, exits and forced transactions among them.
    """
    require_bits("fee_account", fee_account, INDEX_BITS)
    slots = [*deposits, *forced_exits, *transfers]
    if len(slots) > shape.slots:
        raise InputError(f"{len(slots)} slots do not fit a batch of shape {shape}")
    for slot in slots:
        slot_words(slot)
    data = b"".join(slots).ljust(shape.slots * SLOT_BYTES, b"\0")
    header = Header(shape=shape, deposits=len(deposits), forced=len(forced_exits), fee_account=fee_account)
    return Batch(header=header, data=data)


def empty_data(shape: Shape) -> bytes:
    """The data of a batch in which nothing happens."""
    return EMPTY_SLOT * shape.slots


def header_bytes(header: Header) -> bytes:
    """The header's four words as 128 bytes."""
    return b"".join(map(to_word, header.words))


def batch_hash(batch: Batch) -> Hash:
    """keccak(header words ‖ data words), the data as posted."""
    return Hash(keccak256(header_bytes(batch.header) + batch.data))


def require_address(name: str, address: bytes) -> None:
    """InputError unless the address is 20 bytes."""
    if len(address) != ADDRESS_BYTES:
        raise InputError(f"{name} is {len(address)} bytes, wanted {ADDRESS_BYTES}")

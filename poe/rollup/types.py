"""The rollup's nouns: frozen, validated once at the edge, trusted afterwards (docs/protocol.md, sections 2 to 5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NewType

from poe.crypto.field import FIELD_ORDER as FIELD_ORDER
from poe.crypto.field import WORD_BYTES as WORD_BYTES

FieldElement = NewType("FieldElement", int)
"""An integer in [0, r)."""

AccountIndex = NewType("AccountIndex", int)
BatchNumber = NewType("BatchNumber", int)
"""Batches count from 1; 0 is the genesis."""
Gwei = NewType("Gwei", int)
Wei = NewType("Wei", int)
Address = NewType("Address", bytes)
"""Twenty bytes of an Ethereum address."""
Hash = NewType("Hash", bytes)
"""Thirty-two bytes."""

WORDS_PER_SLOT = 4
SLOT_BYTES = WORDS_PER_SLOT * WORD_BYTES


class SlotKind(IntEnum):
    """First byte of a slot's word 0."""

    EMPTY = 0
    TRANSFER = 1
    EXIT = 2
    DEPOSIT = 3


class SlotOutcome(IntEnum):
    """What became of a slot; everything but APPLIED is a no-op (docs/protocol.md, section 4)."""

    APPLIED = 0
    EMPTY = 1
    UNKNOWN_KIND = 2
    RESERVED_BITS = 3
    SENDER_MISSING = 4
    RECIPIENT_MISSING = 5
    WRONG_NONCE = 6
    NONCE_EXHAUSTED = 7
    INSUFFICIENT_BALANCE = 8
    BALANCE_OVERFLOW = 9
    BAD_SIGNATURE = 10
    NOT_EXIT_ADDRESS = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Size of a batch circuit: slots a batch, depth of the 4-ary account tree."""

    slots: int
    depth: int

    def __post_init__(self) -> None:
        if not (1 <= self.slots <= 255 and 1 <= self.depth <= 24):
            raise ValueError(f"shape {self.slots}x{self.depth} is outside 1..255 slots, depth 1..24")

    def __str__(self) -> str:
        return f"{self.slots}x{self.depth}"

    @property
    def word(self) -> int:
        """The shape as a header word: slots · 256 + depth."""
        return self.slots * 256 + self.depth

    @property
    def capacity(self) -> int:
        """Accounts the tree can hold."""
        return int(4**self.depth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account's leaf contents; balance in gwei."""

    public_key_x: int
    public_key_y: int
    balance: Gwei
    nonce: int
    exit_address: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """What slot number `slot` pays out on L1: `amount` gwei to the account's exit address."""

    slot: int
    address: Address
    amount: Gwei

    @property
    def word(self) -> int:
        """The exit as the arbiter takes it: slot(8) ‖ address(160) ‖ amount(64), higher bits zero."""
        return self.slot << 224 | int.from_bytes(self.address, "big") << 64 | self.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The four header words of a batch: slots below `deposits` are deposits, the next `forced` forced exits."""

    shape: Shape
    deposits: int
    forced: int
    fee_account: AccountIndex

    @property
    def words(self) -> tuple[int, int, int, int]:
        """Header words in statement order."""
        return (self.shape.word, self.deposits, self.forced, self.fee_account)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Header and data exactly as posted on L1; `data` is `slots · 128` bytes."""

    header: Header
    data: bytes

    def __post_init__(self) -> None:
        wanted = self.header.shape.slots * SLOT_BYTES
        if len(self.data) != wanted:
            raise ValueError(f"batch data is {len(self.data)} bytes, shape {self.header.shape} needs {wanted}")

    @property
    def slots(self) -> tuple[bytes, ...]:
        """The slots' 128 bytes each, in order."""
        return tuple(self.data[i : i + SLOT_BYTES] for i in range(0, len(self.data), SLOT_BYTES))

"""Word 0 of a slot, transfers and exits, and their signed form (docs/protocol.md, section 3)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from poe.crypto import eddsa
from poe.crypto.babyjubjub import SUBGROUP_ORDER, Point
from poe.crypto.field import FIELD_ORDER, reduce, split_words, to_word
from poe.crypto.poseidon import poseidon
from poe.errors import InputError
from poe.rollup.types import SLOT_BYTES, AccountIndex, FieldElement, Gwei, SlotKind

NONCE_BITS = 32
FEE_BITS = 32
AMOUNT_BITS = 64
INDEX_BITS = 48
KIND_BITS = 8

MAX_NONCE = 2**NONCE_BITS - 1
"""An account whose nonce is this can sign no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word0:
    """The fields of a slot's first word; `kind` may be any byte, `reserved` any value of the 22 bits above it."""

    kind: int
    sender: int
    recipient: int
    amount: int
    fee: int
    nonce: int
    reserved: int = 0

    def pack(self) -> int:
        """The word as a number; the highest field first. The fields must fit their widths."""
        word = self.reserved
        for value, bits in (
            (self.kind, KIND_BITS),
            (self.sender, INDEX_BITS),
            (self.recipient, INDEX_BITS),
            (self.amount, AMOUNT_BITS),
            (self.fee, FEE_BITS),
            (self.nonce, NONCE_BITS),
        ):
            word = word << bits | value
        return word

    @classmethod
    def unpack(cls, word: int) -> Word0:
        """The fields of any word, reduced modulo r first. Total."""
        rest, fields = reduce(word), []
        for bits in (NONCE_BITS, FEE_BITS, AMOUNT_BITS, INDEX_BITS, INDEX_BITS, KIND_BITS):
            fields.append(rest & (1 << bits) - 1)
            rest >>= bits
        nonce, fee, amount, recipient, sender, kind = fields
        return cls(kind=kind, sender=sender, recipient=recipient, amount=amount, fee=fee, nonce=nonce, reserved=rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Moves `amount` gwei between accounts; the sender also pays `fee` gwei. InputError names a bad field."""

    sender: AccountIndex
    recipient: AccountIndex
    amount: Gwei
    fee: Gwei
    nonce: int

    def __post_init__(self) -> None:
        require_bits("sender", self.sender, INDEX_BITS)
        require_bits("recipient", self.recipient, INDEX_BITS)
        require_bits("amount", self.amount, AMOUNT_BITS)
        require_bits("fee", self.fee, FEE_BITS)
        require_bits("nonce", self.nonce, NONCE_BITS)

    @property
    def word(self) -> int:
        """Word 0 of the transfer's slot."""
        return Word0(
            kind=SlotKind.TRANSFER,
            sender=self.sender,
            recipient=self.recipient,
            amount=self.amount,
            fee=self.fee,
            nonce=self.nonce,
        ).pack()

    @classmethod
    def from_word(cls, word: int) -> Transfer:
        """The transfer a canonical word 0 spells; InputError when it is not one."""
        fields = _canonical_fields(word, SlotKind.TRANSFER)
        return cls(
            sender=AccountIndex(fields.sender),
            recipient=AccountIndex(fields.recipient),
            amount=Gwei(fields.amount),
            fee=Gwei(fields.fee),
            nonce=fields.nonce,
        )

    def message(self, domain: int) -> FieldElement:
        """What the sender signs: Poseidon2(domain, word 0)."""
        return message_of(self.word, domain)

    def sign(self, secret: bytes, domain: int) -> SignedTransfer:
        """The transfer signed with a 32-byte secret."""
        signature = eddsa.sign(secret, self.message(domain))
        return SignedTransfer(transfer=self, r8=signature.r8, s=signature.s)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRequest:
    """Moves `amount` gwei to the sender's exit address on L1; the sender also pays `fee` gwei.

    InputError names a bad field.
    """

    sender: AccountIndex
    amount: Gwei
    fee: Gwei
    nonce: int

    def __post_init__(self) -> None:
        require_bits("sender", self.sender, INDEX_BITS)
        require_bits("amount", self.amount, AMOUNT_BITS)
        require_bits("fee", self.fee, FEE_BITS)
        require_bits("nonce", self.nonce, NONCE_BITS)

    @property
    def word(self) -> int:
        """Word 0 of the exit's slot; the recipient, which an exit does not read, is 0."""
        return Word0(
            kind=SlotKind.EXIT, sender=self.sender, recipient=0, amount=self.amount, fee=self.fee, nonce=self.nonce
        ).pack()

    @classmethod
    def from_word(cls, word: int) -> ExitRequest:
        """The exit a canonical word 0 spells; InputError when it is not one."""
        fields = _canonical_fields(word, SlotKind.EXIT)
        if fields.recipient:
            raise InputError(f"recipient of an exit is {fields.recipient}, wanted 0")
        return cls(
            sender=AccountIndex(fields.sender), amount=Gwei(fields.amount), fee=Gwei(fields.fee), nonce=fields.nonce
        )

    def message(self, domain: int) -> FieldElement:
        """What the sender signs: Poseidon2(domain, word 0)."""
        return message_of(self.word, domain)

    def sign(self, secret: bytes, domain: int) -> SignedExit:
        """The exit signed with a 32-byte secret."""
        signature = eddsa.sign(secret, self.message(domain))
        return SignedExit(exit=self, r8=signature.r8, s=signature.s)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction(ABC):
    """A transfer or an exit and its signature, canonical: coordinates below r, s below l. InputError names a bad field.

    Whether the signature holds is not asked here: that takes the sender's key, from the state.
    """

    r8: Point
    s: int

    def __post_init__(self) -> None:
        require_reduced("r8.x", self.r8[0])
        require_reduced("r8.y", self.r8[1])
        if not 0 <= self.s < SUBGROUP_ORDER:
            raise InputError(f"s is {self.s}, not below the subgroup order")

    @property
    @abstractmethod
    def transaction(self) -> Transfer | ExitRequest:
        """What was signed."""

    @property
    def slot(self) -> bytes:
        """The slot as posted: 128 bytes."""
        return b"".join(to_word(word) for word in (self.transaction.word, *self.r8, self.s))

    def is_signed_by(self, public_key: Point, domain: int) -> bool:
        """Does the signature hold under this key?"""
        return eddsa.verify(public_key, self.r8, self.s, self.transaction.message(domain))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransfer(SignedTransaction):
    """A signed transfer."""

    transfer: Transfer

    @property
    def transaction(self) -> Transfer:
        return self.transfer

    @classmethod
    def from_slot(cls, slot: bytes) -> SignedTransfer:
        """Decode 128 bytes strictly: an encoding that `slot` would not give back is an InputError."""
        w0, r8_x, r8_y, s = slot_words(slot)
        return cls(transfer=Transfer.from_word(w0), r8=(r8_x, r8_y), s=s)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedExit(SignedTransaction):
    """A signed exit."""

    exit: ExitRequest

    @property
    def transaction(self) -> ExitRequest:
        return self.exit

    @classmethod
    def from_slot(cls, slot: bytes) -> SignedExit:
        """Decode 128 bytes strictly: an encoding that `slot` would not give back is an InputError."""
        w0, r8_x, r8_y, s = slot_words(slot)
        return cls(exit=ExitRequest.from_word(w0), r8=(r8_x, r8_y), s=s)


def decode_transaction(slot: bytes) -> SignedTransfer | SignedExit:
    """The signed transfer or exit that 128 bytes spell canonically; InputError when they are neither."""
    kind = Word0.unpack(slot_words(slot)[0]).kind
    return SignedExit.from_slot(slot) if kind == SlotKind.EXIT else SignedTransfer.from_slot(slot)


def message_of(word: int, domain: int) -> FieldElement:
    """The signed message of any word 0, reduced modulo r first."""
    return FieldElement(poseidon([domain, reduce(word)]))


def _canonical_fields(word: int, kind: SlotKind) -> Word0:
    """The fields of a reduced word 0 of this kind without reserved bits; InputError otherwise."""
    require_reduced("word 0", word)
    fields = Word0.unpack(word)
    if fields.kind != kind:
        raise InputError(f"kind is {fields.kind}, wanted {kind.value} ({kind.name.lower()})")
    if fields.reserved:
        raise InputError(f"reserved bits of word 0 are {fields.reserved:#x}, wanted 0")
    return fields


def slot_words(slot: bytes) -> tuple[int, int, int, int]:
    """The four unreduced words of a slot; InputError when it is not 128 bytes."""
    if len(slot) != SLOT_BYTES:
        raise InputError(f"slot is {len(slot)} bytes, wanted {SLOT_BYTES}")
    w0, w1, w2, w3 = split_words(slot)
    return w0, w1, w2, w3


def require_bits(name: str, value: int, bits: int) -> None:
    """InputError unless 0 ≤ value < 2^bits."""
    if not 0 <= value < 1 << bits:
        raise InputError(f"{name} is {value}, not in [0, 2^{bits})")


def require_reduced(name: str, value: int) -> None:
    """InputError unless value is a field element."""
    if not 0 <= value < FIELD_ORDER:
        raise InputError(f"{name} is {value}, not in [0, r)")

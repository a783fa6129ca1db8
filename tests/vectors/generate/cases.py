"""What the cases of transition.json are made of: accounts, signed slots, and a batch with its outcomes by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from poe.crypto import babyjubjub, eddsa
from poe.crypto.field import FIELD_ORDER, split_words, to_word
from poe.crypto.poseidon import poseidon
from poe.rollup.batch import deposit_slot, forced_exit_slot
from poe.rollup.statement import domain
from poe.rollup.transaction import ExitRequest, Transfer, Word0, message_of
from poe.rollup.types import Account, AccountIndex, Address, Exit, Gwei, SlotOutcome

DOMAIN = domain(31337, Address(bytes(range(1, 21))), 1)
O = SlotOutcome  # noqa: E741
MAX_BALANCE = 2**96 - 1
MAX_NONCE = 2**32 - 1
DEPTH = 3


def secret_of(owner: int) -> bytes:
    return hashlib.sha256(b"vector account %d" % owner).digest()


def exit_address_of(owner: int) -> Address:
    return Address(hashlib.sha256(b"vector exit %d" % owner).digest()[:20])


def account_of(owner: int, balance: int = 0, nonce: int = 0) -> Account:
    x, y = eddsa.derive_public_key(secret_of(owner))
    return Account(
        public_key_x=x,
        public_key_y=y,
        balance=Gwei(balance),
        nonce=nonce,
        exit_address=int.from_bytes(exit_address_of(owner), "big"),
    )


def deposit(account: int, amount: int, owner: int | None = None) -> bytes:
    owner = account if owner is None else owner
    key = eddsa.derive_public_key(secret_of(owner))
    return deposit_slot(AccountIndex(account), Gwei(amount), key, exit_address_of(owner))


def send(sender: int, recipient: int, amount: int, fee: int = 0, nonce: int = 0, signer: int | None = None) -> bytes:
    transfer = Transfer(
        sender=AccountIndex(sender),
        recipient=AccountIndex(recipient),
        amount=Gwei(amount),
        fee=Gwei(fee),
        nonce=nonce,
    )
    return transfer.sign(secret_of(sender if signer is None else signer), DOMAIN).slot


def leave(sender: int, amount: int, fee: int = 0, nonce: int = 0, signer: int | None = None) -> bytes:
    request = ExitRequest(sender=AccountIndex(sender), amount=Gwei(amount), fee=Gwei(fee), nonce=nonce)
    return request.sign(secret_of(sender if signer is None else signer), DOMAIN).slot


def force_out(account: int, amount: int, owner: int | None = None) -> bytes:
    asked_by = exit_address_of(account if owner is None else owner)
    return forced_exit_slot(AccountIndex(account), Gwei(amount), asked_by)


def paid(slot: int, owner: int, amount: int) -> Exit:
    return Exit(slot=slot, address=exit_address_of(owner), amount=Gwei(amount))


def sign_word(word: int, signer: int) -> bytes:
    """A slot with any word 0, truly signed."""
    signature = eddsa.sign(secret_of(signer), message_of(word, DOMAIN))
    return b"".join(map(to_word, (word, *signature.r8, signature.s)))


def odd_word(kind: int = 1, reserved: int = 0, sender: int = 0, recipient: int = 1, nonce: int = 0) -> bytes:
    word = Word0(kind=kind, sender=sender, recipient=recipient, amount=5, fee=1, nonce=nonce, reserved=reserved).pack()
    return sign_word(word, sender)


def alias(slot: bytes, times: int = 1) -> bytes:
    """The same field elements by other words: each plus `times` r."""
    return b"".join(to_word(word + times * FIELD_ORDER) for word in split_words(slot))


def with_word0(slot: bytes, word: int) -> bytes:
    return to_word(word) + slot[32:]


def tamper(slot: bytes, word: int, value: int) -> bytes:
    words = split_words(slot)
    words[word] = value
    return b"".join(map(to_word, words))


def forge(key: babyjubjub.Point, sender: int, nonce_scalar: int = 7) -> bytes:
    """A signature that fulfils the bare equation under a key that 8 times an even challenge takes to the identity."""
    r8 = babyjubjub.multiply(babyjubjub.BASE8, nonce_scalar)
    for amount in range(100):
        word = Word0(kind=1, sender=sender, recipient=1, amount=amount, fee=1, nonce=0).pack()
        challenge = poseidon([*r8, *key, message_of(word, DOMAIN)])
        if challenge % 2 == 0 and babyjubjub.multiply(key, 8 * challenge) == babyjubjub.IDENTITY:
            return b"".join(map(to_word, (word, *r8, nonce_scalar)))
    raise AssertionError("no even challenge")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One batch; `outcomes` of the slots that are given, the others being EMPTY."""

    name: str
    accounts: Mapping[int, Account] = field(default_factory=lambda: {0: account_of(0, 1000), 1: account_of(1, 500)})
    deposits: Iterable[bytes] = ()
    forced_exits: Iterable[bytes] = ()
    transfers: Iterable[bytes] = ()
    fee_account: int = 1
    outcomes: tuple[SlotOutcome, ...]
    exits: tuple[Exit, ...] = ()
    fees: int = 0
    burnt: int = 0
    slots: int = 4


def refuse(name: str, outcome: SlotOutcome, *slots: bytes) -> Case:
    return Case(name=name, transfers=slots, outcomes=(outcome,) * len(slots))

"""A grammar of batches: what anybody can post, from true transfers to noise, on a state with one account of each kind.

Every draw is of a `random.Random`, so that a seed names a batch. `user_slot` picks a true slot, most of the time
breaks one thing about it, and now and then replaces it by something that was never one.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from poe.backend import native
from poe.crypto import babyjubjub
from poe.crypto.babyjubjub import BASE8, IDENTITY, SUBGROUP_ORDER, Point
from poe.crypto.field import FIELD_ORDER, split_words, to_word
from poe.rollup.batch import EMPTY_SLOT, deposit_slot, forced_exit_slot, seal_batch
from poe.rollup.state import BALANCE_BITS, State
from poe.rollup.transaction import MAX_NONCE, Word0, message_of
from poe.rollup.types import (
    SLOT_BYTES,
    Account,
    AccountIndex,
    Address,
    Batch,
    FieldElement,
    Gwei,
    Shape,
    SlotKind,
)

DEPTH = 2
CAPACITY = 4**DEPTH
ALICE, BOB, POOR, LAST_NONCE, NO_NONCE, MOVED, SMALL, OFF_CURVE, NEW, FULL = (0, 1, 2, 3, 4, 5, 6, 7, 8, 15)
"""Accounts. MOVED's key has a point of order 8 added to it, SMALL's is of order 2; NEW does not exist. By the keys of
SMALL and OFF_CURVE the equation of a signature holds for whoever wants it: only the checks of the points stop them."""

OUTSIDE = (CAPACITY, CAPACITY + BOB, 2**48 - 1)
"""Indices beyond the tree; the low digits of the second name an account that exists."""

ORDER_2: Point = (0, FIELD_ORDER - 1)
ORDER_8: Point = babyjubjub.multiply(
    (
        995203441582195749578291179787384436505546430278305826713579947235728471134,
        5472060717959818805561601436314318772137091100104008585924551046643952123905,
    ),
    SUBGROUP_ORDER,
)
"""The generator of the whole curve (EIP-2494), times l."""

WORD_LIMIT = 2**256

Draw = random.Random


@dataclass(frozen=True, slots=True)
class Case:
    """A batch, the state that it meets, and the domain of the rollup it is posted to."""

    state: State
    batch: Batch
    domain: FieldElement


def secret_of(index: int) -> bytes:
    """The secret of an ordinary account's owner."""
    return bytes([index + 1]) * 32


def address_of(index: int) -> Address:
    """The exit address of an account."""
    return Address(bytes([index + 1]) * 20)


_MOVED_SCALAR = 0xC0FFEE
_OFF_CURVE_KEY: Point = (0, pow(5, (FIELD_ORDER - 1) // 16, FIELD_ORDER))
"""Off the curve n·(0, y) = (0, y^n). With y of order 16 and an even challenge 8·A times it is the identity."""


@cache
def key_of(index: int) -> Point:
    """The public key of an account's owner."""
    if index == SMALL:
        return ORDER_2
    if index == OFF_CURVE:
        return _OFF_CURVE_KEY
    if index == MOVED:
        return babyjubjub.add(babyjubjub.multiply(BASE8, _MOVED_SCALAR), ORDER_8)
    return native.derive_public_key(secret_of(index % CAPACITY))


def sign(index: int, word: int, domain: int) -> tuple[int, int, int]:
    """R8.x, R8.y, S of any word 0, of which the equation holds; true where the account's key can sign at all."""
    message = message_of(word, domain)
    if index == MOVED:
        return forge(_MOVED_SCALAR, key_of(index), _nonce_for(message), message)
    if index == SMALL:
        return forge(0, key_of(index), _nonce_for(message), message)
    if index == OFF_CURVE:
        nonces = itertools.count(_nonce_for(message))
        return forge(
            0, key_of(index), next(n for n in nonces if not _challenge(n, key_of(index), message) % 2), message
        )
    return native.sign(secret_of(index % CAPACITY), message)


def forge(scalar: int, key: Point, nonce: int, message: int) -> tuple[int, int, int]:
    """A signature by a scalar that is known outright: S·B8 = R8 + h·8·scalar·B8."""
    challenge = _challenge(nonce, key, message)
    return (*babyjubjub.multiply(BASE8, nonce), (nonce + 8 * challenge * scalar) % SUBGROUP_ORDER)


def _challenge(nonce: int, key: Point, message: int) -> int:
    return native.poseidon([*babyjubjub.multiply(BASE8, nonce), *key, message])


def _nonce_for(message: int) -> int:
    return native.poseidon([_MOVED_SCALAR, message]) % 2**64


def sign_without_nonce(word: int, domain: int) -> tuple[int, int, int]:
    """MOVED's signature with R8 the identity: the equation holds, and R8 is of small order."""
    return forge(_MOVED_SCALAR, key_of(MOVED), 0, message_of(word, domain))


def genesis() -> State:
    """The state that a chain of cases starts from."""
    held = {
        ALICE: (10**9, 0),
        BOB: (10**6, 7),
        POOR: (3, 0),
        LAST_NONCE: (5000, MAX_NONCE - 1),
        NO_NONCE: (5000, MAX_NONCE),
        MOVED: (5000, 2),
        SMALL: (5000, 0),
        OFF_CURVE: (5000, 0),
        FULL: (2**BALANCE_BITS - 1000, 0),
    }
    accounts = {}
    for index, (balance, nonce) in held.items():
        x, y = key_of(index)
        address = int.from_bytes(address_of(index))
        accounts[AccountIndex(index)] = Account(
            public_key_x=x, public_key_y=y, balance=Gwei(balance), nonce=nonce, exit_address=address
        )
    return State(DEPTH, accounts)


def slot_of(*words: int) -> bytes:
    """Four words as a slot."""
    return b"".join(map(to_word, words))


def lift(draw: Draw, word: int) -> int:
    """Another word of the same residue, where 256 bits have room for one."""
    reduced = word % FIELD_ORDER
    return reduced + FIELD_ORDER * draw.randint(0, (WORD_LIMIT - 1 - reduced) // FIELD_ORDER)


# --- true slots -----------------------------------------------------------------------------------------------------


class Writer:
    """Writes the slots of one batch: remembers how many each account has signed in it."""

    def __init__(self, draw: Draw, state: State, domain: FieldElement) -> None:
        self.draw = draw
        self.state = state
        self.domain = domain
        self._signed: Counter[int] = Counter()

    def user_slot(self) -> bytes:
        """A slot that is no deposit and no forced exit by its place, whatever it says."""
        if self.draw.random() < 0.2:
            return self.draw.choice(STRANGE)(self)
        fields, signer = self._fields()
        if self.draw.random() < 0.4:
            fields = self.draw.choice(FIELD_FLAWS)(self.draw, fields)
        if self.draw.random() < 0.1:
            signer = self.draw.choice((ALICE, BOB, SMALL))
        words = self.signed(fields, signer)
        if self.draw.random() < 0.5:
            words = self.draw.choice(WORD_FLAWS)(self.draw, words)
        return slot_of(*words)

    def signed(self, fields: Word0, signer: int) -> list[int]:
        """The four words of fields signed by somebody."""
        word = fields.pack()
        return [word, *sign(signer, word, self.domain)]

    def _fields(self) -> tuple[Word0, int]:
        """A transfer or an exit that would apply, mostly, and whose it is."""
        sender = self.draw.choice([ALICE] * 4 + [BOB] * 3 + [*range(NEW), MOVED, SMALL, OFF_CURVE, FULL])
        held = self.state.account(sender)
        balance, nonce = (held.balance, held.nonce) if held else (0, 0)
        fee = self.draw.choice([0, 1, 2, 999, 1000, 2**32 - 1])
        room = min(max(balance - fee, 0), 2**64 - 1)
        fields = Word0(
            kind=self.draw.choice([SlotKind.TRANSFER, SlotKind.TRANSFER, SlotKind.EXIT]),
            sender=sender,
            recipient=self.draw.choice([sender, ALICE, BOB, POOR, MOVED, FULL]),
            amount=self.draw.choice([0, 1, room, self.draw.randint(0, room // 2), self.draw.randint(0, room // 2)]),
            fee=fee,
            nonce=min(nonce + self._signed[sender], MAX_NONCE),
        )
        self._signed[sender] += 1
        return fields, sender


# --- one thing wrong with the fields, before they are signed ----------------------------------------------------------

FIELD_FLAWS: tuple[Callable[[Draw, Word0], Word0], ...] = (
    lambda draw, f: replace(f, kind=draw.choice([SlotKind.EMPTY, SlotKind.DEPOSIT, 4, 5, 128, 255])),
    lambda draw, f: replace(f, reserved=1 << draw.randrange(22)),
    lambda draw, f: replace(f, sender=draw.choice([NEW, *OUTSIDE])),
    lambda draw, f: replace(f, recipient=draw.choice([NEW, *OUTSIDE])),
    lambda draw, f: replace(f, nonce=draw.choice([(f.nonce + 1) % 2**32, abs(f.nonce - 1), 0, MAX_NONCE])),
    lambda draw, f: replace(f, amount=draw.choice([f.amount + 1, 2**64 - 1]) % 2**64),
    lambda draw, f: replace(f, fee=draw.choice([(f.fee + 1) % 2**32, 2**32 - 1])),
    lambda draw, f: replace(f, recipient=FULL, amount=draw.choice([999, 1000, 1001])),
    lambda draw, f: replace(f, recipient=f.sender),
)

# --- one thing wrong with the words, after they are signed ------------------------------------------------------------


def _with(words: list[int], position: int, word: int) -> list[int]:
    return [*words[:position], word % WORD_LIMIT, *words[position + 1 :]]


def _with_r8(words: list[int], point: Point) -> list[int]:
    return [words[0], *point, words[3]]


def _other_s(draw: Draw, words: list[int]) -> list[int]:
    s = words[3]
    others = [s + draw.randint(1, 7) * SUBGROUP_ORDER, SUBGROUP_ORDER - s, 0, SUBGROUP_ORDER, FIELD_ORDER - 1]
    return _with(words, 3, draw.choice([*others, WORD_LIMIT - 1, s + 1]))


def _other_r8(draw: Draw, words: list[int]) -> list[int]:
    r8 = (words[1], words[2])
    twisted = babyjubjub.add(r8, babyjubjub.multiply(ORDER_8, draw.randint(1, 7)))
    small = babyjubjub.multiply(ORDER_8, draw.randint(0, 7))
    others = [twisted, small, babyjubjub.negate(r8), (r8[1], r8[0]), (0, 0), (r8[0] ^ 1, r8[1]), BASE8, IDENTITY]
    return _with_r8(words, draw.choice(others))


def _flip(draw: Draw, words: list[int]) -> list[int]:
    position = draw.randrange(4)
    return _with(words, position, words[position] ^ 1 << draw.randrange(256))


def _replace(draw: Draw, words: list[int]) -> list[int]:
    edges = [0, FIELD_ORDER, FIELD_ORDER - 1, WORD_LIMIT - 1, draw.getrandbits(256)]
    return _with(words, draw.randrange(4), draw.choice(edges))


def _alias_one(draw: Draw, words: list[int]) -> list[int]:
    position = draw.randrange(4)
    return _with(words, position, lift(draw, words[position]))


WORD_FLAWS: tuple[Callable[[Draw, list[int]], list[int]], ...] = (
    _alias_one,
    lambda draw, words: [lift(draw, word) for word in words],
    _other_s,
    _other_r8,
    _flip,
    _replace,
)

# --- slots that never were a transaction ------------------------------------------------------------------------------


def _forged_deposit(writer: Writer) -> bytes:
    """What only the contract writes, in a user's place; now and then hidden behind w0 + r."""
    index = AccountIndex(writer.draw.choice([ALICE, NEW]))
    slot = deposit_slot(index, Gwei(10**6), key_of(index), address_of(index))
    w0, *rest = split_words(slot)
    return slot_of(writer.draw.choice([w0, w0 + FIELD_ORDER]), *rest)


def _forged_forced_exit(writer: Writer) -> bytes:
    index = writer.draw.choice([ALICE, BOB])
    return forced_exit_slot(AccountIndex(index), Gwei(100), address_of(index))


def _repeated(writer: Writer) -> bytes:
    """Somebody's transfer again and again: all but the first come with a nonce that is used."""
    fields = Word0(kind=SlotKind.TRANSFER, sender=ALICE, recipient=BOB, amount=1, fee=0, nonce=0)
    return slot_of(*writer.signed(fields, ALICE))


def _without_nonce(writer: Writer) -> bytes:
    held = writer.state.account(MOVED)
    fields = Word0(kind=SlotKind.EXIT, sender=MOVED, recipient=0, amount=1, fee=0, nonce=held.nonce if held else 0)
    return slot_of(fields.pack(), *sign_without_nonce(fields.pack(), writer.domain))


STRANGE: tuple[Callable[[Writer], bytes], ...] = (
    _forged_deposit,
    _forged_forced_exit,
    _repeated,
    _without_nonce,
    lambda writer: EMPTY_SLOT,
    lambda writer: writer.draw.randbytes(SLOT_BYTES),
    lambda writer: b"\xff" * SLOT_BYTES,
    lambda writer: to_word(FIELD_ORDER) * 4,
    lambda writer: to_word(FIELD_ORDER - 1) * 4,
)

# --- the queue's slots ------------------------------------------------------------------------------------------------


def deposit(draw: Draw) -> bytes:
    """What the contract writes, and words that it would not, but that mean the same modulo r."""
    index = draw.choice([ALICE, NO_NONCE, SMALL, NEW, NEW + 1])
    amount = Gwei(draw.choice([1, 10**6, 2**64 - 1]))
    w0, x, y, address = split_words(deposit_slot(AccountIndex(index), amount, key_of(index), address_of(index)))
    if draw.random() < 0.3:
        key = draw.choice([(x, y), ORDER_2, (0, 0), (FIELD_ORDER - 1, 5)])
        return slot_of(w0, lift(draw, key[0]), lift(draw, key[1]), lift(draw, address))
    return slot_of(w0, x, y, address)


def forced_exit(draw: Draw, state: State) -> bytes:
    """An exit that an account's exit address asked for, or somebody else did."""
    index = draw.choice([*range(NEW), FULL, NEW + 3, *OUTSIDE])
    held = state.account(index)
    balance = min(held.balance, 2**64 - 1) if held else 0
    amount = Gwei(draw.choice([0, balance, balance, min(balance + 1, 2**64 - 1), draw.randint(0, balance)]))
    asked_by = int.from_bytes(address_of(draw.choice([index % CAPACITY] * 5 + [BOB])))
    w0 = split_words(forced_exit_slot(AccountIndex(index), amount, Address(bytes(20))))[0]
    return slot_of(w0, lift(draw, draw.choice([asked_by] * 6 + [asked_by + 2**160])), 0, 0)


def fee_account(draw: Draw) -> AccountIndex:
    """One that is there, full, missing, or beyond the tree."""
    return AccountIndex(draw.choice([ALICE, BOB, POOR, FULL, FULL, FULL, NEW, *OUTSIDE]))


def draw_case(draw: Draw, state: State, domain: FieldElement, *, slots: int) -> Case:
    """Any batch on a state: some deposits and forced exits, and users' slots in all other places."""
    deposits = [deposit(draw) for _ in range(draw.choice([0, 0, 0, 1]))]
    forced = [forced_exit(draw, state) for _ in range(min(draw.choice([0, 0, 1]), slots - len(deposits)))]
    writer = Writer(draw, state, domain)
    users = [writer.user_slot() for _ in range(slots - len(deposits) - len(forced))]
    batch = seal_batch(
        Shape(slots=slots, depth=DEPTH),
        deposits=deposits,
        forced_exits=forced,
        transfers=users,
        fee_account=fee_account(draw),
    )
    return Case(state, batch, domain)

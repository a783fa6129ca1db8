"""A signature is of one word 0 in one rollup, and is used once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields as fields_of
from dataclasses import replace

import pytest

from poe.backend.interface import SignedMessage
from poe.backend.native import NativeSignatures, NativeState
from poe.backend.reference import ReferenceSignatures
from poe.crypto import babyjubjub
from poe.crypto.babyjubjub import BASE8, IDENTITY, SUBGROUP_ORDER, Point
from poe.crypto.poseidon import poseidon
from poe.rollup import statement
from poe.rollup.batch import seal_batch
from poe.rollup.transaction import AMOUNT_BITS, FEE_BITS, INDEX_BITS, KIND_BITS, NONCE_BITS, Word0, message_of
from poe.rollup.types import AccountIndex, Address, Batch, FieldElement, Shape, SlotKind, SlotOutcome
from tests.differential.circomlibjs import Circomlibjs, open_circomlibjs
from tests.differential.grammar import ALICE, BOB, DEPTH, ORDER_8, genesis, key_of, sign, slot_of

CHAIN, ARBITER, VERSION = 31337, Address(b"\5" * 20), 2**240 + 9
DOMAIN = statement.domain(CHAIN, ARBITER, VERSION)
SIGNED = Word0(kind=SlotKind.TRANSFER, sender=ALICE, recipient=BOB, amount=1000, fee=3, nonce=0)

WIDTHS = {
    "kind": KIND_BITS,
    "sender": INDEX_BITS,
    "recipient": INDEX_BITS,
    "amount": AMOUNT_BITS,
    "fee": FEE_BITS,
    "nonce": NONCE_BITS,
    "reserved": 22,
}
ELSEWHERE = {
    "another chain": statement.domain(CHAIN + 1, ARBITER, VERSION),
    "another arbiter": statement.domain(CHAIN, Address(b"\5" * 19 + b"\6"), VERSION),
    "another circuit": statement.domain(CHAIN, ARBITER, VERSION + 1),
}


@pytest.fixture(scope="module")
def library() -> Iterator[Circomlibjs]:
    with open_circomlibjs() as library:
        yield library


def verdicts(library: Circomlibjs, word: int, domain: FieldElement) -> set[bool]:
    """Of Alice's one signature, for another word or rollup."""
    x, y, s = sign(ALICE, SIGNED.pack(), DOMAIN)
    claim = SignedMessage(public_key=key_of(ALICE), r8=(x, y), s=s, message=message_of(word, domain))
    question = {"ask": "signature", "domain": domain, "word": word, "key": claim.public_key, "r8": (x, y), "s": s}
    (answer,) = library.ask([question])
    return {answer["valid"], *NativeSignatures().verify([claim]), *ReferenceSignatures().verify([claim])}


def test_every_field_has_a_width_here() -> None:
    assert set(WIDTHS) == {field.name for field in fields_of(Word0)}


def test_it_holds_of_what_was_signed(library: Circomlibjs) -> None:
    assert verdicts(library, SIGNED.pack(), DOMAIN) == {True}


@pytest.mark.parametrize("field", WIDTHS)
def test_no_bit_of_a_field_can_be_changed_under_it(library: Circomlibjs, field: str) -> None:
    for bit in {0, 1, WIDTHS[field] // 2, WIDTHS[field] - 1}:
        changed = replace(SIGNED, **{field: getattr(SIGNED, field) ^ 1 << bit})
        assert verdicts(library, changed.pack(), DOMAIN) == {False}, bit


@pytest.mark.parametrize("where", ELSEWHERE)
def test_it_does_not_hold_in_another_rollup(library: Circomlibjs, where: str) -> None:
    assert verdicts(library, SIGNED.pack(), ELSEWHERE[where]) == {False}


def _batch(*slots: bytes) -> Batch:
    shape = Shape(slots=len(slots), depth=DEPTH)
    return seal_batch(shape, deposits=[], transfers=slots, fee_account=AccountIndex(BOB))


def test_a_signed_slot_applies_once_in_a_batch_in_two_and_after_a_reorg() -> None:
    slot = slot_of(SIGNED.pack(), *sign(ALICE, SIGNED.pack(), DOMAIN))
    once = (SlotOutcome.APPLIED, SlotOutcome.WRONG_NONCE)
    state = NativeState(DEPTH, accounts=genesis().accounts)
    assert state.execute(_batch(slot, slot), DOMAIN).outcomes == once
    assert state.execute(_batch(slot), DOMAIN).outcomes == once[1:]
    state.rollback(2)
    assert state.execute(_batch(slot, slot), DOMAIN).outcomes == once


# --- in bulk ----------------------------------------------------------------------------------------------------------

SCALAR = 0xABCDEF
BULK = 64


def _made(number: int, torsion: Point) -> SignedMessage:
    """A signature that holds but for a point of small order added to R8."""
    message, nonce = FieldElement(1000 + number), 777 + number
    key = babyjubjub.multiply(BASE8, SCALAR)
    r8 = babyjubjub.add(babyjubjub.multiply(BASE8, nonce), torsion)
    s = (nonce + 8 * poseidon([*r8, *key, message]) * SCALAR) % SUBGROUP_ORDER
    return SignedMessage(public_key=key, r8=r8, s=s, message=message)


@pytest.mark.parametrize("order", [2, 4, 8])
def test_flaws_that_cancel_in_a_sum_do_not_hide_in_a_bulk(order: int) -> None:
    """Whoever checks many by one random sum must see what vanishes in it, or in one sum out of `order`."""
    flaw = babyjubjub.multiply(ORDER_8, 8 // order)
    bulk = [_made(number, IDENTITY) for number in range(BULK)]
    assert NativeSignatures().verify(bulk) == [True] * BULK
    for first, second in ((0, 1), (0, BULK - 1), (30, 33)):
        marred = list(bulk)
        marred[first], marred[second] = _made(first, flaw), _made(second, babyjubjub.negate(flaw))
        expected = [number not in (first, second) for number in range(BULK)]
        for _ in range(8):
            assert NativeSignatures().verify(marred) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 16, BULK])
def test_one_bad_signature_is_found_at_every_place_of_a_bulk(size: int) -> None:
    good = [_made(number, IDENTITY) for number in range(size)]
    for place in range(size):
        bad = replace(good[place], s=(good[place].s + 1) % SUBGROUP_ORDER)
        marred = [*good[:place], bad, *good[place + 1 :]]
        assert NativeSignatures().verify(marred) == [number != place for number in range(size)]
    assert ReferenceSignatures().verify([good[0], replace(good[0], s=good[0].s + 1)]) == [True, False]

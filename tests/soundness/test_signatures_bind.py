"""A signature is of one word 0 in one rollup, and is used once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields as fields_of
from dataclasses import replace

import pytest

from poe.backend.interface import SignedMessage
from poe.backend.native import NativeSignatures, NativeState
from poe.backend.reference import ReferenceSignatures
from poe.rollup import statement
from poe.rollup.batch import seal_batch
from poe.rollup.transaction import AMOUNT_BITS, FEE_BITS, INDEX_BITS, KIND_BITS, NONCE_BITS, Word0, message_of
from poe.rollup.types import AccountIndex, Address, Batch, FieldElement, Shape, SlotKind, SlotOutcome
from tests.differential.circomlibjs import Circomlibjs, open_circomlibjs
from tests.differential.grammar import ALICE, BOB, DEPTH, genesis, key_of, sign, slot_of

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

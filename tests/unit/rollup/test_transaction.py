"""Word 0, transfers and their signed form: round trips, and refusals that name the field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from poe.crypto.babyjubjub import SUBGROUP_ORDER
from poe.crypto.eddsa import derive_public_key
from poe.crypto.field import FIELD_ORDER, split_words, to_word
from poe.crypto.poseidon import poseidon
from poe.errors import InputError
from poe.rollup.transaction import (
    ExitRequest,
    SignedExit,
    SignedTransfer,
    Transfer,
    Word0,
    decode_transaction,
    message_of,
)
from poe.rollup.types import AccountIndex, Gwei

DOMAIN = 12345
SECRET = bytes(range(32))
PLAIN = Transfer(sender=AccountIndex(1), recipient=AccountIndex(2), amount=Gwei(3), fee=Gwei(4), nonce=5)
SIGNED = PLAIN.sign(SECRET, DOMAIN)
LEAVING = ExitRequest(sender=AccountIndex(1), amount=Gwei(3), fee=Gwei(4), nonce=5)
SIGNED_EXIT = LEAVING.sign(SECRET, DOMAIN)

properties = settings(derandomize=True, deadline=None, max_examples=200)


def _below(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1)


transfers = st.builds(
    Transfer, sender=_below(48), recipient=_below(48), amount=_below(64), fee=_below(32), nonce=_below(32)
)
exits = st.builds(ExitRequest, sender=_below(48), amount=_below(64), fee=_below(32), nonce=_below(32))
fields = st.builds(
    Word0,
    kind=_below(8),
    sender=_below(48),
    recipient=_below(48),
    amount=_below(64),
    fee=_below(32),
    nonce=_below(32),
    reserved=_below(21),
)


def test_fields_lie_where_the_protocol_says() -> None:
    assert PLAIN.word == 1 << 224 | 1 << 176 | 2 << 128 | 3 << 64 | 4 << 32 | 5
    assert Word0.unpack(1 << 232 | 3 << 224).reserved == 1
    assert Word0.unpack(1 << 232 | 3 << 224).kind == 3


@properties
@given(fields)
def test_fields_survive_packing(word: Word0) -> None:
    assert Word0.unpack(word.pack()) == word


@properties
@given(st.integers(0, 2**256 - 1))
@example(FIELD_ORDER)
@example(2**256 - 1)
def test_any_word_is_read_modulo_r(word: int) -> None:
    assert Word0.unpack(word).pack() == word % FIELD_ORDER


@properties
@given(transfers)
def test_transfer_survives_its_word(transfer: Transfer) -> None:
    assert Transfer.from_word(transfer.word) == transfer


@pytest.mark.parametrize(
    ("name", "bits"), [("sender", 48), ("recipient", 48), ("amount", 64), ("fee", 32), ("nonce", 32)]
)
def test_a_field_out_of_range_is_refused_by_name(name: str, bits: int) -> None:
    largest: dict[str, Any] = {name: 2**bits - 1}
    assert getattr(replace(PLAIN, **largest), name) == 2**bits - 1
    for value in (-1, 2**bits):
        change: dict[str, Any] = {name: value}
        with pytest.raises(InputError, match=rf"^POE-INP-001: {name} is {value}, not in \[0, 2\^{bits}\)"):
            replace(PLAIN, **change)


@pytest.mark.parametrize("kind", [0, 2, 3, 255])
def test_a_word_of_another_kind_is_no_transfer(kind: int) -> None:
    with pytest.raises(InputError, match=f"kind is {kind}, wanted 1"):
        Transfer.from_word(PLAIN.word - (1 << 224) + (kind << 224))


def test_reserved_bits_are_refused() -> None:
    with pytest.raises(InputError, match="reserved bits of word 0 are 0x2"):
        Transfer.from_word(PLAIN.word | 1 << 233)


def test_an_unreduced_word_is_no_transfer_to_a_wallet() -> None:
    with pytest.raises(InputError, match="word 0 is"):
        Transfer.from_word(PLAIN.word + FIELD_ORDER)


def test_message_binds_domain_and_word() -> None:
    assert PLAIN.message(DOMAIN) == poseidon([DOMAIN, PLAIN.word])
    assert PLAIN.message(DOMAIN) != PLAIN.message(DOMAIN + 1)
    assert message_of(PLAIN.word + FIELD_ORDER, DOMAIN) == PLAIN.message(DOMAIN)


def test_signature_holds_for_its_key_and_domain_alone() -> None:
    public_key = derive_public_key(SECRET)
    assert SIGNED.is_signed_by(public_key, DOMAIN)
    assert not SIGNED.is_signed_by(public_key, DOMAIN + 1)
    assert not SIGNED.is_signed_by(derive_public_key(bytes(32)), DOMAIN)
    assert not replace(SIGNED, transfer=replace(PLAIN, amount=Gwei(30))).is_signed_by(public_key, DOMAIN)


def test_slot_is_four_words() -> None:
    assert split_words(SIGNED.slot) == [PLAIN.word, *SIGNED.r8, SIGNED.s]


@properties
@given(transfers, _below(253), _below(253), st.integers(0, SUBGROUP_ORDER - 1))
def test_signed_transfer_survives_its_slot(transfer: Transfer, x: int, y: int, s: int) -> None:
    signed = SignedTransfer(transfer=transfer, r8=(x, y), s=s)
    assert len(signed.slot) == 128
    assert SignedTransfer.from_slot(signed.slot) == signed


@properties
@given(st.binary(min_size=0, max_size=200))
@example(SIGNED.slot)
@example(SIGNED.slot + b"\0")
@example(b"\xff" * 128)
def test_any_bytes_are_the_one_encoding_of_a_transfer_or_refused(slot: bytes) -> None:
    try:
        signed = SignedTransfer.from_slot(slot)
    except InputError:
        return
    assert signed.slot == slot


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, 0, "kind is 0"),
        (0, PLAIN.word + FIELD_ORDER, "word 0 is"),
        (1, FIELD_ORDER, "r8.x is"),
        (2, 2**256 - 1, "r8.y is"),
        (3, SUBGROUP_ORDER, "s is"),
    ],
)
def test_a_slot_with_one_bad_word_is_refused_by_name(position: int, value: int, message: str) -> None:
    words = split_words(SIGNED.slot)
    words[position] = value
    with pytest.raises(InputError, match=f"^POE-INP-001: {message}"):
        SignedTransfer.from_slot(b"".join(map(to_word, words)))


def test_exit_lies_where_the_protocol_says_with_recipient_zero() -> None:
    assert LEAVING.word == 2 << 224 | 1 << 176 | 3 << 64 | 4 << 32 | 5
    assert split_words(SIGNED_EXIT.slot) == [LEAVING.word, *SIGNED_EXIT.r8, SIGNED_EXIT.s]


@properties
@given(exits)
def test_exit_survives_its_word(leaving: ExitRequest) -> None:
    assert ExitRequest.from_word(leaving.word) == leaving


@pytest.mark.parametrize(("name", "bits"), [("sender", 48), ("amount", 64), ("fee", 32), ("nonce", 32)])
def test_a_field_of_an_exit_out_of_range_is_refused_by_name(name: str, bits: int) -> None:
    for value in (-1, 2**bits):
        change: dict[str, Any] = {name: value}
        with pytest.raises(InputError, match=rf"^POE-INP-001: {name} is {value}, not in \[0, 2\^{bits}\)"):
            replace(LEAVING, **change)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (PLAIN.word, r"kind is 1, wanted 2 \(exit\)"),
        (LEAVING.word | 7 << 128, "recipient of an exit is 7, wanted 0"),
        (LEAVING.word | 1 << 233, "reserved bits of word 0 are 0x2"),
        (LEAVING.word + FIELD_ORDER, "word 0 is"),
    ],
)
def test_a_word_that_a_wallet_would_not_write_is_no_exit(word: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ExitRequest.from_word(word)


def test_an_exits_signature_holds_for_its_key_domain_and_word_alone() -> None:
    public_key = derive_public_key(SECRET)
    assert SIGNED_EXIT.is_signed_by(public_key, DOMAIN)
    assert not SIGNED_EXIT.is_signed_by(public_key, DOMAIN + 1)
    assert not SIGNED_EXIT.is_signed_by(derive_public_key(bytes(32)), DOMAIN)
    assert not replace(SIGNED_EXIT, exit=replace(LEAVING, amount=Gwei(30))).is_signed_by(public_key, DOMAIN)


def test_an_exit_and_a_transfer_of_the_same_fields_are_signed_apart() -> None:
    to_zero = replace(PLAIN, recipient=AccountIndex(0))
    assert to_zero.message(DOMAIN) != LEAVING.message(DOMAIN)


@pytest.mark.parametrize("signed", [SIGNED, SIGNED_EXIT])
def test_either_kind_is_decoded_from_its_slot(signed: SignedTransfer | SignedExit) -> None:
    assert decode_transaction(signed.slot) == signed
    assert decode_transaction(signed.slot).transaction in (PLAIN, LEAVING)


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [(1, FIELD_ORDER, "r8.x is"), (2, 2**256 - 1, "r8.y is"), (3, SUBGROUP_ORDER, "s is")],
)
def test_a_signed_exit_with_one_bad_word_is_refused_by_name(position: int, value: int, message: str) -> None:
    words = split_words(SIGNED_EXIT.slot)
    words[position] = value
    with pytest.raises(InputError, match=f"^POE-INP-001: {message}"):
        decode_transaction(b"".join(map(to_word, words)))


@properties
@given(st.binary(min_size=0, max_size=200))
@example(SIGNED.slot)
@example(SIGNED_EXIT.slot)
@example(SIGNED_EXIT.slot[:12] + b"\1" + SIGNED_EXIT.slot[13:])
@example(b"\xff" * 128)
def test_any_bytes_are_the_one_encoding_of_a_transaction_or_refused(slot: bytes) -> None:
    try:
        signed = decode_transaction(slot)
    except InputError:
        return
    assert signed.slot == slot


@pytest.mark.parametrize("length", [0, 127, 129, 256])
def test_a_slot_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(InputError, match=f"slot is {length} bytes, wanted 128"):
        SignedTransfer.from_slot(bytes(length))

"""Ethereum's Keccak, and the words that stand for field elements."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe.crypto.field import FIELD_ORDER, from_word, reduce, split_words, to_word
from poe.crypto.keccak import keccak256
from poe.errors import InputError


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        # The empty code hash and the topic of ERC-20's Transfer, as every Ethereum client has them.
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (
            b"Transfer(address,address,uint256)",
            "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
        ),
    ],
)
def test_keccak256_is_ethereums(message: bytes, digest: str) -> None:
    assert keccak256(message).hex() == digest


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 2**256 - 1))
def test_a_word_spells_its_number_and_stands_for_its_residue(value: int) -> None:
    assert from_word(to_word(value)) == value
    assert 0 <= reduce(value) < FIELD_ORDER
    assert (value - reduce(value)) % FIELD_ORDER == 0


@pytest.mark.parametrize("value", [-1, 2**256])
def test_a_number_that_no_word_spells_is_refused(value: int) -> None:
    with pytest.raises(OverflowError):
        to_word(value)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_word_of_another_length_is_refused_by_name(length: int) -> None:
    with pytest.raises(InputError, match=f"r8.x is {length} bytes, wanted 32"):
        from_word(bytes(length), name="r8.x")


def test_words_are_split_without_reducing() -> None:
    assert split_words(to_word(FIELD_ORDER) + to_word(2**256 - 1)) == [FIELD_ORDER, 2**256 - 1]
    assert split_words(b"") == []


def test_half_a_word_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="statement is 48 bytes"):
        split_words(bytes(48), name="statement")

"""BN254's scalar field and the 32-byte words that stand for its elements."""

from __future__ import annotations

from poe.errors import InputError

FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Order r of BN254's scalar field, a prime of 254 bits."""

WORD_BYTES = 32


def to_word(value: int) -> bytes:
    """A number in [0, 2^256) as 32 bytes, big-endian."""
    return value.to_bytes(WORD_BYTES, "big")


def from_word(word: bytes, *, name: str = "word") -> int:
    """The number in [0, 2^256) that 32 big-endian bytes spell, not reduced; InputError on another length."""
    if len(word) != WORD_BYTES:
        raise InputError(f"{name} is {len(word)} bytes, wanted {WORD_BYTES}")
    return int.from_bytes(word, "big")


def reduce(value: int) -> int:
    """The field element a word stands for: its value modulo r."""
    return value % FIELD_ORDER


def split_words(message: bytes, *, name: str = "message") -> list[int]:
    """The unreduced numbers of a string of words; InputError when it is not whole words."""
    if len(message) % WORD_BYTES:
        raise InputError(f"{name} is {len(message)} bytes, not a multiple of {WORD_BYTES}")
    return [int.from_bytes(message[i : i + WORD_BYTES], "big") for i in range(0, len(message), WORD_BYTES)]

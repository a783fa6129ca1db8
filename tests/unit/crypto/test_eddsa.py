"""EdDSA-Poseidon: circomlibjs's keys and signatures, and our own rule for what holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe.crypto.babyjubjub import SUBGROUP_ORDER
from poe.crypto.eddsa import derive_public_key, sign, verify
from poe.crypto.field import FIELD_ORDER
from poe.errors import InputError

VECTORS = json.loads((Path(__file__).resolve().parents[2] / "vectors" / "eddsa.json").read_text())
CASES: list[dict[str, Any]] = VECTORS["cases"]
SECRET = bytes(range(32))

words = st.integers(0, 2**256 - 1)


def _point(pair: list[str]) -> tuple[int, int]:
    return int(pair[0], 16), int(pair[1], 16)


@pytest.mark.parametrize("key", VECTORS["keys"], ids=lambda key: key["secret"][:10])
def test_public_key_is_circomlibjss(key: dict[str, Any]) -> None:
    assert derive_public_key(bytes.fromhex(key["secret"][2:])) == _point(key["public_key"])


@pytest.mark.parametrize("case", VECTORS["deterministic"], ids=lambda case: case["secret"][:10])
def test_signature_is_circomlibjss(case: dict[str, Any]) -> None:
    signature = sign(bytes.fromhex(case["secret"][2:]), int(case["message"], 16))
    assert signature.r8 == _point(case["r8"])
    assert signature.s == int(case["s"], 16)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_verdict_is_rule_10s(case: dict[str, Any]) -> None:
    public_key, r8 = _point(case["public_key"]), _point(case["r8"])
    assert verify(public_key, r8, int(case["s"], 16), int(case["message"], 16)) is case["valid"]


def test_vectors_hold_what_circomlibjs_judges_otherwise() -> None:
    """It accepts points of small order and refuses an unreduced s: whoever copies it has another rule."""
    stricter = {case["name"] for case in CASES if case["circomlibjs"] and not case["valid"]}
    assert stricter == {"r8 of order 1", *(f"key of order {order}" for order in (1, 2, 4, 8))}
    assert {case["name"] for case in CASES if case["valid"] and not case["circomlibjs"]} == {"s word plus r"}


@settings(derandomize=True, deadline=None, max_examples=20)
@given(st.binary(min_size=32, max_size=32), st.integers(0, FIELD_ORDER - 1))
def test_what_is_signed_holds_and_s_is_canonical(secret: bytes, message: int) -> None:
    signature = sign(secret, message)
    assert signature.s < SUBGROUP_ORDER
    assert verify(derive_public_key(secret), signature.r8, signature.s, message)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.sampled_from(range(6)), st.integers(0, 250))
def test_one_flipped_bit_spoils_a_signature(which: int, bit: int) -> None:
    signature = sign(SECRET, 42)
    parts = [*derive_public_key(SECRET), *signature.r8, signature.s, 42]
    parts[which] ^= 1 << bit
    ax, ay, rx, ry, s, message = parts
    assert not verify((ax, ay), (rx, ry), s, message)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(words, words, words, words, words, words)
def test_verify_judges_any_words(ax: int, ay: int, rx: int, ry: int, s: int, message: int) -> None:
    assert verify((ax, ay), (rx, ry), s, message) is False


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_secret_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(InputError, match=f"secret is {length} bytes, wanted 32"):
        derive_public_key(bytes(length))
    with pytest.raises(InputError, match=f"secret is {length} bytes"):
        sign(bytes(length), 1)


@pytest.mark.parametrize("message", [-1, FIELD_ORDER])
def test_a_message_outside_the_field_is_not_signed(message: int) -> None:
    with pytest.raises(InputError, match="message is not a field element"):
        sign(SECRET, message)

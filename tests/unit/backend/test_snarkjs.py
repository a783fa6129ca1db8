"""snarkjs's JSON to and from words; hostile JSON is an InputError."""

from __future__ import annotations

import json
from typing import Any

import pytest

from poe.backend import snarkjs
from poe.crypto.field import FIELD_ORDER
from poe.errors import InputError

WORDS = tuple(range(1, 9))


def document() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(snarkjs.proof_json(WORDS))
    return parsed


def test_a_proof_comes_back_as_it_was_written() -> None:
    assert snarkjs.read_proof(snarkjs.proof_json(WORDS)) == WORDS


def test_a_proof_is_written_with_c0_first_where_our_words_have_c1() -> None:
    assert document() == {
        "protocol": "groth16",
        "curve": "bn128",
        "pi_a": ["1", "2", "1"],
        "pi_b": [["4", "3"], ["6", "5"], ["1", "0"]],
        "pi_c": ["7", "8", "1"],
    }


def test_a_verifying_key_is_written_point_by_point() -> None:
    key = json.loads(snarkjs.verifying_key_json(range(100, 122)))
    assert key["nPublic"] == 3
    assert key["vk_alpha_1"] == ["100", "101", "1"]
    assert key["vk_beta_2"] == [["103", "102"], ["105", "104"], ["1", "0"]]
    assert key["vk_gamma_2"][0] == ["107", "106"]
    assert key["vk_delta_2"][1] == ["113", "112"]
    assert key["IC"] == [[str(x), str(x + 1), "1"] for x in range(114, 122, 2)]


def test_public_inputs_come_back_as_they_were_written() -> None:
    assert snarkjs.read_public(snarkjs.public_json([0, 5, FIELD_ORDER - 1]), 3) == (0, 5, FIELD_ORDER - 1)


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "plonk"},
        {"curve": "bls12381"},
        {"pi_a": ["1", "2", "0"]},
        {"pi_a": ["1", "2"]},
        {"pi_a": "12"},
        {"pi_a": [1, "2", "1"]},
        {"pi_a": ["-1", "2", "1"]},
        {"pi_a": ["0x1", "2", "1"]},
        {"pi_a": ["\u0661", "2", "1"]},
        {"pi_a": ["", "2", "1"]},
        {"pi_a": [str(2**256), "2", "1"]},
        {"pi_a": ["9" * 79, "2", "1"]},
        {"pi_b": [["4", "3"], ["6"], ["1", "0"]]},
        {"pi_b": [["4", "3"], "65", ["1", "0"]]},
        {"pi_b": [["4", "3"], ["6", "5"], ["0", "1"]]},
        {"pi_c": None},
    ],
)
def test_a_malformed_proof_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        snarkjs.read_proof(json.dumps(document() | change))


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 60_000, " " * 70_000])
def test_what_is_no_proof_at_all_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        snarkjs.read_proof(text)


@pytest.mark.parametrize(
    "text", ['["1", "2"]', '["1", "2", "3", "4"]', "{}", '["1", "2", 3]', f'["1", "2", "{FIELD_ORDER}"]']
)
def test_public_inputs_of_another_number_or_range_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        snarkjs.read_public(text, 3)

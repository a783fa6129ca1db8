"""The file of a finished proof: what is written is read back, anything else is refused with one code and a field."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe.cli.proof_file import EXIT_FIELDS, FIELDS, MALFORMED, decode_proof, encode_proof
from poe.errors import InputError
from poe.prover.shelf import FinishedProof, ShelvedProof
from poe.rollup.types import FIELD_ORDER, BatchNumber, Exit, FieldElement, Gwei, Hash, Wei
from tests.fakes_prover import OURS, PROOF, RIVAL

KEPT = ShelvedProof(
    domain=FieldElement(77),
    number=BatchNumber(2**40),
    batch_hash=Hash(b"\xbb" * 32),
    old_root=FieldElement(FIELD_ORDER - 1),
    new_root=FieldElement(0),
    payee=OURS,
    tip=Wei(10**18),
    exits=tuple(Exit(slot=slot, address=RIVAL, amount=Gwei(2**64 - 1)) for slot in (0, 3)),
    finished=FinishedProof(proof=PROOF, at=12.5),
)


def written() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(encode_proof(KEPT))
    return value


def read(value: object) -> ShelvedProof:
    return decode_proof(json.dumps(value).encode())


def refusal(text: bytes) -> InputError:
    with pytest.raises(InputError) as refused:
        decode_proof(text)
    assert refused.value.code == MALFORMED
    return refused.value


def test_what_is_written_is_read_back_but_for_how_it_was_made() -> None:
    bare = replace(PROOF, x=0, y=0, witness_seconds=0.0, prove_seconds=0.0, verify_seconds=0.0)
    assert read(written()) == replace(KEPT, finished=FinishedProof(proof=bare, at=0.0))


def test_the_file_holds_the_fields_it_says_and_nothing_about_the_machine() -> None:
    assert tuple(written()) == FIELDS
    assert tuple(written()["exits"][0]) == EXIT_FIELDS
    assert "12.5" not in encode_proof(KEPT)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_missing_is_named(field: str) -> None:
    value = written()
    del value[field]
    assert refusal(json.dumps(value).encode()).field == field


def test_a_field_that_is_not_known_is_named() -> None:
    assert refusal(json.dumps(written() | {"gas": 1}).encode()).field == "gas"


JUNK = [None, True, -1, 2**300, 1.5, "", "0x", "0x" + "g" * 64, "0x" + "f" * 63, "٣", [], {}, [[]], ["0x"] * 8]


@pytest.mark.parametrize("junk", JUNK, ids=repr)
@pytest.mark.parametrize("field", FIELDS)
def test_junk_in_any_field_is_refused(field: str, junk: object) -> None:
    if (field, junk) in (("exits", []),):
        return
    refusal(json.dumps(written() | {field: junk}).encode())


@pytest.mark.parametrize("junk", [junk for junk in JUNK if junk != 1], ids=repr)
@pytest.mark.parametrize("field", EXIT_FIELDS)
def test_junk_in_an_exit_is_refused(field: str, junk: object) -> None:
    value = written()
    value["exits"][1][field] = junk
    refusal(json.dumps(value).encode())


@pytest.mark.parametrize("field", ["domain", "old_root", "new_root", "commitment"])
def test_an_element_that_is_not_reduced_is_refused(field: str) -> None:
    assert refusal(json.dumps(written() | {field: f"0x{FIELD_ORDER:064x}"}).encode()).field == field


@pytest.mark.parametrize("words", [7, 9])
def test_a_proof_has_eight_words(words: int) -> None:
    refusal(json.dumps(written() | {"proof": ["0x" + "00" * 32] * words}).encode())


def test_more_exits_than_any_batch_has_are_refused() -> None:
    refusal(json.dumps(written() | {"exits": written()["exits"][:1] * 256}).encode())


def test_one_meaning_a_proof_upper_case_leading_zeros_and_double_keys_are_refused() -> None:
    text = encode_proof(KEPT)
    refusal(text.replace("bb" * 32, "BB" * 32).encode())
    refusal(text.replace('"1000000000000000000"', '"01000000000000000000"').encode())
    refusal(text.replace('"number"', '"number": 1, "number"').encode())


@given(st.binary(max_size=200) | st.text(alphabet='[]{}":,0x1fnul ', max_size=200).map(str.encode))
def test_no_bytes_do_anything_but_be_refused(text: bytes) -> None:
    refusal(text)


@given(st.data())
def test_a_file_that_lost_or_changed_a_byte_is_refused_or_still_one_proof(data: st.DataObject) -> None:
    text = bytearray(encode_proof(KEPT).encode())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255))
    try:
        found = decode_proof(bytes(text))
    except InputError:
        refusal(bytes(text))
    else:
        assert decode_proof(encode_proof(found).encode()) == found

"""The statement and its evaluation: the vectors that Rust, Python and Solidity share, and what binds what."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe.crypto.field import FIELD_ORDER, split_words, to_word
from poe.crypto.poseidon import poseidon
from poe.errors import InputError
from poe.rollup import statement
from poe.rollup.batch import batch_hash
from poe.rollup.types import (
    AccountIndex,
    Address,
    Batch,
    BatchNumber,
    Exit,
    FieldElement,
    Gwei,
    Hash,
    Header,
    Shape,
    Wei,
)

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).resolve().parents[2] / "vectors" / "statement.json").read_text()
)["cases"]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])

EMPTY_BATCH = Batch(
    header=Header(shape=Shape(slots=1, depth=2), deposits=0, forced=0, fee_account=AccountIndex(0)), data=bytes(128)
)


HEAD: dict[str, Any] = {"domain": 1, "old_root": 2, "new_root": 3, "context": 4}


def _exit(**changes: Any) -> Exit:
    """The widest exit of slot 0, changed."""
    return replace(Exit(slot=0, address=Address(b"\xff" * 20), amount=Gwei(2**64 - 1)), **changes)


def _number(case: dict[str, Any], name: str) -> int:
    return int(case[name], 16)


def _bytes(case: dict[str, Any], name: str) -> bytes:
    return bytes.fromhex(case[name][2:])


def _batch(case: dict[str, Any]) -> Batch:
    header = Header(
        shape=Shape(slots=_number(case, "slots"), depth=_number(case, "depth")),
        deposits=_number(case, "deposits"),
        forced=_number(case, "forced"),
        fee_account=AccountIndex(_number(case, "fee_account")),
    )
    return Batch(header=header, data=_bytes(case, "data"))


def _exits(case: dict[str, Any]) -> list[Exit]:
    return [
        Exit(
            slot=_number(entry, "slot"),
            address=Address(_bytes(entry, "address")),
            amount=Gwei(_number(entry, "amount")),
        )
        for entry in case["exits"]
    ]


def _posted(case: dict[str, Any]) -> bytes:
    return b"".join(bytes.fromhex(word[2:]) for word in case["statement"])


@each_case
def test_domain_is_the_vectors(case: dict[str, Any]) -> None:
    arbiter = Address(_bytes(case, "arbiter"))
    domain = statement.domain(_number(case, "chain_id"), arbiter, _number(case, "circuit_version"))
    assert domain == _number(case, "domain") < 2**248


@each_case
def test_context_is_the_vectors(case: dict[str, Any]) -> None:
    digest = batch_hash(_batch(case))
    assert digest == _bytes(case, "batch_hash")
    context = statement.context(
        BatchNumber(_number(case, "number")), digest, Address(_bytes(case, "payee")), Wei(_number(case, "tip"))
    )
    assert context == _number(case, "context") < 2**248


@each_case
def test_statement_words_are_the_vectors(case: dict[str, Any]) -> None:
    batch = _batch(case)
    words = statement.statement_words(
        domain=FieldElement(_number(case, "domain")),
        old_root=FieldElement(_number(case, "old_root")),
        new_root=FieldElement(_number(case, "new_root")),
        context=FieldElement(_number(case, "context")),
        batch=batch,
        exits=_exits(case),
    )
    assert words == _posted(case)
    assert len(words) == 32 * statement.statement_length(batch.header.shape)


@each_case
def test_public_inputs_are_the_vectors(case: dict[str, Any]) -> None:
    words = _posted(case)
    commitment = statement.commitment(words)
    x = statement.challenge(commitment, words)
    assert commitment == _number(case, "commitment")
    assert x == _number(case, "x")
    assert statement.evaluate(words, x) == _number(case, "y")


@each_case
def test_packed_exits_are_the_vectors(case: dict[str, Any]) -> None:
    assert [leaving.word for leaving in _exits(case)] == [_number(entry, "packed") for entry in case["exits"]]


def test_vectors_hold_exits_of_some_and_of_all_slots() -> None:
    counts = {(len(case["exits"]), _number(case, "slots")) for case in CASES}
    assert {(0, 4), (2, 4), (4, 4)} <= counts


def test_vectors_hold_unreduced_words_in_every_shape() -> None:
    shapes = {
        (case["slots"], case["depth"]) for case in CASES if any(int(w, 16) >= FIELD_ORDER for w in case["statement"])
    }
    assert {(int(slots, 16), int(depth, 16)) for slots, depth in shapes} == {(1, 2), (2, 3), (4, 5)}


def test_layout_is_the_protocols() -> None:
    header = Header(shape=Shape(slots=2, depth=3), deposits=1, forced=0, fee_account=AccountIndex(6))
    data = [FIELD_ORDER, *range(101, 108)]
    words = statement.statement_words(
        domain=FieldElement(1),
        old_root=FieldElement(2),
        new_root=FieldElement(3),
        context=FieldElement(4),
        batch=Batch(header=header, data=b"".join(map(to_word, data))),
    )
    assert split_words(words) == [1, 2, 3, 4, 2 * 256 + 3, 1, 0, 6, *data, 0, 0, 0, 0]


def test_exits_lie_in_their_slots_pairs() -> None:
    batch = Batch(header=replace(EMPTY_BATCH.header, shape=Shape(slots=3, depth=2), forced=1), data=bytes(3 * 128))
    exits = [Exit(slot=0, address=Address(bytes(19) + b"\5"), amount=Gwei(6)), _exit(slot=2)]
    words = statement.statement_words(**HEAD, batch=batch, exits=exits)
    assert split_words(words)[-6:] == [5, 6, 0, 0, 2**160 - 1, 2**64 - 1]
    assert split_words(words)[6] == 1


@pytest.mark.parametrize(
    ("exits", "message"),
    [
        ([{"slot": 1}], r"exit of slot 1, wanted one in \[0, 1\)"),
        ([{"slot": -1}], "exit of slot -1"),
        ([{"slot": 0}, {"slot": 0}], r"exit of slot 0, wanted one in \[1, 1\)"),
        ([{"address": bytes(19)}], "exit address is 19 bytes"),
        ([{"amount": 2**64}], "exit amount is"),
        ([{"amount": -1}], "exit amount is"),
    ],
)
def test_exits_that_the_arbiter_refuses_make_no_statement(exits: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=f"^POE-INP-001: {message}"):
        statement.statement_words(**HEAD, batch=EMPTY_BATCH, exits=[_exit(**change) for change in exits])


def test_exits_out_of_slot_order_are_refused() -> None:
    batch = Batch(header=replace(EMPTY_BATCH.header, shape=Shape(slots=2, depth=2)), data=bytes(256))
    with pytest.raises(InputError, match=r"exit of slot 0, wanted one in \[2, 2\)"):
        statement.statement_words(**HEAD, batch=batch, exits=[_exit(slot=1), _exit(slot=0)])


def test_every_part_of_an_exit_moves_the_commitment() -> None:
    batch = Batch(header=replace(EMPTY_BATCH.header, shape=Shape(slots=2, depth=2)), data=bytes(256))
    lists = [[], [_exit()], [_exit(slot=1)], [_exit(amount=1)], [_exit(address=bytes(20))], [_exit(), _exit(slot=1)]]
    statements = [statement.statement_words(**HEAD, batch=batch, exits=exits) for exits in lists]
    assert len(set(map(statement.commitment, statements))) == len(lists)


def test_commitment_chains_blocks_of_fifteen_from_the_length() -> None:
    values = list(range(1, 21))
    first = poseidon([20, *range(1, 16)])
    assert statement.commitment(b"".join(map(to_word, values))) == poseidon([first, 16, 17, 18, 19, 20, *[0] * 10])


def test_commitment_binds_the_length() -> None:
    words = b"".join(map(to_word, range(1, 15)))
    assert statement.commitment(words) != statement.commitment(words + bytes(32))


def test_evaluation_starts_at_power_zero() -> None:
    words = b"".join(map(to_word, (5, 7, 11)))
    assert statement.evaluate(words, FieldElement(10)) == 5 + 70 + 1100
    assert statement.evaluate(words, FieldElement(0)) == 5


@settings(derandomize=True, deadline=None, max_examples=20)
@given(st.lists(st.integers(0, FIELD_ORDER - 1), min_size=1, max_size=20), st.data())
def test_aliased_words_have_one_meaning_but_another_challenge(values: list[int], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(values) - 1))
    x = FieldElement(data.draw(st.integers(0, FIELD_ORDER - 1)))
    aliased = [*values]
    aliased[position] += FIELD_ORDER
    plain, other = (b"".join(map(to_word, words)) for words in (values, aliased))
    assert statement.commitment(plain) == statement.commitment(other)
    assert statement.evaluate(plain, x) == statement.evaluate(other, x)
    commitment = statement.commitment(plain)
    assert statement.challenge(commitment, plain) != statement.challenge(commitment, other)


def test_challenge_depends_on_the_commitment() -> None:
    words = to_word(1)
    assert statement.challenge(FieldElement(1), words) != statement.challenge(FieldElement(2), words)


def test_domains_differ_by_chain_arbiter_and_circuit() -> None:
    a, b = Address(bytes(20)), Address(b"\1" + bytes(19))
    domains = [(1, a, 1), (2, a, 1), (1, b, 1), (1, a, 2)]
    assert len({statement.domain(*parts) for parts in domains}) == 4


def test_contexts_differ_by_number_batch_payee_and_tip() -> None:
    h, i = Hash(bytes(32)), Hash(b"\1" * 32)
    a, b = Address(bytes(20)), Address(b"\1" * 20)
    contexts = [(1, h, a, 0), (2, h, a, 0), (1, i, a, 0), (1, h, b, 0), (1, h, a, 1)]
    found = {statement.context(BatchNumber(number), digest, payee, Wei(tip)) for number, digest, payee, tip in contexts}
    assert len(found) == 5


@pytest.mark.parametrize("name", ["domain", "old_root", "new_root", "context"])
@pytest.mark.parametrize("value", [-1, FIELD_ORDER])
def test_a_head_word_outside_the_field_is_refused_by_name(name: str, value: int) -> None:
    head: dict[str, Any] = {"domain": 1, "old_root": 1, "new_root": 1, "context": 1, name: value}
    with pytest.raises(InputError, match=f"^POE-INP-001: {name} is"):
        statement.statement_words(**head, batch=EMPTY_BATCH)


@pytest.mark.parametrize(
    ("parts", "name"),
    [((-1, bytes(20), 1), "chain_id"), ((1, bytes(19), 1), "arbiter"), ((1, bytes(20), 2**256), "circuit_version")],
)
def test_a_bad_part_of_the_domain_is_refused_by_name(parts: Any, name: str) -> None:
    with pytest.raises(InputError, match=f"^POE-INP-001: {name} is"):
        statement.domain(*parts)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ((-1, bytes(32), bytes(20), 0), "number"),
        ((1, bytes(31), bytes(20), 0), "batch_hash"),
        ((1, bytes(32), bytes(32), 0), "payee"),
        ((1, bytes(32), bytes(20), 2**256), "tip"),
    ],
)
def test_a_bad_part_of_the_context_is_refused_by_name(parts: Any, name: str) -> None:
    with pytest.raises(InputError, match=f"^POE-INP-001: {name} is"):
        statement.context(*parts)


def test_a_statement_of_half_words_is_refused() -> None:
    with pytest.raises(InputError, match="statement is 33 bytes"):
        statement.commitment(bytes(33))
    with pytest.raises(InputError, match="statement is 31 bytes"):
        statement.evaluate(bytes(31), FieldElement(1))

"""JSON from strangers: each malformed transaction is refused with the code and the name of its field."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from poe.crypto.babyjubjub import SUBGROUP_ORDER
from poe.errors import InputError
from poe.rollup.transaction import SignedExit, SignedTransfer
from poe.rollup.types import FIELD_ORDER
from poe.sequencer import decoding
from poe.sequencer.decoding import decode_integer, decode_list, decode_slots, decode_transaction, parse_json


def tx(**changes: Any) -> dict[str, Any]:
    """A well-formed transaction but for `changes`; `signature_s=…` changes a member of the signature."""
    value: dict[str, Any] = {"from": 1, "to": 2, "amount": "30", "fee": 4, "nonce": 5}
    signature: dict[str, Any] = {"r8x": "6", "r8y": 7, "s": "8"}
    for name, change in changes.items():
        target, key = (signature, name[10:]) if name.startswith("signature_") else (value, name.removesuffix("_"))
        target[key] = change
    return {"signature": signature, **value}


def refusal_of(value: Any, **options: Any) -> InputError:
    with pytest.raises(InputError) as refused:
        decode_transaction(value, **options)
    return refused.value


def test_numbers_may_be_json_integers_or_decimal_strings() -> None:
    signed = decode_transaction(tx(amount=str(2**64 - 1)))
    assert isinstance(signed, SignedTransfer)
    transfer = signed.transfer
    assert (transfer.sender, transfer.recipient, transfer.amount) == (1, 2, 2**64 - 1)
    assert (transfer.fee, transfer.nonce, signed.r8, signed.s) == (4, 5, (6, 7), 8)


def exit_tx(**changes: Any) -> dict[str, Any]:
    """A well-formed exit but for `changes`."""
    value = tx(kind="exit", **changes)
    if "to" not in changes:
        del value["to"]
    return value


def test_an_exit_has_a_kind_and_no_recipient() -> None:
    signed = decode_transaction(exit_tx())
    assert isinstance(signed, SignedExit)
    asked = signed.exit
    assert (asked.sender, asked.amount, asked.fee, asked.nonce, signed.r8, signed.s) == (1, 30, 4, 5, (6, 7), 8)


def test_a_transfer_may_say_that_it_is_one() -> None:
    assert decode_transaction(tx(kind="transfer")) == decode_transaction(tx())


def test_an_exit_that_names_a_recipient_is_refused_by_that_name() -> None:
    error = refusal_of(exit_tx(to=2))
    assert (error.code, error.field) == (decoding.UNKNOWN, "to")


@pytest.mark.parametrize("field", ["from", "amount", "fee", "nonce", "signature"])
def test_a_missing_field_of_an_exit_is_named(field: str) -> None:
    value = exit_tx()
    del value[field]
    assert (refusal_of(value).code, refusal_of(value, field="t[1]").field) == (decoding.MISSING, f"t[1].{field}")


@pytest.mark.parametrize("kind", ["", "Exit", "deposit", "nothing", "2", "x" * 1000])
def test_an_unknown_kind_is_named_with_those_known(kind: str) -> None:
    error = refusal_of({**exit_tx(), "kind": kind})
    assert (error.code, error.field) == (decoding.OUT_OF_RANGE, "kind")
    assert "transfer or exit" in str(error)
    assert len(str(error)) < 200


@pytest.mark.parametrize("kind", [None, 2, True, ["exit"], {"exit": 1}])
def test_a_kind_that_is_no_string_is_of_the_wrong_type(kind: Any) -> None:
    error = refusal_of({**exit_tx(), "kind": kind}, field="transactions[3]")
    assert (error.code, error.field) == (decoding.WRONG_TYPE, "transactions[3].kind")


@pytest.mark.parametrize(("field", "limit"), [("from", 2**48), ("amount", 2**64), ("fee", 2**32), ("nonce", 2**32)])
def test_a_number_of_an_exit_beyond_its_width_is_named(field: str, limit: int) -> None:
    error = refusal_of({**exit_tx(), field: str(limit)})
    assert (error.code, error.field) == (decoding.OUT_OF_RANGE, field)
    decode_transaction({**exit_tx(), field: str(limit - 1)})


def test_an_exits_signature_that_is_not_canonical_is_named() -> None:
    error = refusal_of(exit_tx(signature_s=str(SUBGROUP_ORDER)))
    assert (error.code, error.field) == (decoding.OUT_OF_RANGE, "signature.s")


@pytest.mark.parametrize("field", ["from", "to", "amount", "fee", "nonce", "signature"])
def test_a_missing_field_is_named(field: str) -> None:
    value = tx()
    del value[field]
    error = refusal_of(value)
    assert (error.code, error.field) == (decoding.MISSING, field)
    assert field in str(error)


@pytest.mark.parametrize("field", ["r8x", "r8y", "s"])
def test_a_missing_field_of_the_signature_is_named(field: str) -> None:
    value = tx()
    del value["signature"][field]
    assert refusal_of(value).field == f"signature.{field}"


def test_an_unknown_field_is_named_with_those_known() -> None:
    error = refusal_of(tx(amuont=1))
    assert (error.code, error.field) == (decoding.UNKNOWN, "amuont")
    assert "amount" in error.fix


def test_an_unknown_field_of_the_signature_is_named() -> None:
    assert refusal_of(tx(signature_v=1)).field == "signature.v"


@pytest.mark.parametrize(
    ("field", "limit"), [("from", 2**48), ("to", 2**48), ("amount", 2**64), ("fee", 2**32), ("nonce", 2**32)]
)
def test_a_number_beyond_its_width_is_named(field: str, limit: int) -> None:
    error = refusal_of({**tx(), field: str(limit)})
    assert (error.code, error.field) == (decoding.OUT_OF_RANGE, field)
    decode_transaction({**tx(), field: str(limit - 1)})


@pytest.mark.parametrize(
    ("field", "limit"), [("r8x", FIELD_ORDER), ("r8y", FIELD_ORDER), ("s", FIELD_ORDER), ("s", SUBGROUP_ORDER)]
)
def test_a_signature_that_is_not_canonical_is_named(field: str, limit: int) -> None:
    value = tx()
    value["signature"][field] = str(limit)
    error = refusal_of(value)
    assert (error.code, error.field) == (decoding.OUT_OF_RANGE, f"signature.{field}")


@pytest.mark.parametrize(
    "value", [None, True, False, 1.0, [], {}, "", "0x1", "-1", "+1", " 1", "1e3", "01", "１", "1_0"]
)
def test_what_is_not_an_integer_is_of_the_wrong_type(value: Any) -> None:
    error = refusal_of(tx(amount=value)) if not isinstance(value, float) else None
    assert error is None or (error.code, error.field) == (decoding.WRONG_TYPE, "amount")


def test_an_integer_that_javascript_cannot_hold_must_be_a_string() -> None:
    assert refusal_of(tx(amount=2**53)).code == decoding.OUT_OF_RANGE
    assert decode_transaction(tx(amount=2**53 - 1)).transaction.amount == 2**53 - 1


def test_a_negative_number_is_out_of_range() -> None:
    assert refusal_of(tx(fee=-1)).code == decoding.OUT_OF_RANGE


def test_a_very_long_number_is_refused_before_it_is_converted() -> None:
    assert refusal_of(tx(amount="9" * 100_000)).field == "amount"


@pytest.mark.parametrize("value", [None, 1, "tx", [], True])
def test_a_transaction_must_be_an_object(value: Any) -> None:
    assert refusal_of(value).code == decoding.WRONG_TYPE


@pytest.mark.parametrize("value", [None, 1, "00", [1, 2, 3]])
def test_a_signature_must_be_an_object(value: Any) -> None:
    assert refusal_of(tx(signature=value)).field == "signature"


def test_a_field_of_a_list_is_named_with_its_place() -> None:
    assert refusal_of(tx(fee=None), field="transactions[7]").field == "transactions[7].fee"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"a": 1,}',
        b'{"a": 1} trailing',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1.5}',
        b'{"a": 1e400}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b"[" * 50_000 + b"]" * 50_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    ],
)
def test_what_is_not_strict_json_is_an_input_error(body: bytes) -> None:
    with pytest.raises(InputError):
        parse_json(body)


def test_nesting_is_counted_outside_strings_only_and_survives_a_raised_recursion_limit() -> None:
    assert parse_json(json.dumps(["[" * 100, '"\\[[[[[[[[[[']).encode()) == ["[" * 100, '"\\[[[[[[[[[[']
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    try:
        with pytest.raises(InputError, match="nested deeper"):
            parse_json(b'["]]]]]]]]]]]]",' + b"[" * 500_000)
    finally:
        sys.setrecursionlimit(limit)


def test_json_is_read_as_it_is_written() -> None:
    value = {"a": [1, "2", None, True, {"b": -3}]}
    assert parse_json(json.dumps(value).encode()) == value


def test_an_integer_below_its_limit_is_given_back() -> None:
    assert decode_integer("17", field="f", limit=18) == 17


@pytest.mark.parametrize("value", [None, {}, "x", 3])
def test_a_list_must_be_a_list(value: Any) -> None:
    with pytest.raises(InputError, match="wanted a list"):
        decode_list(value, field="transactions")


@pytest.mark.parametrize("count", [0, decoding.MAX_TRANSACTIONS_PER_CALL + 1])
def test_a_list_is_bounded_at_both_ends(count: int) -> None:
    with pytest.raises(InputError, match="wanted 1 to 5000"):
        decode_list([0] * count, field="transactions")


def test_slots_are_cut_from_hex_with_or_without_prefix() -> None:
    raw = bytes(range(128)) + bytes(128)
    assert decode_slots(raw.hex(), field="slots") == [raw[:128], raw[128:]]
    assert decode_slots("0x" + raw.hex(), field="slots") == [raw[:128], raw[128:]]


@pytest.mark.parametrize("value", [None, 5, ["00"], "zz" * 128, "0", "00 " * 128, "é" * 256, "", "00", "00" * 127])
def test_what_is_not_whole_slots_in_hex_is_refused(value: Any) -> None:
    with pytest.raises(InputError) as refused:
        decode_slots(value, field="slots")
    assert refused.value.field == "slots"


def test_slots_are_bounded() -> None:
    with pytest.raises(InputError, match="5001 transactions"):
        decode_slots("00" * 128 * 5001, field="slots")

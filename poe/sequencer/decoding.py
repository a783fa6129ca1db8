"""JSON from strangers into transactions: strict, and every refusal names its field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from poe.errors import InputError
from poe.rollup.transaction import (
    AMOUNT_BITS,
    FEE_BITS,
    INDEX_BITS,
    NONCE_BITS,
    ExitRequest,
    SignedExit,
    SignedTransaction,
    SignedTransfer,
    Transfer,
)
from poe.rollup.types import FIELD_ORDER, SLOT_BYTES, AccountIndex, Gwei

MAX_TRANSACTIONS_PER_CALL = 5000
MAX_JSON_INTEGER = 2**53 - 1
"""Larger ones do not survive JavaScript; they are written as decimal strings."""
MAX_DIGITS = 78
"""Of 2^256."""
TRANSFER = "transfer"
EXIT = "exit"
FIELDS_OF_KIND: Mapping[str, Sequence[str]] = {
    TRANSFER: ("from", "to", "amount", "fee", "nonce", "signature"),
    EXIT: ("from", "amount", "fee", "nonce", "signature"),
}
MAX_DEPTH = 8
"""A transaction's signature in a list of transactions in the parameters of a request is at depth 5."""

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

NOT_JSON = "POE-INP-010"
MISSING = "POE-INP-011"
UNKNOWN = "POE-INP-012"
WRONG_TYPE = "POE-INP-013"
OUT_OF_RANGE = "POE-INP-014"


def parse_json(body: bytes) -> Any:
    """Any JSON value; refuses NaN, infinities, fractions, duplicate keys, long integers and deep nesting."""
    _refuse_deep_nesting(body)
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object_of_unique_keys,
            parse_int=_parse_integer,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except ValueError as error:
        raise InputError(f"the body is not JSON: {error}", code=NOT_JSON) from None


def _refuse_deep_nesting(body: bytes) -> None:
    """Ahead of the parser, which recurses in C: with a raised recursion limit that overflows the stack."""
    depth = 0
    for bracket in _STRING.sub(b"", body).translate(None, delete=_NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise InputError(f"the JSON is nested deeper than {MAX_DEPTH}", code=NOT_JSON)


def _object_of_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InputError("an object has the same key twice", code=NOT_JSON)
    return found


def _parse_integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise InputError("a number has too many digits", code=OUT_OF_RANGE)
    return int(digits)


def _refuse_number(text: str) -> NoReturn:
    raise InputError(f"{text[:20]} is not an integer", code=WRONG_TYPE)


def decode_transaction(value: Any, *, field: str = "") -> SignedTransaction:
    """A transaction; `field` is where it stands.

    A transfer is `{from, to, amount, fee, nonce, signature: {r8x, r8y, s}}`, with `kind: "transfer"` if one likes; an
    exit says `kind: "exit"` and has no `to`.
    """
    prefix = f"{field}." if field else ""
    known = FIELDS_OF_KIND[_kind_of(value, prefix)]
    members = _members(value, field or "transaction", prefix, known, optional=("kind",))
    signature = _members(members["signature"], f"{prefix}signature", f"{prefix}signature.", ("r8x", "r8y", "s"))

    def integer(name: str, bits: int) -> int:
        return decode_integer(members[name], field=prefix + name, limit=2**bits)

    def element(name: str) -> int:
        return decode_integer(signature[name], field=f"{prefix}signature.{name}", limit=FIELD_ORDER)

    sender = AccountIndex(integer("from", INDEX_BITS))
    recipient = AccountIndex(integer("to", INDEX_BITS)) if "to" in known else None
    amount, fee = Gwei(integer("amount", AMOUNT_BITS)), Gwei(integer("fee", FEE_BITS))
    nonce = integer("nonce", NONCE_BITS)
    r8, s = (element("r8x"), element("r8y")), element("s")
    with _only_s_can_be_wrong(f"{prefix}signature.s"):
        if recipient is None:
            exit_request = ExitRequest(sender=sender, amount=amount, fee=fee, nonce=nonce)
            return SignedExit(exit=exit_request, r8=r8, s=s)
        transfer = Transfer(sender=sender, recipient=recipient, amount=amount, fee=fee, nonce=nonce)
        return SignedTransfer(transfer=transfer, r8=r8, s=s)


def _kind_of(value: Any, prefix: str) -> str:
    """What kind of transaction an object says it is; a transfer if it says nothing."""
    kind = value.get("kind", TRANSFER) if isinstance(value, dict) else TRANSFER
    if not isinstance(kind, str):
        raise InputError(f"{prefix}kind is {_kind(kind)}, wanted a string", field=f"{prefix}kind", code=WRONG_TYPE)
    if kind not in FIELDS_OF_KIND:
        wanted = " or ".join(FIELDS_OF_KIND)
        raise InputError(f"{prefix}kind is {kind[:40]!r}, wanted {wanted}", field=f"{prefix}kind", code=OUT_OF_RANGE)
    return kind


@contextmanager
def _only_s_can_be_wrong(field: str) -> Iterator[None]:
    """Of numbers within their widths s alone may be refused: it has to be below the subgroup's order."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{field}: {error.message}", field=field, code=OUT_OF_RANGE) from None


def decode_integer(value: Any, *, field: str, limit: int) -> int:
    """A JSON integer below 2^53 or a string of decimal digits without leading zeros; 0 ≤ value < limit."""
    if isinstance(value, str):
        if not (0 < len(value) <= MAX_DIGITS and value.isascii() and value.isdigit() and str(int(value)) == value):
            raise InputError(f"{field} is not a decimal number", field=field, code=WRONG_TYPE)
        number = int(value)
    elif type(value) is int:
        if abs(value) > MAX_JSON_INTEGER:
            raise InputError(f"{field} is above 2^53 - 1, write it as a string", field=field, code=OUT_OF_RANGE)
        number = value
    else:
        raise InputError(f"{field} is {_kind(value)}, wanted an integer", field=field, code=WRONG_TYPE)
    if not 0 <= number < limit:
        raise InputError(f"{field} is {number}, wanted 0 to {limit - 1}", field=field, code=OUT_OF_RANGE)
    return number


def decode_list(value: Any, *, field: str) -> Sequence[Any]:
    """A list of 1 to MAX_TRANSACTIONS_PER_CALL entries of any kind."""
    if not isinstance(value, list):
        raise InputError(f"{field} is {_kind(value)}, wanted a list", field=field, code=WRONG_TYPE)
    _check_count(len(value), field)
    return value


def decode_slots(value: Any, *, field: str) -> Sequence[bytes]:
    """Hex digits of whole 128-byte slots."""
    if not isinstance(value, str):
        raise InputError(f"{field} is {_kind(value)}, wanted hex digits", field=field, code=WRONG_TYPE)
    digits = value.removeprefix("0x")
    if not digits.isascii() or not digits.isalnum():
        raise InputError(f"{field} is not hex digits", field=field, code=WRONG_TYPE)
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raise InputError(f"{field} is not hex digits", field=field, code=WRONG_TYPE) from None
    if len(raw) % SLOT_BYTES:
        raise InputError(f"{field} is {len(raw)} bytes, not a multiple of {SLOT_BYTES}", field=field, code=OUT_OF_RANGE)
    _check_count(len(raw) // SLOT_BYTES, field)
    return [raw[i : i + SLOT_BYTES] for i in range(0, len(raw), SLOT_BYTES)]


def _check_count(count: int, field: str) -> None:
    if not 1 <= count <= MAX_TRANSACTIONS_PER_CALL:
        wanted = f"1 to {MAX_TRANSACTIONS_PER_CALL}"
        raise InputError(f"{field} has {count} transactions, wanted {wanted}", field=field, code=OUT_OF_RANGE)


def _members(
    value: Any, name: str, prefix: str, wanted: Sequence[str], *, optional: Sequence[str] = ()
) -> Mapping[str, Any]:
    """The object's members, exactly those wanted and maybe the optional ones."""
    if not isinstance(value, dict):
        raise InputError(f"{name} is {_kind(value)}, wanted an object", field=name, code=WRONG_TYPE)
    for key in wanted:
        if key not in value:
            raise InputError(f"{prefix}{key} is missing", field=prefix + key, code=MISSING)
    for key in value:
        if key not in wanted and key not in optional:
            shown, known = prefix + key[:40], ", ".join([*wanted, *optional])
            raise InputError(f"{shown!r} is unknown", field=shown, fix=f"known here: {known}", code=UNKNOWN)
    return value


def _kind(value: Any) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)

"""A finished proof as a JSON file: all that a relayer needs beside the batch's data, which L1 holds; nothing secret.

The payee is bound inside the proof, so the file can be given to anybody. Numbers of 256 bits are written as 0x and 64
hex digits, money as decimal strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from poe.backend.interface import Proof
from poe.errors import InputError
from poe.prover.shelf import FinishedProof, ShelvedProof
from poe.rollup.types import FIELD_ORDER, Address, BatchNumber, Exit, FieldElement, Gwei, Hash, Wei
from poe.sequencer.decoding import decode_integer, parse_json

FORMAT = "poe-proof-1"
MALFORMED = "POE-RLY-021"
PROOF_WORDS = 8
MAX_EXITS = 255
"""Slots of the largest shape."""

FIELDS = (
    "format",
    "domain",
    "number",
    "batch_hash",
    "old_root",
    "new_root",
    "payee",
    "tip_wei",
    "commitment",
    "proof",
    "exits",
)
EXIT_FIELDS = ("slot", "address", "amount_gwei")


def encode_proof(kept: ShelvedProof) -> str:
    """The file's text."""
    value = {
        "format": FORMAT,
        "domain": _hex(kept.domain),
        "number": kept.number,
        "batch_hash": "0x" + kept.batch_hash.hex(),
        "old_root": _hex(kept.old_root),
        "new_root": _hex(kept.new_root),
        "payee": "0x" + kept.payee.hex(),
        "tip_wei": str(kept.tip),
        "commitment": _hex(kept.finished.proof.commitment),
        "proof": [_hex(word) for word in kept.finished.proof.words],
        "exits": [
            {"slot": one.slot, "address": "0x" + one.address.hex(), "amount_gwei": str(one.amount)}
            for one in kept.exits
        ],
    }
    return json.dumps(value, indent=1) + "\n"


def decode_proof(text: bytes) -> ShelvedProof:
    """What a file says; InputError with POE-RLY-021 that names the field when it is not exactly of this form.

    x, y and the times of making are not in a file: they are computed, or nobody's business.
    """
    try:
        return _decode(_members(parse_json(text), "the file", FIELDS))
    except InputError as error:
        raise InputError(error.message, field=error.field, fix=error.fix, code=MALFORMED) from None


def _decode(value: Mapping[str, Any]) -> ShelvedProof:
    if value["format"] != FORMAT:
        raise InputError(f"format is not {FORMAT}", field="format")
    proof = Proof(
        commitment=_element(value, "commitment"),
        x=FieldElement(0),
        y=FieldElement(0),
        words=_proof_words(value["proof"]),
        witness_seconds=0.0,
        prove_seconds=0.0,
        verify_seconds=0.0,
    )
    return ShelvedProof(
        domain=_element(value, "domain"),
        number=BatchNumber(decode_integer(value["number"], field="number", limit=2**64)),
        batch_hash=Hash(_bytes(value["batch_hash"], "batch_hash", 32)),
        old_root=_element(value, "old_root"),
        new_root=_element(value, "new_root"),
        payee=Address(_bytes(value["payee"], "payee", 20)),
        tip=Wei(decode_integer(value["tip_wei"], field="tip_wei", limit=2**96)),
        exits=_exits(value["exits"]),
        finished=FinishedProof(proof=proof, at=0.0),
    )


def _exits(value: Any) -> tuple[Exit, ...]:
    found = []
    for i, entry in enumerate(_list(value, "exits", range(MAX_EXITS + 1))):
        one = _members(entry, f"exits[{i}]", EXIT_FIELDS)
        slot = decode_integer(one["slot"], field=f"exits[{i}].slot", limit=MAX_EXITS)
        amount = decode_integer(one["amount_gwei"], field=f"exits[{i}].amount_gwei", limit=2**64)
        address = Address(_bytes(one["address"], f"exits[{i}].address", 20))
        found.append(Exit(slot=slot, address=address, amount=Gwei(amount)))
    return tuple(found)


def _proof_words(value: Any) -> tuple[int, ...]:
    words = _list(value, "proof", range(PROOF_WORDS, PROOF_WORDS + 1))
    return tuple(int.from_bytes(_bytes(word, f"proof[{i}]", 32)) for i, word in enumerate(words))


def _list(value: Any, name: str, lengths: range) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) not in lengths:
        raise InputError(f"{name} should be a list of {lengths[0]} to {lengths[-1]} entries", field=name)
    return value


def _members(value: Any, name: str, wanted: Sequence[str]) -> Mapping[str, Any]:
    """An object with exactly these members."""
    if not isinstance(value, dict):
        raise InputError(f"{name} is not an object", field=name)
    missing, unknown = [key for key in wanted if key not in value], [key[:40] for key in value if key not in wanted]
    if missing or unknown:
        field = (missing or unknown)[0]
        raise InputError(f"{name}: {field!r} is {'missing' if missing else 'unknown'}", field=field)
    return value


def _element(value: Mapping[str, Any], name: str) -> FieldElement:
    number = int.from_bytes(_bytes(value[name], name, 32))
    if number >= FIELD_ORDER:
        raise InputError(f"{name} is not below the field order", field=name)
    return FieldElement(number)


def _bytes(value: Any, name: str, size: int) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(f"0x[0-9a-f]{{{2 * size}}}", value):
        raise InputError(f"{name} should be 0x and {2 * size} lower-case hex digits", field=name)
    return bytes.fromhex(value[2:])


def _hex(value: int) -> str:
    return f"0x{value:064x}"

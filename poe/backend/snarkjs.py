"""snarkjs's JSON: verifying key, proof and public inputs, to and from the words of docs/protocol.md, section 6."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from poe.crypto.field import FIELD_ORDER
from poe.errors import InputError

PROOF_WORDS = 8
WORD_LIMIT = 2**256
MAX_JSON_BYTES = 1 << 16
MAX_DIGITS = 78
"""Digits of 2^256: Python's own limit on parsing long numbers is far above."""

_ONE, _ONE_G2 = "1", ["1", "0"]
_CURVE = {"protocol": "groth16", "curve": "bn128"}


def verifying_key_json(words: Sequence[int]) -> str:
    """`verification_key.json` of a verifying key's words; snarkjs needs no `vk_alphabeta_12` to verify."""
    rest = iter(words)
    key = {"vk_alpha_1": _g1(rest), "vk_beta_2": _g2(rest), "vk_gamma_2": _g2(rest), "vk_delta_2": _g2(rest)}
    points = [_g1(rest) for _ in range(14, len(words), 2)]
    return json.dumps({**_CURVE, "nPublic": len(points) - 1, **key, "IC": points}, indent=1)


def proof_json(words: Sequence[int]) -> str:
    """`proof.json` of a proof's eight words."""
    rest = iter(words)
    return json.dumps({**_CURVE, "pi_a": _g1(rest), "pi_b": _g2(rest), "pi_c": _g1(rest)}, indent=1)


def public_json(inputs: Sequence[int]) -> str:
    """`public.json` of the public inputs, in order."""
    return json.dumps([str(value) for value in inputs], indent=1)


def read_proof(text: str) -> tuple[int, ...]:
    """The eight words of a `proof.json`; InputError unless it has that form. Whether they are points is not checked."""
    document = _parse(text)
    if not isinstance(document, dict) or any(document.get(name) != value for name, value in _CURVE.items()):
        raise InputError("proof.json is not a Groth16 proof over bn128", field="proof")
    a, b, c = (document.get(name) for name in ("pi_a", "pi_b", "pi_c"))
    ax, ay = _coordinates(a, _ONE)
    (x0, x1), (y0, y1) = (_pair(value) for value in _coordinates(b, _ONE_G2))
    cx, cy = _coordinates(c, _ONE)
    return tuple(_number(value, WORD_LIMIT) for value in (ax, ay, x1, x0, y1, y0, cx, cy))


def read_public(text: str, count: int) -> tuple[int, ...]:
    """The public inputs of a `public.json`; InputError unless there are `count`, each below r."""
    document = _parse(text)
    if not isinstance(document, list) or len(document) != count:
        raise InputError(f"public.json does not hold {count} numbers", field="public")
    return tuple(_number(value, FIELD_ORDER) for value in document)


def _g1(words: Iterator[int]) -> list[str]:
    return [str(next(words)), str(next(words)), _ONE]


def _g2(words: Iterator[int]) -> list[list[str]]:
    """Our words have c1 first, snarkjs's pairs c0."""
    x1, x0, y1, y0 = (str(next(words)) for _ in range(4))
    return [[x0, x1], [y0, y1], _ONE_G2]


def _parse(text: str) -> Any:
    if len(text) > MAX_JSON_BYTES:
        raise InputError(f"{len(text)} characters of JSON, at most {MAX_JSON_BYTES} are read")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}") from error


def _coordinates(point: Any, one: Any) -> tuple[Any, Any]:
    """x and y of a finite projective point that is written with z = 1."""
    if not isinstance(point, list) or len(point) != 3 or point[2] != one:
        raise InputError("a point of proof.json is not affine", field="proof")
    return point[0], point[1]


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise InputError("a coordinate of pi_b is not a pair", field="proof")
    return value[0], value[1]


def _number(value: Any, limit: int) -> int:
    is_decimal = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS
    if not is_decimal or int(value) >= limit:
        raise InputError(f"{value!r:.100} is not a decimal number below {limit}")
    return int(value)
